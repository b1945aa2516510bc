/** For any attempts, every report is consistent: numbers are finite and in bounds, and intervals contain their estimates. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { copySummary } from '../../../src/core/aggregate/summary.ts'
import { createTally } from '../../../src/core/aggregate/tally.ts'
import { DEFAULT_TIERS } from '../../../src/core/aggregate/time-tiers.ts'
import type { AgentAttempt } from '../../../src/core/attempt/attempt.ts'
import { parseTimestamp } from '../../../src/core/attempt/timestamp.ts'
import {
  type BestAgent,
  type DecidedBestAgent,
  decidedBestAgent,
  RANKINGS,
} from '../../../src/core/reports/best-agent.ts'
import { calibrationReport } from '../../../src/core/reports/calibration-report.ts'
import { costReport } from '../../../src/core/reports/cost-report.ts'
import { experimentReport } from '../../../src/core/reports/experiment-report.ts'
import { FAIR_GROUPINGS, fairReport } from '../../../src/core/reports/fair-report.ts'
import { GROUPINGS, groupedRates, overallRate } from '../../../src/core/reports/grouped-rates.ts'
import { countsOf } from '../../../src/core/reports/groups.ts'
import { intervalsOf } from '../../../src/core/reports/intervals.ts'
import { leaderboard } from '../../../src/core/reports/leaderboard.ts'
import { modelComparison } from '../../../src/core/reports/model-comparison.ts'
import { performanceReport } from '../../../src/core/reports/report.ts'
import { routingReport } from '../../../src/core/reports/routing.ts'
import { trendReport } from '../../../src/core/reports/trends.ts'
import { attempts, NOW_MS } from '../arbitraries.ts'

/** Every kind of report over the attempts, by name. */
function reportsOn(list: readonly AgentAttempt[]): Map<string, unknown> {
  const tally = createTally({ maxKeys: 1000, maxArms: 100, tiers: DEFAULT_TIERS })
  for (const attempt of list) tally.add(attempt, parseTimestamp(attempt.timestamp)!, NOW_MS)
  const keys = tally.keys()
  const evidence = keys.map(one => ({ one, ...countsOf(one.summary) }))
  const { ranges: intervals } = intervalsOf(undefined, keys, { nowMs: NOW_MS })
  const perInterval = intervals.map(range => {
    const counts = [...tally.ranged(range, {}, NOW_MS)].map(({ summary }) => countsOf(summary))
    return {
      successes: counts.reduce((sum, { successes }) => sum + successes, 0),
      attempts: counts.reduce((sum, each) => sum + each.attempts, 0),
    }
  })
  return new Map<string, unknown>([
    ['overall', overallRate(keys)],
    ...GROUPINGS.map(by => [`rates by ${by}`, groupedRates(keys, by)] as const),
    ...RANKINGS.map(rankBy => [`decided by ${rankBy}`, decidedBestAgent(keys, { rankBy, minAttempts: 1 })] as const),
    ['models', modelComparison(keys, { minAttempts: 1 })],
    ['report', performanceReport(keys, '2026-01-31T12:00:00Z')],
    ...FAIR_GROUPINGS.map(by => [`fair by ${by}`, fairReport(keys, by)] as const),
    ...GROUPINGS.map(by => [`calibration by ${by}`, calibrationReport(keys, by)] as const),
    ['leaderboard', leaderboard(keys, { minAttempts: 1 })],
    ['costs', costReport(keys)],
    ['experiment', experimentReport('e', tally.arms('e'))],
    ['adaptive experiment', experimentReport('e', tally.arms('e'), { adaptive: true })],
    ['trends', trendReport(intervals, perInterval, keys)],
    ['route', routingReport('i', evidence)],
    ['constrained route', routingReport('i', evidence, { max_cost_usd: 1, min_success_rate: 50 })],
    ['drawn route', routingReport('i', evidence, { seed: 's' })],
    [
      'discounted route',
      routingReport(
        'i',
        evidence.map(each => ({ ...each, successes: each.successes / 3, attempts: each.attempts / 3 })),
      ),
    ],
  ])
}

/** Smallest and largest value of fields by their names. */
const BOUNDS: readonly (readonly [RegExp, number, number])[] = [
  [/^(\w+_)?success_rate$|^adjusted_rate$|^lower_bound$|^draw$|^expected_loss$/, 0, 100],
  [/^p_best$|^p_value$|^spiegelhalter_p$|^auroc$|^brier_score$|^mean_confidence$|^avg_confidence$/, 0, 1],
  [/^reliability$|^resolution$|^uncertainty$|^expected_calibration_error$/, 0, 1],
  [/^over_confidence$/, -1, 1],
  [/^(adjusted_)?difference$/, -100, 100],
  [/attempts|^reported$|^computed$|^unpriced$|seconds$|cost_usd$|^statistic$/, 0, Number.MAX_VALUE],
]

/** Tolerance for rounding between two ways to compute a number. */
const ROUNDING = 1e-9

/** The inconsistencies of a report, each with its path and the reason. */
function flaws(value: unknown, path: string): string[] {
  if (typeof value === 'number') return Number.isFinite(value) ? [] : [`${path} is ${value}`]
  if (typeof value !== 'object' || value === null) return value === undefined ? [`${path} is undefined`] : []
  if (Array.isArray(value)) return value.flatMap((one, i) => flaws(one, `${path}[${i}]`))
  const own = Object.entries(value).flatMap(([name, one]) => [
    ...flaws(one, `${path}.${name}`),
    ...(typeof one === 'number' ? outOfBounds(name, one, path) : []),
    ...(isInterval(one) ? notContained(name, one, value as Record<string, unknown>, path) : []),
  ])
  return own
}

function outOfBounds(name: string, value: number, path: string): string[] {
  const [, low, high] = BOUNDS.find(([pattern]) => pattern.test(name)) ?? []
  if (low === undefined || high === undefined) return []
  return value >= low - ROUNDING && value <= high + ROUNDING ? [] : [`${path}.${name} is ${value}`]
}

interface Interval {
  readonly low: number
  /** Null if there is no upper limit. */
  readonly high: number | null
}

function isInterval(value: unknown): value is Interval {
  return typeof value === 'object' && value !== null && 'low' in value && 'high' in value
}

/** `rate_interval` must contain `rate`, and `interval` the cost beside it. */
function notContained(name: string, { low, high }: Interval, beside: Record<string, unknown>, path: string): string[] {
  const middle = name === 'interval' ? beside.cost_usd : beside[name.replace(/_interval$/, '')]
  const rate = beside.avg_success_rate !== undefined ? beside.avg_success_rate : beside.overall_success_rate
  const value = typeof middle === 'number' ? middle : typeof rate === 'number' ? rate : Number.NaN
  if (Number.isNaN(value)) return middle === null ? [] : [`${path}.${name} is an interval of nothing`]
  const slack = ROUNDING * Math.max(1, Math.abs(value))
  return low <= value + slack && value <= (high ?? Number.POSITIVE_INFINITY) + slack
    ? []
    : [`${path}.${name} [${low}, ${high}] lacks ${value}`]
}

function expectConsistent(list: readonly AgentAttempt[]): void {
  for (const [name, report] of reportsOn(list)) {
    // A report is undefined if no key qualifies.
    if (report !== undefined) expect(flaws(report, name)).toEqual([])
  }
}

const MINUTE_MS = 60_000
/** `count` attempts a minute apart, of which the first `good` succeed. */
function some(good: number, count: number, more: Partial<AgentAttempt> = {}): AgentAttempt[] {
  return Array.from({ length: count }, (_, i) => ({
    agent_name: 'a',
    model_name: 'm',
    issue_type: 'i',
    success: i < good,
    time_seconds: 1,
    timestamp: new Date(NOW_MS - (count - i) * MINUTE_MS).toISOString(),
    ...more,
  }))
}
const arm = (variant: string): Partial<AgentAttempt> => ({ experiment: 'e', variant })

const EDGES: Readonly<Record<string, readonly AgentAttempt[]>> = {
  'no attempt': [],
  'one success': some(1, 1, arm('x')),
  'one failure': some(0, 1, arm('x')),
  'no confidence': [...some(50, 100, arm('x')), ...some(60, 100, arm('y'))],
  'all successes': [
    ...some(200, 200, { ...arm('x'), confidence: 1 }),
    ...some(200, 200, { ...arm('y'), confidence: 1 }),
  ],
  'no successes': [...some(0, 200, { ...arm('x'), confidence: 0 }), ...some(0, 200, { ...arm('y'), confidence: 0 })],
  'full confidence and only failures': some(0, 200, { confidence: 1, cost_usd: 1 }),
  'ties between agents': ['a', 'b', 'c'].flatMap(agent_name => some(30, 60, { agent_name, ...arm(agent_name) })),
  'a constant confidence': some(80, 120, { confidence: 0.7 }),
  'one variant only': some(3, 9, arm('x')),
  'an unequal split': [...some(300, 400, arm('x')), ...some(2, 4, arm('y'))],
  'costs of zero': some(10, 30, { cost_usd: 0, input_tokens: 0, ...arm('x') }),
  'costs that are missing in half': [...some(10, 30), ...some(10, 30, { cost_usd: 0.5 })],
  'one cost only': [...some(10, 30), ...some(1, 1, { cost_usd: 0.5 })],
  'costs that are all the same': some(10, 30, { cost_usd: 0.1, time_seconds: 0.1 }),
  'costs and times at their bounds': some(10, 30, { cost_usd: 1e9, time_seconds: 1e9, input_tokens: 1e12 }),
  'times of zero': some(10, 30, { time_seconds: 0 }),
  'all at the same moment': some(10, 100, { timestamp: '2026-01-31T11:59:00Z' }),
  'a thousand years apart': [...some(1, 1, { timestamp: '1026-01-31T11:59:00Z' }), ...some(70, 80)],
}

describe('every report is finite and in bounds, with estimates inside their intervals', () => {
  test.each(Object.entries(EDGES))('on %s', (_, list) => expectConsistent(list))

  test('on random attempts', () => {
    fc.assert(fc.property(fc.array(attempts, { maxLength: 60 }), expectConsistent), { numRuns: 40 })
  })

  test('on many random attempts of few keys', () => {
    const few = fc.record({
      agent_name: fc.constantFrom('a', 'b', '__proto__'),
      issue_type: fc.constantFrom('i', 'j'),
      variant: fc.constantFrom('x', 'y'),
      good: fc.nat(150),
      count: fc.nat(150),
      confidence: fc.constantFrom(undefined, null, 0, 0.5, 0.95, 1),
      cost_usd: fc.constantFrom(undefined, 0, 0.01, 30),
    })
    const lists = fc.array(few, { maxLength: 5 }).map(groups =>
      groups.flatMap(({ good, count, variant, cost_usd, ...names }) =>
        some(good, count, {
          ...names,
          ...arm(variant),
          ...(cost_usd === undefined ? {} : { cost_usd }),
        } as Partial<AgentAttempt>),
      ),
    )
    fc.assert(fc.property(lists, expectConsistent), { numRuns: 40 })
  })
})

test('probabilities of being the best sum to 1, and equal agents are not decisive', () => {
  const keys = ['a', 'b', 'c'].flatMap(agent_name => some(30, 60, { agent_name }))
  const best = reportsOn(keys).get('decided by success_rate') as NonNullable<ReturnType<typeof decidedBestAgent>>
  expect(best.decisive).toBe(false)
  expect([best, ...best.contenders].map(({ p_best }) => p_best)).toEqual([1, 1, 1].map(n => expect.closeTo(n / 3, 6)))
})

test('a report does not depend on earlier reports, and agrees with the model comparison and the best agents', () => {
  const [label, total] = [fc.constantFrom('a', 'b', 'c'), 40]
  const few = attempts.chain(one =>
    fc.record({ agent_name: label, model_name: label, issue_type: label }).map(key => ({ ...one, ...key })),
  )
  fc.assert(
    fc.property(fc.array(few, { maxLength: total }), fc.array(fc.nat({ max: total })), (list, reportedAfter) => {
      const tally = createTally({ maxKeys: 1000, maxArms: 100, tiers: DEFAULT_TIERS })
      for (const [i, attempt] of list.entries()) {
        tally.add(attempt, parseTimestamp(attempt.timestamp)!, NOW_MS)
        if (reportedAfter.includes(i)) performanceReport(tally.keys(), 'now')
      }
      // Copies without a change counter are not cached.
      const copies = tally.keys().map(({ key, summary, recent }) => ({ key, summary: copySummary(summary), recent }))
      const report = performanceReport(tally.keys(), 'now')
      expect(report).toEqual(performanceReport(copies, 'now'))
      expect(report.by_model).toEqual(modelComparison(copies, { minAttempts: 1 }))
      const issues = new Set(copies.map(({ key }) => key.issue_type))
      const best = [...issues].map((issue): [string, BestAgent | undefined] => [
        issue,
        plainOf(
          decidedBestAgent(
            copies.filter(({ key }) => key.issue_type === issue),
            { minAttempts: 3 },
          ),
        ),
      ])
      expect(report.recommendations).toEqual(
        Object.assign(Object.create(null), Object.fromEntries(best.filter(([, one]) => isRecommended(one)))),
      )
    }),
  )
})

test('a report recommends no agent at none of five', () => {
  const report = (good: number): unknown => {
    const { recommendations } = reportsOn(some(good, 5)).get('report') as ReturnType<typeof performanceReport>
    return recommendations.i?.agent_name
  }
  expect(report(0)).toBeUndefined()
  expect(report(1)).toBe('a')
})

test('ranked by cost, the answer is about the cost per success: who is cheaper with fewer successes', () => {
  const attempts = (agent_name: string, good: number, cost: number): AgentAttempt[] =>
    some(good, 100, { agent_name }).map((one, i) => ({ ...one, cost_usd: cost * (1 + (i % 5) / 10) }))
  const keys = [...attempts('cheap', 60, 0.1), ...attempts('dear', 90, 1), ...some(80, 100, { agent_name: 'unpriced' })]
  expect(reportsOn(keys).get('decided by expected_cost')).toMatchObject({
    agent_name: 'cheap',
    decided_by: 'cost_per_success',
    cost_per_success: { cost_usd: expect.closeTo(0.2, 6), interval: { low: expect.any(Number) } },
    p_best: expect.closeTo(1, 6),
    decisive: true,
    contenders: [],
    attempts_to_decide: 0,
  })
  const close = [...attempts('cheap', 60, 0.1), ...attempts('near', 60, 0.11)]
  expect(reportsOn(close).get('decided by expected_cost')).toMatchObject({
    agent_name: 'cheap',
    decisive: false,
    contenders: [{ agent_name: 'near', cost_per_success: { cost_usd: expect.closeTo(0.22, 6) } }],
    attempts_to_decide: null,
  })
})

test('ranked by cost without any known cost, the answer is about the success rate', () => {
  const best = reportsOn([...some(30, 60), ...some(40, 60, { agent_name: 'b' })]).get('decided by expected_cost')
  expect(best).toMatchObject({ decided_by: 'success_rate', cost_per_success: null, shrunk_rate: null })
})

/** A report recommends no agent that never succeeded. */
function isRecommended(best: BestAgent | undefined): boolean {
  return best !== undefined && best.success_rate > 0
}

/** The best agent as a report has it: without the evidence that it is the best. */
function plainOf(best: DecidedBestAgent | undefined): BestAgent | undefined {
  if (best === undefined) return undefined
  const { shrunk_rate, cost_per_success, decided_by, p_best, expected_loss, decisive, ...rest } = best
  const { contenders, attempts_to_decide, ...plain } = rest
  return plain
}
