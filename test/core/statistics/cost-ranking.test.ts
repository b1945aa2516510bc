import { describe, expect, test } from 'vitest'
import { type CostCounts, rankCosts } from '../../../src/core/statistics/cost-ranking.ts'
import { createRandom, drawNormal } from '../../../src/core/statistics/random.ts'
import { costSums } from './simulation.ts'

/** `attempts` attempts with costs of log-normal spread 0.5 around `cost`. */
function candidate(successes: number, attempts: number, cost: number, seed: string): CostCounts {
  const random = createRandom(seed)
  const costs = Array.from({ length: attempts }, () => cost * Math.exp(0.5 * drawNormal(random)))
  return { successes, attempts, costs: costSums(costs) }
}

describe('rankCosts', () => {
  test('the probability of the lowest cost per success agrees with draws of the estimate', () => {
    const all = [candidate(30, 40, 1, 'a'), candidate(25, 40, 0.9, 'b'), candidate(38, 40, 1.4, 'c')]
    const random = createRandom('draws')
    const draws = 20_000
    const wins = all.map(() => 0)
    for (let i = 0; i < draws; i++) {
      const drawn = all.map(({ successes, attempts, costs }) => {
        const mean = costs.sum / attempts
        const variance = costs.squared_deviations / (attempts - 1)
        const rate = (successes + 0.5) / (attempts + 1)
        const spread = Math.sqrt(variance / attempts / mean ** 2 + (1 - rate) / (rate * attempts))
        return Math.log((mean * attempts) / successes) + spread * drawNormal(random)
      })
      wins[drawn.indexOf(Math.min(...drawn))]!++
    }
    const { p_best } = rankCosts(all, 0)
    for (const [i, p] of p_best.entries()) expect(Math.abs(p - wins[i]! / draws)).toBeLessThan(0.02)
    expect(p_best.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 9)
  })

  test('excludes a candidate that costs ten times as much, keeps one that costs a little more', () => {
    const all = [candidate(80, 100, 1, 'a'), candidate(80, 100, 10, 'b'), candidate(80, 100, 1.1, 'c')]
    expect(rankCosts(all, 0).contender).toEqual([true, false, true])
  })

  test('where tasks repeat, the rate is less certain, and so is the cheapest', () => {
    const all = [candidate(80, 100, 1, 'a'), candidate(80, 100, 3, 'b')]
    expect(rankCosts(all, 0).contender).toEqual([true, false])
    const repeated = all.map(each => ({ ...each, clusters: 20, effective_attempts: 20 }))
    expect(rankCosts(repeated, 0).contender).toEqual([true, true])
    expect(rankCosts(repeated, 0).p_best[1]).toBeGreaterThan(rankCosts(all, 0).p_best[1]!)
  })

  test('excludes no candidate with fewer than 30 costs or 5 successes, however dear', () => {
    const few = candidate(20, 29, 100, 'few')
    const rare = candidate(4, 100, 100, 'rare')
    expect(rankCosts([candidate(80, 100, 1, 'a'), few, rare], 0).contender).toEqual([true, true, true])
  })

  test('a candidate without a success or a cost is not compared', () => {
    const unpriced = { successes: 50, attempts: 100, costs: costSums([]) }
    const { p_best, contender } = rankCosts([candidate(80, 100, 1, 'a'), candidate(0, 50, 1, 'b'), unpriced], 0)
    expect(p_best).toEqual([1, 0, 0])
    expect(contender).toEqual([true, false, false])
  })
})
