import { z } from 'zod'
import {
  type Contender,
  type DecidedBestAgent,
  decidedBestSteps,
  RANKINGS,
  type Ranking,
} from '../core/reports/best-agent.ts'
import type { Selection } from '../core/reports/selection.ts'
import { runYielding } from '../lib/event-loop.ts'
import { attempts, bestAgent as bestAgentSchema, probability, rate } from './answer-schemas.ts'
import { choice, minAttempts, name, selection } from './parameters.ts'
import { defineQuestion, type Question } from './question.ts'
import { type ObjectSchema, objectSchema } from './schema.ts'

export interface BestAgentQuery extends Selection {
  readonly issue_type: string
  readonly min_attempts?: number | undefined
  readonly rank_by?: Ranking | undefined
}

const contender: ObjectSchema<Contender> = objectSchema('Contender', {
  ...rate.shape,
  agent_name: z.string(),
  model_name: z.string(),
  p_best: probability,
})

const decidedBestAgent: ObjectSchema<DecidedBestAgent> = objectSchema('DecidedBestAgent', {
  ...bestAgentSchema.shape,
  p_best: probability.meta({ description: 'Probability, 0 to 1, that its true rate is the highest.' }),
  expected_loss: z.number().meta({ description: 'Percentage points by which the best is expected to be better.' }),
  decisive: z.boolean(),
  contenders: z.array(contender),
  attempts_to_decide: attempts.nullable(),
})

/** Undefined if no agent has `min_attempts`. */
export const bestAgent: Question<'best-agent', BestAgentQuery, DecidedBestAgent | undefined> = defineQuestion({
  path: 'best-agent',
  summary: 'The best agent for an issue type, and whether that is decided',
  command: 'best',
  parameters: z.strictObject({
    ...selection,
    issue_type: name('The issue type to find the best agent for'),
    min_attempts: minAttempts(5),
    rank_by: choice(RANKINGS, 'What "best" means').default('success_rate'),
  }),
  answer: decidedBestAgent,
  example: { issue_type: 'complexity' },
  async run(facts, { range, filter, min_attempts, rank_by }, signal) {
    const summaries = await facts.summaries(range, filter, signal)
    return await runYielding(decidedBestSteps(summaries, { minAttempts: min_attempts, rankBy: rank_by }), signal)
  },
  noAnswer: ({ min_attempts, issue_type }) =>
    `no agent has ${min_attempts} attempts or more at issue type "${issue_type}"`,
})
