import { z } from 'zod'
import { ExperimentNotTold } from '../core/ports.ts'
import {
  type ExperimentReport,
  experimentSteps,
  overflowMessage,
  type VariantReport,
} from '../core/reports/experiment-report.ts'
import type { RangeQuestion } from '../core/reports/range.ts'
import type { VariantComparison } from '../core/statistics/experiment.ts'
import { runYielding } from '../lib/event-loop.ts'
import { attempts, bestAgent, costs, probability, rate, rateDifference } from './answer-schemas.ts'
import { flag, name, range, text } from './parameters.ts'
import { defineQuestion, type Question } from './question.ts'
import { type ObjectSchema, objectSchema } from './schema.ts'

export interface ExperimentQuery extends RangeQuestion {
  /** The value of `experiment` in its attempts. */
  readonly name: string
  /** By default the variant that was recorded first. */
  readonly baseline?: string | undefined
  readonly adaptive?: boolean | undefined
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

const comparison: ObjectSchema<VariantComparison> = objectSchema('VariantComparison', {
  ...rateDifference.shape,
  variant: z.string(),
  baseline: z.string(),
  verdict: z.enum(['better', 'worse', 'cannot_tell_yet', 'unsound']),
  attempts_needed: attempts.nullable(),
  summary: z.string().meta({ description: 'The result in words.' }),
})

const answer: ObjectSchema<ExperimentReport> = objectSchema('ExperimentReport', {
  experiment: z.string(),
  variants: z.array(variant).meta({ description: 'Every variant, the baseline first.' }),
  overflowed_attempts: attempts.meta({
    description: 'Attempts whose variant was not stored, because the limit of arms was reached.',
  }),
  sample_ratio: z
    .strictObject({
      status: z.enum(['as_intended', 'mismatch', 'too_few']).meta({ description: 'The result of the check.' }),
      p_value: probability.nullable().meta({ description: 'p-value of the intended shares, 0 to 1.' }),
    })
    .nullable()
    .meta({
      description: 'Check of the attempts per variant. Null for a single variant, and for an adaptive assignment.',
    }),
  comparisons: z.array(comparison).meta({ description: 'Every other variant compared with the baseline.' }),
})

/**
 * Undefined if there is no such experiment, or no such baseline in it. Rejects with {@link ExperimentNotTold} if its attempts may have been
 * recorded without their variant, because the limit of arms was reached.
 */
export const experiment: Question<'experiments/{name}', ExperimentQuery, ExperimentReport | undefined> = defineQuestion(
  {
    path: 'experiments/{name}',
    summary: 'What an A/B test says so far; may be asked after every attempt',
    command: 'experiment',
    parameters: z.strictObject({
      name: text('The "experiment" of its attempts', 'name'),
      ...range,
      baseline: name('The variant that others are compared with (default: the one that came first)').optional(),
      adaptive: flag('What was seen decided which variant came next, as a bandit does').default(false),
    }),
    answer,
    example: { name: 'prompt' },
    async run(facts, { range, name, baseline, adaptive }, signal) {
      const arms = await facts.arms(name, range, signal)
      const overflowed = await facts.overflowedArms(name, range)
      const steps = experimentSteps(name, arms, { baseline, adaptive, overflowed: overflowed.own })
      const report = await runYielding(steps, signal)
      const reason = report === undefined ? overflowMessage(name, overflowed) : undefined
      if (reason !== undefined) throw new ExperimentNotTold(reason)
      return report
    },
    noAnswer: ({ baseline }) =>
      `no attempt belongs to an experiment of that name${baseline === undefined ? '' : `, or none with the variant "${baseline}"`}`,
  },
)
