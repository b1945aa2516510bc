import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Counts } from '../../../src/core/statistics/counts.ts'
import { type CountsPair, logSuperiority } from '../../../src/core/statistics/superiority.ts'
import { counts } from './arbitraries.ts'

const pair = (a: readonly [number, number], b: readonly [number, number]): CountsPair => [
  { successes: a[0], attempts: a[1] },
  { successes: b[0], attempts: b[1] },
]
const pairs = fc.tuple(counts(300), counts(300))

const SHIFTS = new Map([
  ...([0.0625, 0.125, 0.25, 0.5] as const).map((shift, i) => [shift, [0.03, 0.05, 0.1, 0.2][i]!] as const),
  ...([1, 2, 4] as const).map((shift, i) => [shift, [0.27, 0.25, 0.1][i]!] as const),
])
/** For each part of the difference that the first is above the nuisance rate: its weight, and the parts mixed around it. */
const PARTS = [
  { weight: 0.25, mixed: [0, 0.25, 0.5] },
  { weight: 0.5, mixed: [0, 0.5, 1] },
  { weight: 0.25, mixed: [0.5, 0.75, 1] },
]

/** The definition, from likelihoods of Bernoulli outcomes, with the minimum taken over a fine grid of nuisance rates. */
function byDefinition(strata: readonly CountsPair[]): number {
  const odds = (p: number, shift: number): number => 1 / (1 + ((1 - p) / p) * Math.exp(-shift))
  const log = ({ successes, attempts }: Counts, rate: number): number =>
    successes * Math.log(rate) + (attempts - successes) * Math.log(1 - rate)
  let total = 0
  for (const [shift, shiftWeight] of SHIFTS) {
    for (const { weight, mixed } of PARTS) {
      let product = shiftWeight * weight
      for (const [a, b] of strata) {
        let least = Number.POSITIVE_INFINITY
        for (let p = 0.0005; p < 1; p += 0.0005) {
          const ratios = mixed.map((part, i) => {
            const [up, down] = [odds(p, shift * part), odds(p, -shift * (1 - part))]
            return [0.3, 0.4, 0.3][i]! * Math.exp(log(a, up) + log(b, down) - log(a, p) - log(b, p))
          })
          least = Math.min(
            least,
            ratios.reduce((sum, ratio) => sum + ratio, 0),
          )
        }
        product *= least
      }
      total += product
    }
  }
  return Math.log(total)
}

describe('logSuperiority', () => {
  test.each([
    ['a clear difference', [pair([42, 50], [25, 50])]],
    ['unequal sizes', [pair([190, 200], [10, 20])]],
    ['two strata', [pair([9, 10], [20, 40]), pair([30, 60], [4, 15])]],
    ['no difference', [pair([15, 30], [30, 60])]],
  ])('is the minimum over nuisance rates of the mixture of likelihood ratios: %s', (_, strata) => {
    expect(logSuperiority(strata)).toBeCloseTo(byDefinition(strata), 2)
  })

  test('exceeds 20 at most once in 20 histories, even if an adversary chooses who gets each of 36 attempts', () => {
    const horizon = 36
    const known = new Map<number, boolean>()
    const isDecided = (a: number, m: number, b: number, n: number): boolean => {
      const id = ((a * 64 + m) * 64 + b) * 64 + n
      let decided = known.get(id)
      if (decided === undefined) {
        decided = logSuperiority([pair([a, m], [b, n])], Math.log(20)) >= Math.log(20)
        known.set(id, decided)
      }
      return decided
    }
    for (const rate of [0.3, 0.5, 0.8]) {
      const worst = new Map<number, number>()
      /** The highest probability that it is ever decided from these counts on. */
      const from = (a: number, m: number, b: number, n: number): number => {
        if (isDecided(a, m, b, n)) return 1
        if (m + n === horizon) return 0
        const id = ((a * 64 + m) * 64 + b) * 64 + n
        const memo = worst.get(id)
        if (memo !== undefined) return memo
        const first = rate * from(a + 1, m + 1, b, n) + (1 - rate) * from(a, m + 1, b, n)
        const second = rate * from(a, m, b + 1, n + 1) + (1 - rate) * from(a, m, b, n + 1)
        const highest = Math.max(first, second)
        worst.set(id, highest)
        return highest
      }
      expect(from(0, 0, 0, 0), `at a rate of ${rate}`).toBeLessThan(0.05)
    }
  })

  test('finds no bias against women or men at Berkeley, and a difference in the crude rates', () => {
    // P. J. Bickel, E. A. Hammel and J. W. O'Connell, Science 187 (1975): admissions to Berkeley by department.
    const men = [512, 825, 353, 560, 120, 325, 138, 417, 53, 191, 22, 373]
    const women = [89, 108, 17, 25, 202, 593, 131, 375, 94, 393, 24, 341]
    const sides = [men, women].map(side =>
      [0, 2, 4, 6, 8, 10].map(i => ({ successes: side[i]!, attempts: side[i + 1]! })),
    ) as [Counts[], Counts[]]
    const strata = sides[0].map((first, i): CountsPair => [first, sides[1][i]!])
    const exchanged = strata.map(([a, b]): CountsPair => [b, a])
    expect(logSuperiority(strata)).toBeLessThan(Math.log(20))
    expect(logSuperiority(exchanged)).toBeLessThan(Math.log(20))
    const sum = (side: readonly Counts[]): Counts => ({
      successes: side.reduce((all, { successes }) => all + successes, 0),
      attempts: side.reduce((all, { attempts }) => all + attempts, 0),
    })
    expect(logSuperiority([[sum(sides[0]), sum(sides[1])]])).toBeGreaterThan(Math.log(1e6))
  })

  test('is never evidence for both directions, and none at equal counts', () => {
    fc.assert(
      fc.property(pairs, ([a, b]) => {
        expect(Math.min(logSuperiority([[a, b]]), logSuperiority([[b, a]]))).toBeLessThanOrEqual(0)
        expect(logSuperiority([[a, a]])).toBeLessThanOrEqual(0)
      }),
    )
  })

  test('grows with a success of the first and with a failure of the second', () => {
    fc.assert(
      fc.property(pairs, ([a, b]) => {
        const before = logSuperiority([[a, b]])
        const better = { successes: Math.min(a.attempts, a.successes + 1), attempts: a.attempts }
        const worse = { successes: Math.max(0, b.successes - 1), attempts: b.attempts }
        expect(logSuperiority([[better, b]])).toBeGreaterThanOrEqual(before - 1e-3)
        expect(logSuperiority([[a, worse]])).toBeGreaterThanOrEqual(before - 1e-3)
      }),
    )
  })

  test('is no evidence without attempts of the second, not even by rounding', () => {
    for (let n = 0; n <= 300; n++) {
      const first = { successes: n, attempts: n }
      expect(logSuperiority([[first, { successes: 0, attempts: 0 }]])).toBeLessThanOrEqual(0)
    }
  })

  test('leaves out only values that cannot reach what is asked for', () => {
    fc.assert(
      fc.property(
        fc.array(pairs, { minLength: 1, maxLength: 4 }),
        fc.double({ min: -3, max: 10, noNaN: true }),
        (strata, least) => {
          const [whole, asked] = [logSuperiority(strata), logSuperiority(strata, least)]
          expect(Number.isFinite(whole)).toBe(true)
          if (asked === Number.NEGATIVE_INFINITY) expect(whole).toBeLessThanOrEqual(least)
          else expect(asked).toBe(whole)
        },
      ),
    )
  })
})
