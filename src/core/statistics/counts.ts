/** Successes out of attempts, 0 <= successes <= attempts: all that most of these statistics need to know. */
export interface Counts {
  readonly successes: number
  readonly attempts: number
}

/** Counts that are being added up. */
export interface MutableCounts {
  successes: number
  attempts: number
}

/** `whole` without a `part` of it. */
export function less(whole: Counts, part: Counts): Counts {
  return { successes: whole.successes - part.successes, attempts: whole.attempts - part.attempts }
}

/** Successes per attempt, 0 to 1; 0 where there are no attempts, as documented. */
export function rateOf(counts: Counts): number {
  return counts.attempts > 0 ? counts.successes / counts.attempts : 0
}

/**
 * The rate drawn a little towards one half, strictly between 0 and 1: the mean under Jeffreys' prior Beta(1/2, 1/2).
 * For planning and variances, where a rate of exactly 0 or 1 would promise certainty.
 */
export function shrunkRate(counts: Counts): number {
  return (counts.successes + 0.5) / (counts.attempts + 1)
}
