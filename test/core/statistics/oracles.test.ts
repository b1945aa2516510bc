/** Compares special functions and distributions with two libraries, at seeded random arguments, including very few attempts. */
import betaCdfOf from '@stdlib/stats-base-dists-beta-cdf'
import betaQuantileOf from '@stdlib/stats-base-dists-beta-quantile'
import chiSquareCdfOf from '@stdlib/stats-base-dists-chisquare-cdf'
import studentTQuantileOf from '@stdlib/stats-base-dists-t-quantile'
import jstat from 'jstat'
import { describe, expect, test } from 'vitest'
import {
  chiSquareCdf,
  chiSquareQuantile,
  normalCdf,
  normalQuantile,
  normalTwoSided,
  studentTQuantile,
  studentTTwoSided,
} from '../../../src/core/statistics/distributions.ts'
import { createRandom } from '../../../src/core/statistics/random.ts'
import { logBeta, logGamma, regularizedBeta, regularizedGamma } from '../../../src/core/statistics/special-functions.ts'

const POINTS = 400

/** Seeded random points. Each calls `draw` for its coordinates. */
function points<T>(seed: string, draw: (between: (low: number, high: number) => number) => T): T[] {
  const random = createRandom(seed)
  // Log-uniform, so that every order of magnitude is equally frequent.
  const between = (low: number, high: number): number => low * (high / low) ** random()
  return Array.from({ length: POINTS }, () => draw(between))
}

/** Asserts that the relative difference is at most `tolerance` at every point. The message names the worst point. */
function expectAgreement<T>(
  at: readonly T[],
  tolerance: number,
  ours: (point: T) => number,
  theirs: (point: T) => number,
): void {
  const differences = at.map(point => {
    const [own, expected] = [ours(point), theirs(point)]
    return { point, own, expected, relative: Math.abs(own - expected) / Math.max(Math.abs(expected), 1e-300) }
  })
  const worst = differences.reduce((most, one) =>
    one.relative > most.relative || Number.isNaN(one.relative) ? one : most,
  )
  expect(worst.relative, JSON.stringify(worst)).toBeLessThanOrEqual(tolerance)
}

/** A value within two standard deviations of the mean of a gamma distribution with the given shape. */
const nearMean = (shape: number, p: number): number => shape * Math.exp((4 * p - 2) / Math.sqrt(shape))

const shapes = points('shapes', between => ({ a: between(0.5, 5000), b: between(0.5, 5000), p: between(1e-4, 0.9999) }))
const freedom = points('freedom', between => ({ df: between(1, 1000), p: between(1e-4, 0.5) }))
const few = points('few', between => ({ a: between(0.5, 5), b: between(0.5, 5), p: between(1e-3, 0.999) }))
const all = [...shapes, ...few, ...few.map(point => ({ ...point, p: 1 - point.p }))]

describe('agrees with @stdlib to nine digits', () => {
  const NINE = 1e-9
  const xOf = ({ a, b, p }: { a: number; b: number; p: number }): number => betaQuantileOf(p, a, b)

  test('regularizedBeta', () => {
    const at = all.map(point => ({ ...point, x: xOf(point) }))
    expectAgreement(
      at,
      NINE,
      ({ x, a, b }) => regularizedBeta(x, a, b),
      ({ x, a, b }) => betaCdfOf(x, a, b),
    )
  })

  // From about 1,000 degrees of freedom on, @stdlib is wrong in the second digit. jstat and 30-digit arithmetic confirm it.
  const gammas = all.map(({ a, p }) => ({ a: Math.min(a, 300), p })).map(({ a, p }) => ({ a, x: nearMean(a, p) }))

  test('regularizedGamma and the chi-square CDF', () => {
    const theirs = ({ a, x }: { a: number; x: number }): number => chiSquareCdfOf(2 * x, 2 * a)
    expectAgreement(gammas, NINE, ({ a, x }) => regularizedGamma(a, x).lower, theirs)
    expectAgreement(gammas, NINE, ({ a, x }) => 1 - regularizedGamma(a, x).upper, theirs)
    expectAgreement(gammas, NINE, ({ a, x }) => chiSquareCdf(2 * x, 2 * a), theirs)
  })

  test('the chi-square quantile', () => {
    const at = freedom.map(({ p, df }) => ({ p, df: Math.min(df, 600) }))
    expectAgreement(
      at,
      NINE,
      ({ p, df }) => chiSquareCdfOf(chiSquareQuantile(p, df), df),
      ({ p }) => p,
    )
  })

  test("Student's t quantile, both tails, and its two-sided p-value", () => {
    expectAgreement(
      freedom,
      NINE,
      ({ p, df }) => studentTQuantile(p, df),
      ({ p, df }) => studentTQuantileOf(p, df),
    )
    expectAgreement(
      freedom,
      NINE,
      ({ p, df }) => studentTQuantile(1 - p, df),
      ({ p, df }) => -studentTQuantileOf(p, df),
    )
    expectAgreement(
      freedom,
      NINE,
      ({ p, df }) => studentTTwoSided(studentTQuantileOf(p, df), df),
      ({ p }) => 2 * p,
    )
  })

  test('the normal distribution, whose square is chi-square on one degree of freedom', () => {
    expectAgreement(
      freedom,
      NINE,
      ({ p }) => 1 - normalTwoSided(5 * p),
      ({ p }) => chiSquareCdfOf((5 * p) ** 2, 1),
    )
    expectAgreement(
      freedom,
      NINE,
      ({ p }) => 2 * normalCdf(5 * p) - 1,
      ({ p }) => chiSquareCdfOf((5 * p) ** 2, 1),
    )
    expectAgreement(
      freedom,
      NINE,
      ({ p }) => chiSquareCdfOf(normalQuantile(p) ** 2, 1),
      ({ p }) => 1 - 2 * p,
    )
  })

  test('logBeta and logGamma, by the limits of the CDFs near 0', () => {
    const small = 1e-13
    // I(x; a, b) tends to x^a / (a B(a, b)), and P(a, x) to x^a / (a Γ(a)).
    const at = points('small', between => ({ a: between(0.5, 20), b: between(0.5, 5000) }))
    expectAgreement(
      at,
      NINE,
      ({ a, b }) => Math.exp(a * Math.log(small) - Math.log(a) - logBeta(a, b)),
      ({ a, b }) => betaCdfOf(small, a, b),
    )
    expectAgreement(
      at,
      NINE,
      ({ a }) => Math.exp(a * Math.log(small) - Math.log(a) - logGamma(a)),
      ({ a }) => chiSquareCdfOf(2 * small, 2 * a),
    )
  })
})

describe('agrees with jstat to six digits', () => {
  const SIX = 1e-6

  test('logGamma and logBeta', () => {
    const at = points('logs', between => ({ a: between(0.01, 1e4), b: between(0.01, 1e4) }))
    expectAgreement(
      at,
      SIX,
      ({ a }) => logGamma(a) + 10,
      ({ a }) => jstat.gammaln(a) + 10,
    )
    expectAgreement(
      at,
      SIX,
      ({ a, b }) => logBeta(a, b),
      ({ a, b }) => jstat.betaln(a, b),
    )
  })

  test('regularizedBeta, regularizedGamma and the chi-square CDF', () => {
    const at = all.map(point => ({ ...point, x: betaQuantileOf(point.p, point.a, point.b) }))
    expectAgreement(
      at,
      SIX,
      ({ x, a, b }) => regularizedBeta(x, a, b),
      ({ x, a, b }) => jstat.ibeta(x, a, b),
    )
    const sizes = all.map(({ a, p }) => ({ a, y: nearMean(a, p) }))
    expectAgreement(
      sizes,
      SIX,
      ({ a, y }) => regularizedGamma(a, y).lower,
      ({ a, y }) => jstat.lowRegGamma(a, y),
    )
    expectAgreement(
      sizes,
      SIX,
      ({ a, y }) => chiSquareCdf(y, a),
      ({ a, y }) => jstat.chisquare.cdf(y, a),
    )
  })

  test('the quantiles', () => {
    expectAgreement(
      freedom,
      SIX,
      ({ p, df }) => studentTQuantile(p, df),
      ({ p, df }) => jstat.studentt.inv(p, df),
    )
    expectAgreement(
      freedom,
      SIX,
      ({ p, df }) => chiSquareQuantile(p, df),
      ({ p, df }) => jstat.chisquare.inv(p, df),
    )
    expectAgreement(
      freedom,
      SIX,
      ({ p }) => normalQuantile(p),
      ({ p }) => jstat.normal.inv(p, 0, 1),
    )
  })

  test("the normal CDF and Student's t", () => {
    expectAgreement(
      freedom,
      SIX,
      ({ p }) => normalCdf(6 * p - 1),
      ({ p }) => jstat.normal.cdf(6 * p - 1, 0, 1),
    )
    expectAgreement(
      freedom,
      SIX,
      ({ p, df }) => studentTTwoSided(3 * p, df),
      ({ p, df }) => 2 * jstat.studentt.cdf(-3 * p, df),
    )
  })
})
