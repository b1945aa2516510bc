/** Successes out of attempts, 0 <= successes <= attempts: the input of most of these statistics. */
export interface Counts {
  readonly successes: number
  readonly attempts: number
}

/** Counts as an accumulator. */
export interface MutableCounts {
  successes: number
  attempts: number
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
