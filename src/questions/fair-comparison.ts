import { z } from 'zod'
import { FAIR_GROUPINGS, type FairGrouping, fairSteps } from '../core/reports/fair-report.ts'
import type { Selection } from '../core/reports/selection.ts'
import type { FairBest, FairComparison, FairRate, NamedTaskDifference } from '../core/statistics/fair-comparison.ts'
import type { TurnedPair } from '../core/statistics/reversed-pairs.ts'
import { runYielding } from '../lib/event-loop.ts'
import { attempts, names, probability, rate, rateInterval } from './answer-schemas.ts'
import { choice, selection } from './parameters.ts'
import { defineQuestion, type Question } from './question.ts'
import { type ObjectSchema, objectSchema, strictObject } from './schema.ts'

export interface FairComparisonQuery extends Selection {
  readonly by?: FairGrouping | undefined
}

const fairRate: ObjectSchema<FairRate> = objectSchema('FairRate', {
  name: z.string(),
  success_rate: z.number(),
  success_rate_interval: rateInterval,
  total_attempts: attempts,
  clusters: rate.shape.clusters,
  effective_attempts: rate.shape.effective_attempts,
  adjusted_rate: z
    .number()
    .nullable()
    .meta({ description: 'In percent at the common mix of issue types. Null if it shares none.' }),
  adjusted_rate_interval: rateInterval.nullable(),
  compared_attempts: attempts.meta({ description: 'Attempts in the strata.' }),
})

const points = z.number().meta({ description: 'In percentage points.' })

const turnedPair: ObjectSchema<TurnedPair> = objectSchema('TurnedPair', {
  better: z.string().meta({ description: 'Name of the one with the higher adjusted rate.' }),
  worse: z.string().meta({ description: 'Name of the one with the lower adjusted rate.' }),
  difference: z.number(),
  adjusted_difference: z.number(),
  adjusted_difference_interval: strictObject({ low: points, high: points, method: z.literal('mover') }),
})

const fairBest: ObjectSchema<FairBest> = objectSchema('FairBest', {
  name: z.string(),
  decisive: z.boolean(),
  contenders: names,
})

const taskDifference: ObjectSchema<NamedTaskDifference> = objectSchema('TaskDifference', {
  better: z.string().meta({ description: 'Name of the one with the higher rate over the common tasks.' }),
  worse: z.string().meta({ description: 'Name of the one with the lower rate over the common tasks.' }),
  common_tasks: attempts.meta({ description: 'Tasks that both ran. Each counts once.' }),
  difference: z.number().meta({ description: 'Mean over the common tasks, in percentage points.' }),
  difference_interval: strictObject({ low: points, high: points, method: z.literal('paired_t') }),
  p_value: probability.meta({
    description: 'p-value of no difference, 0 to 1, for one look, not corrected for the number of groups.',
  }),
})

const answer: ObjectSchema<FairComparison> = objectSchema('FairComparison', {
  strata: names.meta({ description: 'Issue types in which all compared groups have attempts.' }),
  rates: z.array(fairRate).meta({ description: 'The compared agents or models with their rates in percent.' }),
  best: fairBest.nullable().meta({ description: 'The one with the highest adjusted rate. Null if none is compared.' }),
  by_task: z
    .array(taskDifference)
    .optional()
    .meta({ description: 'The best compared with the others task by task. Absent below 10 common tasks.' }),
  turned_over: z
    .array(turnedPair)
    .meta({ description: 'Pairs of which the plain and the adjusted rates name different ones as better.' }),
})

export const fairComparison: Question<'fair-comparison', FairComparisonQuery, FairComparison> = defineQuestion({
  path: 'fair-comparison',
  summary: 'Agents or models at the same mix of issue types: who leads, and the pairs whose order that turns over',
  parameters: z.strictObject({
    ...selection,
    by: choice(FAIR_GROUPINGS, 'What to compare at the same mix of issue types').default('model_name'),
  }),
  answer,
  example: {},
  async run(facts, { range, filter, by }, signal) {
    return await runYielding(fairSteps(await facts.summaries(range, filter, signal), by), signal)
  },
})
