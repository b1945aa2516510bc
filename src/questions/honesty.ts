import { z } from 'zod'
import { HONESTY_VERDICTS, type Honesty, type HonestyReport, honestySteps } from '../core/reports/honesty.ts'
import type { Selection } from '../core/reports/selection.ts'
import type { PairedInterval } from '../core/statistics/paired-difference.ts'
import { runYielding } from '../lib/event-loop.ts'
import { attempts, outcomeTotals, rate, timeQuantiles } from './answer-schemas.ts'
import { withoutOutcome } from './parameters.ts'
import { defineQuestion, type Question } from './question.ts'
import { byName, type ObjectSchema, objectSchema } from './schema.ts'

const points = z.number().meta({ description: 'In percentage points.' })

const pairedInterval: ObjectSchema<PairedInterval> = objectSchema('PairedInterval', {
  low: points,
  high: points,
  method: z.literal('adjusted_wald'),
})

const honestySchema: ObjectSchema<Honesty> = objectSchema('Honesty', {
  self_reported: rate.meta({ description: 'What attempts that have an outcome reported of themselves.' }),
  verified: rate.meta({ description: 'What outcomes say of the same attempts.' }),
  difference: z.number().nullable().meta({
    description:
      'The reported rate minus the verified one, in percentage points: above 0, more is claimed than is true. Null without such attempts.',
  }),
  difference_interval: pairedInterval.nullable(),
  verdict: z.enum(HONESTY_VERDICTS).meta({
    description:
      'What the interval says. claims_too_much: it is above 0. claims_too_little: it is below. no_bias_found: it contains 0, and is at most 10 percentage points wide to each side. cannot_tell_yet: otherwise.',
  }),
  attempts_to_tell: attempts.nullable().meta({
    description:
      'Further attempts that report a result and are verified, until there is a verdict at the rates so far. 0 if there is one; null without such attempts.',
  }),
  over_claimed: attempts.meta({ description: 'Attempts that reported a success, and failed.' }),
  under_claimed: attempts.meta({ description: 'Attempts that reported a failure, and succeeded.' }),
  false_success: rate.meta({
    description: 'Of the attempts that reported a success and have an outcome, the rate of those that failed.',
  }),
  time_to_outcome: timeQuantiles.nullable().meta({
    description: 'Time from the end of an attempt to its first outcome. Null without outcomes.',
  }),
  outcomes: outcomeTotals,
})

const answer: ObjectSchema<HonestyReport> = objectSchema('HonestyReport', {
  overall: honestySchema.meta({ description: 'All attempts together.' }),
  by_agent: byName(honestySchema, 'By agent, of those with an outcome or a pending attempt.'),
  by_model: byName(honestySchema, 'By model, of those with an outcome or a pending attempt.'),
  by_issue_type: byName(honestySchema, 'By issue type, of those with an outcome or a pending attempt.'),
})

export const honesty: Question<'honesty', Omit<Selection, 'outcome'>, HonestyReport> = defineQuestion({
  path: 'honesty',
  summary: 'What agents report of their success against what was verified later, and how long that takes',
  command: 'honesty',
  parameters: z.strictObject(withoutOutcome),
  answer,
  example: {},
  async run(facts, { range, filter }, signal) {
    const keys = await facts.summaries(range, filter, signal, 'any')
    const verified = await facts.summaries(range, filter, signal, 'verified')
    return await runYielding(honestySteps(keys, verified), signal)
  },
})
