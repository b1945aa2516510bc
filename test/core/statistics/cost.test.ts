import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { costsOf } from '../../../src/core/statistics/cost.ts'
import { wilsonBounds } from '../../../src/core/statistics/intervals.ts'
import { expectFinite } from './finite.ts'
import { costSums } from './simulation.ts'

describe('costsOf', () => {
  test('without prices everything is counted and nothing is known', () => {
    expect(costsOf(7, 3, costSums([]))).toEqual({
      total_attempts: 7,
      reported: 0,
      computed: 0,
      unpriced: 7,
      total_cost_usd: null,
      cost_per_attempt: null,
      cost_per_success: null,
    })
  })

  test('takes no unknown cost for 0: the mean is over the attempts whose cost is known', () => {
    const costs = costsOf(10, 5, costSums([0.2, 0.4, 0.3, 0.3]))
    expect(costs).toMatchObject({ reported: 4, unpriced: 6 })
    expect(costs.total_cost_usd).toBeCloseTo(1.2, 12)
    expect(costs.cost_per_attempt!.cost_usd).toBeCloseTo(0.3, 12)
    expect(costs.cost_per_success!.cost_usd).toBeCloseTo(0.6, 12)
  })

  test('tells reported from computed costs', () => {
    const sums = { ...costSums([1, 2, 3]), reported: 1, computed: 2 }
    expect(costsOf(4, 4, sums)).toMatchObject({ reported: 1, computed: 2, unpriced: 1 })
  })

  test('the cost of a success is unknown until something succeeds', () => {
    const costs = costsOf(3, 0, costSums([1, 2, 3]))
    expect(costs.cost_per_attempt!.cost_usd).toBe(2)
    expect(costs.cost_per_success).toBeNull()
  })

  test('of one attempt is a cost without an interval', () => {
    expect(costsOf(1, 1, costSums([0.5]))).toMatchObject({
      cost_per_attempt: { cost_usd: 0.5, interval: null },
      cost_per_success: { cost_usd: 0.5, interval: null },
    })
  })

  test('the interval of a success divides the ends of the cost by the far ends of the rate', () => {
    const costs = costsOf(8, 5, costSums([0.1, 0.4, 0.2, 0.9, 0.3, 0.2, 0.5, 0.3]))
    const [attempt, success] = [costs.cost_per_attempt!.interval!, costs.cost_per_success!.interval!]
    const rate = wilsonBounds({ successes: 5, attempts: 8 })
    expect(success.low).toBeCloseTo(attempt.low / rate.high, 12)
    expect(success.high).toBeCloseTo(attempt.high / rate.low, 12)
  })

  test('what is free stays free', () => {
    const { cost_per_success } = costsOf(5, 2, costSums([0, 0, 0, 0, 0]))
    expect(cost_per_success).toMatchObject({ cost_usd: 0, interval: { low: 0, high: 0 } })
  })

  test('a success costs no less than an attempt, within an interval that holds it, and every number is finite', () => {
    const cost = fc.oneof(fc.constant(0), fc.double({ min: 1e-6, max: 1e9, noNaN: true }))
    fc.assert(
      fc.property(fc.array(cost, { maxLength: 120 }), fc.nat(50), fc.nat(200), (known, unpriced, succeeded) => {
        const attempts = known.length + unpriced
        const costs = costsOf(attempts, Math.min(succeeded, attempts), costSums(known))
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
