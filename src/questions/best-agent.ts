import { z } from 'zod'
import type { StopSignal } from '../core/ports.ts'
import {
  type Contender,
  DECISIONS,
  type DecidedBestAgent,
  decidedBestSteps,
  RANKINGS,
  type Ranking,
} from '../core/reports/best-agent.ts'
import type { WithOutcomes } from '../core/reports/outcome-totals.ts'
import type { Selection } from '../core/reports/selection.ts'
import { type ShrunkRate, shrunkRateSteps } from '../core/reports/shrunk-rates.ts'
import { runYielding } from '../lib/event-loop.ts'
import {
  attempts,
  bestAgent as bestAgentSchema,
  costEstimate,
  outcomeTotals,
  probability,
  rate,
  shrunkRate,
} from './answer-schemas.ts'
import { outcomesIn } from './outcomes.ts'
import { choice, minAttempts, name, selection } from './parameters.ts'
import { defineQuestion, type Facts, type ParsedQuery, type Question } from './question.ts'
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

/** The best agent, and how its attempts and those of the others were judged. */
export interface BestAgentAnswer extends DecidedBestAgent, WithOutcomes {}

const decidedBestAgent: ObjectSchema<BestAgentAnswer> = objectSchema('DecidedBestAgent', {
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
  outcomes: outcomeTotals,
})

/** Undefined if no agent has `min_attempts`. */
export const bestAgent: Question<'best-agent', BestAgentQuery, BestAgentAnswer | undefined> = defineQuestion({
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
  async run(facts, query, signal) {
    const { range, filter, min_attempts, rank_by } = query
    const summaries = await facts.summaries(range, filter, signal)
    const rates = rank_by === 'shrunk' ? await shrunkRates(facts, query, signal) : undefined
    const options = { minAttempts: min_attempts, rankBy: rank_by, shrunkRate: rates }
    const best = await runYielding(decidedBestSteps(summaries, options), signal)
    return best && { ...best, outcomes: await outcomesIn(facts, query, signal) }
  },
  noAnswer: ({ min_attempts, issue_type }) =>
    `no agent has ${min_attempts} attempts or more at issue type "${issue_type}"`,
  async noAnswerHint(facts, query, signal) {
    const { pending } = await outcomesIn(facts, query, signal)
    return pending === 0 ? undefined : `${pending === 1 ? '1 attempt is' : `${pending} attempts are`} pending`
  },
})

/** The rates at all issue types, from which those at one borrow. */
async function shrunkRates(
  facts: Facts,
  { range, filter }: Pick<ParsedQuery, 'range' | 'filter'>,
  signal: StopSignal | undefined,
): Promise<ShrunkRate> {
  const everywhere = await facts.summaries(range, { ...filter, issue_type: undefined }, signal)
  return await runYielding(shrunkRateSteps(everywhere), signal)
}
