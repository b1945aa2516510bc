import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decideBest } from '../../../src/core/statistics/best.ts'
import type { Counts } from '../../../src/core/statistics/counts.ts'
import { counts } from './arbitraries.ts'
import { expectFinite } from './finite.ts'
import { contendersBeside, isDecided } from './simulation.ts'

function of(...pairs: readonly (readonly [number, number])[]): Counts[] {
  return pairs.map(([successes, attempts]) => ({ successes, attempts }))
}

describe('decideBest', () => {
  test('is not decisive when the leader has five of five successes', () => {
    const best = decideBest(of([5, 5], [80, 100]), 0)
    expect(best.contenders).toEqual([0, 1])
    expect(best.decisive).toBe(false)
    expect(best.standings[0]!.success_rate).toBe(100)
    expect(best.standings[0]!.success_rate_interval.low).toBeLessThan(60)
  })

  test('is decisive at a clear lead: one contender, no expected loss, no further attempts needed', () => {
    const best = decideBest(of([30, 100], [95, 100], [50, 100]), 1)
    expect(best.contenders).toEqual([1])
    expect(best.decisive).toBe(true)
    expect(best.attempts_to_decide).toBe(0)
    expect(best.standings[1]!.p_best).toBeCloseTo(1, 6)
    expect(best.standings[1]!.expected_loss).toBeCloseTo(0, 3)
    expect(best.standings[0]!.expected_loss).toBeCloseTo(6500 / 101, 3)
  })

  test('returns the further attempts per candidate that a small lead needs', () => {
    const { decisive, attempts_to_decide } = decideBest(of([700, 1000], [850, 1000]), 1)
    expect(decisive).toBe(true)
    expect(attempts_to_decide).toBe(0)
    const open = decideBest(of([35, 50], [42, 50]), 1)
    expect(open.decisive).toBe(false)
    // About 150 attempts of each distinguish 70 % from 84 % at a single look, and about twice as many at any number of looks.
    expect(open.attempts_to_decide).toBeGreaterThan(250)
    expect(open.attempts_to_decide).toBeLessThan(350)
  })

  test('decides by effective attempts: repeated tasks leave open what as many attempts would decide', () => {
    const candidates = of([95, 100], [50, 100])
    const repeated = candidates.map(each => ({ ...each, clusters: 10, effective_attempts: 12 }))
    expect(decideBest(candidates, 0).decisive).toBe(true)
    const { decisive, standings, attempts_to_decide } = decideBest(repeated, 0)
    expect(decisive).toBe(false)
    expect(attempts_to_decide).toBeGreaterThan(0)
    expect(standings[1]).toMatchObject({ success_rate: 50, contender: true })
    expect(standings[1]!.p_best).toBeGreaterThan(decideBest(candidates, 0).standings[1]!.p_best)
  })

  test('plans for all contenders jointly: more of them need more attempts', () => {
    const plan = (equals: number): number =>
      decideBest(of([34, 40], ...Array.from({ length: equals }, () => [26, 40] as const)), 0).attempts_to_decide!
    expect(plan(2)).toBeGreaterThan(plan(1) * 1.2)
    expect(plan(6)).toBeGreaterThan(plan(2) * 1.2)
  })

  test('returns null attempts to decide for ties, fewer than 5 attempts, a leader with the lower rate, and over a million', () => {
    expect(decideBest(of([7, 10], [7, 10]), 0).attempts_to_decide).toBeNull()
    expect(decideBest(of([4, 4], [60, 100]), 0).attempts_to_decide).toBeNull()
    expect(decideBest(of([50, 100], [6, 10]), 0).attempts_to_decide).toBeNull()
    expect(decideBest(of([500_000, 1_000_000], [500_001, 1_000_000]), 1).attempts_to_decide).toBeNull()
  })

  test('keeps a candidate as a contender if its rate is higher than that of the given leader', () => {
    const best = decideBest(of([50, 100], [95, 100]), 0)
    expect(best.contenders).toEqual([0, 1])
    expect(best.decisive).toBe(false)
  })

  test('keeps as contenders exactly those that the evidence does not exclude, and is decisive if the leader is the only one', () => {
    fc.assert(
      fc.property(fc.array(counts(120), { minLength: 2, maxLength: 4 }), candidates => {
        const { contenders, decisive } = decideBest(candidates, 0)
        const [first, ...others] = candidates as [Counts, ...Counts[]]
        expect(contenders).toEqual([0, ...contendersBeside(first, others).map(i => i + 1)])
        expect(decisive).toBe(isDecided(first, others))
      }),
      { numRuns: 60 },
    )
    expect(isDecided({ successes: 95, attempts: 100 }, of([50, 100], [40, 100]))).toBe(true)
  })

  test('a larger family of candidates, from which these were selected, needs more evidence', () => {
    const candidates = of([43, 50], [23, 50])
    expect(decideBest(candidates, 0).decisive).toBe(true)
    expect(decideBest(candidates, 0, 300).decisive).toBe(false)
  })

  test('is not decisive with one candidate, and returns empty lists without candidates', () => {
    expect(decideBest(of([9, 10]), 0)).toMatchObject({ contenders: [0], decisive: false, attempts_to_decide: null })
    expect(decideBest([], 0)).toEqual({ standings: [], contenders: [], decisive: false, attempts_to_decide: null })
  })

  test('returns finite and consistent numbers for any counts', () => {
    fc.assert(
      fc.property(fc.array(counts(2000), { minLength: 1, maxLength: 8 }), fc.nat(7), (candidates, number) => {
        const leader = number % candidates.length
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
