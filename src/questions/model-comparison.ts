import { z } from 'zod'
import { type ModelPerformance, modelComparisonSteps } from '../core/reports/model-comparison.ts'
import type { Selection } from '../core/reports/selection.ts'
import { runYielding } from '../lib/event-loop.ts'
import { modelPerformance } from './answer-schemas.ts'
import { minAttempts, selection } from './parameters.ts'
import { defineQuestion, type Question } from './question.ts'
import { byName } from './schema.ts'

export interface ModelComparisonQuery extends Selection {
  readonly min_attempts?: number | undefined
}

export const modelComparison: Question<
  'model-comparison',
  ModelComparisonQuery,
  Record<string, ModelPerformance>
> = defineQuestion({
  path: 'model-comparison',
  summary: 'Models compared over the keys with min_attempts each',
  parameters: z.strictObject({ ...selection, min_attempts: minAttempts(5) }),
  answer: byName(modelPerformance, 'By model.'),
  example: {},
  async run(facts, { range, filter, min_attempts }, signal) {
    const summaries = await facts.summaries(range, filter, signal)
    return await runYielding(modelComparisonSteps(summaries, { minAttempts: min_attempts }), signal)
  },
})
