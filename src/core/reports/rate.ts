/** A success rate, and what must stand beside it. */
import { type Evidence, evidenceOf, type RateInterval, wilsonInterval } from '../statistics/intervals.ts'

/** A rate never stands bare: its size and its interval are beside it. */
export interface Rate {
  readonly success_rate: number
  readonly total_attempts: number
  readonly success_rate_interval: RateInterval
  /** What that many attempts can bear: `insufficient` < 5, `low` < 30, `medium` < 100, `high`. */
  readonly evidence: Evidence
}

/** The rate of `good` in `total`; 0 where there are none, as documented. */
export function rate(good: number, total: number): Rate {
  return {
    success_rate: percent(good, total),
    total_attempts: total,
    success_rate_interval: wilsonInterval(good, total),
    evidence: evidenceOf(total),
  }
}

/** `good` in percent of `total`; 0 of none. */
export function percent(good: number, total: number): number {
  return total === 0 ? 0 : (good / total) * 100
}
