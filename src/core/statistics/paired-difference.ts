/** The difference of two rates of the same attempts. */

const Z95 = 1.959963984540054

/** A 95 % interval of a difference of two rates, in percentage points. */
export interface PairedInterval {
  readonly low: number
  readonly high: number
  readonly method: 'adjusted_wald'
}

/** Attempts that were judged twice. */
export interface PairedCounts {
  readonly attempts: number
  /** Those that only the first, or only the second, judged a success. */
  readonly onlyFirst: number
  readonly onlySecond: number
}

/**
 * The 95 % interval of the first rate minus the second, in percentage points. `clusterSize` is the number of attempts that count as one: where tasks
 * repeat, all runs of a task count as equal. -100 to 100 without attempts.
 * Source: D. G. Bonett and R. M. Price, J. Educ. Behav. Stat. 37 (2012), adjusted Wald interval: one pair is added to each kind of disagreement. It
 * covers 95 % or slightly more from ten pairs on.
 */
export function pairedInterval({ attempts, onlyFirst, onlySecond }: PairedCounts, clusterSize = 1): PairedInterval {
  const size = Math.max(1, clusterSize)
  const n = attempts / size + 2
  const [first, second] = [(onlyFirst / size + 1) / n, (onlySecond / size + 1) / n]
  const difference = first - second
  const half = Z95 * Math.sqrt(Math.max(0, first + second - difference * difference) / n)
  const clamped = (value: number): number => Math.max(-1, Math.min(1, value)) * 100
  return { low: clamped(difference - half), high: clamped(difference + half), method: 'adjusted_wald' }
}
