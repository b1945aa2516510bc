import type { CostSums } from '../aggregate/summary.ts'
import { costInterval, type MeanInterval, wilsonBounds } from './intervals.ts'

/** A cost in US dollars and its 95 % interval, null where a single cost is all that is known. */
export interface CostEstimate {
  readonly cost_usd: number
  readonly interval: MeanInterval | null
}

/** What some attempts cost. */
export interface Costs {
  readonly total_attempts: number
  /** Attempts whose cost was reported, was computed from tokens and prices, or is not known: together all attempts. */
  readonly reported: number
  readonly computed: number
  readonly unpriced: number
  /** Of the attempts whose cost is known, in US dollars; null where it is known of none. */
  readonly total_cost_usd: number | null
  readonly cost_per_attempt: CostEstimate | null
  /** Null where no cost is known, or where nothing has succeeded yet. */
  readonly cost_per_success: CostEstimate | null
}

/** What attempts cost, and what a success costs: an unknown cost is counted, and never taken as 0. */
export function costsOf(attempts: number, successes: number, sums: CostSums): Costs {
  const { reported, computed, sum } = sums
  const priced = reported + computed
  const perAttempt = priced > 0 ? { cost_usd: sum / priced, interval: costInterval({ ...sums, n: priced }) } : null
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
 * Mean cost of an attempt over the success rate. The interval divides the ends of theirs (Bonferroni), so that it holds
 * however cost and success hang together: failures are often the dearer ones, and an interval that takes the two as
 * independent then misses in up to 16 % of cases.
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
