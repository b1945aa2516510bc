/** Listeners receive recorded attempts in order, and never delay an append. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { KeptEvent } from '../../src/core/events.ts'
import type { LogRecord } from '../../src/core/fold.ts'
import type { Engine } from '../../src/store/engine/engine.ts'
import { createEvents } from '../../src/store/events.ts'
import { attempt, openOn } from './engine/engines.ts'
import { createMemoryServer, type MemoryServer } from './memory-log.ts'

let server: MemoryServer
let engine: Engine
let other: Engine

beforeEach(async () => {
  server = createMemoryServer()
  engine = await openOn(server.open())
  other = await openOn(server.open())
})
afterEach(() => Promise.all([engine.close(), other.close()]))

/** Each event as `own` or `foreign` with the ids of its attempts. */
const textOf = (event: KeptEvent): string =>
  event.kind !== 'kept'
    ? event.kind
    : `${event.own ? 'own' : 'foreign'} ${event.records.map(record => (record.kind === 'attempt' ? record.attempt.attempt_id : record.kind)).join(', ')}`

test('a listener receives the attempts of this and other sidecars in the order of the log, without duplicates', async () => {
  const told: string[] = []
  engine.events.subscribe(event => void told.push(textOf(event)))
  await engine.append([attempt(1), attempt(2)])
  await other.append([attempt(3), attempt(1)])
  await engine.append([attempt(2), attempt(4)])
  await engine.reset()
  await vi.waitUntil(() => told.length === 4, { interval: 1 })
  expect(told).toEqual(['own id 1, id 2', 'foreign id 3', 'own id 4', 'own reset'])
})

test('an attempt is published after it is counted', async () => {
  const counted: number[] = []
  engine.events.subscribe(async () => void counted.push((await engine.summaries()).length))
  await engine.append([attempt(1)])
  await engine.append([attempt(2, { agent_name: 'another' })])
  await vi.waitUntil(() => counted.length === 2, { interval: 1 })
  expect(counted[0]).toBeGreaterThanOrEqual(1)
  expect(counted[1]).toBe(2)
})

test('a listener that never returns delays no append, is not called again, and keeps a bounded number of records in memory', async () => {
  let calls = 0
  engine.events.subscribe(() => {
    calls++
    return new Promise(() => {})
  })
  for (let i = 0; i < 300; i++) {
    const some = Array.from({ length: 20 }, (_, place) => attempt(`${i}.${place}`))
    expect(await engine.append(some)).toEqual({ accepted: 20, duplicates: 0 })
  }
  expect(calls).toBe(1)
})

test('a slow listener receives the first attempts that it missed, and of the others their number and keys', async () => {
  let release = (): void => {}
  const held = new Promise<void>(resolve => {
    release = resolve
  })
  const told: KeptEvent[] = []
  engine.events.subscribe(event => {
    told.push(event)
    return held
  })
  await engine.append([attempt('first')])
  for (let i = 0; i < 30; i++) {
    const keeper = i % 3 === 2 ? other : engine
    await keeper.append(Array.from({ length: 100 }, (_, j) => attempt(`${i}.${j}`, { agent_name: `agent ${i % 2}` })))
  }
  await engine.follow()
  release()
  await vi.waitUntil(() => told.at(-1)?.kind === 'summary', { interval: 1 })
  const counted = told.reduce((sum, event) => sum + (event.kind === 'kept' ? event.records.length : 0), 0)
  const summary = told.at(-1) as KeptEvent & { readonly kind: 'summary' }
  expect(counted).toBeLessThanOrEqual(2048 + 1)
  expect(counted + summary.attempts).toBe(3001)
  expect(summary.own).toBeLessThan(summary.attempts)
  expect(summary.isComplete).toBe(true)
  expect(summary.keys.map(key => key.agent_name).sort()).toEqual(['agent 0', 'agent 1'])
})

test('an error of a listener is logged, and it receives later events', async () => {
  const lines: string[] = []
  const logger = { debug() {}, info() {}, warn() {}, error: (message: string) => void lines.push(message) }
  const third = await openOn(server.open(), { logger })
  const told: string[] = []
  third.events.subscribe(event => {
    told.push(textOf(event))
    throw new Error('no')
  })
  await third.append([attempt(1)])
  await third.append([attempt(2)])
  await vi.waitUntil(() => told.length === 2 && lines.length === 2, { interval: 1 })
  expect(lines).toEqual(['a listener failed', 'a listener failed'])
  await third.close()
})

test('an ended subscription receives no events', async () => {
  const told: string[] = []
  const end = engine.events.subscribe(event => void told.push(textOf(event)))
  end()
  await engine.append([attempt(1)])
  await new Promise(resolve => setTimeout(resolve, 5))
  expect(told).toEqual([])
})

describe('bounds', () => {
  const record = (i: number): LogRecord => {
    const one = attempt(i, { agent_name: `agent ${i}` })
    return { kind: 'attempt', nowMs: 0, idMs: 0, attempt: one, at: { ms: 0, local: false } }
  }

  test('keys beyond the bound are not listed, and the summary states that it is incomplete', async () => {
    const told: KeptEvent[] = []
    let release = (): void => {}
    const held = new Promise<void>(resolve => {
      release = resolve
    })
    const events = createEvents(() => {}, { records: 1, keys: 2 })
    events.subscribe(event => {
      told.push(event)
      return held
    })
    for (let i = 0; i < 6; i++) events.publish({ own: true, records: () => [record(i)] })
    release()
    await vi.waitUntil(() => told.at(-1)?.kind === 'summary', { interval: 1 })
    expect(told.at(-1)).toMatchObject({ attempts: 5, own: 5, others: 0, isComplete: false, keys: [{}, {}] })
  })

  test('without a listener no records are created', () => {
    const records = vi.fn(() => [])
    createEvents(() => {}).publish({ own: true, records })
    expect(records).not.toHaveBeenCalled()
  })
})
