/**
 * CDFs and quantiles. A quantile function returns the x at which the CDF reaches p, for p from 0 to 1. At 0 and 1 it
 * returns the ends of the support, which are infinite for the normal and Student's t. Degrees of freedom and shape
 * parameters are above 0 and may be fractional.
 */
import { findRoot } from './root.ts'
import { logBeta, regularizedBeta, regularizedGamma } from './special-functions.ts'

/** Standard normal P(Z <= z), with a small relative error in the lower tail. Source: Abramowitz & Stegun (1964), 26.2.29, 6.5.16. */
export function normalCdf(z: number): number {
  const tail = regularizedGamma(0.5, (z * z) / 2).upper / 2
  return z < 0 ? tail : 1 - tail
}

/** Standard normal P(|Z| >= |z|): the two-sided p-value of z. */
export function normalTwoSided(z: number): number {
  return regularizedGamma(0.5, (z * z) / 2).upper
}

/** Standard normal quantile. */
export function normalQuantile(p: number): number {
  if (p <= 0) return Number.NEGATIVE_INFINITY
  if (p >= 1) return Number.POSITIVE_INFINITY
  // Above 0.5 uses symmetry: a CDF near 1 cannot represent a small upper tail.
  return p > 0.5 ? -normalQuantile(1 - p) : findRoot(z => normalCdf(z) - p, -40, 0)
}

/** Student's t P(|T| >= |t|): the two-sided p-value of t. Source: Abramowitz & Stegun 26.7.1. */
export function studentTTwoSided(t: number, df: number): number {
  const square = t * t
  return regularizedBeta(df / (df + square), df / 2, 0.5, square / (df + square))
}

/** Student's t quantile. */
export function studentTQuantile(p: number, df: number): number {
  if (p <= 0) return Number.NEGATIVE_INFINITY
  if (p >= 1) return Number.POSITIVE_INFINITY
  if (p > 0.5) return -studentTQuantile(1 - p, df)
  if (p === COMMON_TAIL && df >= EXPANDED_FROM) return -commonTQuantile(df)
  let high = 1
  while (high < Number.MAX_VALUE / 2 && studentTTwoSided(high, df) > 2 * p) high *= 2
  return -findRoot(t => 2 * p - studentTTwoSided(t, df), 0, high)
}

/** The tail of a 95 % interval, which every answer asks for, and its normal quantile. */
const COMMON_TAIL = 1 - 0.975
const COMMON_Z = 1.959963984540054
/** From this many degrees of freedom on, two steps of Newton's method after the expansion reach the precision of a double. */
const EXPANDED_FROM = 8
/** From this many on, the expansion alone does. */
const EXACT_FROM = 2000

/** Of whole degrees of freedom below {@link EXACT_FROM}, each once it was computed. 0 before. */
const commonQuantiles = new Float64Array(EXACT_FROM)

/** A report asks for hundreds of them, most of them again and again. Computing each time takes an eighth of `report, in process` of bench/rows. */
function commonTQuantile(df: number): number {
  if (df >= EXACT_FROM || !Number.isInteger(df)) return expandedTQuantile(df)
  if (commonQuantiles[df] === 0) commonQuantiles[df] = expandedTQuantile(df)
  return commonQuantiles[df]!
}

/** The t with an upper tail of {@link COMMON_TAIL}. A search for the root calls the CDF five times as often. Source: Abramowitz & Stegun 26.7.5. */
function expandedTQuantile(df: number): number {
  const z = COMMON_Z
  let t =
    z +
    (z ** 3 + z) / (4 * df) +
    (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * df ** 2) +
    (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / (384 * df ** 3) +
    (79 * z ** 9 + 776 * z ** 7 + 1482 * z ** 5 - 1920 * z ** 3 - 945 * z) / (92160 * df ** 4)
  if (df >= EXACT_FROM) return t
  const scale = Math.exp(-logBeta(df / 2, 0.5)) / Math.sqrt(df)
  for (let step = 0; step < 2; step++) {
    const density = scale * Math.exp((-(df + 1) / 2) * Math.log1p((t * t) / df))
    t += (studentTTwoSided(t, df) / 2 - COMMON_TAIL) / density
  }
  return t
}

/** Chi-square P(X <= x). Source: Abramowitz & Stegun 26.4.19. */
export function chiSquareCdf(x: number, df: number): number {
  return regularizedGamma(df / 2, x / 2).lower
}

/** Chi-square quantile. */
export function chiSquareQuantile(p: number, df: number): number {
  if (p <= 0) return 0
  if (p >= 1) return Number.POSITIVE_INFINITY
  let high = Math.max(df, 1)
  while (chiSquareCdf(high, df) < p) high *= 2
  return findRoot(x => chiSquareCdf(x, df) - p, 0, high)
}
