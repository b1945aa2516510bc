/** Schemas of what several answers hold. Rates and differences of rates are in percent, probabilities from 0 to 1, times in seconds. */
import { z } from 'zod'
import type { AttemptKey } from '../core/attempt/attempt.ts'
import type { BestAgent } from '../core/reports/best-agent.ts'
import type { CostAnswer } from '../core/reports/cost-report.ts'
import { GROUPINGS, type Grouping } from '../core/reports/grouped-rates.ts'
import type { ModelPerformance } from '../core/reports/model-comparison.ts'
import type { OutcomeTotals } from '../core/reports/outcome-totals.ts'
import type { Rate } from '../core/reports/rate.ts'
import type { CostEstimate } from '../core/statistics/cost.ts'
import type { Drift } from '../core/statistics/drift.ts'
import type { MeanInterval, RateInterval } from '../core/statistics/intervals.ts'
import type { RateDifference } from '../core/statistics/sequential.ts'
import type { QuantileInterval, TimeQuantiles } from '../core/statistics/time-quantiles.ts'
import { type ObjectSchema, objectSchema, strictObject } from './schema.ts'

export const attempts: z.ZodNumber = z.int().min(0).meta({ description: 'Number of attempts.' })
export const probability: z.ZodNumber = z.number().min(0).max(1)
export const names: z.ZodArray<z.ZodString> = z.array(z.string())
export const grouping: z.ZodType<Grouping, Grouping> = z.enum(GROUPINGS)

const percent = z.number().meta({ description: 'In percent, 0 to 100.' })
const seconds = z.number().min(0)
const points = z.number().meta({ description: 'In percentage points.' })
const usd = z.number().min(0).meta({ description: 'In US dollars.' })
const evidence = z
  .enum(['insufficient', 'low', 'medium', 'high'])
  .meta({ description: 'What that many effective attempts can show: below 5, below 30, below 100, and more.' })
export const clusters: z.ZodOptional<z.ZodInt> = z
  .int()
  .min(1)
  .optional()
  .meta({ description: 'Tasks, and attempts that state none. Absent if no task repeats.' })
export const effectiveAttempts: z.ZodOptional<z.ZodNumber> = z.number().min(1).optional().meta({
  description:
    'Independent attempts that carry the same information. The interval uses them. Absent if no task repeats.',
})
const confidence = probability
  .nullable()
  .meta({ description: 'Mean stated confidence, 0 to 1. Null if no attempt stated one.' })

export const rateInterval: ObjectSchema<RateInterval> = objectSchema('RateInterval', {
  low: percent,
  high: percent,
  method: z.literal('wilson'),
})

const mean = z.number().meta({ description: 'In the unit of the mean.' })

export const meanInterval: ObjectSchema<MeanInterval> = objectSchema('MeanInterval', {
  low: mean,
  high: mean,
  method: z.enum(['student_t', 'log_scale']),
})

const quantileSeconds = seconds.meta({ description: 'In seconds.' })

const quantileInterval: ObjectSchema<QuantileInterval> = objectSchema('QuantileInterval', {
  low: quantileSeconds,
  high: seconds.nullable().meta({ description: 'In seconds. Null if the sample has no upper limit.' }),
  method: z.literal('order_statistic'),
})

export const timeQuantiles: ObjectSchema<TimeQuantiles> = objectSchema('TimeQuantiles', {
  attempts,
  p50: seconds.nullable(),
  p50_interval: quantileInterval,
  p95: seconds.nullable(),
  p95_interval: quantileInterval,
})

export const rate: ObjectSchema<Rate> = objectSchema('Rate', {
  success_rate: percent.meta({ description: 'Successes in percent of the attempts, 0 to 100. 0 without attempts.' }),
  total_attempts: attempts,
  success_rate_interval: rateInterval,
  evidence,
  clusters,
  effective_attempts: effectiveAttempts,
})

export const outcomeTotals: ObjectSchema<OutcomeTotals> = objectSchema('OutcomeTotals', {
  verified: attempts.meta({ description: 'Attempts that count by an outcome.' }),
  reported: attempts.meta({ description: 'Attempts that count as reported, because they have no outcome.' }),
  pending: attempts.meta({
    description: 'Attempts that reported no result and have no outcome. They count in no rate.',
  }),
})

/** Beside the raw rate. */
export const shrunkRate: z.ZodNullable<z.ZodNumber> = percent.nullable().meta({
  description:
    'The rate in percent, shrunk by a hierarchical model towards what other issue types tell of the agent; null unless ranked by it.',
})

export const attemptKey: ObjectSchema<AttemptKey> = objectSchema('AttemptKey', {
  agent_name: z.string(),
  model_name: z.string(),
  issue_type: z.string(),
})

export const bestAgent: ObjectSchema<BestAgent> = objectSchema('BestAgent', {
  ...rate.shape,
  agent_name: z.string(),
  model_name: z.string(),
  avg_confidence: confidence,
  avg_time_seconds: seconds,
  avg_time_seconds_interval: meanInterval.nullable(),
  time_seconds: timeQuantiles.nullable(),
})

export const modelPerformance: ObjectSchema<ModelPerformance> = objectSchema('ModelPerformance', {
  avg_success_rate: percent.meta({ description: 'Successes in percent of the attempts, 0 to 100.' }),
  total_attempts: attempts,
  success_rate_interval: rateInterval,
  evidence,
  clusters,
  effective_attempts: effectiveAttempts,
  avg_confidence: confidence,
  avg_time_seconds: seconds,
  time_seconds: timeQuantiles.nullable(),
  issue_types: names,
})

export const costEstimate: ObjectSchema<CostEstimate> = objectSchema('CostEstimate', {
  cost_usd: usd,
  interval: meanInterval.nullable(),
})

export const costs: ObjectSchema<CostAnswer> = objectSchema('Costs', {
  total_attempts: attempts,
  reported: attempts,
  computed: attempts,
  unpriced: attempts,
  total_cost_usd: usd.nullable(),
  cost_per_attempt: costEstimate.nullable(),
  cost_per_success: costEstimate.nullable(),
  clusters,
  effective_attempts: effectiveAttempts,
  tokens: strictObject({ input: z.number(), output: z.number(), cache_read: z.number(), cache_write: z.number() }),
})

export const rateDifference: ObjectSchema<RateDifference> = objectSchema('RateDifference', {
  difference: points,
  difference_interval: strictObject({
    low: points,
    high: points,
    method: z.enum(['confidence_sequence', 'exact']),
  }),
  p_value: probability,
  common_tasks: z
    .int()
    .min(1)
    .optional()
    .meta({ description: 'Tasks that both ran and that were compared with each other. Absent if tasks were not.' }),
})

export const drift: ObjectSchema<Drift> = objectSchema('Drift', {
  direction: z.enum(['down', 'up', 'none']).meta({ description: 'Which way the success rate drifts.' }),
  statistic: z.number(),
  threshold: z.number(),
  began_attempts_ago: attempts.nullable(),
  began_at: z.string().nullable(),
  expected_rate: percent
    .nullable()
    .meta({ description: 'Of the attempts from the start of the drift to its alarm, in percent.' }),
  observed_rate: percent.nullable().meta({ description: 'Of the same attempts, in percent.' }),
})
