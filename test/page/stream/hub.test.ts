/** The hub of the stream with many clients. */
import { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { KeptListener } from '../../../src/core/events.ts'
import { createStreamHub } from '../../../src/page/stream/hub.ts'
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

/** Opens `count` streams, keeps an attempt every 250 ms for a second, and returns what the last client received since then. */
async function secondOf(count: number): Promise<readonly string[]> {
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
  for (let i = 0; i < 4; i++) {
    const attempt = anAttempt({ agent_name: `agent-${i}` }) as never
    void listener!({ kind: 'kept', own: true, records: [{ kind: 'attempt', attempt } as never] })
    await vi.advanceTimersByTimeAsync(250)
  }
  return last.texts
}

const attemptsIn = (texts: readonly string[]): number => texts.join('').split('event: attempt').length - 1

test('few clients get attempts four times a second, the last time with the summary in the same write', async () => {
  const texts = await secondOf(3)
  expect(texts).toHaveLength(4)
  expect(attemptsIn(texts)).toBe(4)
  expect(texts[3]).toMatch(/event: attempt[\s\S]*event: summary/)
})

test('a thousand clients get all attempts and the summary of a second in one write', async () => {
  const texts = await secondOf(1000)
  expect(texts).toHaveLength(1)
  expect(attemptsIn(texts)).toBe(4)
  expect(texts[0]).toContain('event: summary')
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
