import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { halfLifeWeight, type Route, rankRoutes } from '../../../src/core/statistics/ranking.ts'
import { counts } from './arbitraries.ts'
import { expectFinite } from './finite.ts'
import { sumOf } from './simulation.ts'

const route = (id: string, successes: number, attempts: number, cost: number | null = null): Route => ({
  id,
  successes,
  attempts,
  cost_per_success_usd: cost,
})
const ids = (routes: readonly { readonly id: string }[]): string[] => routes.map(({ id }) => id)

const routes: fc.Arbitrary<Route[]> = fc
  .array(fc.tuple(counts(300), fc.option(fc.double({ min: 0, max: 100, noNaN: true }))), { maxLength: 8 })
  .map(list => list.map(([{ successes, attempts }, cost], i) => route(`r${i}`, successes, attempts, cost)))

describe('rankRoutes', () => {
  test('ranks 90 of 100 before 5 of 5, and a route without attempts last', () => {
    const { ranked } = rankRoutes([route('new', 0, 0), route('lucky', 5, 5), route('proven', 90, 100)])
    expect(ids(ranked)).toEqual(['proven', 'lucky', 'new'])
    expect(ranked.every(({ draw }) => draw === null)).toBe(true)
    expect(ranked[2]!.lower_bound).toBe(0)
  })

  test('excludes routes that do not meet the constraints, with the reason', () => {
    const all = [
      route('expensive', 99, 100, 5),
      route('unpriced', 99, 100),
      route('poor', 40, 100, 0.1),
      route('new', 0, 0, 0.1),
      route('fit', 80, 100, 0.2),
    ]
    const { ranked, excluded } = rankRoutes(all, { max_cost_usd: 1, min_success_rate: 70 })
    expect(ids(ranked)).toEqual(['fit'])
    expect(ranked[0]!.p_best).toBe(1)
    expect(excluded).toEqual([
      { id: 'expensive', reason: 'cost_above_max' },
      { id: 'unpriced', reason: 'cost_unknown' },
      { id: 'poor', reason: 'success_rate_below_min' },
      { id: 'new', reason: 'no_attempts' },
    ])
  })

  test('excludes by the success rate only where the whole interval is below, so that 0 of 1 is not locked out', () => {
    const list = [route('unlucky', 0, 1), route('poor', 10, 40), route('near', 65, 100)]
    for (const seed of [undefined, 's']) {
      const { ranked, excluded } = rankRoutes(list, { min_success_rate: 70 }, seed)
      expect(new Set(ids(ranked))).toEqual(new Set(['unlucky', 'near']))
      expect(excluded).toEqual([{ id: 'poor', reason: 'success_rate_below_min' }])
    }
  })

  test('keeps a route without attempts under a lowest success rate while it explores', () => {
    expect(ids(rankRoutes([route('new', 0, 0)], { min_success_rate: 70 }, 's').ranked)).toEqual(['new'])
    expect(rankRoutes([route('new', 0, 0)], { min_success_rate: 70 }).excluded).toEqual([
      { id: 'new', reason: 'no_attempts' },
    ])
  })

  test('ranks by shrunk rates where they are given', () => {
    const list = [
      { ...route('a', 9, 10), shrunk_rate: 60 },
      { ...route('b', 5, 10), shrunk_rate: 70 },
    ]
    expect(rankRoutes(list).ranked.map(({ id, shrunk_rate }) => [id, shrunk_rate])).toEqual([
      ['b', 70],
      ['a', 60],
    ])
  })

  test('keeps a route exactly at the limits', () => {
    expect(ids(rankRoutes([route('a', 7, 10, 1)], { max_cost_usd: 1, min_success_rate: 70 }).ranked)).toEqual(['a'])
  })

  test('draws the same rate for the same seed and route, whatever the other routes are', () => {
    const [a, b, c] = [route('a', 8, 10), route('b', 5, 10), route('c', 0, 0)]
    expect(rankRoutes([a, b, c], {}, 'seed')).toEqual(rankRoutes([a, b, c], {}, 'seed'))
    const drawOf = (list: readonly Route[], seed: number) =>
      rankRoutes(list, {}, seed).ranked.find(({ id }) => id === 'a')!.draw
    expect(drawOf([c, a], 7)).toBe(drawOf([a, b], 7))
    expect(drawOf([a], 8)).not.toBe(drawOf([a], 7))
  })

  test('explores: a route without attempts comes first sometimes, a significantly worse one never', () => {
    const list = [route('proven', 900, 1000), route('new', 0, 0), route('bad', 10, 1000)]
    const firsts = Array.from({ length: 300 }, (_, seed) => rankRoutes(list, {}, seed).ranked[0]!.id)
    expect(new Set(firsts)).toEqual(new Set(['proven', 'new']))
  })

  test('ranks or excludes every route once, in the order of its score, with finite numbers', () => {
    const constraints = fc.record({
      max_cost_usd: fc.option(fc.double({ min: 0, max: 100, noNaN: true }), { nil: undefined }),
      min_success_rate: fc.option(fc.integer({ min: 0, max: 100 }), { nil: undefined }),
    })
    fc.assert(
      fc.property(routes, constraints, fc.option(fc.integer(), { nil: undefined }), (list, limits, seed) => {
        const { ranked, excluded } = rankRoutes(list, limits, seed)
        expectFinite({ ranked, excluded })
        expect([...ids(ranked), ...ids(excluded)].sort()).toEqual(ids(list).sort())
        const scores = ranked.map(({ draw, lower_bound }) => draw ?? lower_bound)
        expect(scores).toEqual(scores.toSorted((a, b) => b - a))
        if (ranked.length > 0) expect(sumOf(ranked.map(({ p_best }) => p_best))).toBeCloseTo(1, 9)
      }),
      { numRuns: 60 },
    )
  })
})

describe('halfLifeWeight', () => {
  test('is 1 at age 0, 0.5 after one half-life, 0.25 after two', () => {
    expect([0, 60_000, 120_000].map(age => halfLifeWeight(age, 60_000))).toEqual([1, 0.5, 0.25])
  })

  test('is 1 for a negative age, and 0 for a half-life of 0', () => {
    expect(halfLifeWeight(-5, 60_000)).toBe(1)
    expect(halfLifeWeight(5, 0)).toBe(0)
  })

  test('is from 0 to 1 and never increases with age', () => {
    const age = fc.double({ min: -1e13, max: 1e13, noNaN: true })
    fc.assert(
      fc.property(age, age, fc.double({ min: 0, max: 1e12, noNaN: true }), (a, b, halfLife) => {
        const [recent, old] = [halfLifeWeight(Math.min(a, b), halfLife), halfLifeWeight(Math.max(a, b), halfLife)]
        expect(old).toBeGreaterThanOrEqual(0)
        expect(recent).toBeLessThanOrEqual(1)
        expect(old).toBeLessThanOrEqual(recent)
      }),
    )
  })
})
