import { z } from 'zod'
import { span, totalAttempts } from '../core/aggregate/summary.ts'
import { printTimestamp } from '../core/attempt/timestamp.ts'
import type { ArmSummary, TimeRange } from '../core/ports.ts'
import { experimentSteps } from '../core/reports/experiment-report.ts'
import { intervalsBetween } from '../core/reports/intervals.ts'
import type { Selection } from '../core/reports/selection.ts'
import type { RateDifference } from '../core/statistics/sequential.ts'
import { runYielding } from '../lib/event-loop.ts'
import { attempts, rateDifference } from './answer-schemas.ts'
import { flag, name, selection, text } from './parameters.ts'
import { defineQuestion, type Facts, type Question } from './question.ts'
import { type ObjectSchema, objectSchema } from './schema.ts'

export interface ExperimentHistoryQuery extends Selection {
  readonly name: string
  /** By default the stored one, else the variant with the earliest attempt. */
  readonly baseline?: string | undefined
  readonly adaptive?: boolean | undefined
}

/** A variant compared with the baseline, over all attempts up to a point in time. */
export interface PastComparison extends RateDifference {
  readonly variant: string
  /** Attempts of the variant and of the baseline together. */
  readonly total_attempts: number
}

export interface PastPoint {
  /** RFC 3339. */
  readonly until: string
  readonly comparisons: readonly PastComparison[]
}

export interface ExperimentHistory {
  readonly experiment: string
  readonly baseline: string
  readonly points: readonly PastPoint[]
}

const comparison: ObjectSchema<PastComparison> = objectSchema('PastComparison', {
  ...rateDifference.shape,
  variant: z.string(),
  total_attempts: attempts.meta({ description: 'Attempts of the variant and of the baseline until then.' }),
})

const point: ObjectSchema<PastPoint> = objectSchema('PastPoint', {
  until: z.string().meta({ description: 'Attempts before this time count, RFC 3339.' }),
  comparisons: z.array(comparison).meta({ description: 'Every variant with attempts, compared with the baseline.' }),
})

const answer: ObjectSchema<ExperimentHistory> = objectSchema('ExperimentHistory', {
  experiment: z.string(),
  baseline: z.string(),
  points: z.array(point).meta({ description: 'Oldest first. Each counts all attempts of the range up to its time.' }),
})

/** Undefined if the experiment has no attempts in the range, or no such baseline. */
export const experimentHistory: Question<
  'experiments/{name}/history',
  ExperimentHistoryQuery,
  ExperimentHistory | undefined
> = defineQuestion({
  path: 'experiments/{name}/history',
  summary: 'How the comparison of an A/B test developed: the confidence sequence over time',
  parameters: z.strictObject({
    name: text('The "experiment" of its attempts', 'name'),
    ...selection,
    baseline: name('The variant that others are compared with (default: the stored one, else the earliest)').optional(),
    adaptive: flag('What was seen decided which variant came next, as a bandit does').default(false),
  }),
  answer,
  example: { name: 'prompt' },
  async run(facts, query, signal) {
    const { name, filter, range, adaptive } = query
    const plan = facts.experimentPlan(name)
    const all = await facts.arms(name, range, filter, signal)
    const whole = await runYielding(experimentSteps(name, all, { baseline: query.baseline, adaptive, plan }), signal)
    const baseline = whole?.variants[0]?.variant
    if (baseline === undefined) return undefined
    const points: PastPoint[] = []
    for (const part of pastRanges(facts, all, range, plan?.endMs, query.nowMs)) {
      const arms = await facts.arms(name, part, filter, signal)
      const report = await runYielding(experimentSteps(name, arms, { baseline, adaptive, plan }), signal)
      const counts = new Map(arms.map(({ variant, summary }) => [variant, totalAttempts(summary)]))
      const of = (variant: string): number => counts.get(variant) ?? 0
      const comparisons = (report?.comparisons ?? [])
        .filter(({ variant }) => of(variant) > 0 && of(baseline) > 0)
        .map(({ variant, difference, difference_interval, p_value, common_tasks }) => ({
          variant,
          difference,
          difference_interval,
          p_value,
          ...(common_tasks !== undefined && { common_tasks }),
          total_attempts: of(variant) + of(baseline),
        }))
      points.push({ until: printTimestamp({ ms: part.untilMs, local: false }), comparisons })
    }
    return { experiment: name, baseline, points }
  },
  noAnswer: ({ baseline }) =>
    `no attempt belongs to an experiment of that name${baseline === undefined ? '' : `, or none with the variant "${baseline}"`}`,
})

/** Ranges that begin together and end at about thirty points in time. */
function pastRanges(
  facts: Facts,
  arms: readonly ArmSummary[],
  range: TimeRange | undefined,
  endMs: number = Number.POSITIVE_INFINITY,
  nowMs: number,
): readonly TimeRange[] {
  const spans = arms.flatMap(({ summary }) => span(summary) ?? [])
  const firstMs = spans.reduce((first, one) => Math.min(first, one.firstMs), Number.POSITIVE_INFINITY)
  const lastMs = Math.min(
    endMs - 1,
    spans.reduce((last, one) => Math.max(last, one.lastMs), firstMs),
  )
  const { earliestMs } = facts.coverage(Number.NEGATIVE_INFINITY)
  const sinceMs = Math.max(range?.sinceMs ?? firstMs, earliestMs)
  const limits = { sinceMs, untilMs: Math.min(range?.untilMs ?? Number.POSITIVE_INFINITY, endMs) }
  const cover = { sinceMs: Math.max(firstMs, sinceMs), untilMs: lastMs + 1, limits }
  return intervalsBetween(cover, { nowMs, held: facts }).ranges.map(({ untilMs }) => ({ sinceMs, untilMs }))
}
