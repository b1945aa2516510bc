import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { totalAttempts } from '../core/aggregate/summary.ts'
import { type AttemptKey, keyId } from '../core/attempt/attempt.ts'
import type { KeySummary, StopSignal } from '../core/ports.ts'
import { isQualified } from '../core/reports/best-agent.ts'
import { countsOf } from '../core/reports/groups.ts'
import type { WithOutcomes } from '../core/reports/outcome-totals.ts'
import {
  discountWindows,
  type RouteAnswer,
  type RouteEvidence,
  type RoutingReport,
  routingSteps,
  untriedSteps,
} from '../core/reports/routing.ts'
import type { Selection } from '../core/reports/selection.ts'
import { shrunkRateSteps } from '../core/reports/shrunk-rates.ts'
import type { Counts } from '../core/statistics/counts.ts'
import { EXCLUSIONS } from '../core/statistics/ranking.ts'
import { forEachKey, type Steps } from '../core/steps.ts'
import { runYielding } from '../lib/event-loop.ts'
import { bestAgent, outcomeTotals, probability, rate, shrunkRate } from './answer-schemas.ts'
import { outcomesIn } from './outcomes.ts'
import { amount, choice, count, flag, length, name, selection } from './parameters.ts'
import { defineQuestion, type Facts, type ParsedQuery, type Question } from './question.ts'
import { type ObjectSchema, objectSchema, strictObject } from './schema.ts'

export interface RouteQuery extends Selection {
  readonly issue_type: string
  /** 1 by default. While exploring, 0: agents without an attempt at this issue type are candidates too. */
  readonly min_attempts?: number | undefined
  readonly rank_by?: RouteRanking | undefined
  readonly explore?: boolean | undefined
  /** The seed of the draw. By default chosen at random and reported. */
  readonly seed?: string | undefined
  readonly max_cost_usd?: number | undefined
  readonly min_success_rate?: number | undefined
  /** A duration such as `7d`. */
  readonly half_life?: string | undefined
}

/** The criteria by which routes can be ranked. */
const ROUTE_RANKINGS = ['lower_bound', 'shrunk'] as const
type RouteRanking = (typeof ROUTE_RANKINGS)[number]

const percent = rate.shape.success_rate

const ranked: ObjectSchema<RouteAnswer> = objectSchema('RankedRoute', {
  ...rate.shape,
  agent_name: z.string(),
  model_name: z.string(),
  lower_bound: percent.meta({ description: "Lower end of Wilson's interval, in percent." }),
  shrunk_rate: shrunkRate,
  p_best: probability,
  draw: percent.nullable(),
  expected_cost_per_success_usd: z.number().min(0).nullable(),
  avg_time_seconds: bestAgent.shape.avg_time_seconds,
})

/** The routes, and how their attempts were judged. */
export interface RoutingAnswer extends RoutingReport, WithOutcomes {}

const answer: ObjectSchema<RoutingAnswer> = objectSchema('RoutingReport', {
  outcomes: outcomeTotals,
  issue_type: z.string(),
  explore: z.boolean().meta({ description: 'Whether the order was drawn.' }),
  seed: z.string().nullable().meta({ description: 'The seed of the draw. Null without exploration.' }),
  ranked: z.array(ranked).meta({ description: 'Best first.' }),
  excluded: z
    .array(
      strictObject({
        agent_name: z.string(),
        model_name: z.string(),
        reason: z.enum(EXCLUSIONS).meta({ description: 'The condition that it does not meet, or too few attempts.' }),
      }),
    )
    .meta({ description: 'The routes that do not meet the conditions.' }),
})

export const route: Question<'route', RouteQuery, RoutingAnswer> = defineQuestion({
  path: 'route',
  summary: 'A ranked list of agents for the next issue of a type',
  command: 'route',
  parameters: z.strictObject({
    ...selection,
    issue_type: name('The issue type to route'),
    min_attempts: count(
      'Leave out agents with fewer attempts (default: 1; exploring, also the untried)',
      1,
      1e9,
    ).optional(),
    rank_by: choice(ROUTE_RANKINGS, 'What the order goes by').default('lower_bound'),
    explore: flag(
      'Draw the order by Thompson sampling, so that those of which little is known get their chance',
    ).default(false),
    seed: name('Seed of the draw (default: one is made, and told)').optional(),
    max_cost_usd: amount(
      'Highest expected cost per success in US dollars; an unknown cost does not pass',
      0,
      1e9,
      'usd',
    ).optional(),
    min_success_rate: amount(
      'Lowest success rate in percent; excludes those whose whole interval is below',
      0,
      100,
      'percent',
    ).optional(),
    half_life: length('Older attempts count for less: half after each such length').optional(),
  }),
  answer,
  example: { issue_type: 'complexity' },
  isUnique: ({ explore, seed }) => explore && seed === undefined,
  async run(facts, query, signal) {
    const { range, filter, issue_type, min_attempts, max_cost_usd, min_success_rate, half_life } = query
    const summaries = await facts.summaries(range, filter, signal)
    const { evidence, tooFew } = await runYielding(evidenceSteps(summaries, min_attempts ?? 1), signal)
    const isShrunk = query.rank_by === 'shrunk'
    const everywhere =
      query.explore || isShrunk ? await facts.summaries(range, { ...filter, issue_type: undefined }, signal) : []
    if (query.explore) {
      for (const one of await runYielding(untriedSteps(everywhere, issue_type), signal)) {
        if (min_attempts === undefined) evidence.set(keyId(one.one.key), one)
        else tooFew.push(one.one.key)
      }
    }
    if (half_life !== undefined) await discount(evidence, facts, query, half_life, signal)
    const shrunkRate = isShrunk ? await runYielding(shrunkRateSteps(everywhere), signal) : undefined
    const seed = query.explore ? (query.seed ?? randomUUID()) : undefined
    const options = { seed, max_cost_usd, min_success_rate, shrunkRate, tooFew }
    const report = await runYielding(routingSteps(issue_type, [...evidence.values()], options), signal)
    return { ...report, outcomes: await outcomesIn(facts, query, signal) }
  },
})

/** The keys that may be routed to, by their ids. */
type Evidence = Map<string, RouteEvidence>

function* evidenceSteps(
  summaries: readonly KeySummary[],
  minAttempts: number,
): Steps<{ readonly evidence: Evidence; readonly tooFew: AttemptKey[] }> {
  const evidence: Evidence = new Map()
  const tooFew: AttemptKey[] = []
  function add(one: KeySummary): void {
    if (isQualified(one, minAttempts)) evidence.set(keyId(one.key), { one, ...countsOf(one.summary) })
    else if (totalAttempts(one.summary) > 0) tooFew.push(one.key)
  }
  yield* forEachKey(summaries, add)
  return { evidence, tooFew }
}

/** Replaces the counts of all attempts by discounted ones. */
async function discount(
  evidence: Evidence,
  facts: Facts,
  { filter, range: asked, nowMs }: ParsedQuery,
  halfLifeMs: number,
  signal: StopSignal | undefined,
): Promise<void> {
  const discounted = new Map<string, WeightedCounts>()
  for (const { range, weight } of discountWindows(nowMs, halfLifeMs, asked, facts)) {
    const summaries = await facts.summaries(range, filter, signal)
    await runYielding(addWeighted(discounted, summaries, weight), signal)
  }
  for (const [id, { one }] of evidence) {
    evidence.set(id, { one, ...(discounted.get(id) ?? { successes: 0, attempts: 0 }) })
  }
}

interface WeightedCounts extends Counts {
  readonly effective_attempts: number
}

function* addWeighted(
  sums: Map<string, WeightedCounts>,
  summaries: readonly KeySummary[],
  weight: number,
): Steps<void> {
  yield* forEachKey(summaries, ({ key, summary }) => {
    const id = keyId(key)
    const { successes, attempts, effective_attempts = attempts } = countsOf(summary)
    const before = sums.get(id) ?? { successes: 0, attempts: 0, effective_attempts: 0 }
    sums.set(id, {
      successes: before.successes + weight * successes,
      attempts: before.attempts + weight * attempts,
      // A task counts once per window: where it repeats in several, the effective number is too high.
      effective_attempts: before.effective_attempts + weight * effective_attempts,
    })
  })
}
