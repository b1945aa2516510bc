/** What senders count themselves, beside attempts that are seen one by one. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Increment } from '../../../src/core/aggregate/series.ts'
import {
  addAttempt,
  addCounted,
  averageConfidence,
  averageTime,
  calibrationSums,
  confidences,
  costs,
  createSummary,
  durations,
  type Measure,
  merge,
  type Summary,
  span,
  statedConfidences,
  successRate,
  timeSums,
  tokens,
  totalAttempts,
  totalCost,
} from '../../../src/core/aggregate/summary.ts'
import { createTally, OVERFLOW_KEY } from '../../../src/core/aggregate/tally.ts'
import { DEFAULT_TIERS } from '../../../src/core/aggregate/time-tiers.ts'
import { parseTimestamp } from '../../../src/core/attempt/timestamp.ts'
import { costReport } from '../../../src/core/reports/cost-report.ts'
import { modelComparison } from '../../../src/core/reports/model-comparison.ts'
import { attempts, NOW_MS } from '../arbitraries.ts'

const key = { agent_name: 'a', model_name: 'm', issue_type: 'i' }
const seen = { ...key, success: true, time_seconds: 3, confidence: 0.5, cost_usd: 2, timestamp: '2026-01-01T00:00:00Z' }
const of = 'success'

function counted(list: readonly (readonly [Measure, readonly number[]])[], summary = createSummary()): Summary {
  for (const [measure, values] of list) addCounted(summary, measure, values, NOW_MS)
  return summary
}

const DURATIONS = [1, 0, 0, 0, 0, 1, ...Array(11).fill(0)]
const CONFIDENCES = [0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0]
const ALL: readonly (readonly [Measure, readonly number[]])[] = [
  [{ metric: 'attempts', of }, [3]],
  [{ metric: 'attempts', of: 'failure' }, [1]],
  [{ metric: 'duration', of }, [2, 3.05, ...DURATIONS]],
  [{ metric: 'confidence', of }, [2, 1.7, ...CONFIDENCES]],
  [{ metric: 'tokens', of: 'cache_read' }, [100]],
  [{ metric: 'cost' }, [0.25]],
]

describe('attempts, times and confidences that are counted apart', () => {
  test('the rate comes from the attempts, each average from its own count', () => {
    const summary = counted(ALL)
    expect([totalAttempts(summary), successRate(summary)]).toEqual([4, 75])
    expect(averageTime(summary)).toBeCloseTo(3.05 / 2)
    expect(averageConfidence(summary)).toBeCloseTo(0.85)
    expect(statedConfidences(summary)).toBe(2)
    expect(tokens(summary)).toEqual([0, 0, 100, 0])
    expect(totalCost(summary)).toBe(0.25)
    expect(span(summary)).toEqual({ firstMs: NOW_MS, lastMs: NOW_MS })
  })

  test('histograms hold them together with attempts that were seen', () => {
    const summary = counted(ALL)
    addAttempt(summary, seen, NOW_MS)
    expect([...durations(summary, true).counts]).toEqual([1, 0, 0, 0, 0, 2, ...Array(11).fill(0)])
    expect(durations(summary, true)).toMatchObject({ count: 3, sum: 6.05 })
    expect([...confidences(summary, true).counts]).toEqual([0, 0, 0, 0, 1, 0, 0, 0, 2, 0])
    expect(confidences(summary, true)).toMatchObject({ count: 3, sum: 2.2 })
  })

  test('a histogram of bounds that are not ours counts in averages, and fills no bucket', () => {
    const summary = counted([
      [{ metric: 'duration', of }, [4, 10]],
      [{ metric: 'confidence', of }, [4, 2]],
    ])
    expect([averageTime(summary), averageConfidence(summary)]).toEqual([2.5, 0.5])
    expect([durations(summary, true).count, confidences(summary, true).count]).toEqual([0, 0])
  })

  test('calibration and intervals of a mean know only attempts that were seen one by one', () => {
    const one = createSummary()
    addAttempt(one, seen, NOW_MS)
    const both = counted(ALL, one.slice())
    expect(calibrationSums(both)).toEqual(calibrationSums(one))
    expect(timeSums(both)).toEqual(timeSums(one))
    expect(costs(both)).toEqual(costs(one))
  })

  test('models are compared by the same averages', () => {
    const tally = createTally({ maxKeys: 10, maxArms: 1, tiers: DEFAULT_TIERS })
    for (const [measure, values] of ALL) tally.count({ key, measure, values, atMs: NOW_MS }, NOW_MS)
    expect(modelComparison(tally.keys(), { minAttempts: 1 }).m).toMatchObject({
      total_attempts: 4,
      avg_success_rate: 75,
      avg_time_seconds: 3.05 / 2,
    })
  })

  test('a cost that was added up counts in the total, and in no cost per attempt', () => {
    const only = { key, summary: counted(ALL), recent: undefined as never }
    expect(costReport([only]).overall).toMatchObject({ total_cost_usd: 0.25, cost_per_attempt: null, unpriced: 4 })
    addAttempt(only.summary, seen, NOW_MS)
    expect(costReport([only]).overall).toMatchObject({ total_cost_usd: 2.25, cost_per_attempt: { cost_usd: 2 } })
    expect(costReport([{ ...only, summary: createSummary() }]).overall.total_cost_usd).toBeNull()
  })
})

const metric = fc.constantFrom('attempts', 'duration', 'confidence', 'tokens', 'cost')
const increments: fc.Arbitrary<readonly [Measure, readonly number[]]> = fc
  .record({
    metric,
    result: fc.constantFrom('success', 'failure'),
    count: fc.nat(5),
    sum: fc.double({ min: 0, max: 1e6, noNaN: true }),
    ours: fc.boolean(),
  })
  .map(({ metric, result, count, sum, ours }) => {
    if (metric === 'cost') return [{ metric }, [sum]] as const
    if (metric === 'tokens') return [{ metric, of: 'output' }, [count]] as const
    const measure = { metric, of: result } as Measure
    if (metric === 'attempts') return [measure, [count]] as const
    const buckets = metric === 'duration' ? 17 : 11
    return [measure, [count, sum, ...(ours ? [...Array(buckets - 1).fill(0), count] : [])]] as const
  })

test('summaries of two spans merge to the summary of both, whatever was seen and counted in each', () => {
  const span = fc.record({
    seen: fc.array(attempts, { maxLength: 10 }),
    counted: fc.array(increments, { maxLength: 10 }),
  })
  const fold = (
    ...spans: readonly {
      seen: readonly Parameters<typeof addAttempt>[1][]
      counted: readonly (readonly [Measure, readonly number[]])[]
    }[]
  ): Summary => {
    const summary = createSummary()
    for (const { seen, counted: list } of spans) {
      for (const one of seen) addAttempt(summary, one, parseTimestamp(one.timestamp)!.ms)
      counted(list, summary)
    }
    return summary
  }
  const answers = (s: Summary): unknown => [
    totalAttempts(s),
    averageTime(s),
    averageConfidence(s),
    totalCost(s),
    tokens(s),
    timeSums(s),
    calibrationSums(s),
    [true, false].map(success => [durations(s, success), confidences(s, success)]),
  ]
  fc.assert(
    fc.property(span, span, (a, b) => {
      expect(answers(merge(fold(a), fold(b)))).toEqual(answers(fold(a, b)))
      expect(answers(merge(fold(b), fold(a)))).toEqual(answers(fold(a, b)))
    }),
  )
})

describe('the tally', () => {
  const attemptsOf = (n: number, atMs: number, agent_name = 'a'): Increment => ({
    key: { ...key, agent_name },
    measure: { metric: 'attempts', of },
    values: [n],
    atMs,
  })

  test('answers a range from what was counted in it', () => {
    const tally = createTally({ maxKeys: 10, maxArms: 1, tiers: DEFAULT_TIERS })
    tally.count(attemptsOf(5, NOW_MS - 7_200_000), NOW_MS)
    tally.count(attemptsOf(2, NOW_MS), NOW_MS)
    const range = { sinceMs: NOW_MS - 3_600_000, untilMs: NOW_MS + 1 }
    expect([...tally.ranged(range, {}, NOW_MS)].map(({ summary }) => totalAttempts(summary))).toEqual([2])
    expect(tally.keys().map(({ summary }) => totalAttempts(summary))).toEqual([7])
    expect(tally.keys()[0]!.recent.added).toBe(0)
  })

  test('counts what is of a key too many under the overflow key', () => {
    const tally = createTally({ maxKeys: 1, maxArms: 1, tiers: DEFAULT_TIERS })
    tally.count(attemptsOf(5, NOW_MS), NOW_MS)
    tally.count(attemptsOf(2, NOW_MS, 'b'), NOW_MS)
    expect(tally.overflowed()).toBe(2)
    expect(tally.keys().map(one => [one.key.agent_name, totalAttempts(one.summary)])).toEqual([
      ['a', 5],
      [OVERFLOW_KEY.agent_name, 2],
    ])
  })
})
