/** Calibration of repeated tasks: by how much the runs of a task repeat each other. */
import type { CalibrationSums } from '../aggregate/summary.ts'
import { type Counts, effectiveCounts } from './counts.ts'

/**
 * An upper bound of the design effect of confidence minus outcome: the variance of its mean where tasks repeat, divided by that of independent
 * attempts. 1 if all attempts are independent.
 *
 * The sketch of the tasks holds outcomes and no confidences. So outcomes have their own design effect, and the confidences of a task count as
 * equal, which is the largest design effect r, the runs of a task. The variances of both are added: that is too much if tasks with higher
 * confidences succeed more often. If they succeed less often, twice the covariance is added, also with r. The bound is never above r.
 * Source: L. Kish, Survey Sampling (1965), 5.4; J. N. K. Rao and A. J. Scott, Biometrics 48 (1992).
 */
export function calibrationDesignEffect(sums: CalibrationSums, counts: Counts): number {
  const { runs_per_cluster = 1 } = counts
  if (!(runs_per_cluster > 1)) return 1
  const { n, successes, confidence, confidence_squared, confidence_of_successes } = sums
  const [rate, mean] = [successes / n, confidence / n]
  const outcomes = rate * (1 - rate)
  const confidences = Math.max(0, confidence_squared / n - mean * mean)
  const covariance = confidence_of_successes / n - rate * mean
  const difference = outcomes + confidences - 2 * covariance
  if (!(difference > 0)) return runs_per_cluster
  const ofOutcomes = counts.attempts / effectiveCounts(counts).attempts
  const repeated = confidences + Math.max(0, -2 * covariance)
  const bound = (outcomes * ofOutcomes + repeated * runs_per_cluster) / difference
  return Math.min(runs_per_cluster, Math.max(1, bound))
}

/** The sums of as many independent attempts as carry the same information, for the statistics of their means. */
export function independentSums(sums: CalibrationSums, designEffect: number): CalibrationSums {
  if (designEffect === 1) return sums
  return {
    ...sums,
    n: sums.n / designEffect,
    successes: sums.successes / designEffect,
    confidence: sums.confidence / designEffect,
    confidence_squared: sums.confidence_squared / designEffect,
    confidence_of_successes: sums.confidence_of_successes / designEffect,
    spiegelhalter_variance: sums.spiegelhalter_variance / designEffect,
  }
}
