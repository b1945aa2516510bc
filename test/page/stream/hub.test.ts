/** The hub of the stream with many clients. */
import { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { AgentAttempt } from '../../../src/core/attempt/attempt.ts'
import type { KeptListener } from '../../../src/core/events.ts'
import type { Steps } from '../../../src/core/steps.ts'
import type { RunYielding } from '../../../src/lib/event-loop.ts'
import { createChannel } from '../../../src/page/stream/channel.ts'
import { frame } from '../../../src/page/stream/frames.ts'
import { createStreamHub } from '../../../src/page/stream/hub.ts'
import { createReader } from '../../../src/page/stream/reader.ts'
import { anAttempt } from '../../support/sidecar.ts'

/** A client that has read everything. */
class Client extends EventEmitter {
  readonly writableLength = 0
  readonly texts: string[] = []

  write(data: Uint8Array | string): boolean {
    this.texts.push(typeof data === 'string' ? data : Buffer.from(data).toString())
    return true
  }
}

beforeEach(() => {
  vi.useFakeTimers()
})

afterEach(() => {
  vi.useRealTimers()
})

/**
 * Opens `count` streams, keeps an attempt every 50 ms for so many seconds, and returns what the last client received since then. Time is that of
 * the fake clock, so that writes take none.
 */
async function watched(count: number, seconds: number): Promise<readonly string[]> {
  let listener: KeptListener | undefined
  const subscribe = (one: KeptListener): (() => void) => {
    listener = one
    return () => undefined
  }
  const hub = createStreamHub({ events: { subscribe }, clock: () => Date.now(), monotonic: () => Date.now() })
  const clients = Array.from({ length: count }, () => new Client())
  for (const client of clients) hub.add(client as unknown as ServerResponse, {}, undefined)
  const last = clients.at(-1)!
  last.texts.length = 0
  for (let i = 0; i < seconds * 20; i++) {
    const attempt = anAttempt({ agent_name: `agent-${i}` }) as never
    void listener!({ kind: 'kept', own: true, records: [{ kind: 'attempt', attempt } as never] })
    await vi.advanceTimersByTimeAsync(50)
  }
  return last.texts
}

const attemptsIn = (text: string): number => text.split('event: attempt').length - 1

test('an attempt after a silence is sent within 50 ms, with its summary', async () => {
  const texts = await watched(1, 0.05)
  expect(texts).toEqual([expect.stringMatching(/event: attempt[\s\S]*event: summary/)])
})

test('few clients get attempts four times a second, and a summary once', async () => {
  const texts = await watched(3, 2)
  expect(texts.map(attemptsIn)).toEqual([1, 5, 5, 5, 5, 5, 5, 5])
  expect(texts.map(text => text.includes('event: summary'))).toEqual([
    true,
    ...[false, false, false],
    true,
    ...[false, false, false],
  ])
})

test('a thousand clients get all attempts and the summary of a second in one write', async () => {
  const texts = await watched(1000, 3)
  expect(texts.map(attemptsIn)).toEqual([1, 20, 20])
  for (const text of texts) expect(text).toContain('event: summary')
})

test('the more clients, the longer the pause: together they get a thousand writes a second at most', async () => {
  expect((await watched(2000, 4)).map(attemptsIn)).toEqual([1, 40])
})

describe('writes to the clients of a channel', () => {
  /** A channel whose writes are begun by hand, as the event loop would. */
  function channelOf(clients: number) {
    let steps: Steps<unknown> | undefined
    const run = (given: Steps<unknown>): Promise<never> => {
      steps = given
      return new Promise(() => undefined)
    }
    const channel = createChannel({}, run as RunYielding)
    const all = Array.from({ length: clients }, () => new Client())
    const readers = all.map(client => createReader(client as unknown as ServerResponse, () => 0))
    for (const reader of readers) channel.join(reader)
    let sequence = 0
    const add = (agent_name: string): void => {
      const attempt = anAttempt({ agent_name }) as unknown as AgentAttempt
      channel.add(attempt, () => frame('attempt', attempt, `epoch-${++sequence}`))
    }
    const agentsOf = ({ texts }: Client): string[] =>
      [...texts.join('').matchAll(/"agent_name":"(\w+)"[^\n]*"success"/g)].map(([, name]) => name!)
    return { channel, add, readers, sent: () => all.map(agentsOf), step: () => steps!.next() }
  }
  const pauses = { flushMs: 0, summaryMs: Number.POSITIVE_INFINITY }

  test('are spread over iterations of the event loop, and a tick meanwhile waits for their end', () => {
    const { channel, add, sent, step } = channelOf(3)
    add('first')
    channel.tick(0, '', pauses)
    expect(sent()).toEqual([[], [], []])
    step()
    add('second')
    channel.tick(1, '', pauses)
    expect(sent()).toEqual([['first'], [], []])
    for (let i = 0; i < 3; i++) step()
    channel.tick(2, '', pauses)
    for (let i = 0; i < 4; i++) step()
    expect(sent()).toEqual([
      ['first', 'second'],
      ['first', 'second'],
      ['first', 'second'],
    ])
  })

  test('are all begun, in order, before anything else is sent', () => {
    const { channel, add, sent, step } = channelOf(2)
    add('first')
    channel.tick(0, '', pauses)
    step()
    add('second')
    channel.flush()
    expect(sent()).toEqual([
      ['first', 'second'],
      ['first', 'second'],
    ])
  })

  test('pass over a client that has left', () => {
    const { channel, add, readers, sent, step } = channelOf(2)
    add('first')
    channel.tick(0, '', pauses)
    step()
    channel.leave(readers[1]!)
    step()
    expect(sent()).toEqual([['first'], []])
  })
})

test('an outcome is sent with the names of its attempt and what counts, can be resumed from, and changes answers', async () => {
  let listener: KeptListener | undefined
  const subscribe = (one: KeptListener): (() => void) => {
    listener = one
    return () => undefined
  }
  const hub = createStreamHub({ events: { subscribe }, clock: () => 0, monotonic: () => Date.now() })
  const [all, other] = [new Client(), new Client()]
  hub.add(all as unknown as ServerResponse, {}, undefined)
  hub.add(other as unknown as ServerResponse, { agent_name: 'other' }, undefined)
  const attempt = anAttempt({ agent_name: 'fixer', attempt_id: '1' })
  const counts = { success: false, source: 'ci' }
  const outcome = { attempt_id: '1', ...counts, note: 'no' }
  const record = { kind: 'outcome', nowMs: 0, idMs: 0, outcome, revision: 1, attempt, counts, standing: [] }
  void listener!({ kind: 'kept', own: true, records: [record as never] })
  await vi.advanceTimersByTimeAsync(1000)
  const text = all.texts.join('')
  const [, id, data] = /event: outcome\n(?:id: (\S+)\n)?data: (.*)\n/.exec(text) ?? []
  expect(JSON.parse(data!)).toEqual({
    ...outcome,
    timestamp: '1970-01-01T00:00:00.000Z',
    agent_name: 'fixer',
    model_name: 'm',
    issue_type: 'i',
    counts,
  })
  expect(text).toMatch(/event: summary[\s\S]*"others":true/)
  expect(other.texts.join('')).not.toContain('event: outcome')
  expect(id ?? /id: (\S+)/.exec(text)?.[1]).toMatch(/-\d+$/)
})
