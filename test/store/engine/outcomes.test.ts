/** Outcomes that are recorded after their attempt, and alerts that one of several sidecars sends. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createSeries, MAX_SERIES } from '../../../src/core/aggregate/series.ts'
import { createTally } from '../../../src/core/aggregate/tally.ts'
import { DEFAULT_TIERS } from '../../../src/core/aggregate/time-tiers.ts'
import { alertId } from '../../../src/core/alerts/alert.ts'
import type { LogRecord } from '../../../src/core/fold.ts'
import { type Engine, openEngine } from '../../../src/store/engine/engine.ts'
import { openFileLog } from '../../../src/store/file/file-store.ts'
import { anAlert, fires } from '../../support/alerts.ts'
import { createMemoryServer, type MemoryServer } from '../memory-log.ts'
import { attempt, countedIn, NOW, openOn, SILENT } from './engines.ts'

let server: MemoryServer
let engine: Engine
let other: Engine

beforeEach(async () => {
  server = createMemoryServer()
  engine = await openOn(server.open())
  other = await openOn(server.open())
})
afterEach(() => Promise.all([engine.close(), other.close()]))

/** The records that an engine publishes, except attempts. */
function heard(from: Engine): LogRecord[] {
  const records: LogRecord[] = []
  from.events.subscribe(event => {
    if (event.kind === 'kept') records.push(...event.records.filter(({ kind }) => kind !== 'attempt'))
  })
  return records
}

const ci = (success: boolean) => ({ attempt_id: 'id 1', success, source: 'ci' })

describe('an outcome', () => {
  test('is recorded once with the facts of its attempt, and every sidecar receives it', async () => {
    const records = heard(other)
    await engine.append([attempt(1), attempt(2)])
    expect(await engine.recordOutcome(ci(false))).toBe('accepted')
    expect(await other.recordOutcome(ci(false))).toBe('duplicate')
    await vi.waitUntil(() => records.length === 1, { interval: 1 })
    expect(records).toEqual([
      {
        kind: 'outcome',
        nowMs: NOW,
        idMs: NOW,
        outcome: ci(false),
        revision: 1,
        attempt: attempt(1),
        at: { ms: NOW - 30_000, local: false },
      },
    ])
    expect(await countedIn(engine)).toBe(2)
  })

  test('of an attempt that does not exist is unknown, and nothing is recorded', async () => {
    expect(await engine.recordOutcome(ci(true))).toBe('unknown')
    expect(server.groups).toEqual([])
  })

  test('that replaces another one states the previous result', async () => {
    const records = heard(engine)
    await engine.append([attempt(1)])
    expect(await engine.recordOutcome(ci(false))).toBe('accepted')
    expect(await other.recordOutcome(ci(true))).toBe('accepted')
    await engine.follow()
    await vi.waitUntil(() => records.length === 2, { interval: 1 })
    expect(records[1]).toMatchObject({ revision: 2, previous: false, outcome: ci(true) })
  })

  test('is accepted from two sidecars at the same time, and each counts once', async () => {
    await engine.append([attempt(1)])
    const answers = await Promise.all([
      engine.recordOutcome(ci(true)),
      other.recordOutcome({ ...ci(true), source: 'b' }),
    ])
    expect(answers).toEqual(['accepted', 'accepted'])
    const third = await openOn(server.open())
    expect(await third.recordOutcome({ ...ci(true), source: 'b' })).toBe('duplicate')
    await third.close()
  })
})

describe('an alert', () => {
  test('that several sidecars detect is sent by one of them', async () => {
    const sends = await Promise.all([engine, other].map(one => one.alerts.record(fires('Slow'))))
    expect(sends.filter(isFirst => isFirst)).toHaveLength(1)
    await engine.follow()
    await other.follow()
    expect(engine.alerts.state).toEqual(other.alerts.state)
    expect([...engine.alerts.state.episodes.values()]).toMatchObject([{ status: 'firing', startedMs: NOW }])
    const over = { change: 'resolve', id: alertId(anAlert('Slow')), startedMs: NOW } as const
    const resolves = await Promise.all([engine, other].map(one => one.alerts.record(over)))
    expect(resolves.filter(isFirst => isFirst)).toHaveLength(1)
    expect(await engine.alerts.record(over)).toBe(false)
  })

  test('that fires is still firing after a restart from a snapshot', async () => {
    await engine.alerts.record(fires('Slow'))
    engine.requestSnapshot()
    await vi.waitUntil(() => server.snapshots.length === 1, { interval: 1 })
    server.expireFirst(1)
    const again = await openOn(server.open())
    expect(again.alerts.state).toEqual(engine.alerts.state)
    expect(await again.alerts.record(fires('Slow'))).toBe(false)
    await again.close()
  })
})

test('alerts survive a reset behind which the log has deleted everything, with and without a snapshot', async () => {
  await engine.append([attempt(1)])
  await engine.alerts.record(fires('Slow', ['ops']))
  const before = structuredClone(engine.alerts.state)
  await engine.reset()
  expect(engine.alerts.state).toEqual(before)
  const resetAt = server.groups.findIndex(({ isReset }) => isReset)
  for (const snapshots of [server.snapshots, []]) {
    server.snapshots = snapshots
    if (snapshots.length === 0) server.expireFirst(resetAt)
    const again = await openOn(server.open())
    expect(again.alerts.state).toEqual(before)
    await again.close()
  }
})

test('the plan of an experiment that two sidecars store at the same time is the same for both, and is recorded once if both are equal', async () => {
  const records = heard(engine)
  const plan = { shares: new Map([['a', 1]]), baseline: 'a', endMs: undefined }
  expect(await Promise.all([engine.putExperimentPlan('e', plan), other.putExperimentPlan('e', plan)])).toEqual([
    'stored',
    'stored',
  ])
  await Promise.all([engine.follow(), other.follow()])
  await vi.waitUntil(() => records.length === 1, { interval: 1 })
  expect(records).toMatchObject([{ kind: 'plan', experiment: 'e', plan }])
  expect([engine.experimentPlan('e'), other.experimentPlan('e')]).toEqual([plan, plan])
})

test('over the file log outcomes and alerts survive restarts with and without a snapshot', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'outcomes-'))
  async function open(): Promise<Engine> {
    const tally = createTally({ maxKeys: 10, maxArms: 10, tiers: DEFAULT_TIERS })
    const { log } = await openFileLog({ path: join(directory, 'perf.json'), tally, clock: () => NOW })
    const series = createSeries({ limit: MAX_SERIES, keepMs: 86_400_000 })
    return await openEngine({ log, tally, series, clock: () => NOW, logger: SILENT })
  }
  let store = await open()
  await store.append([attempt(1), attempt(2)])
  expect(await store.recordOutcome(ci(false))).toBe('accepted')
  expect(await store.alerts.record(fires('Slow'))).toBe(true)
  for (let start = 0; start < 2; start++) {
    await store.close()
    store = await open()
    expect([...store.alerts.state.episodes.values()]).toMatchObject([{ alert: anAlert('Slow'), startedMs: NOW }])
    expect(await store.recordOutcome(ci(false))).toBe('duplicate')
    expect(await countedIn(store)).toBe(2)
  }
  expect(await store.recordOutcome(ci(true))).toBe('accepted')
  await store.close()
  await rm(directory, { recursive: true })
})
