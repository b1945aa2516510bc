/** An A/B test so far. Over 150 lines, because every field of the answer is described. */
import { z } from 'zod'
import type { ExperimentPlan } from '../core/aggregate/experiment-plan.ts'
import { span } from '../core/aggregate/summary.ts'
import { ExperimentNotTold, type TimeRange } from '../core/ports.ts'
import {
  type ComparedVariant,
  type ExperimentReport,
  experimentSteps,
  overflowMessage,
  type VariantReport,
} from '../core/reports/experiment-report.ts'
import { outcomeTotals as totalsOf, type WithOutcomes } from '../core/reports/outcome-totals.ts'
import type { Selection } from '../core/reports/selection.ts'
import { parseShares } from '../core/reports/shares.ts'
import type { DifferenceInterval } from '../core/statistics/mean-difference.ts'
import { runYielding } from '../lib/event-loop.ts'
import { attempts, bestAgent, costs, outcomeTotals, probability, rate, rateDifference } from './answer-schemas.ts'
import { amount, flag, name, selection, text } from './parameters.ts'
import { defineQuestion, type Facts, type ParsedQuery, type Question } from './question.ts'
import { byName, type ObjectSchema, objectSchema } from './schema.ts'

export interface ExperimentQuery extends Selection {
  /** The value of `experiment` in its attempts. */
  readonly name: string
  /** By default the stored one, else the variant with the earliest attempt. */
  readonly baseline?: string | undefined
  readonly adaptive?: boolean | undefined
  /** Intended shares such as `control:90,canary:10`. By default the stored ones, else equal shares. */
  readonly shares?: string | undefined
  /** The non-inferiority margin in percentage points. */
  readonly margin?: number | undefined
}

const variant: ObjectSchema<VariantReport> = objectSchema('VariantReport', {
  ...rate.shape,
  variant: z.string(),
  avg_time_seconds: bestAgent.shape.avg_time_seconds,
  avg_time_seconds_interval: bestAgent.shape.avg_time_seconds_interval,
  time_seconds: bestAgent.shape.time_seconds,
  avg_confidence: bestAgent.shape.avg_confidence,
  costs,
})

const differenceInterval: ObjectSchema<DifferenceInterval> = objectSchema('DifferenceInterval', {
  low: z.number().meta({ description: 'Lower end, in the unit of the difference.' }),
  high: z.number().meta({ description: 'Upper end, in the unit of the difference.' }),
  method: z.literal('confidence_sequence').meta({ description: 'How it is computed.' }),
})

/** The mean of the variant minus that of the baseline. */
const meanDifference = (description: string) => z.number().nullable().meta({ description })

const meanDifferenceInterval = (unit: string) =>
  differenceInterval.nullable().meta({
    description: `The 95 % interval of the difference, in ${unit}: valid at every look, for this measure alone. Where tasks repeat, all runs of a task count as equal. Null below 30 values, or tasks, of a variant.`,
  })

const comparison: ObjectSchema<ComparedVariant> = objectSchema('ComparedVariant', {
  ...rateDifference.shape,
  variant: z.string(),
  baseline: z.string(),
  verdict: z.enum(['better', 'worse', 'not_worse', 'cannot_tell_yet', 'unsound']).meta({
    description:
      'The result. not_worse: with a margin, the whole interval is above its negative. unsound: the sample ratio is a mismatch.',
  }),
  attempts_needed: attempts.nullable().meta({
    description: 'Further attempts of each of the two after which 80 % of tests decide, at the rates seen so far.',
  }),
  minimum_detectable_effect: z.number().nullable().meta({
    description: 'In percentage points: the smallest difference that the attempts so far find in 80 % of tests.',
  }),
  futile: z.boolean().meta({
    description: 'In 80 % of cases, 20,000 further attempts of the two will not decide.',
  }),
  summary: z.string().meta({ description: 'The verdict in words.' }),
  avg_time_seconds_difference: meanDifference('Mean time minus that of the baseline, in seconds.'),
  avg_time_seconds_difference_interval: meanDifferenceInterval('seconds'),
  avg_cost_usd_difference: meanDifference('Mean cost of an attempt minus that of the baseline, in US dollars.'),
  avg_cost_usd_difference_interval: meanDifferenceInterval('US dollars'),
})

/** The report, and how the attempts of the experiment were judged. */
export interface ExperimentAnswer extends ExperimentReport, WithOutcomes {}

const answer: ObjectSchema<ExperimentAnswer> = objectSchema('ExperimentReport', {
  outcomes: outcomeTotals,
  experiment: z.string(),
  variants: z.array(variant).meta({
    description: 'Every variant that was ever seen or is stated in the shares, the baseline first.',
  }),
  overflowed_attempts: attempts.meta({
    description: 'Attempts whose variant was not stored, because the limit of arms was reached.',
  }),
  intended_shares: byName(z.number(), 'The stated share in percent.')
    .nullable()
    .meta({ description: 'The stated shares in percent, by variant. Null if none are stated.' }),
  end: z
    .string()
    .nullable()
    .meta({ description: 'The stored end: attempts from then on do not count, to the time bucket as for `until`.' }),
  sample_ratio: z
    .strictObject({
      status: z.enum(['as_intended', 'mismatch', 'too_few']).meta({ description: 'The result of the check.' }),
      p_value: probability.nullable().meta({ description: 'p-value of the intended shares, 0 to 1.' }),
    })
    .nullable()
    .meta({
      description:
        'Whether attempts came in the intended shares; valid at every look. Of tasks, where none has runs in two variants.',
    }),
  comparisons: z.array(comparison).meta({ description: 'Every other variant compared with the baseline.' }),
})

/** The range without what is after the end of the experiment. */
async function rangeOf(
  facts: Facts,
  { name, range }: Pick<ParsedQuery<ExperimentQuery>, 'name' | 'range'>,
  endMs: number | undefined,
): Promise<TimeRange | undefined> {
  if (endMs === undefined || (range !== undefined && range.untilMs <= endMs)) return range
  if (range !== undefined) return { sinceMs: Math.min(range.sinceMs, endMs), untilMs: endMs }
  const spans = (await facts.arms(name)).flatMap(({ summary }) => span(summary) ?? [])
  // Counts by time are only needed where something must be left out: those of a long life may have expired.
  if (spans.every(({ lastMs }) => lastMs < endMs)) return undefined
  const { earliestMs } = facts.coverage(Number.NEGATIVE_INFINITY)
  return { sinceMs: Math.min(earliestMs, endMs), untilMs: endMs }
}

/** What was stored of the experiment, and the shares of the question in place of the stored ones. */
function planOf(stored: ExperimentPlan | undefined, shares: string | undefined): ExperimentPlan {
  const read = shares === undefined ? undefined : parseShares(shares)
  return { ...stored, ...(read !== undefined && typeof read !== 'string' && { shares: read }) }
}

/**
 * Undefined if there is no such experiment, or no such baseline in it. Rejects with {@link ExperimentNotTold} if its attempts may have been
 * recorded without their variant, because the limit of arms was reached.
 */
export const experiment: Question<'experiments/{name}', ExperimentQuery, ExperimentAnswer | undefined> = defineQuestion(
  {
    path: 'experiments/{name}',
    summary: 'What an A/B test says so far; may be asked after every attempt',
    command: 'experiment',
    parameters: z.strictObject({
      name: text('The "experiment" of its attempts', 'name'),
      ...selection,
      baseline: name(
        'The variant that others are compared with (default: the stored one, else the earliest)',
      ).optional(),
      shares: text('Intended shares, such as control:90,canary:10 (default: the stored ones, else equal)', 'shares')
        .refine(given => typeof parseShares(given) !== 'string', { error: ({ input }) => sharesProblem(input) })
        .optional(),
      margin: amount(
        'Call a variant not worse if it loses fewer percentage points than this against the baseline',
        0.01,
        100,
        'points',
      ).optional(),
      adaptive: flag('What was seen decided which variant came next, as a bandit does').default(false),
    }),
    answer,
    example: { name: 'prompt' },
    async run(facts, query, signal) {
      const { name, filter, baseline, adaptive, margin } = query
      const stored = facts.experimentPlan(name)
      const range = await rangeOf(facts, query, stored?.endMs)
      const arms = await facts.arms(name, range, filter, signal)
      const overflowed = await facts.overflowedArms(name, range, filter)
      const isKnown = stored !== undefined || arms.length > 0
      const plan = isKnown ? planOf(stored, query.shares) : undefined
      const steps = experimentSteps(name, arms, {
        baseline,
        adaptive,
        margin,
        plan,
        overflowed: overflowed.own,
        isLatest: query.outcome === 'latest',
      })
      const report = await runYielding(steps, signal)
      const reason = report === undefined ? overflowMessage(name, overflowed) : undefined
      if (reason !== undefined) throw new ExperimentNotTold(reason)
      if (report === undefined) return undefined
      const latest = await facts.arms(name, range, filter, signal, 'latest')
      return { ...report, outcomes: totalsOf(latest.map(({ summary }) => summary)) }
    },
    noAnswer: ({ baseline }) =>
      `no attempt belongs to an experiment of that name${baseline === undefined ? '' : `, or none with the variant "${baseline}"`}`,
  },
)

function sharesProblem(given: unknown): string {
  const read = parseShares(String(given))
  return typeof read === 'string' ? read : ''
}
