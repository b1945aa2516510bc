import { type Counts, effectiveCounts, rateOf } from './counts.ts'
import { studentTQuantile } from './distributions.ts'

/** The 97.5 % quantile of the standard normal distribution: every interval here is a 95 % interval. */
const Z95 = 1.959963984540054

/** A 95 % interval of a success rate, in percent, 0 to 100. */
export interface RateInterval {
  readonly low: number
  readonly high: number
  readonly method: 'wilson'
}

/** A 95 % interval of a mean, in the unit of the averaged values. */
export interface MeanInterval {
  readonly low: number
  readonly high: number
  readonly method: 'student_t' | 'log_scale'
}

/** The amount of evidence behind a rate. A label shown beside the rate. It never filters rates. */
export type Evidence = 'insufficient' | 'low' | 'medium' | 'high'

/** `insufficient` below 5 attempts, `low` below 30, `medium` below 100, else `high`. */
export function evidenceOf(attempts: number): Evidence {
  if (!(attempts >= 5)) return 'insufficient'
  return attempts < 30 ? 'low' : attempts < 100 ? 'medium' : 'high'
}

/**
 * Wilson's interval of a rate, in percent. 0 to 100 without attempts. It always contains the observed rate. Its average
 * coverage over all true rates is 95 %. The worst coverage is about 83 %, for true rates close to 0 or 100 %.
 */
export function wilsonInterval(successes: number, attempts: number): RateInterval {
  return rateInterval({ successes, attempts })
}

/** {@link wilsonInterval} of counts, whose attempts may be clustered. */
export function rateInterval(counts: Counts): RateInterval {
  const { low, high } = wilsonBounds(counts)
  return { low: low * 100, high: high * 100, method: 'wilson' }
}

/**
 * Wilson's interval as fractions, 0 to 1, at the effective number of attempts. Counts may be fractional.
 * Source: E. B. Wilson, J. Am. Stat. Assoc. 22 (1927); clustered, N. Dean and M. Pagano, J. Surv. Stat. Methodol. 3 (2015).
 */
export function wilsonBounds(counts: Counts): { readonly low: number; readonly high: number } {
  const n = effectiveCounts(counts).attempts
  if (!(n > 0)) return { low: 0, high: 1 }
  const rate = rateOf(counts)
  const square = Z95 * Z95
  const centre = (rate + square / (2 * n)) / (1 + square / n)
  const half = (Z95 * Math.sqrt((rate * (1 - rate)) / n + square / (4 * n * n))) / (1 + square / n)
  // At rates of 0 and 1 one bound equals the rate. Rounding must not exclude it.
  return { low: Math.max(0, Math.min(rate, centre - half)), high: Math.min(1, Math.max(rate, centre + half)) }
}

/** Count and sum of a sample, and the sum of the squared deviations from its mean. */
export interface Sums {
  readonly n: number
  readonly sum: number
  readonly squared_deviations: number
}

/** Mean and sample variance (divisor n - 1). Null below two values. */
export function momentsOf({
  n,
  sum,
  squared_deviations,
}: Sums): { readonly mean: number; readonly variance: number } | null {
  return n >= 2 ? { mean: sum / n, variance: Math.max(0, squared_deviations) / (n - 1) } : null
}

/**
 * Student's t interval of a mean. Null below two values. `least` is the smallest possible mean.
 * Source: Student, Biometrika 6 (1908).
 */
export function meanInterval(sums: Sums, least: number = Number.NEGATIVE_INFINITY): MeanInterval | null {
  const moments = momentsOf(sums)
  if (moments === null) return null
  const half = studentTQuantile(0.975, sums.n - 1) * Math.sqrt(moments.variance / sums.n)
  return { low: Math.max(least, moments.mean - half), high: moments.mean + half, method: 'student_t' }
}
