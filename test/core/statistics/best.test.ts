import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decideBest } from '../../../src/core/statistics/best.ts'
import { type Counts, shrunkRate } from '../../../src/core/statistics/counts.ts'
import { attemptsPerSide } from '../../../src/core/statistics/power.ts'
import { counts } from './arbitraries.ts'
import { expectFinite } from './finite.ts'

function of(...pairs: readonly (readonly [number, number])[]): Counts[] {
  return pairs.map(([successes, attempts]) => ({ successes, attempts }))
}

describe('decideBest', () => {
  test('five lucky attempts lead and decide nothing', () => {
    const best = decideBest(of([5, 5], [80, 100]), 0)
    expect(best.contenders).toEqual([0, 1])
    expect(best.decisive).toBe(false)
    expect(best.standings[0]!.success_rate).toBe(100)
    expect(best.standings[0]!.success_rate_interval.low).toBeLessThan(60)
  })

  test('a clear lead is decisive: one contender, nothing to lose, no attempt missing', () => {
    const best = decideBest(of([30, 100], [95, 100], [50, 100]), 1)
    expect(best.contenders).toEqual([1])
    expect(best.decisive).toBe(true)
    expect(best.attempts_to_decide).toBe(0)
    expect(best.standings[1]!.p_best).toBeCloseTo(1, 6)
    expect(best.standings[1]!.expected_loss).toBeCloseTo(0, 3)
    expect(best.standings[0]!.expected_loss).toBeCloseTo(6500 / 101, 3)
  })

  test('a small lead says how many more attempts of each would decide', () => {
    const { decisive, attempts_to_decide } = decideBest(of([70, 100], [85, 100]), 1)
    expect(decisive).toBe(true)
    expect(attempts_to_decide).toBe(0)
    const open = decideBest(of([35, 50], [42, 50]), 1)
    expect(open.decisive).toBe(false)
    // About 150 on each side tell 70 from 84 %.
    expect(open.attempts_to_decide).toBeGreaterThan(80)
    expect(open.attempts_to_decide).toBeLessThan(150)
  })

  test('counts what both have already, however unequal: their harmonic mean just reaches what is needed', () => {
    const [small, large] = of([30, 40], [390, 600]) as [Counts, Counts]
    const more = decideBest([small, large], 0).attempts_to_decide!
    const needed = attemptsPerSide(shrunkRate(small), shrunkRate(large), 0.05)!
    const harmonic = (m: number): number => 2 / (1 / (small.attempts + m) + 1 / (large.attempts + m))
    expect(harmonic(more)).toBeGreaterThanOrEqual(needed)
    expect(harmonic(more - 1)).toBeLessThan(needed)
  })

  test('ties, scarce attempts and a leader that does not lead have no number of attempts to decide', () => {
    expect(decideBest(of([7, 10], [7, 10]), 0).attempts_to_decide).toBeNull()
    expect(decideBest(of([4, 4], [60, 100]), 0).attempts_to_decide).toBeNull()
    expect(decideBest(of([50, 100], [6, 10]), 0).attempts_to_decide).toBeNull()
    expect(decideBest(of([500_000, 1_000_000], [500_001, 1_000_000]), 1).attempts_to_decide).toBeNull()
  })

  test('one that is surely better than the leader by another rule stays a contender', () => {
    const best = decideBest(of([50, 100], [95, 100]), 0)
    expect(best.contenders).toEqual([0, 1])
    expect(best.decisive).toBe(false)
  })

  test('of one candidate nothing is decided, and of none nothing is said', () => {
    expect(decideBest(of([9, 10]), 0)).toMatchObject({ contenders: [0], decisive: false, attempts_to_decide: null })
    expect(decideBest([], 0)).toEqual({ standings: [], contenders: [], decisive: false, attempts_to_decide: null })
  })

  test('one more attempt or many, all or none successful: every number is finite and everything fits together', () => {
    fc.assert(
      fc.property(fc.array(counts(2000), { minLength: 1, maxLength: 8 }), fc.nat(7), (candidates, place) => {
        const leader = place % candidates.length
        const best = decideBest(candidates, leader)
        expectFinite(best)
        expect(best.contenders[0]).toBe(leader)
        expect(best.standings.flatMap(({ contender }, i) => (contender ? [i] : []))).toEqual(
          best.contenders.toSorted((a, b) => a - b),
        )
        expect(best.decisive).toBe(candidates.length > 1 && best.contenders.length === 1)
        if (best.decisive) expect(best.attempts_to_decide).toBe(0)
        else if (best.attempts_to_decide !== null) expect(best.attempts_to_decide).toBeGreaterThan(0)
      }),
      { numRuns: 60 },
    )
  })
})
