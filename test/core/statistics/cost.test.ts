import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { costsOf } from '../../../src/core/statistics/cost.ts'
import { wilsonBounds } from '../../../src/core/statistics/intervals.ts'
import { expectFinite } from './finite.ts'
import { costSums } from './simulation.ts'

describe('costsOf', () => {
  test('counts attempts without a cost as unpriced, and returns null for every cost', () => {
    expect(costsOf({ attempts: 7, successes: 3 }, costSums([]))).toEqual({
      total_attempts: 7,
      reported: 0,
      computed: 0,
      unpriced: 7,
      total_cost_usd: null,
      cost_per_attempt: null,
      cost_per_success: null,
    })
  })

  test('averages over the attempts of known cost only, and never counts an unknown cost as 0', () => {
    const costs = costsOf({ attempts: 10, successes: 5 }, costSums([0.2, 0.4, 0.3, 0.3]))
    expect(costs).toMatchObject({ reported: 4, unpriced: 6 })
    expect(costs.total_cost_usd).toBeCloseTo(1.2, 12)
    expect(costs.cost_per_attempt!.cost_usd).toBeCloseTo(0.3, 12)
    expect(costs.cost_per_success!.cost_usd).toBeCloseTo(0.6, 12)
  })

  test('counts reported and computed costs separately', () => {
    const sums = { ...costSums([1, 2, 3]), reported: 1, computed: 2 }
    expect(costsOf({ attempts: 4, successes: 4 }, sums)).toMatchObject({ reported: 1, computed: 2, unpriced: 1 })
  })

  test('returns a null cost per success without successes', () => {
    const costs = costsOf({ attempts: 3, successes: 0 }, costSums([1, 2, 3]))
    expect(costs.cost_per_attempt!.cost_usd).toBe(2)
    expect(costs.cost_per_success).toBeNull()
  })

  test('returns a null interval for a single attempt', () => {
    expect(costsOf({ attempts: 1, successes: 1 }, costSums([0.5]))).toMatchObject({
      cost_per_attempt: { cost_usd: 0.5, interval: null },
      cost_per_success: { cost_usd: 0.5, interval: null },
    })
  })

  test('divides the bounds of the cost interval by the opposite bounds of the rate interval', () => {
    const costs = costsOf({ attempts: 8, successes: 5 }, costSums([0.1, 0.4, 0.2, 0.9, 0.3, 0.2, 0.5, 0.3]))
    const [attempt, success] = [costs.cost_per_attempt!.interval!, costs.cost_per_success!.interval!]
    const rate = wilsonBounds({ successes: 5, attempts: 8 })
    expect(success.low).toBeCloseTo(attempt.low / rate.high, 12)
    expect(success.high).toBeCloseTo(attempt.high / rate.low, 12)
  })

  test('returns a cost per success of 0 if all attempts cost 0', () => {
    const { cost_per_success } = costsOf({ attempts: 5, successes: 2 }, costSums([0, 0, 0, 0, 0]))
    expect(cost_per_success).toMatchObject({ cost_usd: 0, interval: { low: 0, high: 0 } })
  })

  test('returns a cost per success no less than per attempt, inside its interval, with finite numbers', () => {
    const cost = fc.oneof(fc.constant(0), fc.double({ min: 1e-6, max: 1e9, noNaN: true }))
    fc.assert(
      fc.property(fc.array(cost, { maxLength: 120 }), fc.nat(50), fc.nat(200), (known, unpriced, succeeded) => {
        const attempts = known.length + unpriced
        const costs = costsOf({ attempts, successes: Math.min(succeeded, attempts) }, costSums(known))
        expectFinite(costs)
        expect(costs.reported + costs.computed + costs.unpriced).toBe(attempts)
        const { cost_per_attempt, cost_per_success } = costs
        if (cost_per_success === null) return
        expect(cost_per_success.cost_usd).toBeGreaterThanOrEqual(cost_per_attempt!.cost_usd * (1 - 1e-12))
        if (cost_per_success.interval === null) return
        expect(cost_per_success.interval.low).toBeLessThanOrEqual(cost_per_success.cost_usd * (1 + 1e-9))
        expect(cost_per_success.interval.high).toBeGreaterThanOrEqual(cost_per_success.cost_usd * (1 - 1e-9))
      }),
    )
  })
})
