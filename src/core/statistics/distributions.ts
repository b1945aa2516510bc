/**
 * CDFs and quantiles. A quantile function returns the x at which the CDF reaches p, for p from 0 to 1. At 0 and 1 it
 * returns the ends of the support, which are infinite for the normal and Student's t. Degrees of freedom and shape
 * parameters are above 0 and may be fractional.
 */
import { findRoot } from './root.ts'
import { regularizedBeta, regularizedGamma } from './special-functions.ts'

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
  let high = 1
  while (high < Number.MAX_VALUE / 2 && studentTTwoSided(high, df) > 2 * p) high *= 2
  return -findRoot(t => 2 * p - studentTTwoSided(t, df), 0, high)
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
