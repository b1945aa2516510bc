import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { findRoot } from '../../../src/core/statistics/root.ts'
import { logBeta, logGamma, regularizedBeta, regularizedGamma } from '../../../src/core/statistics/special-functions.ts'

// Reference values were computed with 30 digits.
function expectClose(actual: number, expected: number, relative = 1e-12): void {
  expect(Math.abs(actual - expected)).toBeLessThanOrEqual(relative * Math.max(Math.abs(expected), 1e-300))
}

describe('logGamma', () => {
  test.each([
    [0.01, 4.599479878042022],
    [0.5, 0.5723649429247001],
    [3.7, 1.4280723266653879],
    [9.99, 12.779315214350193],
    [10, 12.80182748008147],
    [55.5, 166.32150615984037],
    [1e6, 12815504.569147613],
  ])('has 13 correct digits at %d', (x, expected) => expectClose(logGamma(x), expected, 1e-13))

  test('increases by ln x from x to x + 1', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-3, max: 1e6, noNaN: true }), x => {
        expect(logGamma(x + 1) - logGamma(x)).toBeCloseTo(Math.log(x), 7)
      }),
    )
  })
})

test.each([
  [0.5, 0.5, 1.1447298858494002],
  [0.5, 100.5, -1.7314701448611685],
  [9, 12, -14.22870571213435],
  [15, 20, -24.049722172259504],
  [1e6, 0.5, -6.335390211057437],
  [1e6, 3e6, -2249346.4234508527],
])('logBeta(%d, %d) has 13 correct digits', (a, b, expected) => {
  expectClose(logBeta(a, b), expected, 1e-13)
  expectClose(logBeta(b, a), expected, 1e-13)
})

describe('regularizedBeta', () => {
  test.each([
    [0.1, 0.5, 0.5, 0.20483276469913345],
    [0.5, 3, 4, 0.65625],
    [0.9, 20.5, 1.5, 0.22404538580455807],
    [0.999, 1000.5, 0.5, 0.15714352336551884],
    [1e-8, 0.5, 50.5, 0.0007998816023683736],
    [0.2, 50, 60, 1.0328973362230168e-9],
    [0.3, 3000.5, 7000.5, 0.499419593231068],
    [0.6, 5000, 3000, 2.2903086766274e-6],
    [0.62, 5000, 3000, 0.177732066242084],
  ])('I(%d; %d, %d) has 11 correct digits', (x, a, b, expected) =>
    expectClose(regularizedBeta(x, a, b), expected, 1e-11),
  )

  const shape = fc.double({ min: 0.05, max: 1e4, noNaN: true })
  const unit = fc.double({ min: 0, max: 1, noNaN: true })

  test('increases with x, from 0 at 0 to 1 at 1', () => {
    fc.assert(
      fc.property(unit, unit, shape, shape, (x, y, a, b) => {
        const [low, high] = [Math.min(x, y), Math.max(x, y)]
        expect(regularizedBeta(low, a, b)).toBeLessThanOrEqual(regularizedBeta(high, a, b) + 1e-12)
        expect(regularizedBeta(0, a, b)).toBe(0)
        expect(regularizedBeta(1, a, b)).toBe(1)
      }),
    )
  })

  test('of x, plus that of 1 - x with exchanged shapes, is 1', () => {
    fc.assert(
      fc.property(unit, shape, shape, (x, a, b) => {
        expect(regularizedBeta(x, a, b) + regularizedBeta(1 - x, b, a, x)).toBeCloseTo(1, 10)
      }),
    )
  })
})

test.each([
  [0.5, 0.1, 0.34527915398142295, 0.654720846018577],
  [0.5, 30, 0.9999999999999906, 9.485737571073848e-15],
  [5, 2, 0.05265301734371116, 0.9473469826562888],
  [5, 20, 0.9999830552560699, 1.6944743930067385e-5],
  [100, 90, 0.15822098918643018, 0.8417790108135699],
  [1000, 1100, 0.99894067674607, 0.0010593232539299773],
])('regularizedGamma(%d, %d) has 12 correct digits in both tails', (a, x, lower, upper) => {
  expectClose(regularizedGamma(a, x).lower, lower)
  expectClose(regularizedGamma(a, x).upper, upper)
})

describe('findRoot', () => {
  test('finds the root of an increasing or decreasing function, however steep', () => {
    fc.assert(
      fc.property(fc.double({ min: -5, max: 5, noNaN: true }), fc.integer({ min: 0, max: 8 }), (root, steepness) => {
        const f = (x: number): number => Math.expm1((x - root) * steepness) + (x - root)
        expect(findRoot(f, -6, 6)).toBeCloseTo(root, 10)
        expect(findRoot(x => -f(x), -6, 6)).toBeCloseTo(root, 10)
      }),
    )
  })

  test('returns the bound where |f| is smaller if there is no sign change', () => {
    expect(findRoot(x => x + 1, 0, 5)).toBe(0)
    expect(findRoot(x => x - 9, 0, 5)).toBe(5)
  })
})
