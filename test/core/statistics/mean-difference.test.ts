import { expect, test } from 'vitest'
import { confidenceSequence } from '../../../src/core/statistics/confidence-sequence.ts'
import type { Sums } from '../../../src/core/statistics/intervals.ts'
import { meanDifference } from '../../../src/core/statistics/mean-difference.ts'

function sums(values: readonly number[]): Sums {
  const sum = values.reduce((total, value) => total + value, 0)
  const mean = sum / values.length
  const squared_deviations = values.reduce((total, value) => total + (value - mean) ** 2, 0)
  return { n: values.length, sum, squared_deviations }
}

const values = (n: number, from: number) => Array.from({ length: n }, (_, i) => from + (i % 5))

test('is the mean of the second arm minus that of the first', () => {
  expect(meanDifference(sums([1, 2, 3]), sums([7]), 0.05)).toEqual({ difference: 5, interval: null })
  expect(meanDifference(sums([]), sums([7]), 0.05)).toBeNull()
})

test('has the interval that rates have, from 30 values of each arm on', () => {
  const [a, b] = [
    { successes: 40, attempts: 100 },
    { successes: 70, attempts: 150 },
  ]
  const outcomes = ({ successes, attempts }: typeof a) =>
    sums(Array.from({ length: attempts }, (_, i) => (i < successes ? 1 : 0)))
  const { low, high } = confidenceSequence(a, b, 0.05)
  const { interval } = meanDifference(outcomes(a), outcomes(b), 0.05)!
  // The larger variance stands for both, with the divisor n - 1 instead of n.
  expect(interval!.low).toBeCloseTo(low, 2)
  expect(interval!.high).toBeCloseTo(high, 2)
  expect(meanDifference(sums(values(29, 1)), sums(values(500, 1)), 0.05)!.interval).toBeNull()
  expect(meanDifference(sums(values(30, 1)), sums(values(500, 1)), 0.05)!.interval).not.toBeNull()
})

test('has no interval if no value varies', () => {
  const same = sums(new Array(50).fill(2))
  expect(meanDifference(same, same, 0.05)).toEqual({ difference: 0, interval: null })
})
