import { z } from 'zod'
import { type CostReport, costSteps } from '../core/reports/cost-report.ts'
import type { WithOutcomes } from '../core/reports/outcome-totals.ts'
import type { Selection } from '../core/reports/selection.ts'
import { runYielding } from '../lib/event-loop.ts'
import { costs as costsSchema, outcomeTotals } from './answer-schemas.ts'
import { judgedSummaries } from './outcomes.ts'
import { selection } from './parameters.ts'
import { defineQuestion, type Question } from './question.ts'
import { byName, type ObjectSchema, objectSchema } from './schema.ts'

/** The costs, and how the attempts were judged: a success that an outcome takes away makes the others dearer. */
export interface CostsAnswer extends CostReport, WithOutcomes {}

const answer: ObjectSchema<CostsAnswer> = objectSchema('CostReport', {
  outcomes: outcomeTotals,
  overall: costsSchema.meta({ description: 'All attempts together.' }),
  by_agent: byName(costsSchema, 'By agent.'),
  by_model: byName(costsSchema, 'By model.'),
  by_issue_type: byName(costsSchema, 'By issue type.'),
})

export const costs: Question<'costs', Selection, CostsAnswer> = defineQuestion({
  path: 'costs',
  summary: 'Cost per attempt and per success; how much of it is reported, computed, unknown',
  command: 'costs',
  parameters: z.strictObject(selection),
  answer,
  example: {},
  async run(facts, query, signal) {
    const { summaries, outcomes } = await judgedSummaries(facts, query, signal)
    return { ...(await runYielding(costSteps(summaries), signal)), outcomes }
  },
})
