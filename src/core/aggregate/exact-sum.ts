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

/**
 * Adds `x` squared to the sum at `at`, with the digits that the product of two doubles loses. Without them, a spread of a millionth of the
 * mean drowns in the rounding of the squares. Source: T. J. Dekker, Numer. Math. 18 (1971).
 */
export function addExactSquare(sums: Float64Array, at: number, x: number, step: Step): void {
  const square = x * x
  addExact(sums, at, square, step)
  addExact(sums, at, squareError(x, square), step)
}

/** What rounding took from `square`, the product of `x` with itself. */
function squareError(x: number, square: number): number {
  const scaled = SPLITTER * x
  const high = scaled - (scaled - x)
  const low = x - high
  return high * high - square + 2 * high * low + low * low
}

/** Splits a double into two halves of 26 digits. */
const SPLITTER = 2 ** 27 + 1

/** A sum as two doubles. */
export interface ExactSum {
  readonly high: number
  readonly low: number
}

export const exactSumAt = (sums: Float64Array, at: number): ExactSum => ({ high: sums[at]!, low: sums[at + 1]! })

/** The sum of two sums, correct to about 100 binary digits. */
export function sumOfExact(a: ExactSum, b: ExactSum): ExactSum {
  const high = a.high + b.high
  const part = high - a.high
  const low = a.high - (high - part) + (b.high - part) + a.low + b.low
  return { high: high + low, low: low - (high + low - high) }
}

/**
 * The sum of squared deviations from the mean of `n` values, from their sum and the sum of their squares: (n Q - S²) / n in double-double
 * arithmetic. It keeps its digits down to deviations of about 1e-10 of the mean; 0 where `step`, the rounding of the squares, explains it.
 */
export function squaredDeviations(n: number, sum: ExactSum, squares: ExactSum, step: Step): number {
  if (!(n > 0)) return 0
  const scaled = n * squares.high
  const square = sum.high * sum.high
  const lost = productError(n, squares.high, scaled) - squareError(sum.high, square)
  const deviations = (scaled - square + (lost + n * squares.low - 2 * sum.high * sum.low)) / n
  // One rounder is 3 * 2^52 steps.
  const rounding = (n * step.rounder) / (3 * 2 ** 52) + squares.high * 2 ** -98
  return deviations > rounding ? deviations : 0
}

/** What rounding took from `product`, that of `a` and `b`. */
function productError(a: number, b: number, product: number): number {
  const [aScaled, bScaled] = [SPLITTER * a, SPLITTER * b]
  const aHigh = aScaled - (aScaled - a)
  const bHigh = bScaled - (bScaled - b)
  const [aLow, bLow] = [a - aHigh, b - bHigh]
  return aHigh * bHigh - product + aHigh * bLow + aLow * bHigh + aLow * bLow
}
