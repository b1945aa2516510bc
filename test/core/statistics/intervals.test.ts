import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  costInterval,
  evidenceOf,
  meanInterval,
  momentsOf,
  wilsonInterval,
} from '../../../src/core/statistics/intervals.ts'
import { counts } from './arbitraries.ts'
import { expectFinite } from './finite.ts'
import { costSums, sumOf } from './simulation.ts'

function sums(values: readonly number[]): { n: number; sum: number; sum_of_squares: number } {
  return { n: values.length, sum: sumOf(values), sum_of_squares: sumOf(values.map(value => value * value)) }
}

describe('wilsonInterval', () => {
  test.each([
    // R. G. Newcombe, Stat. Med. 17 (1998) 857, table I, method 3.
    [81, 263, 25.53, 36.62],
    [15, 148, 6.24, 16.05],
    [0, 20, 0, 16.11],
    [1, 29, 0.61, 17.18],
  ])('returns the published interval for %d of %d', (successes, attempts, low, high) => {
    const interval = wilsonInterval(successes, attempts)
    expect(interval.low).toBeCloseTo(low, 1)
    expect(interval.high).toBeCloseTo(high, 1)
    expect(interval.method).toBe('wilson')
  })

  test('is 0 to 100 without attempts', () => {
    expect(wilsonInterval(0, 0)).toEqual({ low: 0, high: 100, method: 'wilson' })
  })

  test('ends exactly at 0 without successes and at 100 without failures', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e9 }), n => {
        expect(wilsonInterval(0, n).low).toBe(0)
        expect(wilsonInterval(n, n).high).toBe(100)
      }),
    )
  })

  test('contains the rate, is inside 0 to 100, and is the mirror image for failures', () => {
    fc.assert(
      fc.property(counts(1e6), ({ successes, attempts }) => {
        const { low, high } = wilsonInterval(successes, attempts)
        const mirrored = wilsonInterval(attempts - successes, attempts)
        expect(low).toBeGreaterThanOrEqual(0)
        expect(high).toBeLessThanOrEqual(100)
        if (attempts > 0) {
          expect(low).toBeLessThanOrEqual((successes / attempts) * 100)
          expect(high).toBeGreaterThanOrEqual((successes / attempts) * 100)
        }
        expect(low).toBeCloseTo(100 - mirrored.high, 8)
      }),
    )
  })

  test('narrows with more attempts at the same rate', () => {
    fc.assert(
      fc.property(counts(300), fc.integer({ min: 2, max: 9 }), ({ successes, attempts }, times) => {
        fc.pre(attempts > 0)
        const [one, many] = [wilsonInterval(successes, attempts), wilsonInterval(successes * times, attempts * times)]
        expect(many.high - many.low).toBeLessThan(one.high - one.low)
      }),
    )
  })

  test('has a higher lower bound for 80 of 100 than for 5 of 5', () => {
    expect(wilsonInterval(80, 100).low).toBeGreaterThan(wilsonInterval(5, 5).low)
  })
})

test('evidence is insufficient below 5, low below 30, medium below 100, and high from there', () => {
  expect([0, 4, 5, 29, 30, 99, 100, 1e9].map(evidenceOf)).toEqual([
    'insufficient',
    'insufficient',
    'low',
    'low',
    'medium',
    'medium',
    'high',
    'high',
  ])
})

describe('meanInterval', () => {
  test('is the mean plus and minus t times the standard error', () => {
    const { low, high } = meanInterval(sums([2, 4, 4, 4, 5, 5, 7, 9]))!
    const half = (2.364624251592784 * Math.sqrt(32 / 7)) / Math.sqrt(8)
    expect(low).toBeCloseTo(5 - half, 9)
    expect(high).toBeCloseTo(5 + half, 9)
  })

  test('is null below two values', () => {
    expect(meanInterval(sums([]))).toBeNull()
    expect(meanInterval(sums([3]))).toBeNull()
  })

  test('does not go below the least possible mean', () => {
    expect(meanInterval(sums([0.1, 30]), 0)!.low).toBe(0)
  })

  test('has a variance of 0 for equal values, in spite of rounding', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-6, max: 1e9, noNaN: true }), fc.integer({ min: 2, max: 1000 }), (value, n) => {
        expect(momentsOf({ n, sum: n * value, sum_of_squares: n * value * value })!.variance).toBe(0)
      }),
    )
  })

  test('scales with the unit', () => {
    const values = [1.5, 2.25, 9, 3]
    const [one, thousand] = [meanInterval(sums(values))!, meanInterval(sums(values.map(value => value * 1000)))!]
    expect(thousand.low).toBeCloseTo(one.low * 1000, 6)
    expect(thousand.high).toBeCloseTo(one.high * 1000, 6)
  })
})

describe('costInterval', () => {
  const interval = (costs: readonly number[]) => costInterval({ ...costSums(costs), n: costs.length })

  test('is null below two costs', () => {
    expect(interval([])).toBeNull()
    expect(interval([0.2])).toBeNull()
  })

  test('contains the mean, is finite, and is never below 0', () => {
    const cost = fc.oneof(fc.constant(0), fc.double({ min: 1e-9, max: 1e9, noNaN: true }))
    fc.assert(
      fc.property(fc.array(cost, { minLength: 2, maxLength: 150 }), costs => {
        const { low, high } = interval(costs)!
        expectFinite({ low, high })
        expect(low).toBeGreaterThanOrEqual(0)
        expect(low).toBeLessThanOrEqual((sumOf(costs) / costs.length) * (1 + 1e-12))
        expect(high).toBeGreaterThanOrEqual((sumOf(costs) / costs.length) * (1 - 1e-12))
      }),
    )
  })

  test('is a single point for equal costs, and 0 if all costs are 0', () => {
    const { low, high } = interval([0.25, 0.25, 0.25])!
    expect(low).toBeCloseTo(0.25, 12)
    expect(high).toBeCloseTo(0.25, 12)
    expect(interval([0, 0, 0])).toMatchObject({ low: 0, high: 0 })
  })

  test("is Cox's interval with Student's t if the logarithms have more variance than the costs", () => {
    // Calculated by hand: log mean 0, log variance 1, n = 30: exp(1/2 +- 2.04523 sqrt(1/30 + 1/58)).
    const logs = { positive: 30, log_sum: 0, log_sum_of_squares: 29 }
    const mean = Math.exp(0.5)
    const { low, high } = costInterval({ n: 30, sum: 30 * mean, sum_of_squares: 30 * mean * mean, ...logs })!
    expect(low).toBeCloseTo(1.0408, 3)
    expect(high).toBeCloseTo(2.6115, 3)
  })
})
