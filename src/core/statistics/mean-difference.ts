import { normalMixture } from './confidence-sequence.ts'
import { momentsOf, type Sums } from './intervals.ts'

/** The asymptotic confidence sequence needs this many values in each arm. Below, there is no interval. */
const MIN_VALUES = 30

/** Anytime-valid bounds of a difference of two means, in the unit of the values. */
export interface DifferenceInterval {
  readonly low: number
  readonly high: number
  readonly method: 'confidence_sequence'
}

/** A difference of two means, in the unit of the values. */
export interface MeanDifference {
  readonly difference: number
  /** With coverage 1 - alpha over all looks together. Null below 30 values in an arm. */
  readonly interval: DifferenceInterval | null
}

/**
 * The mean of `b` minus the mean of `a`, with the asymptotic confidence sequence that rates have. Null if an arm has no
 * values. The interval holds for one measure: it is not corrected for looking at several.
 *
 * The larger of the two sample variances is used for both. Times and costs have long tails: in a small arm, a mean that is too low comes
 * with a variance that is too low. With its own variance, the interval for an arm with one attempt in ten misses in 6 % of tests at a
 * log-normal sigma of 1. At a sigma of 2, it misses in 12 %.
 * Source: I. Waudby-Smith et al., Ann. Stat. 52 (2024), as in `confidenceSequence`.
 */
export function meanDifference(a: Sums, b: Sums, alpha: number): MeanDifference | null {
  if (!(a.n > 0 && b.n > 0)) return null
  const difference = b.sum / b.n - a.sum / a.n
  return { difference, interval: intervalOf(a, b, difference, alpha) }
}

function intervalOf(a: Sums, b: Sums, difference: number, alpha: number): DifferenceInterval | null {
  const [first, second] = [momentsOf(a), momentsOf(b)]
  if (first === null || second === null || Math.min(a.n, b.n) < MIN_VALUES) return null
  const attempts = a.n + b.n
  const variance = attempts * Math.max(first.variance, second.variance) * (1 / a.n + 1 / b.n)
  // All values of each arm are equal, so the data contain no information about their spread.
  if (!(variance > 0)) return null
  const { low, high } = normalMixture({ difference, variance, attempts }, alpha)
  return { low, high, method: 'confidence_sequence' }
}
