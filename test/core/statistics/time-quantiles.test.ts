import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DURATION_BOUNDS } from '../../../src/core/aggregate/histogram-bounds.ts'
import { createRandom, drawNormal } from '../../../src/core/statistics/random.ts'
import { DURATION_BUCKETS, timeQuantiles } from '../../../src/core/statistics/time-quantiles.ts'
import { share } from './simulation.ts'

function buckets(times: readonly number[]): number[] {
  const counts: number[] = Array(DURATION_BUCKETS).fill(0)
  for (const time of times) {
    const bucket = DURATION_BOUNDS.findIndex(bound => time <= bound)
    counts[bucket === -1 ? DURATION_BUCKETS - 1 : bucket]! += 1
  }
  return counts
}

const quantiles = (times: readonly number[]) => timeQuantiles(buckets(times))

describe('timeQuantiles', () => {
  test('is null without times', () => {
    expect(quantiles([])).toBeNull()
  })

  test('is off by less than a factor of 2 above 0.1 s, and by 0.1 s below, and lies inside its interval', () => {
    const times = fc.array(fc.double({ min: 0, max: 3000, noNaN: true }), { minLength: 1, maxLength: 120 })
    fc.assert(
      fc.property(times, list => {
        const sorted = list.toSorted((a, b) => a - b)
        const answer = quantiles(list)!
        for (const [p, value, { low, high }] of [
          [0.5, answer.p50!, answer.p50_interval],
          [0.95, answer.p95!, answer.p95_interval],
        ] as const) {
          const exact = sorted[Math.ceil(p * list.length) - 1]!
          if (exact > 0.1) expect(Math.abs(Math.log2(value / exact))).toBeLessThanOrEqual(1)
          else expect(Math.abs(value - exact)).toBeLessThanOrEqual(0.1)
          expect(low).toBeLessThanOrEqual(value)
          expect(high ?? Number.POSITIVE_INFINITY).toBeGreaterThanOrEqual(value)
        }
        expect(answer.attempts).toBe(list.length)
      }),
    )
  })

  test('uses the ranks of the published tables: 2 and 9 of 10, 40 and 61 of 100 for the median', () => {
    // Ranks that lie on bounds show in the interval: one value per bucket, then one rank more or less is another bound.
    const ten = quantiles(DURATION_BOUNDS.slice(0, 10))!
    expect(ten.p50_interval).toEqual({ low: DURATION_BOUNDS[0], high: DURATION_BOUNDS[8], method: 'order_statistic' })
    const hundred = (rank: number) => quantiles(Array.from({ length: 100 }, (_, i) => (i + 1 < rank ? 1 : 100)))!
    expect(hundred(40).p50_interval.low).toBe(51.2)
    expect(hundred(41).p50_interval.low).toBe(0.8)
    expect(hundred(61).p50_interval.high).toBe(102.4)
    expect(hundred(62).p50_interval.high).toBe(1.6)
  })

  test('has no upper limit for the 95th percentile below 72 attempts, nor where times exceed the highest bound', () => {
    const equal = (n: number) => quantiles(Array(n).fill(3))!
    expect(equal(71).p95_interval.high).toBeNull()
    expect(equal(72).p95_interval.high).toBe(3.2)
    expect(quantiles(Array(100).fill(5000))).toMatchObject({ p50: null, p50_interval: { low: 3276.8, high: null } })
  })

  test('contains the true median and 95th percentile in at least 95 % of cases', () => {
    const random = createRandom('time quantiles')
    for (const n of [5, 30, 100, 2500]) {
      for (const [name, truth] of [
        ['p50_interval', 1.7],
        ['p95_interval', 1.7 * Math.exp(1.6448536269514722)],
      ] as const) {
        const covered = share(n > 100 ? 100 : 500, () => {
          const { low, high } = quantiles(Array.from({ length: n }, () => 1.7 * Math.exp(drawNormal(random))))![name]
          return low <= truth && truth <= (high ?? Number.POSITIVE_INFINITY)
        })
        expect(covered, `${name} of ${n}`).toBeGreaterThanOrEqual(0.95)
      }
    }
  })
})
