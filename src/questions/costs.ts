import { z } from 'zod'
import { type CostReport, costSteps } from '../core/reports/cost-report.ts'
import type { Selection } from '../core/reports/selection.ts'
import { runYielding } from '../lib/event-loop.ts'
import { costs as costsSchema } from './answer-schemas.ts'
import { selection } from './parameters.ts'
import { defineQuestion, type Question } from './question.ts'
import { byName, type ObjectSchema, objectSchema } from './schema.ts'

const answer: ObjectSchema<CostReport> = objectSchema('CostReport', {
  overall: costsSchema.meta({ description: 'All attempts together.' }),
  by_agent: byName(costsSchema, 'By agent.'),
  by_model: byName(costsSchema, 'By model.'),
  by_issue_type: byName(costsSchema, 'By issue type.'),
})

export const costs: Question<'costs', Selection, CostReport> = defineQuestion({
  path: 'costs',
  summary: 'Cost per attempt and per success; how much of it is reported, computed, unknown',
  command: 'costs',
  parameters: z.strictObject(selection),
  answer,
  example: {},
  async run(facts, { range, filter }, signal) {
    return await runYielding(costSteps(await facts.summaries(range, filter, signal)), signal)
  },
})
