import fc from 'fast-check'
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
import { regularizedBeta, regularizedGamma } from '../../../src/core/statistics/special-functions.ts'
import { probability } from './arbitraries.ts'

/** Asserts equality to the three decimals of a printed table. */
function expectTable(actual: number, printed: number): void {
  expect(Math.abs(actual - printed)).toBeLessThanOrEqual(0.0005 + 1e-9)
}

// Quantiles of Student's t for 1 to 30 degrees of freedom, from the tables of textbooks.
const T_TABLE = {
  0.95: '6.314 2.920 2.353 2.132 2.015 1.943 1.895 1.860 1.833 1.812 1.796 1.782 1.771 1.761 1.753 1.746 1.740 1.734 1.729 1.725 1.721 1.717 1.714 1.711 1.708 1.706 1.703 1.701 1.699 1.697',
  0.975:
    '12.706 4.303 3.182 2.776 2.571 2.447 2.365 2.306 2.262 2.228 2.201 2.179 2.160 2.145 2.131 2.120 2.110 2.101 2.093 2.086 2.080 2.074 2.069 2.064 2.060 2.056 2.052 2.048 2.045 2.042',
  0.995:
    '63.657 9.925 5.841 4.604 4.032 3.707 3.499 3.355 3.250 3.169 3.106 3.055 3.012 2.977 2.947 2.921 2.898 2.878 2.861 2.845 2.831 2.819 2.807 2.797 2.787 2.779 2.771 2.763 2.756 2.750',
}

describe('the normal distribution', () => {
  test.each([
    [0.5, 0],
    [0.8, 0.8416212335729143],
    [0.95, 1.6448536269514722],
    [0.975, 1.959963984540054],
    [0.995, 2.5758293035489004],
    [0.9995, 3.2905267314919255],
  ])('has the published %d quantile', (p, z) => {
    expect(normalQuantile(p)).toBeCloseTo(z, 12)
    expect(normalQuantile(1 - p)).toBeCloseTo(-z, 12)
  })

  test('keeps its relative precision in the tails', () => {
    expect(normalCdf(-10) / 7.619853024160525e-24).toBeCloseTo(1, 11)
    expect(normalTwoSided(-1.96)).toBeCloseTo(0.04999579029644087, 14)
    expect(normalTwoSided(1e200)).toBe(0)
  })

  test('has a quantile function that inverts its CDF', () => {
    fc.assert(
      fc.property(probability, p => {
        expect(normalCdf(normalQuantile(p))).toBeCloseTo(p, 12)
      }),
    )
  })
})

describe("Student's t", () => {
  test.each(Object.entries(T_TABLE))('has the published %s quantiles for 1 to 30 degrees of freedom', (p, printed) => {
    for (const [i, value] of printed.split(' ').entries())
      expectTable(studentTQuantile(Number(p), i + 1), Number(value))
  })

  test('has p = 0.001 at t = 4.587 and p < 2e-6 at t = 10, on 10 degrees of freedom', () => {
    expect(studentTTwoSided(4.587, 10)).toBeCloseTo(0.001, 6)
    expect(studentTTwoSided(10, 10)).toBeLessThan(2e-6)
  })

  test('is the Cauchy distribution on 1 degree of freedom, and nearly normal on 1e7', () => {
    for (const t of [-30, -1, 0, 0.5, 7])
      expect(studentTTwoSided(t, 1)).toBeCloseTo(1 - (2 / Math.PI) * Math.atan(Math.abs(t)), 13)
    expect(studentTQuantile(0.975, 1e7)).toBeCloseTo(normalQuantile(0.975), 6)
  })

  test('has a 97.5 % quantile that the CDF takes back, and that falls, for any degrees of freedom', () => {
    let before = Number.POSITIVE_INFINITY
    for (let df = 1; df < 5000; df *= 1.01) {
      const quantile = studentTQuantile(0.975, df)
      expect(studentTTwoSided(quantile, df)).toBeCloseTo(0.05, 11)
      expect(quantile).toBeLessThan(before)
      before = quantile
    }
  })

  test('has a quantile function that inverts its CDF', () => {
    fc.assert(
      fc.property(probability, fc.double({ min: 1, max: 1e5, noNaN: true }), (p, df) => {
        expect(studentTTwoSided(studentTQuantile(p / 2, df), df)).toBeCloseTo(p, 9)
      }),
    )
  })
})

describe('chi-square', () => {
  test('has the published 95 % quantiles for 1 to 10 degrees of freedom', () => {
    const printed = [3.841, 5.991, 7.815, 9.488, 11.07, 12.592, 14.067, 15.507, 16.919, 18.307]
    for (const [i, value] of printed.entries()) expectTable(chiSquareQuantile(0.95, i + 1), value)
  })

  test.each([
    [0.999, 1, 10.828],
    [0.999, 5, 20.515],
    [0.05, 10, 3.94],
    [0.95, 30, 43.773],
    [0.95, 100, 124.342],
  ])('has the published %d quantile on %d degrees of freedom', (p, df, printed) =>
    expectTable(chiSquareQuantile(p, df), printed),
  )

  test('keeps the relative precision of small p-values', () => {
    expect(regularizedGamma(1, 25).upper).toBeCloseTo(Math.exp(-25), 20)
  })

  test('has a quantile function that inverts its CDF', () => {
    fc.assert(
      fc.property(probability, fc.double({ min: 0.5, max: 1e4, noNaN: true }), (p, df) => {
        expect(chiSquareCdf(chiSquareQuantile(p, df), df)).toBeCloseTo(p, 10)
      }),
    )
  })
})

describe('beta', () => {
  test.each([
    // The published limits of C. J. Clopper and E. S. Pearson (1934) for 0, 3 and 10 of 10.
    [0.975, 1, 10, 0.3085],
    [0.025, 3, 8, 0.0667],
    [0.975, 4, 7, 0.6525],
    [0.025, 10, 1, 0.6915],
  ])('has the published %d quantile for shapes %d and %d', (p, a, b, printed) => {
    expect(regularizedBeta(printed - 5e-5, a, b)).toBeLessThan(p)
    expect(regularizedBeta(printed + 5e-5, a, b)).toBeGreaterThan(p)
  })

  test('agrees with the closed forms that some shapes have', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, noNaN: true }), x => {
        expect(regularizedBeta(x, 1, 1)).toBeCloseTo(x, 12)
        expect(regularizedBeta(x, 3, 1)).toBeCloseTo(x ** 3, 12)
        // Near 1 the arc sine amplifies the rounding error of x.
        expect(regularizedBeta(x, 0.5, 0.5)).toBeCloseTo((2 / Math.PI) * Math.asin(Math.sqrt(x)), 7)
      }),
    )
  })
})

test('quantiles increase with p', () => {
  fc.assert(
    fc.property(probability, probability, fc.integer({ min: 1, max: 200 }), (p, q, df) => {
      const [low, high] = [Math.min(p, q), Math.max(p, q)]
      for (const quantile of [normalQuantile, studentTQuantile, chiSquareQuantile]) {
        expect(quantile(low, df) - quantile(high, df)).toBeLessThanOrEqual(1e-12 * Math.abs(quantile(high, df)))
      }
    }),
  )
})

test('quantiles of 0 and 1 are the ends of the support', () => {
  expect([normalQuantile(0), normalQuantile(1)]).toEqual([Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY])
  expect([studentTQuantile(0, 3), studentTQuantile(1, 3)]).toEqual([Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY])
  expect([chiSquareQuantile(0, 3), chiSquareQuantile(1, 3)]).toEqual([0, Number.POSITIVE_INFINITY])
})
