import { z } from 'zod'
import {
  LEADERBOARD_GROUPS,
  type Leaderboard,
  type LeaderboardRow,
  leaderboardSteps,
} from '../core/reports/leaderboard.ts'
import type { WithOutcomes } from '../core/reports/outcome-totals.ts'
import type { Selection } from '../core/reports/selection.ts'
import { runYielding } from '../lib/event-loop.ts'
import { attempts, bestAgent, costEstimate, outcomeTotals, probability, rate, rateInterval } from './answer-schemas.ts'
import { judgedSummaries } from './outcomes.ts'
import { count, minAttempts, selection } from './parameters.ts'
import { defineQuestion, type Question } from './question.ts'
import { type ObjectSchema, objectSchema, strictObject } from './schema.ts'

export interface LeaderboardQuery extends Selection {
  /** 5 by default. */
  readonly min_attempts?: number | undefined
  /** 1 to 1,000. 200 by default. */
  readonly limit?: number | undefined
}

const row: ObjectSchema<LeaderboardRow> = objectSchema('LeaderboardRow', {
  ...bestAgent.shape,
  group: z.enum(LEADERBOARD_GROUPS).meta({
    description:
      'could_be_best: the leader, and those that the data do not distinguish from it. told_apart: worse than the leader. not_compared: shares no issue type with the leader. too_few: fewer attempts than min_attempts.',
  }),
  adjusted_rate: rate.shape.success_rate.nullable().meta({
    description:
      'In percent at the common mix of issue types. Null for a single issue type, and if it is not compared.',
  }),
  adjusted_rate_interval: rateInterval.nullable(),
  p_best: probability.nullable().meta({
    description:
      'Probability, 0 to 1, that its true rate is the highest at the issue type. Null over several issue types, and if it is not compared.',
  }),
  cost_per_success: costEstimate.nullable(),
})

/** The leaderboard, and how its attempts were judged. */
export interface LeaderboardAnswer extends Leaderboard, WithOutcomes {}

const answer: ObjectSchema<LeaderboardAnswer> = objectSchema('Leaderboard', {
  compared_at: z
    .string()
    .nullable()
    .meta({ description: 'The issue type at which they are compared. Null: the same mix of several.' }),
  compared_issue_types: attempts.meta({
    description: 'The number of issue types in which all compared candidates have attempts.',
  }),
  decisive: z.boolean().meta({
    description: 'Whether no other may still be the best. Safe to look at any time: wrong in at most 5 % of histories.',
  }),
  attempts_to_decide: attempts.nullable().meta({
    description:
      'Further attempts of each contender until it is decided in 80 % of cases; null if unknown, and over several issue types.',
  }),
  groups: strictObject({
    could_be_best: attempts.meta({ description: 'Candidates that may be the best, the leader included.' }),
    told_apart: attempts.meta({ description: 'Candidates that are worse than the leader.' }),
    not_compared: attempts.meta({ description: 'Candidates that share no issue type with the leader.' }),
    too_few: attempts.meta({ description: 'Candidates with fewer attempts than min_attempts.' }),
  }).meta({ description: 'The number of candidates by group.' }),
  rows: z.array(row).meta({ description: 'The leader first, then by group and rate, at most `limit`.' }),
  outcomes: outcomeTotals,
})

export const leaderboard: Question<'leaderboard', LeaderboardQuery, LeaderboardAnswer> = defineQuestion({
  path: 'leaderboard',
  summary:
    'Every agent and model at an issue type, or at the same mix of all: rates, evidence, and who could be the best',
  parameters: z.strictObject({
    ...selection,
    min_attempts: minAttempts(5),
    limit: count('Rows at most', 1, 1000).default(200),
  }),
  answer,
  example: { issue_type: 'complexity' },
  async run(facts, query, signal) {
    const { min_attempts, limit, issue_type } = query
    const { summaries, outcomes } = await judgedSummaries(facts, query, signal)
    const options = { minAttempts: min_attempts, limit, issueType: issue_type }
    const board = await runYielding(leaderboardSteps(summaries, options), signal)
    return { ...board, outcomes }
  },
})
