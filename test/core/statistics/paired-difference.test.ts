import { expect, test } from 'vitest'
import { pairedInterval } from '../../../src/core/statistics/paired-difference.ts'

test('the interval of a paired difference adds one pair to each kind of disagreement', () => {
  // By hand: (21/102 - 6/102) ± 1.95996 sqrt((21/102 + 6/102 - (15/102)²) / 102).
  const { low, high, method } = pairedInterval({ attempts: 100, onlyFirst: 20, onlySecond: 5 })
  expect([low, high]).toEqual([expect.closeTo(5.137859, 5), expect.closeTo(24.273906, 5)])
  expect(method).toBe('adjusted_wald')
})

test('the interval of a paired difference is symmetric, within -100 to 100, and wider if attempts are clustered', () => {
  const [one, other] = [
    pairedInterval({ attempts: 3, onlyFirst: 3, onlySecond: 0 }),
    pairedInterval({ attempts: 3, onlyFirst: 0, onlySecond: 3 }),
  ]
  expect([one.low, one.high]).toEqual([-other.high, -other.low])
  expect(one.high).toBe(100)
  const width = (size: number): number => {
    const { low, high } = pairedInterval({ attempts: 100, onlyFirst: 20, onlySecond: 5 }, size)
    return high - low
  }
  expect(width(4)).toBeGreaterThan(1.5 * width(1))
  expect(pairedInterval({ attempts: 0, onlyFirst: 0, onlySecond: 0 })).toMatchObject({ low: -100, high: 100 })
})
