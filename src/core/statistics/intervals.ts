import { BOUNDS } from '../attempt/attempt.ts'
import { type Counts, rateOf } from './counts.ts'
import { studentTQuantile } from './distributions.ts'

/** The 97.5 % point of the standard normal: every interval here is a 95 % interval. */
const Z95 = 1.959963984540054

/** A 95 % interval of a success rate, in percent, 0 to 100. */
export interface RateInterval {
  readonly low: number
  readonly high: number
  readonly method: 'wilson'
}

/** A 95 % interval of a mean, in the unit of what was averaged. */
export interface MeanInterval {
  readonly low: number
  readonly high: number
  readonly method: 'student_t' | 'log_scale'
}

/** How much a number of attempts can bear: a label to set beside a rate, never a reason to hide it. */
export type Evidence = 'insufficient' | 'low' | 'medium' | 'high'

/** Fewer than 5 attempts are insufficient, fewer than 30 low, fewer than 100 medium evidence. */
export function evidenceOf(attempts: number): Evidence {
  if (!(attempts >= 5)) return 'insufficient'
  return attempts < 30 ? 'low' : attempts < 100 ? 'medium' : 'high'
}

/**
 * Wilson's interval of a rate in percent; 0 to 100 where there are no attempts. It always holds the rate itself. Covers
 * the truth in 95 % of cases on average over rates, and at worst, for rates close to 0 or 100 %, in about 83 %.
 */
export function wilsonInterval(successes: number, attempts: number): RateInterval {
  const { low, high } = wilsonBounds({ successes, attempts })
  return { low: low * 100, high: high * 100, method: 'wilson' }
}

/** Wilson's interval as fractions, 0 to 1. Counts may be fractions. Source: E. B. Wilson, J. Am. Stat. Assoc. 22 (1927). */
export function wilsonBounds(counts: Counts): { readonly low: number; readonly high: number } {
  const n = counts.attempts
  if (!(n > 0)) return { low: 0, high: 1 }
  const rate = rateOf(counts)
  const square = Z95 * Z95
  const centre = (rate + square / (2 * n)) / (1 + square / n)
  const half = (Z95 * Math.sqrt((rate * (1 - rate)) / n + square / (4 * n * n))) / (1 + square / n)
  // At rates of 0 and 1 one end is the rate itself, which rounding would miss.
  return { low: Math.max(0, Math.min(rate, centre - half)), high: Math.min(1, Math.max(rate, centre + half)) }
}

/** Count, sum, and sum of squares of some numbers. */
export interface Sums {
  readonly n: number
  readonly sum: number
  readonly sum_of_squares: number
}

/** Mean and sample variance (n - 1); null below two numbers. Differences that rounding alone could leave are none. */
export function momentsOf({
  n,
  sum,
  sum_of_squares,
}: Sums): { readonly mean: number; readonly variance: number } | null {
  if (!(n >= 2)) return null
  const mean = sum / n
  const squares = sum_of_squares - sum * mean
  return { mean, variance: squares > sum_of_squares * 8 * Number.EPSILON ? squares / (n - 1) : 0 }
}

/**
 * Student's t interval of a mean; null below two numbers. `least` is the smallest value the mean can have at all.
 * Source: Student, Biometrika 6 (1908).
 */
export function meanInterval(sums: Sums, least: number = Number.NEGATIVE_INFINITY): MeanInterval | null {
  const moments = momentsOf(sums)
  if (moments === null) return null
  const half = studentTQuantile(0.975, sums.n - 1) * Math.sqrt(moments.variance / sums.n)
  return { low: Math.max(least, moments.mean - half), high: moments.mean + half, method: 'student_t' }
}

/** Sums of costs in US dollars, and of the natural logarithms of those above zero. */
export interface CostLogSums extends Sums {
  readonly positive: number
  readonly log_sum: number
  readonly log_sum_of_squares: number
}

/** From so many numbers on the data show their own tail; below, the log-normal form is asked for it too. */
const TAIL_SEEN_FROM = 100

/**
 * Interval of a mean cost in US dollars; null below two costs. Costs are never negative and have a long tail, hence
 * Student's t on the scale of the logarithm of the mean (delta method). That misses too often while the tail is unseen,
 * so below 100 costs, none of them zero, it is widened to hold Cox's interval of the mean of a log-normal as well.
 * Cox's alone is not used: its centre is wrong by any amount when costs are not log-normal.
 * Source: D. R. Cox, in C. E. Land, Technometrics 14 (1972); with t, U. Olsson, J. Stat. Educ. 13 (2005).
 */
export function costInterval(sums: CostLogSums): MeanInterval | null {
  const moments = momentsOf(sums)
  if (moments === null) return null
  const { mean, variance } = moments
  const { n, positive, log_sum, log_sum_of_squares } = sums
  if (!(mean > 0)) return { low: 0, high: 0, method: 'log_scale' }
  const t = studentTQuantile(0.975, n - 1)
  const half = (t * Math.sqrt(variance / n)) / mean
  let low = Math.log(mean) - half
  let high = Math.log(mean) + half
  const logs = momentsOf({ n, sum: log_sum, sum_of_squares: log_sum_of_squares })
  if (n < TAIL_SEEN_FROM && positive === n && logs !== null) {
    const coxHalf = t * Math.sqrt(logs.variance / n + logs.variance ** 2 / (2 * (n - 1)))
    low = Math.min(low, logs.mean + logs.variance / 2 - coxHalf)
    high = Math.max(high, logs.mean + logs.variance / 2 + coxHalf)
  }
  return {
    low: Math.min(mean, Math.exp(low)),
    high: Math.max(mean, Math.min(Math.exp(high), BOUNDS.maxCostUsd)),
    method: 'log_scale',
  }
}
