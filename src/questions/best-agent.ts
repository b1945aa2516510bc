import { z } from 'zod'
import {
  type Contender,
  DECISIONS,
  type DecidedBestAgent,
  decidedBestSteps,
  RANKINGS,
  type Ranking,
} from '../core/reports/best-agent.ts'
import type { Selection } from '../core/reports/selection.ts'
import { shrunkRateSteps } from '../core/reports/shrunk-rates.ts'
import { runYielding } from '../lib/event-loop.ts'
import {
  attempts,
  bestAgent as bestAgentSchema,
  costEstimate,
  probability,
  rate,
  shrunkRate,
} from './answer-schemas.ts'
import { choice, minAttempts, name, selection } from './parameters.ts'
import { defineQuestion, type Question } from './question.ts'
import { type ObjectSchema, objectSchema } from './schema.ts'

export interface BestAgentQuery extends Selection {
  readonly issue_type: string
  readonly min_attempts?: number | undefined
  readonly rank_by?: Ranking | undefined
}

const costPerSuccess = costEstimate.nullable()

const probabilityOfBest = probability.meta({ description: 'Probability, 0 to 1, that it is the best by `decided_by`.' })

const contender: ObjectSchema<Contender> = objectSchema('Contender', {
  ...rate.shape,
  agent_name: z.string(),
  model_name: z.string(),
  p_best: probabilityOfBest,
  cost_per_success: costPerSuccess,
})

const decidedBestAgent: ObjectSchema<DecidedBestAgent> = objectSchema('DecidedBestAgent', {
  ...bestAgentSchema.shape,
  shrunk_rate: shrunkRate,
  cost_per_success: costPerSuccess,
  decided_by: z
    .enum(DECISIONS)
    .meta({ description: 'What `p_best`, `decisive`, `contenders` and `attempts_to_decide` are about.' }),
  p_best: probabilityOfBest,
  expected_loss: z.number().meta({
    description: 'Percentage points of success rate by which the one with the highest is expected to be better.',
  }),
  decisive: z.boolean().meta({
    description: 'Whether no other may still be the best. Safe to look at any time: wrong in at most 5 % of histories.',
  }),
  contenders: z.array(contender).meta({ description: 'Those that may still be the best, the most probable first.' }),
  attempts_to_decide: attempts.nullable().meta({
    description:
      'Further attempts of each contender until it is decided in 80 % of cases, for all jointly; null if unknown.',
  }),
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
    const options = { minAttempts: min_attempts, rankBy: rank_by }
    if (rank_by !== 'shrunk') return await runYielding(decidedBestSteps(summaries, options), signal)
    const everywhere = await facts.summaries(range, { ...filter, issue_type: undefined }, signal)
    const rates = await runYielding(shrunkRateSteps(everywhere), signal)
    return await runYielding(decidedBestSteps(summaries, { ...options, shrunkRate: rates }), signal)
  },
  noAnswer: ({ min_attempts, issue_type }) =>
    `no agent has ${min_attempts} attempts or more at issue type "${issue_type}"`,
})
