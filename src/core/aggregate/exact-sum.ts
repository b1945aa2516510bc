/**
 * Sums in double-double arithmetic: two doubles, `hi + lo`, hold 106 binary digits. Each addend is first rounded to a whole multiple of a
 * small step. Every sum below 2^105 steps is then exact. Therefore addition is commutative and associative.
 * Source: D. E. Knuth, TAOCP vol. 2, 4.2.2 (TwoSum); T. J. Dekker, Numer. Math. 18 (1971).
 */

/** A power of two. All addends of a sum are multiples of it. */
export interface Step {
  /** Numbers of at least this size are already multiples of the step. */
  readonly untouched: number
  /** Adding and subtracting it rounds a number to a multiple of two steps, so by at most one step. */
  readonly rounder: number
}

/**
 * The step 2^`exponent`. Sums are exact below 2^(105 + `exponent`). Numbers of 2^(52 + `exponent`) and above are added without rounding.
 */
export function stepOf(exponent: number): Step {
  const untouched = 2 ** (exponent + 52)
  return { untouched, rounder: 3 * untouched }
}

/** Adds `x` to the sum at `at` (hi) and `at + 1` (lo) of `sums`. */
export function addExact(sums: Float64Array, at: number, x: number, step: Step): void {
  addRounded(sums, at, roundToStep(x, step))
}

/** The addend that {@link addExact} adds for `x`. */
export const roundToStep = (x: number, { untouched, rounder }: Step): number =>
  Math.abs(x) < untouched ? x + rounder - rounder : x

/** Adds the sum at `at` of `other` to the sum at `at` of `sums`. Both must have the same step. */
export function mergeExact(sums: Float64Array, other: Float64Array, at: number): void {
  addRounded(sums, at, other[at + 1]!)
  addRounded(sums, at, other[at]!)
}

/** {@link addExact} for an addend of {@link roundToStep}. */
export function addRounded(sums: Float64Array, at: number, x: number): void {
  const hi = sums[at]!
  const sum = hi + x
  const part = sum - hi
  const low = sums[at + 1]! + (hi - (sum - part) + (x - part))
  const rounded = sum + low
  sums[at] = rounded
  sums[at + 1] = low - (rounded - sum)
}

/**
 * Adds `x` squared to the sum at `at`, with the digits that the product of two doubles loses. Without them, the rounding error of the
 * squares exceeds a spread of a millionth of the mean. Source: T. J. Dekker, Numer. Math. 18 (1971).
 */
export function addExactSquare(sums: Float64Array, at: number, x: number, step: Step): void {
  const square = x * x
  addExact(sums, at, square, step)
  addExact(sums, at, squareError(x, square), step)
}

/** The rounding error of `square`, the product of `x` with itself. */
export function squareError(x: number, square: number): number {
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
 * The sum of squared deviations from the mean of `n` values. Computed from their sum S and the sum of their squares Q as (n Q - S²) / n, in
 * double-double arithmetic. It is precise down to deviations of about 1e-10 of the mean. Returns 0 if the result is within the rounding of
 * the squares to `step`.
 */
export function squaredDeviations(n: number, sum: ExactSum, squares: ExactSum, step: Step): number {
  if (!(n > 0)) return 0
  const scaled = n * squares.high
  const square = sum.high * sum.high
  const lost = productError(n, squares.high, scaled) - squareError(sum.high, square)
  const deviations = (scaled - square + (lost + n * squares.low - 2 * sum.high * sum.low)) / n
  // Up to three steps a value: one for the square, one for its error, and less than one for the value in the sum. One rounder is 3 * 2^52 steps.
  const rounding = (n * step.rounder) / 2 ** 52 + squares.high * 2 ** -98
  return deviations > rounding ? deviations : 0
}

/** The rounding error of `product`, the product of `a` and `b`. */
function productError(a: number, b: number, product: number): number {
  const [aScaled, bScaled] = [SPLITTER * a, SPLITTER * b]
  const aHigh = aScaled - (aScaled - a)
  const bHigh = bScaled - (bScaled - b)
  const [aLow, bLow] = [a - aHigh, b - bHigh]
  return aHigh * bHigh - product + aHigh * bLow + aLow * bHigh + aLow * bLow
}
