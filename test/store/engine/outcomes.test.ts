/** Outcomes that are recorded after their attempt, and alerts that one of several sidecars sends. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createSeries, MAX_SERIES } from '../../../src/core/aggregate/series.ts'
import { successes } from '../../../src/core/aggregate/summary.ts'
import { createTally } from '../../../src/core/aggregate/tally.ts'
import { DEFAULT_TIERS } from '../../../src/core/aggregate/time-tiers.ts'
import { alertId } from '../../../src/core/alerts/alert.ts'
import type { LogRecord } from '../../../src/core/fold.ts'
import { type Engine, openEngine } from '../../../src/store/engine/engine.ts'
import { openFileLog } from '../../../src/store/file/file-store.ts'
import { anAlert, fires } from '../../support/alerts.ts'
import { createMemoryServer, type MemoryServer } from '../memory-log.ts'
import { answersOf, attempt, countedIn, NOW, openOn, recordOutcome, SILENT } from './engines.ts'

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
    expect(await recordOutcome(engine, ci(false))).toBe('accepted')
    expect(await recordOutcome(other, ci(false))).toBe('duplicate')
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
        standing: [{ source: 'ci', success: false, atMs: NOW }],
        counts: { source: 'ci', success: false },
      },
    ])
    expect(await countedIn(engine)).toBe(2)
  })

  test('of an attempt that does not exist is unknown, and nothing is recorded', async () => {
    expect(await recordOutcome(engine, ci(true))).toBe('unknown')
    expect(server.groups).toEqual([])
  })

  test('that replaces another one states the previous result', async () => {
    const records = heard(engine)
    await engine.append([attempt(1)])
    expect(await recordOutcome(engine, ci(false))).toBe('accepted')
    expect(await recordOutcome(other, ci(true))).toBe('accepted')
    await engine.follow()
    await vi.waitUntil(() => records.length === 2, { interval: 1 })
    expect(records[1]).toMatchObject({
      revision: 2,
      before: { source: 'ci', success: false },
      counts: { source: 'ci', success: true },
      outcome: ci(true),
    })
  })

  test('is accepted from two sidecars at the same time, and each counts once', async () => {
    await engine.append([attempt(1)])
    const answers = await Promise.all([
      recordOutcome(engine, ci(true)),
      recordOutcome(other, { ...ci(true), source: 'b' }),
    ])
    expect(answers).toEqual(['accepted', 'accepted'])
    const third = await openOn(server.open())
    expect(await recordOutcome(third, { ...ci(true), source: 'b' })).toBe('duplicate')
    await third.close()
  })
})

describe('outcomes', () => {
  const outcome = (id: number, success: boolean, source = 'ci') => ({ attempt_id: `id ${id}`, success, source })

  test('of one call are in few groups of the log, and those of one attempt follow each other', async () => {
    await engine.append(Array.from({ length: 1200 }, (_, i) => attempt(i)))
    const before = server.groups.length
    const many = Array.from({ length: 1200 }, (_, i) => outcome(i, i % 3 > 0))
    expect(await engine.appendOutcomes([...many, outcome(0, true), outcome(0, false)])).toEqual({
      accepted: 1202,
      duplicates: 0,
      unknown: [],
    })
    // 250 of different attempts in each.
    expect(server.groups.length - before).toBeLessThanOrEqual(6)
    expect(await recordOutcome(other, outcome(0, false))).toBe('duplicate')
    expect(await countedIn(engine)).toBe(1200)
  })

  test('of calls that wait at the same time share groups, and each call gets its own answer', async () => {
    await engine.append(Array.from({ length: 50 }, (_, i) => attempt(i)))
    const before = server.groups.length
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, i) => engine.appendOutcomes([outcome(i, false), outcome(i, false)])),
    )
    expect(answers.slice(0, 50)).toEqual(Array(50).fill({ accepted: 1, duplicates: 1, unknown: [] }))
    expect(answers[55]).toEqual({ accepted: 0, duplicates: 0, unknown: ['id 55', 'id 55'] })
    expect(server.groups.length - before).toBeLessThan(5)
  })

  test('of one attempt, however many, do not delay those of others', async () => {
    await engine.append([attempt(1), attempt(2)])
    let isDone = false
    const many = engine.appendOutcomes(Array.from({ length: 200 }, (_, i) => outcome(1, i % 2 > 0))).finally(() => {
      isDone = true
    })
    expect(await recordOutcome(engine, outcome(2, false))).toBe('accepted')
    expect(isDone).toBe(false)
    expect(await many).toEqual({ accepted: 200, duplicates: 0, unknown: [] })
  })

  test('of one attempt count in the order of their calls', async () => {
    await engine.append([attempt(1)])
    const answers = await Promise.all([true, false, false, true].map(one => recordOutcome(engine, outcome(1, one))))
    expect(answers).toEqual(['accepted', 'accepted', 'duplicate', 'accepted'])
    expect(await recordOutcome(engine, outcome(1, true))).toBe('duplicate')
  })

  test('after a clock has jumped ahead make no attempt new', async () => {
    let jumpedMs = 0
    const own = await openOn(createMemoryServer().open(), {
      clock: () => NOW + jumpedMs,
      monotonic: () => 0,
      raiseTo: { maxKeys: 1000, maxArms: 100, idWindow: 10_000, idWindowAgeMs: 86_400_000 },
    })
    const attempts = Array.from({ length: 1100 }, (_, i) => attempt(i))
    await own.append(attempts)
    jumpedMs = 400 * 86_400_000
    await own.appendOutcomes(attempts.map((_, i) => outcome(i, false)))
    expect(await own.append(attempts)).toEqual({ accepted: 0, duplicates: 1100 })
    await own.close()
  })

  test('of an attempt that was appended before and is not durable yet are accepted', async () => {
    const release = Promise.withResolvers<void>()
    server.fault = (_, group) => (group.attempts > 0 ? { hold: release.promise } : undefined)
    const appended = engine.append([attempt(1)])
    const told = recordOutcome(engine, outcome(1, false))
    release.resolve()
    expect([await appended, await told]).toEqual([{ accepted: 1, duplicates: 0 }, 'accepted'])
  })

  test('that two sidecars record at the same time leave both with the same state', async () => {
    await engine.append(Array.from({ length: 30 }, (_, i) => attempt(i, { success: undefined })))
    const sent = (source: string) =>
      Array.from({ length: 30 }, (_, i) => outcome(i, (i + source.length) % 2 === 0, source))
    const answers = await Promise.all([
      engine.appendOutcomes(sent('a')),
      other.appendOutcomes(sent('bb')),
      engine.appendOutcomes(sent('ccc')),
    ])
    expect(answers.map(({ accepted }) => accepted)).toEqual([30, 30, 30])
    await Promise.all([engine.follow(), other.follow()])
    expect(await countedIn(engine)).toBe(30)
    expect(await answersOf(other)).toBe(await answersOf(engine))
  })

  test('whose answer was lost are stored once, also when they are sent again', async () => {
    await engine.append([attempt(1)])
    server.fault = () => {
      server.fault = undefined
      return 'lose the answer'
    }
    expect(await recordOutcome(engine, outcome(1, false))).toBe('accepted')
    expect(await recordOutcome(engine, outcome(1, false))).toBe('duplicate')
    const records = server.groups.flatMap(
      ({ records }) =>
        Buffer.from(records)
          .toString()
          .match(/"outcome"/g) ?? [],
    )
    expect(records).toHaveLength(1)
  })

  test('are refused while the log is away, and recorded when it is back', async () => {
    await engine.append([attempt(1)])
    server.isAway = true
    await expect(engine.appendOutcomes([outcome(1, false)])).rejects.toMatchObject({ name: 'StoreUnavailable' })
    server.isAway = false
    await vi.waitUntil(() => engine.health().writable, { interval: 1 })
    expect(await recordOutcome(engine, outcome(1, false))).toBe('accepted')
  })

  test('are refused when the store is closed', async () => {
    const third = await openOn(server.open())
    await third.close()
    await expect(third.appendOutcomes([outcome(1, false)])).rejects.toMatchObject({ reason: 'closed' })
  })

  test('are resolved by the order of sources of the sidecar that records them, and count the same for all', async () => {
    const strict = await openOn(server.open(), { outcomeSources: ['production'] })
    await engine.append([attempt(1, { success: undefined })])
    await recordOutcome(strict, outcome(1, false, 'production'))
    await recordOutcome(strict, outcome(1, true, 'ci'))
    await Promise.all([engine.follow(), strict.follow()])
    expect(await answersOf(engine)).toBe(await answersOf(strict))
    const [one] = await engine.summaries()
    expect([successes(one!.summary), await countedIn(engine)]).toEqual([0, 1])
    await strict.close()
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
  expect(await recordOutcome(store, ci(false))).toBe('accepted')
  expect(await store.alerts.record(fires('Slow'))).toBe(true)
  for (let start = 0; start < 2; start++) {
    await store.close()
    store = await open()
    expect([...store.alerts.state.episodes.values()]).toMatchObject([{ alert: anAlert('Slow'), startedMs: NOW }])
    expect(await recordOutcome(store, ci(false))).toBe('duplicate')
    expect(await countedIn(store)).toBe(2)
  }
  expect(await recordOutcome(store, ci(true))).toBe('accepted')
  await store.close()
  await rm(directory, { recursive: true })
})
