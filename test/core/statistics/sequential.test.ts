import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { confidenceSequence } from '../../../src/core/statistics/confidence-sequence.ts'
import { exactPValue, exactSequence } from '../../../src/core/statistics/e-value.ts'
import { attemptsNeeded, compareRates, pValueOf } from '../../../src/core/statistics/sequential.ts'
import { counts } from './arbitraries.ts'
import { expectFinite } from './finite.ts'

const USUAL = { alpha: 0.05, adaptive: false }
const arm = (successes: number, attempts: number) => ({ successes, attempts })

test('the p-value alone is that of the comparison, for few and for many attempts, also under adaptive assignment', () => {
  fc.assert(
    fc.property(counts(300), counts(300), fc.boolean(), (a, b, adaptive) => {
      const options = { alpha: 0.05, adaptive }
      expect(pValueOf(a, b, options)).toBe(compareRates(a, b, options).p_value)
    }),
    { numRuns: 50 },
  )
})

describe('confidenceSequence', () => {
  test.each([
    // Width relative to a fixed-sample interval, 1.96 standard errors to each side.
    [100, 1.57],
    [200, 1.55],
    [500, 1.57],
    [5000, 1.72],
  ])('at %d attempts is %d times as wide as a fixed-sample interval', (attempts, times) => {
    const half = arm(attempts / 4, attempts / 2)
    const { low, high } = confidenceSequence(half, half, 0.05)
    expect((high - low) / 2 / (1.96 * Math.sqrt((2 * 0.25) / (attempts / 2)))).toBeCloseTo(times, 2)
  })

  test.each([
    // Evaluated from the published equations, term by term.
    [70, 100, 85, 100, -0.02632970807979379, 0.32632970807979383, 0.15485530295921443],
    [60, 100, 85, 100, 0.06600023359774734, 0.4339997664022527, 0.0015698488906390762],
    [30, 60, 110, 150, 0.008848597765504201, 0.4578180689011624, 0.03592468798764629],
  ])('agrees with the published equations for %d of %d against %d of %d', (s1, n1, s2, n2, low, high, p) => {
    const sequence = confidenceSequence(arm(s1, n1), arm(s2, n2), 0.05)
    expect(sequence.low).toBeCloseTo(low, 12)
    expect(sequence.high).toBeCloseTo(high, 12)
    expect(sequence.p_value).toBeCloseTo(p, 12)
  })

  test('is [-1, 1] for an arm without attempts and for arms without variance', () => {
    expect(confidenceSequence(arm(0, 0), arm(3, 5), 0.05)).toEqual({ low: -1, high: 1, p_value: 1 })
    expect(confidenceSequence(arm(5, 5), arm(0, 5), 0.05)).toEqual({ low: -1, high: 1, p_value: 1 })
  })
})

describe('exactSequence', () => {
  test('agrees with a calculation by hand for 0 of 5 against 5 of 5: p = 1 / 62.016', () => {
    // (B(0.5, 5.5) / pi)² / 0.5^10
    expect(exactPValue(arm(0, 5), arm(5, 5))).toBeCloseTo(1 / 62.0157, 6)
  })

  test('is [-1, 1] without attempts', () => {
    expect(exactSequence(arm(0, 0), arm(0, 0), 0.05)).toEqual({ low: -1, high: 1, p_value: 1 })
  })

  test('contains the observed difference, excludes 0 exactly if p is at most alpha, and is antisymmetric in the arms', () => {
    fc.assert(
      fc.property(counts(3000), counts(3000), fc.constantFrom(0.05, 0.01), (a, b, alpha) => {
        const { low, high, p_value } = exactSequence(a, b, alpha)
        const observed = (b.attempts && b.successes / b.attempts) - (a.attempts && a.successes / a.attempts)
        expect(low).toBeLessThanOrEqual(observed + 1e-9)
        expect(high).toBeGreaterThanOrEqual(observed - 1e-9)
        if (Math.abs(p_value - alpha) > 1e-9) expect(low > 0 || high < 0).toBe(p_value < alpha)
        const mirrored = exactSequence(b, a, alpha)
        expect(mirrored.low).toBeCloseTo(-high, 7)
        expect(mirrored.p_value).toBeCloseTo(p_value, 9)
      }),
    )
  })

  test('is narrower than 0.004 around the true difference at 10 million attempts per arm', () => {
    const { low, high } = exactSequence(arm(3e6, 1e7), arm(6e6, 1e7), 0.05)
    expect(low).toBeGreaterThan(0.298)
    expect(high).toBeLessThan(0.302)
  })
})

describe('compareRates', () => {
  const method = (a: [number, number], b: [number, number], adaptive = false) =>
    compareRates(arm(...a), arm(...b), { alpha: 0.05, adaptive }).difference_interval.method

  test('uses the confidence sequence from 30 attempts and 5 of each outcome per arm, else the exact one', () => {
    expect(method([20, 30], [25, 30])).toBe('confidence_sequence')
    expect(method([20, 29], [25, 30])).toBe('exact')
    expect(method([20, 30], [26, 30])).toBe('exact')
    expect(method([4, 300], [50, 300])).toBe('exact')
    expect(method([0, 0], [0, 0])).toBe('exact')
  })

  test('uses the exact sequence under adaptive assignment', () => {
    expect(method([200, 300], [250, 300], true)).toBe('exact')
  })

  test('returns percentage points from -100 to 100, with a p-value that agrees with the interval', () => {
    fc.assert(
      fc.property(counts(2000), counts(2000), fc.boolean(), (a, b, adaptive) => {
        const { difference, difference_interval, p_value } = compareRates(a, b, { alpha: 0.05, adaptive })
        const { low, high } = difference_interval
        expectFinite({ difference, low, high, p_value })
        expect(low).toBeGreaterThanOrEqual(-100)
        expect(high).toBeLessThanOrEqual(100)
        expect(difference).toBeGreaterThanOrEqual(low - 1e-9)
        expect(difference).toBeLessThanOrEqual(high + 1e-9)
        if (Math.abs(p_value - 0.05) > 1e-9) expect(low > 0 || high < 0).toBe(p_value < 0.05)
      }),
    )
  })
})

describe('attemptsNeeded', () => {
  test('is 0 once the difference is found', () => {
    expect(attemptsNeeded(arm(300, 1000), arm(600, 1000), USUAL)).toBe(0)
  })

  test('is smaller for a larger difference, and larger for a lower alpha and under adaptive assignment', () => {
    const small = attemptsNeeded(arm(35, 50), arm(38, 50), USUAL)!
    const large = attemptsNeeded(arm(35, 50), arm(42, 50), USUAL)!
    expect(large).toBeGreaterThan(0)
    expect(small).toBeGreaterThan(large)
    expect(attemptsNeeded(arm(35, 50), arm(42, 50), { alpha: 0.01, adaptive: false })!).toBeGreaterThan(large)
    expect(attemptsNeeded(arm(35, 50), arm(42, 50), { alpha: 0.05, adaptive: true })!).toBeGreaterThan(large)
  })

  test('is null for equal rates, fewer than 5 attempts, and more than a million', () => {
    expect(attemptsNeeded(arm(5, 10), arm(10, 20), USUAL)).toBeNull()
    expect(attemptsNeeded(arm(4, 4), arm(50, 100), USUAL)).toBeNull()
    expect(attemptsNeeded(arm(500_000, 1_000_000), arm(500_100, 1_000_000), USUAL)).toBeNull()
  })

  test('is an integer or null for any counts', () => {
    fc.assert(
      fc.property(counts(200), counts(200), (a, b) => {
        const needed = attemptsNeeded(a, b, USUAL)
        if (needed !== null) expect(Number.isInteger(needed) && needed >= 0).toBe(true)
      }),
      { numRuns: 50 },
    )
  })
})
