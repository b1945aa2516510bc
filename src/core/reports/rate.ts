/** A success rate with its sample size and interval. */
import type { Counts } from '../statistics/counts.ts'
import { type Evidence, evidenceOf, type RateInterval, wilsonInterval } from '../statistics/intervals.ts'

/** A success rate in percent, 0 to 100. Answers never report a rate without its sample size and interval. */
export interface Rate {
  /** 0 without attempts. */
  readonly success_rate: number
  readonly total_attempts: number
  /** Wilson's 95 % interval. */
  readonly success_rate_interval: RateInterval
  /** `insufficient` below 5 attempts, `low` below 30, `medium` below 100, else `high`. */
  readonly evidence: Evidence
}

/** The rate of `good` successes in `total` attempts. 0 without attempts, as documented. */
export function rate(good: number, total: number): Rate {
  return {
    success_rate: percent(good, total),
    total_attempts: total,
    success_rate_interval: wilsonInterval(good, total),
    evidence: evidenceOf(total),
  }
}

/** {@link rate} of counts. */
export function rateOfCounts({ successes, attempts }: Counts): Rate {
  return rate(successes, attempts)
}

/** The success rate of counts in percent. 0 without attempts. */
export function percentOfCounts({ successes, attempts }: Counts): number {
  return percent(successes, attempts)
}

/** `good` in percent of `total`. 0 if `total` is 0. */
export function percent(good: number, total: number): number {
  return total === 0 ? 0 : (good / total) * 100
}
