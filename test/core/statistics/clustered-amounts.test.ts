/** Times, costs and calibration of repeated tasks. The runs of a task are alike in these tests, so that they are worth one run. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  addAttempt,
  addDurations,
  calibrationSums,
  costs,
  createSummary,
  type Summary,
  timeSums,
} from '../../../src/core/aggregate/summary.ts'
import { countsOf, taskCountsOf } from '../../../src/core/reports/groups.ts'
import { timeInterval } from '../../../src/core/statistics/amount-interval.ts'
import { calibrationOf } from '../../../src/core/statistics/calibration.ts'
import { calibrationDesignEffect } from '../../../src/core/statistics/calibration-clusters.ts'
import { clusteredSums } from '../../../src/core/statistics/clustered-amounts.ts'
import { costsOf } from '../../../src/core/statistics/cost.ts'
import { judgeExperiment } from '../../../src/core/statistics/experiment.ts'
import { decisionProbability } from '../../../src/core/statistics/futility.ts'
import { meanDifference } from '../../../src/core/statistics/mean-difference.ts'
import { assignedUnits } from '../../../src/core/statistics/sample-ratio.ts'
import { DURATION_BUCKETS, timeQuantiles } from '../../../src/core/statistics/time-quantiles.ts'
import { ATTEMPT } from './simulation.ts'

interface Task {
  readonly success: boolean
  readonly time_seconds: number
  readonly cost_usd: number
  readonly confidence: number
}

const task: fc.Arbitrary<Task> = fc.record({
  success: fc.boolean(),
  time_seconds: fc.integer({ min: 1, max: 1000 }),
  cost_usd: fc.integer({ min: 1, max: 1000 }),
  confidence: fc.integer({ min: 0, max: 100 }).map(percent => percent / 100),
})
const tasks = fc.array(task, { minLength: 3, maxLength: 40 })

/** Each task `runs` times, every run alike. */
function summaryOf(some: readonly Task[], runs: number, prefix = ''): Summary {
  const summary = createSummary()
  for (const [i, one] of some.entries())
    for (let run = 0; run < runs; run++)
      addAttempt(summary, { ...ATTEMPT, ...one, ...(runs > 1 && { task_id: `${prefix}task ${i}` }) }, 0)
  return summary
}

const timesOf = (summary: Summary) => clusteredSums(timeSums(summary), countsOf(summary))
const costsOfSummary = (summary: Summary) => costsOf(countsOf(summary), costs(summary))
const calibrated = (summary: Summary) => calibrationOf(calibrationSums(summary), countsOf(summary))

function expectSameInterval(
  a: { readonly low: number; readonly high: number } | null | undefined,
  b: { readonly low: number; readonly high: number } | null | undefined,
): void {
  expect(a == null).toBe(b == null)
  if (a == null || b == null) return
  expect(a.low).toBeCloseTo(b.low, 6)
  expect(a.high).toBeCloseTo(b.high, 6)
}

describe('tasks whose runs are alike have the interval of one run each', () => {
  const runs = fc.integer({ min: 2, max: 10 })

  test('of the mean time and the mean cost', () => {
    fc.assert(
      fc.property(tasks, runs, (some, n) => {
        const [once, repeated] = [summaryOf(some, 1), summaryOf(some, n)]
        expectSameInterval(timeInterval(timesOf(repeated)), timeInterval(timesOf(once)))
        const [a, b] = [costsOfSummary(repeated), costsOfSummary(once)]
        expectSameInterval(a.cost_per_attempt?.interval, b.cost_per_attempt?.interval)
        expectSameInterval(a.cost_per_success?.interval, b.cost_per_success?.interval)
        expect(a.cost_per_attempt?.cost_usd).toBeCloseTo(b.cost_per_attempt!.cost_usd, 9)
        expect(a).toMatchObject({ clusters: some.length, total_attempts: n * some.length })
        expect(a.effective_attempts).toBeCloseTo(some.length, 9)
        expect(b).not.toHaveProperty('clusters')
      }),
    )
  })

  test('of the median and the 95th percentile', () => {
    const quantiles = (summary: Summary) => {
      const buckets = new Float64Array(DURATION_BUCKETS)
      addDurations(buckets, 0, summary)
      const { attempts: _, ...rest } = timeQuantiles(buckets, countsOf(summary))!
      return [rest.p50_interval, rest.p95_interval]
    }
    fc.assert(
      fc.property(tasks, runs, (some, n) => {
        expect(quantiles(summaryOf(some, n))).toEqual(quantiles(summaryOf(some, 1)))
      }),
    )
  })

  test('of the over-confidence at a constant confidence; the band and z allow for the repeats', () => {
    fc.assert(
      fc.property(tasks, runs, (list, n) => {
        const some = list.map(one => ({ ...one, confidence: 0.7 }))
        fc.pre(new Set(some.map(({ success }) => success)).size === 2)
        const [a, b] = [calibrated(summaryOf(some, n)), calibrated(summaryOf(some, 1))]
        expect(a.over_confidence).toBeCloseTo(b.over_confidence!, 9)
        expect(a.effective_attempts).toBeCloseTo(some.length, 6)
        expectSameInterval(a.over_confidence_interval, b.over_confidence_interval)
        expect(a.spiegelhalter_z).toBeCloseTo(b.spiegelhalter_z!, 6)
        const plain = calibrationOf(calibrationSums(summaryOf(some, n)))
        const grown = Math.min(1, plain.expected_calibration_error_band!.high * Math.sqrt(n))
        expect(a.expected_calibration_error_band?.high).toBeCloseTo(grown, 9)
      }),
    )
  })

  test('of the difference of two mean times', () => {
    const some = Array.from({ length: 40 }, (_, i) => ({
      success: true,
      time_seconds: 1 + i,
      cost_usd: 1,
      confidence: 1,
    }))
    const others = some.map(one => ({ ...one, time_seconds: one.time_seconds + 9 }))
    const difference = (n: number) =>
      meanDifference(timesOf(summaryOf(some, n, 'a')), timesOf(summaryOf(others, n, 'b')), 0.05)
    expect(difference(5)?.difference).toBeCloseTo(9, 9)
    expectSameInterval(difference(5)?.interval, difference(1)?.interval)
    // 29 tasks are too few, however often they ran.
    const few = timesOf(summaryOf(some.slice(0, 29), 10))
    expect(meanDifference(few, timesOf(summaryOf(others, 10)), 0.05)).toMatchObject({ interval: null })
  })
})

test('one task has no interval of times and costs, however often it ran: nothing is known of other tasks', () => {
  const summary = summaryOf([{ success: true, time_seconds: 3, cost_usd: 1, confidence: 0.5 }], 20)
  expect(timeInterval(timesOf(summary))).toBeNull()
  expect(costsOfSummary(summary).cost_per_attempt).toEqual({ cost_usd: 1, interval: null })
  expect(calibrated(summary).over_confidence_interval).toBeNull()
})

describe('the design effect of a calibration', () => {
  const effectOf = (summary: Summary): number => calibrationDesignEffect(calibrationSums(summary), countsOf(summary))

  test('is that of the outcomes if the confidence is constant', () => {
    const summary = createSummary()
    for (let i = 0; i < 100; i++) {
      const [task, run] = [i % 20, Math.floor(i / 20)]
      const success = task % 3 === 0 ? run > 0 : run === 0
      addAttempt(summary, { ...ATTEMPT, time_seconds: 1, confidence: 0.7, success, task_id: `${task}` }, 0)
    }
    const { attempts, effective_attempts } = countsOf(summary)
    expect(effective_attempts).toBeLessThan(70)
    expect(effectOf(summary)).toBeCloseTo(attempts / effective_attempts!, 9)
  })

  test('lies between 1 and the runs of a task, and is 1 where no task repeats', () => {
    const attempt = fc.tuple(task, fc.integer({ min: 0, max: 5 }))
    fc.assert(
      fc.property(fc.array(attempt, { minLength: 1, maxLength: 60 }), list => {
        const summary = createSummary()
        for (const [one, id] of list) addAttempt(summary, { ...ATTEMPT, ...one, task_id: String(id) }, 0)
        const effect = effectOf(summary)
        expect(effect).toBeGreaterThanOrEqual(1)
        expect(effect).toBeLessThanOrEqual(countsOf(summary).runs_per_cluster ?? 1)
      }),
    )
  })
})

describe('an experiment of repeated tasks', () => {
  const arm = (variant: string, good: number, prefix: string) => ({
    variant,
    ...taskCountsOf(
      summaryOf(
        Array.from({ length: 60 }, (_, i) => ({ success: i < good, time_seconds: 1, cost_usd: 1, confidence: 1 })),
        5,
        prefix,
      ),
    ),
  })

  test('counts tasks as assigned where each has all its runs in one variant, and attempts where variants share tasks', () => {
    expect(assignedUnits([arm('a', 30, 'a'), arm('b', 30, 'b')])).toEqual([60, 60])
    expect(assignedUnits([arm('a', 30, ''), arm('b', 30, '')])).toEqual([300, 300])
    const {
      tasks: _,
      clusters: __,
      effective_attempts: ___,
      runs_per_cluster: ____,
      ...independent
    } = arm('a', 30, 'a')
    expect(assignedUnits([independent, independent])).toEqual([300, 300])
  })

  test('finds a smaller effect where variants share tasks, because a task that is hard for both adds no error', () => {
    const some = (variant: string, shift: number, prefix: string) => {
      const summary = createSummary()
      for (let i = 0; i < 300; i++) {
        const [task, run] = [i % 60, Math.floor(i / 60)]
        // A third of the tasks always succeed, a third never, and a third depend on the run.
        const success = task % 3 === 0 || (task % 3 === 1 && run < 2 + (task % 2 === 0 ? shift : -shift))
        addAttempt(summary, { ...ATTEMPT, success, time_seconds: 1, task_id: `${prefix}${task}` }, 0)
      }
      return { variant, ...taskCountsOf(summary) }
    }
    const effect = (prefix: string): number => {
      const [comparison] = judgeExperiment([some('a', 0, ''), some('b', 1, prefix)]).comparisons
      expect(comparison?.common_tasks).toBe(prefix === '' ? 60 : undefined)
      return comparison!.minimum_detectable_effect!
    }
    expect(effect('')).toBeLessThan(0.6 * effect('own '))
  })

  test('is more often futile where tasks repeat: 20,000 further attempts are worth fewer', () => {
    const [a, b] = [
      { successes: 200, attempts: 400 },
      { successes: 206, attempts: 400 },
    ]
    const options = { alpha: 0.05, adaptive: false }
    const repeated = decisionProbability(a, b, options, undefined, 5 * 800)
    expect(repeated).toBeLessThan(decisionProbability(a, b, options, undefined))
    expect(decisionProbability(a, b, options, undefined, 800)).toBe(decisionProbability(a, b, options, undefined))
  })

  test('is no mismatch if 12 of 40 tasks went to one variant, as chance does, though 60 of 200 attempts would be one', () => {
    const counts = (n: number, prefix: string) => ({
      variant: prefix,
      ...taskCountsOf(
        summaryOf(
          Array.from({ length: n }, (_, i) => ({ success: i % 2 === 0, time_seconds: 1, cost_usd: 1, confidence: 1 })),
          5,
          prefix,
        ),
      ),
    })
    expect(judgeExperiment([counts(12, 'a'), counts(28, 'b')]).sample_ratio?.status).toBe('as_intended')
    const attempts = [
      { variant: 'a', successes: 30, attempts: 60 },
      { variant: 'b', successes: 70, attempts: 140 },
    ]
    expect(judgeExperiment(attempts).sample_ratio?.status).toBe('mismatch')
  })
})
