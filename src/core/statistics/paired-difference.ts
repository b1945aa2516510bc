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
  const { difference, half } = adjustedWald(attempts / size, onlyFirst / size, onlySecond / size)
  const clamped = (value: number): number => Math.max(-1, Math.min(1, value)) * 100
  return { low: clamped(difference - half), high: clamped(difference + half), method: 'adjusted_wald' }
}

function adjustedWald(
  pairs: number,
  onlyFirst: number,
  onlySecond: number,
): { readonly difference: number; readonly half: number } {
  const n = pairs + 2
  const [first, second] = [(onlyFirst + 1) / n, (onlySecond + 1) / n]
  const difference = first - second
  return { difference, half: Z95 * Math.sqrt(Math.max(0, first + second - difference * difference) / n) }
}

/** Half of the width, in percentage points, from which on down an interval that contains 0 says that the rates hardly differ. */
const TOLD_HALF_WIDTH = 10

/** What an interval says: which of the two rates is higher, that they hardly differ, or nothing yet. */
export type PairedVerdict = 'first_higher' | 'second_higher' | 'no_difference' | 'cannot_tell_yet'

/** No difference means that the interval contains 0 and is at most 10 percentage points wide to each side. */
export function pairedVerdict({ low, high }: PairedInterval): PairedVerdict {
  if (low > 0) return 'first_higher'
  if (high < 0) return 'second_higher'
  return (high - low) / 2 <= TOLD_HALF_WIDTH ? 'no_difference' : 'cannot_tell_yet'
}

/**
 * Further attempts until {@link pairedVerdict} tells something, if the two judge differently as often as so far. 0 if it does. Null without
 * attempts.
 */
export function attemptsToTell(counts: PairedCounts, clusterSize = 1): number | null {
  const { attempts, onlyFirst, onlySecond } = counts
  if (attempts === 0) return null
  if (pairedVerdict(pairedInterval(counts, clusterSize)) !== 'cannot_tell_yet') return 0
  const size = Math.max(1, clusterSize)
  // The interval is narrow enough from 400 pairs on, however often the two differ.
  for (let pairs = Math.floor(attempts / size) + 1; ; pairs++) {
    const { difference, half } = adjustedWald(pairs, (pairs * onlyFirst) / attempts, (pairs * onlySecond) / attempts)
    if (half * 100 <= TOLD_HALF_WIDTH || Math.abs(difference) > half)
      return Math.max(1, Math.ceil(pairs * size - attempts))
  }
}
