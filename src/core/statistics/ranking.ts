import { sortedSteps } from '../reports/sorted.ts'
import { runToCompletion, type Steps } from '../steps.ts'
import { type Counts, rateOf } from './counts.ts'
import { wilsonInterval } from './intervals.ts'
import { posteriorSteps } from './posterior.ts'
import { createRandom, drawBeta } from './random.ts'

/** One that work may be sent to. */
export interface Route extends Counts {
  /** Tells it from the others, and settles its draws: the same seed and id give the same draw in any company. */
  readonly id: string
  /** Expected cost of a success in US dollars; null where it is not known. */
  readonly cost_per_success_usd: number | null
}

/** What a route must fulfil to be ranked at all. */
export interface Constraints {
  /** Highest expected cost of a success in US dollars. A route of unknown cost does not fulfil it. */
  readonly max_cost_usd?: number | undefined
  /** Lowest success rate in percent, 0 to 100. A route without attempts does not fulfil it. */
  readonly min_success_rate?: number | undefined
}

/** Why a route is not ranked. */
export type Exclusion = 'cost_unknown' | 'cost_above_max' | 'no_attempts' | 'success_rate_below_min'

/** A route in its place. */
export interface RankedRoute {
  readonly id: string
  /** Wilson's lower bound of the success rate, in percent. */
  readonly lower_bound: number
  /** Probability that its true rate is the highest of those ranked, 0 to 1. */
  readonly p_best: number
  /** The rate drawn for it, in percent; null without exploration. */
  readonly draw: number | null
}

/** Routes that fulfil the constraints, the one to take first; and the others, in the order given. */
export interface Ranking {
  readonly ranked: readonly RankedRoute[]
  readonly excluded: readonly { readonly id: string; readonly reason: Exclusion }[]
}

/**
 * Ranks routes by the lower bound of their success rate; or, where a `seed` is given, explores: every route draws a rate
 * from its posterior and the draws are ranked, so that each comes first as often as it is likely to be the best.
 * Quality and cost are kept apart: cost only excludes. Equals stay in the order given.
 * Source: W. R. Thompson, Biometrika 25 (1933), with Jeffreys' prior.
 */
export function rankRoutes(routes: readonly Route[], constraints: Constraints = {}, seed?: string | number): Ranking {
  return runToCompletion(rankSteps(routes, constraints, seed))
}

/** {@link rankRoutes} in steps. */
export function* rankSteps(
  routes: readonly Route[],
  constraints: Constraints = {},
  seed?: string | number,
): Steps<Ranking> {
  const excluded: { readonly id: string; readonly reason: Exclusion }[] = []
  const fit: Route[] = []
  for (const route of routes) {
    const reason = exclusionOf(route, constraints)
    if (reason === undefined) fit.push(route)
    else excluded.push({ id: route.id, reason })
    yield
  }
  const { p_best } = yield* posteriorSteps(fit)
  const ranked: RankedRoute[] = []
  for (const [i, route] of fit.entries()) {
    ranked.push({
      id: route.id,
      lower_bound: wilsonInterval(route.successes, route.attempts).low,
      p_best: p_best[i]!,
      draw: seed === undefined ? null : drawRate(route, seed) * 100,
    })
    yield
  }
  const merit = (route: RankedRoute): number => route.draw ?? route.lower_bound
  return { ranked: yield* sortedSteps(ranked, (a, b) => merit(b) - merit(a) || b.p_best - a.p_best), excluded }
}

/**
 * How much an attempt of that age still counts, 0 to 1: half after every half-life. An age below 0 counts as 0. Sums of
 * weights may be given wherever counts may be fractions.
 */
export function halfLifeWeight(ageMs: number, halfLifeMs: number): number {
  if (!(ageMs > 0)) return 1
  return halfLifeMs > 0 ? 2 ** (-ageMs / halfLifeMs) : 0
}

function exclusionOf(route: Route, { max_cost_usd, min_success_rate }: Constraints): Exclusion | undefined {
  if (max_cost_usd !== undefined) {
    if (route.cost_per_success_usd === null) return 'cost_unknown'
    if (route.cost_per_success_usd > max_cost_usd) return 'cost_above_max'
  }
  if (min_success_rate !== undefined) {
    if (!(route.attempts > 0)) return 'no_attempts'
    if (rateOf(route) * 100 < min_success_rate) return 'success_rate_below_min'
  }
  return undefined
}

function drawRate({ id, successes, attempts }: Route, seed: string | number): number {
  return drawBeta(createRandom(`${seed}\u0000${id}`), successes + 0.5, attempts - successes + 0.5)
}
