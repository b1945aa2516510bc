import type { CostSums } from '../aggregate/summary.ts'
import { costInterval } from './amount-interval.ts'
import { type MeanInterval, wilsonBounds } from './intervals.ts'

/** A mean cost in US dollars and its 95 % interval. The interval is null if only one cost is known. */
export interface CostEstimate {
  readonly cost_usd: number
  readonly interval: MeanInterval | null
}

/** The costs of a set of attempts. `reported` + `computed` + `unpriced` = `total_attempts`. */
export interface Costs {
  readonly total_attempts: number
  /** Attempts that stated their cost. */
  readonly reported: number
  /** Attempts whose cost was computed from tokens and prices. */
  readonly computed: number
  /** Attempts whose cost is unknown. */
  readonly unpriced: number
  /** US dollars over the attempts of known cost. Null if no cost is known. */
  readonly total_cost_usd: number | null
  /** Null if no cost is known. */
  readonly cost_per_attempt: CostEstimate | null
  /** Null if no cost is known or no attempt succeeded. */
  readonly cost_per_success: CostEstimate | null
}

/** Cost per attempt and per success. Unknown costs are counted as `unpriced`. They never enter a mean as 0. */
export function costsOf(attempts: number, successes: number, sums: CostSums): Costs {
  const { reported, computed, sum } = sums
  const priced = reported + computed
  const perAttempt = priced > 0 ? { cost_usd: sum / priced, interval: costInterval(sums) } : null
  return {
    total_attempts: attempts,
    reported,
    computed,
    unpriced: Math.max(0, attempts - priced),
    total_cost_usd: priced > 0 ? sum : null,
    cost_per_attempt: perAttempt,
    cost_per_success: perAttempt === null ? null : costPerSuccess(perAttempt, attempts, successes),
  }
}

/**
 * Mean cost of an attempt divided by the success rate. The interval divides the bounds of both intervals (Bonferroni), so
 * it holds for any dependence of cost and success. Failures often cost more: an interval that assumes independence then
 * misses in up to 16 % of cases.
 */
function costPerSuccess(perAttempt: CostEstimate, attempts: number, successes: number): CostEstimate | null {
  if (!(successes > 0)) return null
  const { cost_usd, interval } = perAttempt
  const rate = wilsonBounds({ successes, attempts })
  return {
    cost_usd: (cost_usd * attempts) / successes,
    interval: interval && { ...interval, low: interval.low / rate.high, high: interval.high / rate.low },
  }
}
