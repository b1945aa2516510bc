/** Routing: a ranked list of agents for the next issue, with the evidence for each rank. */

import { averageTime, createSummary } from '../aggregate/summary.ts'
import { OVERFLOW } from '../aggregate/tally.ts'
import { type AttemptKey, keyId } from '../attempt/attempt.ts'
import { type KeySummary, type TimeRange, WHOLE_LIFE } from '../ports.ts'
import type { Counts } from '../statistics/counts.ts'
import { type Constraints, type Exclusion, halfLifeWeight, type Route, rankSteps } from '../statistics/ranking.ts'
import { forEachKey, KEYS_PER_STEP, runToCompletion, type Steps } from '../steps.ts'
import { costAnswer } from './cost-report.ts'
import { countsOf } from './groups.ts'
import { ALL_HELD, type IntervalOptions, intervalsBetween } from './intervals.ts'
import { type Rate, rateOfCounts } from './rate.ts'
import { candidateId, type ShrunkRate } from './shrunk-rates.ts'

/** One ranked agent and model. */
export interface RouteAnswer extends Rate {
  readonly agent_name: string
  readonly model_name: string
  /** Wilson's lower bound of the rate, in percent. */
  readonly lower_bound: number
  /** The rate shrunk over issue types and agents, in percent. Null unless ranked by it. */
  readonly shrunk_rate: number | null
  /** Posterior probability, 0 to 1, that its true rate is the highest of the ranked routes. */
  readonly p_best: number
  /** The rate drawn from its posterior, in percent. Null without exploration. */
  readonly draw: number | null
  /** Null if unknown. */
  readonly expected_cost_per_success_usd: number | null
  readonly avg_time_seconds: number
}

export interface RoutingReport {
  readonly issue_type: string
  readonly explore: boolean
  /** The same seed and the same evidence give the same draws. Null without exploration. */
  readonly seed: string | null
  /** Best first. */
  readonly ranked: readonly RouteAnswer[]
  /** The routes that do not meet the constraints, then those with too few attempts. */
  readonly excluded: readonly {
    readonly agent_name: string
    readonly model_name: string
    readonly reason: Exclusion
  }[]
}

export interface RoutingOptions extends Constraints {
  /** Ranks by Thompson sampling with this seed. By default ranks by the lower bound. */
  readonly seed?: string | undefined
  /** Ranks by these rates instead of the lower bound. */
  readonly shrunkRate?: ShrunkRate | undefined
  /** Keys that are excluded for too few attempts. */
  readonly tooFew?: readonly AttemptKey[] | undefined
}

/** A key and its discounted counts, which may be fractional. */
export interface RouteEvidence extends Counts {
  readonly one: Pick<KeySummary, 'key' | 'summary'>
}

/**
 * The agents with a model in `summaries`, of all issue types, that have no attempt at `issue_type`: candidates for exploration. The
 * overflow key is not a candidate.
 */
export function* untriedSteps(summaries: readonly KeySummary[], issue_type: string): Steps<readonly RouteEvidence[]> {
  const untried = new Map<string, RouteEvidence>()
  const tried = new Set<string>()
  const summary = createSummary()
  yield* forEachKey(summaries, ({ key }) => {
    const id = candidateId(key)
    if (key.issue_type === issue_type) tried.add(id)
    else if (key.agent_name !== OVERFLOW && !untried.has(id)) {
      untried.set(id, { one: { key: { ...key, issue_type }, summary }, successes: 0, attempts: 0 })
    }
  })
  return [...untried].filter(([id]) => !tried.has(id)).map(([, evidence]) => evidence)
}

/** Ranks the keys of one issue type. */
export function routingReport(
  issue_type: string,
  evidence: readonly RouteEvidence[],
  options: RoutingOptions = {},
): RoutingReport {
  return runToCompletion(routingSteps(issue_type, evidence, options))
}

/** {@link routingReport} in steps. */
export function* routingSteps(
  issue_type: string,
  evidence: readonly RouteEvidence[],
  { seed, shrunkRate, tooFew = [], ...constraints }: RoutingOptions = {},
): Steps<RoutingReport> {
  const byId = new Map<string, KnownRoute>()
  for (const each of evidence) {
    const route = knownRoute(each, shrunkRate)
    byId.set(route.id, route)
    yield
  }
  const { ranked, excluded } = yield* rankSteps([...byId.values()], constraints, seed)
  const answers: RouteAnswer[] = []
  for (const { id, ...ranking } of ranked) {
    answers.push(routeAnswer(byId.get(id)!, ranking))
    if (answers.length % KEYS_PER_STEP === 0) yield
  }
  return {
    issue_type,
    explore: seed !== undefined,
    seed: seed ?? null,
    ranked: answers,
    excluded: [
      ...excluded.map(({ id, reason }) => exclusion(byId.get(id)!.key, reason)),
      ...tooFew.map(key => exclusion(key, 'below_min_attempts')),
    ],
  }
}

function exclusion({ agent_name, model_name }: AttemptKey, reason: Exclusion): RoutingReport['excluded'][number] {
  return { agent_name, model_name, reason }
}

/** The reported numbers of a route. A consistent copy, taken in one read. */
interface KnownRoute extends Route {
  readonly key: AttemptKey
  readonly rate: Rate
  readonly avg_time_seconds: number
}

function knownRoute(
  { one: { key, summary }, ...counts }: RouteEvidence,
  shrunkRate: ShrunkRate | undefined,
): KnownRoute {
  return {
    // The id seeds the draw. It depends only on the key, so that other routes do not change the draw.
    id: keyId(key),
    ...counts,
    shrunk_rate: shrunkRate?.(key, counts),
    cost_per_success_usd: costAnswer(summary).cost_per_success?.cost_usd ?? null,
    key,
    rate: rateOfCounts(countsOf(summary)),
    avg_time_seconds: averageTime(summary),
  }
}

function routeAnswer(
  { key, rate, cost_per_success_usd, avg_time_seconds }: KnownRoute,
  ranking: Pick<RouteAnswer, 'lower_bound' | 'shrunk_rate' | 'p_best' | 'draw'>,
): RouteAnswer {
  return {
    agent_name: key.agent_name,
    model_name: key.model_name,
    ...rate,
    ...ranking,
    expected_cost_per_success_usd: cost_per_success_usd,
    avg_time_seconds,
  }
}

/** Attempts older than this many half-lives are ignored: their weight is below 0.001. */
const HALF_LIVES = 10
/** The start of the year 0, the earliest possible timestamp. */
const EARLIEST_MS = -62_167_219_200_000

/**
 * Consecutive time ranges that cover the last ten half-lives of a range, or of the whole lifetime. Each has the weight, 0 to 1, of its
 * attempts. The age of an attempt is its age at the end of the range.
 */
export function discountWindows(
  nowMs: number,
  halfLifeMs: number,
  range: TimeRange = WHOLE_LIFE,
  held: IntervalOptions['held'] = ALL_HELD,
): readonly { readonly range: TimeRange; readonly weight: number }[] {
  const endMs = Math.min(nowMs, range.untilMs)
  const sinceMs = Math.max(endMs - HALF_LIVES * halfLifeMs, EARLIEST_MS, range.sinceMs)
  const options = { nowMs, requestedMs: halfLifeMs / 8, held }
  const { ranges } = intervalsBetween({ sinceMs, untilMs: endMs, limits: range }, options)
  return ranges.map((each, i) => ({
    // Up to the end of the range, because a sender's clock may be slightly ahead.
    range: i === ranges.length - 1 ? { ...each, untilMs: range.untilMs } : each,
    weight: halfLifeWeight(endMs - (each.sinceMs + each.untilMs) / 2, halfLifeMs),
  }))
}
