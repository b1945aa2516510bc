import { sortedSteps } from '../reports/sorted.ts'
import { runToCompletion, type Steps } from '../steps.ts'
import { type Counts, effectiveCounts } from './counts.ts'
import { rateInterval } from './intervals.ts'
import { posteriorSteps } from './posterior.ts'
import { createRandom, drawBeta } from './random.ts'

/** A candidate that work may be sent to. */
export interface Route extends Counts {
  /** Unique. Also seeds the route's draw: the same seed and id give the same draw with any other routes. */
  readonly id: string
  /** Expected cost of a success in US dollars. Null if unknown. */
  readonly cost_per_success_usd: number | null
  /** The rate by which routes are ranked instead of the lower bound, in percent. */
  readonly shrunk_rate?: number | undefined
}

/** The constraints that a route must meet to be ranked. */
export interface Constraints {
  /** Highest expected cost of a success in US dollars. A route of unknown cost is excluded. */
  readonly max_cost_usd?: number | undefined
  /**
   * Lowest success rate in percent, 0 to 100. A route is excluded if its whole interval is below. Without exploration, a
   * route without attempts is excluded too.
   */
  readonly min_success_rate?: number | undefined
}

/** The reason why a route is not ranked. */
export const EXCLUSIONS = [
  'below_min_attempts',
  'cost_unknown',
  'cost_above_max',
  'no_attempts',
  'success_rate_below_min',
] as const
export type Exclusion = (typeof EXCLUSIONS)[number]

/** A ranked route. */
export interface RankedRoute {
  readonly id: string
  /** Wilson's lower bound of the success rate, in percent. */
  readonly lower_bound: number
  /** The shrunk rate, in percent. Null if not given. */
  readonly shrunk_rate: number | null
  /** Posterior probability, 0 to 1, that its true rate is the highest of the ranked routes. */
  readonly p_best: number
  /** The rate drawn from its posterior, in percent. Null without exploration. */
  readonly draw: number | null
}

/** The result of a ranking. */
export interface Ranking {
  /** The routes that meet the constraints, best first. */
  readonly ranked: readonly RankedRoute[]
  /** The other routes, in the order given. */
  readonly excluded: readonly { readonly id: string; readonly reason: Exclusion }[]
}

/**
 * Ranks routes by Wilson's lower bound of their success rate, or by their shrunk rates if given. With a `seed`, explores by Thompson
 * sampling: draws a rate from the posterior of every route, and ranks by the draws. Each route then comes first with the probability that
 * it is the best. Cost does not affect the order: it only excludes. Ties keep the order given.
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
  const eligible: Route[] = []
  for (const route of routes) {
    const reason = exclusionOf(route, constraints, seed !== undefined)
    if (reason === undefined) eligible.push(route)
    else excluded.push({ id: route.id, reason })
    yield
  }
  const { p_best } = yield* posteriorSteps(eligible)
  const ranked: RankedRoute[] = []
  for (const [i, route] of eligible.entries()) {
    ranked.push({
      id: route.id,
      lower_bound: rateInterval(route).low,
      shrunk_rate: route.shrunk_rate ?? null,
      p_best: p_best[i]!,
      draw: seed === undefined ? null : drawRate(route, seed) * 100,
    })
    yield
  }
  const score = (route: RankedRoute): number => route.draw ?? route.shrunk_rate ?? route.lower_bound
  return { ranked: yield* sortedSteps(ranked, (a, b) => score(b) - score(a) || b.p_best - a.p_best), excluded }
}

/**
 * Exponential decay: the weight, 0 to 1, of an attempt of age `ageMs`, halved with every half-life. A negative age has
 * weight 1. Sums of weights are valid wherever counts may be fractional.
 */
export function halfLifeWeight(ageMs: number, halfLifeMs: number): number {
  if (!(ageMs > 0)) return 1
  return halfLifeMs > 0 ? 2 ** (-ageMs / halfLifeMs) : 0
}

function exclusionOf(
  route: Route,
  { max_cost_usd, min_success_rate }: Constraints,
  explores: boolean,
): Exclusion | undefined {
  if (max_cost_usd !== undefined) {
    if (route.cost_per_success_usd === null) return 'cost_unknown'
    if (route.cost_per_success_usd > max_cost_usd) return 'cost_above_max'
  }
  if (min_success_rate !== undefined) {
    if (!(route.attempts > 0) && !explores) return 'no_attempts'
    if (rateInterval(route).high < min_success_rate) return 'success_rate_below_min'
  }
  return undefined
}

function drawRate(route: Route, seed: string | number): number {
  const { id } = route
  const { successes, attempts } = effectiveCounts(route)
  return drawBeta(createRandom(`${seed}\u0000${id}`), successes + 0.5, attempts - successes + 0.5)
}
