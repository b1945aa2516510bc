import type { CostSums } from '../aggregate/summary.ts'
import { costInterval } from './amount-interval.ts'
import { clusteredSums } from './clustered-amounts.ts'
import type { Counts } from './counts.ts'
import { type MeanInterval, wilsonBounds } from './intervals.ts'

/** A mean cost in US dollars and its 95 % interval. The interval is null if only one cost, or only those of one task, are known. */
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
  /** Tasks, and attempts that state none. Absent if no task repeats. */
  readonly clusters?: number | undefined
  /** Attempts of known cost if each task had run once: the intervals use them. Absent if no task repeats. */
  readonly effective_attempts?: number | undefined
}

/** Cost per attempt and per success. Unknown costs are counted as `unpriced`. They never enter a mean as 0. */
export function costsOf(counts: Counts, sums: CostSums): Costs {
  const { attempts, clusters, runs_per_cluster } = counts
  const { reported, computed, sum } = sums
  const priced = reported + computed
  const perAttempt = priced > 0 ? { cost_usd: sum / priced, interval: costInterval(clusteredSums(sums, counts)) } : null
  return {
    total_attempts: attempts,
    reported,
    computed,
    unpriced: Math.max(0, attempts - priced),
    total_cost_usd: priced > 0 ? sum : null,
    cost_per_attempt: perAttempt,
    cost_per_success: perAttempt === null ? null : costPerSuccess(perAttempt, counts),
    ...(perAttempt !== null &&
      runs_per_cluster !== undefined && { clusters, effective_attempts: Math.max(1, priced / runs_per_cluster) }),
  }
}

/**
 * Mean cost of an attempt divided by the success rate. The interval divides the bounds of both intervals (Bonferroni), so
 * it holds for any dependence of cost and success. Failures often cost more: an interval that assumes independence then
 * misses in up to 16 % of cases.
 */
function costPerSuccess(perAttempt: CostEstimate, counts: Counts): CostEstimate | null {
  const { attempts, successes } = counts
  if (!(successes > 0)) return null
  const { cost_usd, interval } = perAttempt
  const rate = wilsonBounds(counts)
  return {
    cost_usd: (cost_usd * attempts) / successes,
    interval: interval && { ...interval, low: interval.low / rate.high, high: interval.high / rate.low },
  }
}
