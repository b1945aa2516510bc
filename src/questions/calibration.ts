import { z } from 'zod'
import { type CalibrationReport, calibrationSteps } from '../core/reports/calibration-report.ts'
import { GROUPINGS, type Grouping } from '../core/reports/grouped-rates.ts'
import type { WithOutcomes } from '../core/reports/outcome-totals.ts'
import type { Selection } from '../core/reports/selection.ts'
import type { Calibration, ReliabilityBin } from '../core/statistics/calibration.ts'
import { runYielding } from '../lib/event-loop.ts'
import {
  attempts,
  clusters,
  effectiveAttempts,
  grouping,
  meanInterval,
  outcomeTotals,
  probability,
  rateInterval,
} from './answer-schemas.ts'
import { judgedSummaries } from './outcomes.ts'
import { choice, selection } from './parameters.ts'
import { defineQuestion, type Question } from './question.ts'
import { byName, type ObjectSchema, objectSchema, strictObject } from './schema.ts'

export interface CalibrationQuery extends Selection {
  readonly group_by?: Grouping | undefined
}

const reliabilityBin: ObjectSchema<ReliabilityBin> = objectSchema('ReliabilityBin', {
  from: probability.meta({ description: 'Lower bound of the confidences, 0 to 1, exclusive but for 0.' }),
  to: probability.meta({ description: 'Upper bound of the confidences, 0 to 1, inclusive.' }),
  attempts,
  mean_confidence: probability.nullable(),
  success_rate: z.number().nullable().meta({ description: 'Successes in percent. Null if the bin is empty.' }),
  success_rate_interval: rateInterval,
})

const score = z.number().nullable()

const calibrationSchema: ObjectSchema<Calibration> = objectSchema('Calibration', {
  attempts,
  clusters,
  effective_attempts: effectiveAttempts,
  brier_score: score,
  reliability: score,
  resolution: score,
  uncertainty: score,
  within_bins: score,
  brier_skill: score,
  expected_calibration_error: score,
  expected_calibration_error_band: strictObject({
    mean: probability.meta({ description: 'Mean, 0 to 1.' }),
    high: probability.meta({ description: '95 % point, 0 to 1.' }),
  }).nullable(),
  spiegelhalter_z: score,
  spiegelhalter_p: score,
  over_confidence: z.number().nullable().meta({ description: 'Mean confidence less the share of successes, -1 to 1.' }),
  over_confidence_interval: meanInterval.nullable(),
  auroc: score,
  auroc_error: score,
  degenerate: z.boolean(),
  bins: z.array(reliabilityBin),
})

/** The calibration, and how the attempts were judged. */
export interface CalibrationAnswer extends CalibrationReport, WithOutcomes {}

const answer: ObjectSchema<CalibrationAnswer> = objectSchema('CalibrationReport', {
  outcomes: outcomeTotals,
  group_by: grouping,
  overall: calibrationSchema.meta({ description: 'All attempts together.' }),
  groups: byName(calibrationSchema, 'By the name of the group.'),
})

export const calibration: Question<'calibration', CalibrationQuery, CalibrationAnswer> = defineQuestion({
  path: 'calibration',
  summary: 'Whether stated confidence can be believed',
  command: 'calibration',
  parameters: z.strictObject({
    ...selection,
    group_by: choice(GROUPINGS, 'What to group by').default('agent_name'),
  }),
  answer,
  example: {},
  async run(facts, query, signal) {
    const { summaries, outcomes } = await judgedSummaries(facts, query, signal)
    return { ...(await runYielding(calibrationSteps(summaries, query.group_by), signal)), outcomes }
  },
})
