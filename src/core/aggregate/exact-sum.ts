/**
 * Sums in double-double arithmetic: two doubles, `hi + lo`, hold 106 binary digits. What is added is first rounded to whole multiples of a
 * small step; then every sum below 2^105 steps is exact, and so the same in whatever order, and however it is bracketed.
 * Source: D. E. Knuth, TAOCP vol. 2, 4.2.2 (TwoSum); T. J. Dekker, Numer. Math. 18 (1971).
 */

/** A power of two that all addends of a sum are multiples of. */
export interface Step {
  /** Numbers from here on are multiples of the step as they are. */
  readonly untouched: number
  /** Added and taken away again it leaves no more digits than the step allows. */
  readonly rounder: number
}

/** The step 2^`exponent`: sums are exact below 2^(105 + `exponent`), and numbers of 2^(52 + `exponent`) and above are added as they are. */
export function stepOf(exponent: number): Step {
  const untouched = 2 ** (exponent + 52)
  return { untouched, rounder: 3 * untouched }
}

/** Adds `x` to the sum at `at` (hi) and `at + 1` (lo) of `sums`. */
export function addExact(sums: Float64Array, at: number, x: number, { untouched, rounder }: Step): void {
  addWhole(sums, at, Math.abs(x) < untouched ? x + rounder - rounder : x)
}

/** Adds the whole sum at `at` of `other` to the one at `at` of `sums`, which is of the same step. */
export function mergeExact(sums: Float64Array, other: Float64Array, at: number): void {
  addWhole(sums, at, other[at + 1]!)
  addWhole(sums, at, other[at]!)
}

function addWhole(sums: Float64Array, at: number, x: number): void {
  const hi = sums[at]!
  const sum = hi + x
  const part = sum - hi
  const low = sums[at + 1]! + (hi - (sum - part) + (x - part))
  const rounded = sum + low
  sums[at] = rounded
  sums[at + 1] = low - (rounded - sum)
}
