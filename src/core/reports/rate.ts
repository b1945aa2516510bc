/** A success rate with its sample size and interval. */
import type { Counts } from '../statistics/counts.ts'
import { type Evidence, evidenceOf, type RateInterval, rateInterval } from '../statistics/intervals.ts'

/** A success rate in percent, 0 to 100. Answers never report a rate without its sample size and interval. */
export interface Rate extends RateEvidence {
  /** 0 without attempts. */
  readonly success_rate: number
  readonly total_attempts: number
}

/** The evidence that is given with every rate. */
export interface RateEvidence {
  /** Wilson's 95 % interval, clustered by task if tasks repeat. */
  readonly success_rate_interval: RateInterval
  /** `insufficient` below 5 effective attempts, `low` below 30, `medium` below 100, else `high`. */
  readonly evidence: Evidence
  /** Tasks, and attempts that state none. Absent if no task repeats. */
  readonly clusters?: number | undefined
  /** Independent attempts that carry the same information, 1 to `total_attempts`. Absent if no task repeats. */
  readonly effective_attempts?: number | undefined
}

/** The rate of counts. 0 without attempts, as documented. */
export function rateOfCounts(counts: Counts): Rate {
  return {
    success_rate: percentOfCounts(counts),
    total_attempts: counts.attempts,
    ...rateEvidence(counts),
  }
}

/** The interval of a rate, the evidence, and the clusters if tasks repeat. */
export function rateEvidence(counts: Counts): RateEvidence {
  const { attempts, clusters, effective_attempts } = counts
  return {
    success_rate_interval: rateInterval(counts),
    evidence: evidenceOf(effective_attempts ?? attempts),
    ...(clusters !== undefined && effective_attempts !== undefined && { clusters, effective_attempts }),
  }
}

/** The success rate of counts in percent. 0 without attempts. */
export function percentOfCounts({ successes, attempts }: Counts): number {
  return percent(successes, attempts)
}

/** `good` in percent of `total`. 0 if `total` is 0. */
export function percent(good: number, total: number): number {
  return total === 0 ? 0 : (good / total) * 100
}
