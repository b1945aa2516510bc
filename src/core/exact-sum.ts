/**
 * Sums in double-double arithmetic: two doubles, `hi + lo`, hold about 32 digits. Adding a million numbers in any order
 * then gives the same double, which a plain running sum does not.
 * Source: D. E. Knuth, TAOCP vol. 2, 4.2.2 (TwoSum); T. J. Dekker, Numer. Math. 18 (1971).
 */

/** Adds `x` to the sum at `at` (hi) and `at + 1` (lo) of `sums`. */
export function addExact(sums: Float64Array, at: number, x: number): void {
  const hi = sums[at]!
  const sum = hi + x
  const part = sum - hi
  const low = sums[at + 1]! + (hi - (sum - part) + (x - part))
  const rounded = sum + low
  sums[at] = rounded
  sums[at + 1] = low - (rounded - sum)
}

/** Adds the whole sum at `at` of `other` to the one at `at` of `sums`. */
export function mergeExact(sums: Float64Array, other: Float64Array, at: number): void {
  addExact(sums, at, other[at + 1]!)
  addExact(sums, at, other[at]!)
}
