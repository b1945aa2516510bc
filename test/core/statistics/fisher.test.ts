import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Counts } from '../../../src/core/statistics/counts.ts'
import { fisherTest } from '../../../src/core/statistics/fisher.ts'
import { attemptsPerSide } from '../../../src/core/statistics/power.ts'
import { counts } from './arbitraries.ts'

function choose(n: number, k: number): number {
  let product = 1
  for (let i = 1; i <= k; i++) product = (product * (n - k + i)) / i
  return product
}

/** Fisher's p-value by enumeration of all tables. */
function enumerated(a: Counts, b: Counts): number {
  const k = a.successes + b.successes
  const all = choose(a.attempts + b.attempts, k)
  const table = (x: number): number => (choose(a.attempts, x) * choose(b.attempts, k - x)) / all
  let p = 0
  for (let x = Math.max(0, k - b.attempts); x <= Math.min(k, a.attempts); x++) {
    if (table(x) <= table(a.successes) * (1 + 1e-7)) p += table(x)
  }
  return p
}

describe("Fisher's exact test", () => {
  test.each([
    ['the lady tasting tea, three of four cups right', 3, 4, 1, 4, 0.4857142857],
    ['1 of 10 against 11 of 14', 1, 10, 11, 14, 0.0027594562],
    ['equal rates', 7, 10, 7, 10, 1],
  ])('has the published p-value for %s', (_, s1, n1, s2, n2, p) => {
    expect(fisherTest({ successes: s1, attempts: n1 }, { successes: s2, attempts: n2 })).toBeCloseTo(p, 9)
  })

  test('is the sum over all tables at most as likely as the observed one', () => {
    fc.assert(
      fc.property(counts(40), counts(40), (a, b) => {
        expect(fisherTest(a, b)).toBeCloseTo(enumerated(a, b), 9)
      }),
    )
  })

  test('is a probability, and is symmetric in the sides and in successes and failures', () => {
    fc.assert(
      fc.property(counts(100_000), counts(100_000), (a, b) => {
        const p = fisherTest(a, b)
        expect(p).toBeGreaterThanOrEqual(0)
        expect(p).toBeLessThanOrEqual(1)
        expect(fisherTest(b, a)).toBeCloseTo(p, 7)
        const failures = (c: Counts): Counts => ({ successes: c.attempts - c.successes, attempts: c.attempts })
        expect(fisherTest(failures(a), failures(b))).toBeCloseTo(p, 7)
      }),
    )
  })

  test('is 1 if a side has no attempts', () => {
    expect(fisherTest({ successes: 0, attempts: 0 }, { successes: 5, attempts: 5 })).toBe(1)
  })
})

describe('attemptsPerSide', () => {
  test.each([
    // J. L. Fleiss, Statistical Methods for Rates and Proportions (1981), table A.3, level 5 %, power 80 %.
    [0.5, 0.7, 103],
    [0.3, 0.5, 103],
    [0.8, 0.9, 219],
  ])('returns the published sample size for %d and %d', (p, q, printed) => {
    expect(Math.ceil(attemptsPerSide(p, q, 0.05)!)).toBe(printed)
    expect(attemptsPerSide(q, p, 0.05)).toBe(attemptsPerSide(p, q, 0.05))
  })

  test('is larger for a smaller difference and for a lower level, and null for equal rates', () => {
    expect(attemptsPerSide(0.5, 0.6, 0.05)!).toBeGreaterThan(attemptsPerSide(0.5, 0.7, 0.05)!)
    expect(attemptsPerSide(0.5, 0.7, 0.01)!).toBeGreaterThan(attemptsPerSide(0.5, 0.7, 0.05)!)
    expect(attemptsPerSide(0.5, 0.5, 0.05)).toBeNull()
  })
})
