/** Successes out of attempts, 0 <= successes <= attempts: the input of most of these statistics. */
export interface Counts {
  readonly successes: number
  readonly attempts: number
  /** Clusters of attempts, such as tasks. Undefined if all attempts are independent. */
  readonly clusters?: number | undefined
  /** Independent attempts that carry the same information, 1 to `attempts`. Undefined if all attempts are independent. */
  readonly effective_attempts?: number | undefined
  /** Attempts of the cluster of an attempt, on average over the attempts. Undefined if all attempts are independent. */
  readonly runs_per_cluster?: number | undefined
}

/** Counts as an accumulator. */
export interface MutableCounts {
  successes: number
  attempts: number
}

/**
 * The counts that tests, intervals and posteriors use: with as many attempts as carry the same information, at the same rate. They may be
 * fractional. The same counts if all attempts are independent.
 * Source: J. N. K. Rao and A. J. Scott, Biometrics 48 (1992).
 */
export function effectiveCounts(counts: Counts): Counts {
  const { successes, attempts, effective_attempts } = counts
  if (effective_attempts === undefined || effective_attempts >= attempts) return counts
  return { successes: successes * (effective_attempts / attempts), attempts: effective_attempts }
}

/** Successes per attempt, 0 to 1. 0 without attempts, as documented. */
export function rateOf(counts: Counts): number {
  return counts.attempts > 0 ? counts.successes / counts.attempts : 0
}

/**
 * The posterior mean of the rate under Jeffreys' prior Beta(1/2, 1/2), strictly between 0 and 1. For planning and
 * variances, where an estimate of exactly 0 or 1 would imply no variance.
 */
export function shrunkRate(counts: Counts): number {
  return (counts.successes + 0.5) / (counts.attempts + 1)
}
