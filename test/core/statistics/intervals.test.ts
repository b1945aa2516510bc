import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { evidenceOf, meanInterval, wilsonInterval } from '../../../src/core/statistics/intervals.ts'
import { counts } from './arbitraries.ts'
import { plainSums as sums } from './simulation.ts'

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

  test('scales with the unit', () => {
    const values = [1.5, 2.25, 9, 3]
    const [one, thousand] = [meanInterval(sums(values))!, meanInterval(sums(values.map(value => value * 1000)))!]
    expect(thousand.low).toBeCloseTo(one.low * 1000, 6)
    expect(thousand.high).toBeCloseTo(one.high * 1000, 6)
  })
})
