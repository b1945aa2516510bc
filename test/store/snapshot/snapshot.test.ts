import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createDedupWindow } from '../../../src/core/aggregate/dedup-window.ts'
import { forEachOutcome } from '../../../src/core/aggregate/recent.ts'
import { createSeries } from '../../../src/core/aggregate/series.ts'
import { type Summary, totalAttempts } from '../../../src/core/aggregate/summary.ts'
import { createTally, type Tally } from '../../../src/core/aggregate/tally.ts'
import { copyTasks } from '../../../src/core/aggregate/task-sketch.ts'
import { DEFAULT_TIERS, type TierOptions } from '../../../src/core/aggregate/time-tiers.ts'
import { parseTimestamp, printTimestamp } from '../../../src/core/attempt/timestamp.ts'
import { runToCompletion } from '../../../src/core/steps.ts'
import { createAlternatingBlocks } from '../../../src/store/snapshot/block.ts'
import { decodeState } from '../../../src/store/snapshot/decode.ts'
import { encodeState } from '../../../src/store/snapshot/encode.ts'
import { attempts, NOW_MS } from '../../core/arbitraries.ts'
import { attempt } from '../file/fixtures.ts'

const ids = { limit: 10, keepMs: 1000 }
const newTally = (maxKeys = 100): Tally => createTally({ maxKeys, maxArms: 10, tiers: DEFAULT_TIERS })
const newSeries = () => createSeries({ limit: 10, keepMs: 1000 })

function blocksOf(tally: Tally): Uint8Array[] {
  const window = createDedupWindow({ ...ids, seed: [1, 2] })
  const blocks = encodeState({ tally, ids: window, series: newSeries() })
  return [...blocks].filter(block => block !== undefined)
}

function restore(blocks: readonly Uint8Array[], tally = newTally()): Tally {
  const decoder = decodeState(tally, newSeries(), ids)
  decoder.next()
  const last = blocks.map(block => decoder.next(block)).at(-1)
  expect(last?.done).toBe(true)
  return tally
}

function answersOf(tally: Tally): unknown {
  const ranges = [60, 3600, 86_400].map(seconds => ({ sinceMs: NOW_MS - 1000 * seconds, untilMs: NOW_MS + 60_000 }))
  const numbersOf = (summary: Summary): unknown => [...summary, summary.tasks && copyTasks(summary.tasks)]
  return {
    keys: tally.keys().map(({ key, summary, recent }) => [key, numbersOf(summary), recent.added]),
    ranged: ranges.map(range =>
      [...tally.ranged(range, {}, NOW_MS)].map(({ key, summary }) => [key, numbersOf(summary)]),
    ),
    arms: tally.arms().map(({ experiment, variant, summary }) => [experiment, variant, numbersOf(summary)]),
    cells: tally.allArms().map(arm => [...arm.cells.values()].map(({ key, summary }) => [key, numbersOf(summary)])),
    rangedCells: ranges.map(range =>
      runToCompletion(tally.armSteps('prompt', { range, filter: { issue_type: 'i' } }, NOW_MS)).map(
        ({ variant, summary }) => [variant, numbersOf(summary)],
      ),
    ),
    plans: [...tally.plans],
  }
}

const histories = fc.array(attempts, { minLength: 1, maxLength: 60 })

function tallyOf(list: typeof histories extends fc.Arbitrary<infer T> ? T : never): Tally {
  const tally = newTally()
  for (const attempt of list) tally.add(attempt, parseTimestamp(attempt.timestamp)!, NOW_MS)
  tally.putPlan('Infinity', { shares: new Map([['Infinity', 1]]), baseline: 'Infinity', endMs: undefined })
  tally.putPlan('__proto__', { shares: new Map([['__proto__', 90]]), baseline: '__proto__', endMs: NOW_MS })
  return tally
}

test('a restored state gives the same answers, and the same bytes when it is written again', () => {
  fc.assert(
    fc.property(histories, list => {
      const tally = tallyOf(list)
      const blocks = blocksOf(tally)
      const restored = restore(blocks)
      expect(blocksOf(restored)).toEqual(blocks)
      expect(answersOf(restored)).toEqual(answersOf(tally))
      expect(answersOf(restore(blocksOf(restored)))).toEqual(answersOf(tally))
    }),
  )
})

test('a restored state keeps the outcomes of attempts that left the recent ones, and goes on adding to them', () => {
  const at = (i: number) => ({ ms: NOW_MS + i * 1000, local: false })
  const add = (tally: Tally, i: number): void => tally.add(attempt(0, { success: i % 3 === 0 }), at(i), NOW_MS)
  const outcomesOf = (tally: Tally): unknown[] => {
    const outcomes: unknown[] = []
    forEachOutcome(tally.keys()[0]!.recent, (...outcome) => outcomes.push(outcome))
    return outcomes
  }
  const tally = newTally()
  for (let i = 0; i < 333; i++) add(tally, i)
  const restored = restore(blocksOf(tally))
  expect(outcomesOf(tally)).toHaveLength(100 + 10)
  expect(outcomesOf(restored)).toEqual(outcomesOf(tally))
  expect(blocksOf(restored)).toEqual(blocksOf(tally))
  for (const one of [tally, restored]) for (let i = 333; i < 1500; i++) add(one, i)
  expect(outcomesOf(restored)).toEqual(outcomesOf(tally))
})

test('alternating buffers leak no bytes from one block into another', () => {
  fc.assert(
    fc.property(histories, list => {
      const tally = tallyOf(list)
      const newBlock = createAlternatingBlocks()
      for (const block of [newBlock(40_000), newBlock(40_000)]) block.put(new Uint8Array(320_000).fill(255))
      const window = createDedupWindow({ ...ids, seed: [1, 2] })
      const blocks: Uint8Array[] = []
      const counted = { tally, ids: window, series: newSeries() }
      for (const block of encodeState(counted, newBlock)) if (block) blocks.push(block.slice())
      expect(blocks).toEqual(blocksOf(tally))
    }),
  )
})

test('a restored state continues to count like the original', () => {
  fc.assert(
    fc.property(histories, histories, (before, after) => {
      const tally = tallyOf(before)
      const restored = restore(blocksOf(tally))
      for (const one of [tally, restored]) {
        for (const attempt of after) one.add(attempt, parseTimestamp(attempt.timestamp)!, NOW_MS)
      }
      expect(answersOf(restored)).toEqual(answersOf(tally))
    }),
  )
})

test('keys beyond a lower limit stay, in totals and in every range', () => {
  fc.assert(
    fc.property(histories, fc.integer({ min: 0, max: 3 }), (list, maxKeys) => {
      const tally = tallyOf(list)
      const restored = restore(blocksOf(tally), newTally(maxKeys))
      expect(answersOf(restored)).toEqual(answersOf(tally))
      expect(blocksOf(restored)).toEqual(blocksOf(tally))
    }),
  )
})

const MINUTE_MS = 60_000
const attemptAt = (ms: number) => attempt(0, { timestamp: printTimestamp({ ms, local: false }) })
const spans = fc.subarray([1, 2, 3, 5, 7, 15, 60, 90, 360, 1440, 10_080], { minLength: 1, maxLength: 4 })
const keeps = fc.uniqueArray(
  fc.constantFrom(10, 60, 720, 1440, 2880, 10_080, 100_000, 1_000_000, Number.POSITIVE_INFINITY),
  { minLength: 4, maxLength: 4 },
)
const tiers = fc.tuple(spans, keeps).map(([spans, keeps]): TierOptions[] => {
  const sorted = keeps.sort((a, b) => a - b)
  return spans.map((span, i) => ({ spanMs: span * MINUTE_MS, keepMs: Math.max(sorted[i]!, span) * MINUTE_MS }))
})

test('for any tiers at capture and restore, a range is answered exactly to the bucket, or reported as unavailable', () => {
  const ages = fc.array(fc.oneof(fc.integer({ min: 0, max: 3000 }), fc.integer({ min: 0, max: 300_000 })), {
    minLength: 1,
    maxLength: 40,
  })
  const asked = fc.array(fc.integer({ min: 0, max: 400_000 }), { minLength: 1, maxLength: 8 })
  fc.assert(
    fc.property(
      fc.array(tiers, { minLength: 2, maxLength: 4 }),
      ages,
      ages,
      asked,
      (settings, before, after, since) => {
        const of = (tiers: TierOptions[]): Tally => createTally({ maxKeys: 100, maxArms: 10, tiers })
        let tally = of(settings[0]!)
        const counted: number[] = []
        const count = (age: number): void => {
          const ms = NOW_MS - age * MINUTE_MS
          counted.push(ms)
          // Most attempts are received when they end, some long after.
          tally.add(attemptAt(ms), { ms, local: false }, age % 3 === 0 ? NOW_MS : ms)
        }
        for (const age of before.toSorted((a, b) => b - a)) count(age)
        for (const next of settings.slice(1)) {
          tally = restore(blocksOf(tally), of(next))
          // A tier without a source counts from the restart on.
          for (const [tier, { floorMs }] of tally.times.save().entries())
            if (floorMs === Number.POSITIVE_INFINITY) tally.times.restoreFloor(tier, NOW_MS + 1)
        }
        for (const age of after.toSorted((a, b) => b - a)) count(age)
        for (const age of since) {
          const sinceMs = NOW_MS - age * MINUTE_MS
          const { earliestMs, spanMs } = tally.times.coverage(sinceMs, NOW_MS)
          if (sinceMs < earliestMs) continue
          const range = { sinceMs, untilMs: Number.POSITIVE_INFINITY }
          const answered = [...tally.ranged(range, {}, NOW_MS)].reduce(
            (sum, one) => sum + totalAttempts(one.summary),
            0,
          )
          const startMs = Math.floor(sinceMs / spanMs) * spanMs
          expect(answered).toBe(counted.filter(ms => ms >= startMs).length)
        }
        expect(tally.keys().reduce((sum, one) => sum + totalAttempts(one.summary), 0)).toBe(counted.length)
      },
    ),
    { numRuns: 300 },
  )
})
