import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { costInterval, timeInterval } from '../../../src/core/statistics/amount-interval.ts'
import { studentTQuantile } from '../../../src/core/statistics/distributions.ts'
import { createRandom, drawNormal } from '../../../src/core/statistics/random.ts'
import { expectFinite } from './finite.ts'
import { costSums, sumOf, timeSumsOf } from './simulation.ts'

/** Sums of times are exact in steps of this many seconds, which is more than a rounding error where all times are nanoseconds. */
const TIME_STEP = 2 ** -66

const interval = (costs: readonly number[]) => costInterval(costSums(costs))

describe('the interval of a mean cost or time', () => {
  test('is null below two values', () => {
    expect(interval([])).toBeNull()
    expect(interval([0.2])).toBeNull()
    expect(timeInterval(timeSumsOf([3]))).toBeNull()
  })

  test('contains the mean, is finite, and is never below 0', () => {
    const cost = fc.oneof(fc.constant(0), fc.double({ min: 1e-9, max: 1e9, noNaN: true }))
    fc.assert(
      fc.property(fc.array(cost, { minLength: 2, maxLength: 150 }), costs => {
        for (const { low, high } of [interval(costs)!, timeInterval(timeSumsOf(costs))!]) {
          expectFinite({ low, high })
          expect(low).toBeGreaterThanOrEqual(0)
          const mean = sumOf(costs) / costs.length
          expect(low).toBeLessThanOrEqual(mean * (1 + 1e-12) + TIME_STEP)
          expect(high).toBeGreaterThanOrEqual(mean * (1 - 1e-12) - TIME_STEP)
        }
      }),
      { examples: [[[1.1e-9, 1.1e-9]], [[1.7e-9, 1.7e-9, 1.7e-9]]] },
    )
  })

  test('is a single point for equal values, and 0 if all are 0', () => {
    const { low, high } = interval([0.25, 0.25, 0.25])!
    expect(low).toBeCloseTo(0.25, 12)
    expect(high).toBeCloseTo(0.25, 12)
    expect(interval([0, 0, 0])).toMatchObject({ low: 0, high: 0 })
    expect(interval([1, 1])).toMatchObject({ low: 1, high: 1 })
  })

  test("contains Cox's interval with Student's t if the sample agrees with a log-normal distribution", () => {
    // Calculated by hand: log mean 0, log variance 1, n = 30: exp(1/2 +- 2.04523 sqrt(1/30 + 1/58)).
    const logs = { positive: 30, log_sum: 0, log_sum_of_squares: 29 }
    const mean = Math.exp(0.5)
    const { low, high } = timeInterval({ n: 30, sum: 30 * mean, squared_deviations: 0, ...logs })!
    expect(low).toBeCloseTo(1.0408, 3)
    expect(high).toBeCloseTo(2.6115, 3)
  })

  test('does not jump when one value is added, at any number of values', () => {
    const random = createRandom('no step')
    const costs = Array.from({ length: 60 }, () => Math.exp(2 * drawNormal(random)))
    // Repeating a sample keeps its shape, so that only the number changes.
    const widthAt = (n: number): number => {
      const sums = costSums(costs)
      const times = n / costs.length
      const { low, high } = costInterval({
        ...sums,
        n,
        sum: sums.sum * times,
        squared_deviations: sums.squared_deviations * times,
        positive: n,
        log_sum: sums.log_sum * times,
        log_sum_of_squares: sums.log_sum_of_squares * times,
      })!
      return Math.log(high / low)
    }
    for (let n = 30; n < 300; n++) expect(Math.abs(widthAt(n + 1) / widthAt(n) - 1), `n = ${n}`).toBeLessThan(0.05)
  })

  test('leaves the model out where the sample contradicts it', () => {
    // A tenth of the values is far above the others: their logarithms are not normal.
    const costs = Array.from({ length: 5000 }, (_, i) => (i % 10 === 0 ? 1000 : 1))
    const { low, high } = interval(costs)!
    expect(high / low).toBeLessThan(1.25)
  })

  test('keeps its digits at a spread of a millionth of the mean', () => {
    const random = createRandom('small spread')
    const values = Array.from({ length: 20 }, () => 1000 * (1 + 1e-6 * drawNormal(random)))
    const mean = sumOf(values.map(value => value - 1000)) / 20
    const variance = sumOf(values.map(value => (value - 1000 - mean) ** 2)) / 19
    const half = studentTQuantile(0.975, 19) * Math.sqrt(variance / 20)
    const { low, high } = timeInterval(timeSumsOf(values))!
    expect((high - low) / 2 / half).toBeCloseTo(1, 6)
  })
})
