/** Random histories of a store and its disk against a simple model. All answers are equal to the last bit. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { recentResults } from '../../../src/core/aggregate/recent.ts'
import { createSeries, type Series, type SeriesPoint } from '../../../src/core/aggregate/series.ts'
import { createTally, type Tally, type TallyOptions } from '../../../src/core/aggregate/tally.ts'
import { type AgentAttempt, keyId } from '../../../src/core/attempt/attempt.ts'
import { parseTimestamp } from '../../../src/core/attempt/timestamp.ts'
import type { ArmSummary, KeySummary } from '../../../src/core/ports.ts'
import type { FileStore } from '../../../src/store/file/file-store.ts'
import { afterPowerLoss, createDisk, type Disk } from './fake-disk.ts'
import { createFakeFileSystem } from './fake-file-system.ts'
import { NOW, openFake, randomFrom } from './fixtures.ts'
import { arbitraryHistory, HISTORIES } from './histories.ts'

const MINUTE_MS = 60_000
/** Bounds that a short history reaches: keys overflow, arms are dropped, buckets and ids are evicted. */
const BOUNDS: TallyOptions = {
  maxKeys: 6,
  maxArms: 2,
  tiers: [
    { spanMs: MINUTE_MS, keepMs: 20 * MINUTE_MS, maxBuckets: 4 },
    { spanMs: 10 * MINUTE_MS, keepMs: 200 * MINUTE_MS, maxBuckets: 1000 },
    { spanMs: 100 * MINUTE_MS, keepMs: Number.POSITIVE_INFINITY, maxBuckets: Number.POSITIVE_INFINITY },
  ],
}
const IDS = { limit: 10, keepMs: 30 * MINUTE_MS }
const MAX_SERIES = 3

/** The expected answers: ids in order of receipt, and a separate tally. */
interface Model {
  tally: Tally
  series: Series
  ids: { id: string; ms: number }[]
  attempts: AgentAttempt[]
}

const newModel = (): Model => ({
  tally: createTally(BOUNDS),
  series: createSeries({ limit: MAX_SERIES, keepMs: IDS.keepMs }),
  ids: [],
  attempts: [],
})

/** The expected answer of the store. */
function countPoints({ series, tally }: Model, points: readonly SeriesPoint[], nowMs: number): unknown {
  const step = series.step(points, nowMs)
  series.take(step)
  let attempts = 0
  for (const increment of step.increments) {
    tally.count(increment, nowMs)
    if (increment.measure.metric === 'attempts') attempts += increment.values[0]!
  }
  return { attempts, refused: step.refused, late: step.late }
}

/** Counts one call of append. Duplicates are determined for the whole group before any of it evicts an older id. */
function count(model: Model, attempts: readonly AgentAttempt[], nowMs: number): void {
  const known = new Set(model.ids.filter(({ ms }) => ms > nowMs - IDS.keepMs).map(({ id }) => id))
  for (const attempt of attempts) {
    const id = attempt.attempt_id
    if (id !== undefined) {
      if (known.has(id)) continue
      known.add(id)
      model.ids = [...model.ids, { id, ms: nowMs }].slice(-IDS.limit)
    }
    model.attempts.push(attempt)
    model.tally.add(attempt, parseTimestamp(attempt.timestamp)!, nowMs)
  }
}

const keyRows = (keys: Iterable<KeySummary>): unknown[] =>
  [...keys].map(({ key, summary, recent }) => [keyId(key), [...summary], [...recentResults(recent, key)]])
const armRows = (arms: Iterable<ArmSummary>): unknown[] => [...arms].map(arm => [arm.variant, [...arm.summary]])

async function expectSame(store: FileStore, tally: Tally, model: Model, nowMs: number): Promise<void> {
  expect(keyRows(await store.summaries())).toEqual(keyRows(model.tally.keys()))
  expect(tally.overflowed()).toBe(model.tally.overflowed())
  expect(armRows(await store.arms('x'))).toEqual(armRows(model.tally.arms('x')))
  for (const minutes of [2, 15, 50, 500]) {
    const range = { sinceMs: nowMs - minutes * MINUTE_MS, untilMs: nowMs + 1 }
    expect(keyRows(await store.summaries(range))).toEqual(keyRows(model.tally.ranged(range, {}, nowMs)))
    expect(armRows(await store.arms('x', range))).toEqual(armRows(model.tally.rangedArms('x', range, nowMs)))
  }
  const listed: AgentAttempt[] = []
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page = await store.attempts({ limit: 7, cursor })
    listed.push(...page.attempts)
    cursor = page.next_cursor
  }
  expect(listed.reverse()).toEqual(model.attempts)
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})
afterEach(() => {
  vi.useRealTimers()
})

async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; !condition(); turn++) {
    if (turn > 1000) throw new Error('it does not come to that')
    vi.advanceTimersByTime(1000)
    await nextTurn()
  }
}

test('after kills, power cuts, failures, snapshots, resets and restarts in any order', async () => {
  await fc.assert(
    fc.asyncProperty(arbitraryHistory, fc.integer(), async (steps, seed) => {
      const random = randomFrom(seed)
      let nowMs = NOW
      let disk: Disk = createDisk()
      let fileSystem = createFakeFileSystem(disk)
      let tally = createTally(BOUNDS)
      let store = await start()
      const model = newModel()

      function start(): Promise<FileStore> {
        // Timers of the previous process do not fire.
        vi.clearAllTimers()
        fileSystem = createFakeFileSystem(disk, seed % 2 === 0 ? 900 : 0)
        tally = createTally(BOUNDS)
        return openFake(fileSystem, { tally, clock: () => nowMs, ids: IDS, maxSeries: MAX_SERIES })
      }
      async function restart(): Promise<void> {
        store = await start()
        await expectSame(store, tally, model, nowMs)
      }

      for (const step of steps) {
        if ('attempts' in step) {
          const attempts = step.attempts.map(({ minutesAgo, ...given }) => ({
            ...given,
            timestamp: new Date(nowMs - minutesAgo * MINUTE_MS).toISOString(),
          }))
          await store.append(attempts)
          count(model, attempts, nowMs)
        } else if ('points' in step) {
          const points = step.points.map(({ startedAgo, readAgo, ...point }) => ({
            ...point,
            startMs: nowMs - startedAgo * MINUTE_MS,
            timeMs: nowMs - readAgo * MINUTE_MS,
          }))
          expect(await store.appendPoints(points)).toEqual(countPoints(model, points, nowMs))
        } else if ('minutes' in step) nowMs += step.minutes * MINUTE_MS
        else if (step.do === 'close') {
          await store.close()
          await restart()
        } else if (step.do === 'kill') {
          fileSystem.fault = () => ({ kind: 'end', done: 'nothing' })
          await restart()
        } else if (step.do === 'cut the power') {
          fileSystem.fault = () => ({ kind: 'end', done: 'nothing' })
          disk = afterPowerLoss(disk, random)
          await restart()
        } else if (step.do === 'snapshot') {
          if (store.stats().journalBytes === 0) continue
          vi.advanceTimersByTime(60_000)
          await nextTurn()
        } else if (step.do === 'reset') {
          await store.reset()
          const { series } = model
          series.forget(nowMs)
          Object.assign(model, newModel(), { series })
        } else {
          fileSystem.fault = ({ name, path }) =>
            name === 'sync' && path.endsWith('.ndjson') ? { kind: 'error', code: 'EIO', done: 'all' } : undefined
          const refused = { agent_name: 'r', model_name: 'r', issue_type: 'r', success: true, time_seconds: 1 }
          await expect(store.append([{ ...refused, timestamp: new Date(nowMs).toISOString() }])).rejects.toThrow('EIO')
          fileSystem.fault = undefined
          await until(() => store.health().writable)
        }
      }
      await expectSame(store, tally, model, nowMs)
      await store.close()
      await restart()
      await store.close()
    }),
    { numRuns: 300, examples: [...HISTORIES] },
  )
})

test('time buckets are evicted in the same order with and without a restart', async () => {
  const arbitrary = fc.array(
    fc.record({ agent_name: fc.constantFrom('a', 'b', 'c'), minutesAgo: fc.integer({ min: 0, max: 15 }) }),
    { minLength: 4, maxLength: 14 },
  )
  await fc.assert(
    fc.asyncProperty(arbitrary, fc.integer({ min: 2, max: 10 }), async (given, restartAt) => {
      const { disk } = createFakeFileSystem()
      const model = newModel()
      const open = (): Promise<FileStore> => openFake(createFakeFileSystem(disk), { tally: createTally(BOUNDS) })
      let store = await open()
      for (const [i, { agent_name, minutesAgo }] of given.entries()) {
        const timestamp = new Date(NOW - minutesAgo * MINUTE_MS).toISOString()
        const one = { agent_name, model_name: 'm', issue_type: 'bug', success: true, time_seconds: i, timestamp }
        await store.append([one])
        count(model, [one], NOW)
        if (i !== restartAt) continue
        await store.close()
        store = await open()
      }
      for (let minutes = 1; minutes < 20; minutes++) {
        const range = { sinceMs: NOW - minutes * MINUTE_MS, untilMs: NOW + 1 }
        expect(keyRows(await store.summaries(range))).toEqual(keyRows(model.tally.ranged(range, {}, NOW)))
      }
      await store.close()
    }),
    { numRuns: 200 },
  )
})
