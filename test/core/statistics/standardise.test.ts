import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Counts } from '../../../src/core/statistics/counts.ts'
import { compareFairly } from '../../../src/core/statistics/fair-comparison.ts'
import { wilsonBounds, wilsonInterval } from '../../../src/core/statistics/intervals.ts'
import { type StandardRate, type Strata, standardRate, subtract } from '../../../src/core/statistics/standardise.ts'
import { counts } from './arbitraries.ts'
import { expectFinite, expectInside } from './finite.ts'

function strata(given: Record<string, readonly [number, number]>): Strata {
  return new Map(Object.entries(given).map(([name, [successes, attempts]]) => [name, { successes, attempts }]))
}

// C. R. Charig et al., BMJ 292 (1986): open surgery has higher rates for small and for large stones, and a lower crude rate.
const SURGERY = strata({ small: [81, 87], large: [192, 263] })
const NEEDLE = strata({ small: [234, 270], large: [55, 80] })

const someStrata: fc.Arbitrary<Strata> = fc
  .array(fc.tuple(fc.constantFrom('a', 'b', 'c', '__proto__'), counts(60)), { maxLength: 4 })
  .map(entries => new Map<string, Counts>(entries))

describe('standardRate', () => {
  test('weights the rates of the strata', () => {
    const { rate, low, high } = standardRate(
      SURGERY,
      new Map([
        ['small', 357],
        ['large', 343],
      ]),
    )
    expect(rate).toBeCloseTo((357 * (81 / 87) + 343 * (192 / 263)) / 700, 12)
    expect(low).toBeLessThan(rate)
    expect(high).toBeGreaterThan(rate)
  })

  test("has nearly Wilson's interval with a single stratum", () => {
    const { low, high } = standardRate(strata({ all: [40, 50] }), new Map([['all', 3]]))
    const plain = wilsonInterval(40, 50)
    expect(low * 100).toBeCloseTo(plain.low, 0)
    expect(high * 100).toBeCloseTo(plain.high, 0)
  })

  test('has a wide interval for one success of one', () => {
    expect(
      standardRate(
        strata({ a: [1, 1], b: [1, 1] }),
        new Map([
          ['a', 1],
          ['b', 1],
        ]),
      ).low,
    ).toBeLessThan(0.5)
  })
})

describe('the difference of two standardized rates', () => {
  const MIX = new Map([
    ['small', 357],
    ['large', 343],
  ])
  const [surgery, needle] = [standardRate(SURGERY, MIX), standardRate(NEEDLE, MIX)]

  test('is the difference of the rates inside its interval, and antisymmetric', () => {
    const [one, other] = [subtract(surgery, needle), subtract(needle, surgery)]
    expect(one.difference).toBeCloseTo(surgery.rate - needle.rate, 12)
    expect(one.low).toBeLessThan(one.difference)
    expect(other.difference).toBeCloseTo(-one.difference, 12)
    expect(other.high).toBeCloseTo(-one.low, 12)
  })

  test('has the interval that R. G. Newcombe published for 56 of 70 minus 48 of 80: 0.0524 to 0.3339', () => {
    const crude = (successes: number, attempts: number): StandardRate => ({
      rate: successes / attempts,
      ...wilsonBounds({ successes, attempts }),
    })
    const { difference, low, high } = subtract(crude(56, 70), crude(48, 80))
    expect([difference, low, high].map(value => value.toFixed(4))).toEqual(['0.2000', '0.0524', '0.3339'])
  })

  test('is 0 with a wide interval for two that always succeed', () => {
    const all = standardRate(strata({ a: [3, 3] }), new Map([['a', 1]]))
    expect(subtract(all, all)).toMatchObject({ difference: 0 })
    expect(subtract(all, all).low).toBeLessThan(-0.2)
  })
})

describe('compareFairly', () => {
  test("reports Simpson's paradox: crude rates and adjusted rates have opposite orders", () => {
    const {
      rates,
      turned_over,
      strata: shared,
    } = compareFairly(
      new Map([
        ['surgery', SURGERY],
        ['needle', NEEDLE],
      ]),
    )
    expect(shared).toEqual(['small', 'large'])
    expect(rates[0]!.success_rate).toBeCloseTo(78, 5)
    expect(rates[0]!.adjusted_rate).toBeCloseTo(83.3, 1)
    expect(rates[1]!.adjusted_rate).toBeCloseTo(77.9, 1)
    expect(turned_over).toHaveLength(1)
    expect(turned_over[0]).toMatchObject({ better: 'surgery', worse: 'needle' })
    expect(turned_over[0]!.difference).toBeLessThan(0)
    expect(turned_over[0]!.adjusted_difference).toBeGreaterThan(0)
  })

  test('names the best at the common mix, and the contenders that do not differ significantly', () => {
    const of = (a: number, b: number): Strata => strata({ a: [a, 100], b: [b, 100] })
    const { best } = compareFairly(new Map(Object.entries({ poor: of(50, 20), good: of(90, 60), near: of(88, 58) })))
    expect(best).toEqual({ name: 'good', decisive: false, contenders: ['near'] })
    const two = compareFairly(new Map(Object.entries({ poor: of(50, 20), good: of(90, 60) })))
    expect(two.best).toEqual({ name: 'good', decisive: true, contenders: [] })
    const few = compareFairly(new Map(Object.entries({ x: strata({ a: [3, 3] }), y: strata({ a: [0, 3] }) })))
    expect(few.best).toEqual({ name: 'x', decisive: false, contenders: ['y'] })
  })

  test('decides by effective attempts: repeated tasks leave open what as many attempts would decide', () => {
    const repeated = (successes: number): Counts => ({ successes, attempts: 100, clusters: 5, effective_attempts: 6 })
    const of = (a: number, b: number): Strata => new Map(Object.entries({ a: repeated(a), b: repeated(b) }))
    const { best } = compareFairly(new Map(Object.entries({ poor: of(50, 20), good: of(90, 60) })))
    expect(best).toEqual({ name: 'good', decisive: false, contenders: ['poor'] })
  })

  test('does not adjust rates if all groups have the same mix', () => {
    const groups = new Map([
      ['x', strata({ a: [9, 10], b: [5, 10] })],
      ['y', strata({ a: [8, 10], b: [4, 10] })],
    ])
    const { rates, turned_over } = compareFairly(groups)
    expect(turned_over).toEqual([])
    for (const rate of rates) expect(rate.adjusted_rate).toBeCloseTo(rate.success_rate, 10)
  })

  test('compares shared strata only, and reports the attempts in them', () => {
    const groups = new Map([
      ['x', strata({ a: [9, 10], rare: [0, 90] })],
      ['y', strata({ a: [8, 10], b: [4, 10] })],
    ])
    const { rates, strata: shared } = compareFairly(groups)
    expect(shared).toEqual(['a'])
    expect(rates.map(rate => [rate.adjusted_rate, rate.compared_attempts, rate.total_attempts])).toEqual([
      [90, 10, 100],
      [80, 10, 20],
    ])
  })

  test('leaves out a group that shares no stratum with the others', () => {
    const groups = new Map([
      ['x', strata({ a: [9, 10] })],
      ['y', strata({ a: [8, 10], b: [1, 1] })],
      ['stranger', strata({ z: [500, 500] })],
      ['idle', strata({ a: [0, 0] })],
    ])
    const { rates, strata: shared } = compareFairly(groups)
    expect(shared).toEqual(['a'])
    expect(rates.map(rate => rate.adjusted_rate)).toEqual([90, 80, null, null])
    expect(rates[2]).toMatchObject({ success_rate: 100, compared_attempts: 0, adjusted_rate_interval: null })
  })

  test('compares nothing with fewer than two groups', () => {
    expect(compareFairly(new Map())).toEqual({ strata: [], rates: [], best: null, turned_over: [] })
    const { strata: shared, rates, best } = compareFairly(new Map([['only', SURGERY]]))
    expect([shared, best]).toEqual([[], null])
    expect(rates[0]!.adjusted_rate).toBeNull()
  })

  test('accepts names such as __proto__, and returns finite numbers', () => {
    const groups = fc.array(fc.tuple(fc.constantFrom('m', 'n', '__proto__', 'constructor'), someStrata), {
      maxLength: 4,
    })
    fc.assert(
      fc.property(groups, entries => {
        const fair = compareFairly(new Map(entries))
        expectFinite(fair)
        expect(fair.best === null).toBe(fair.rates.every(({ adjusted_rate }) => adjusted_rate === null))
        for (const { adjusted_rate, adjusted_rate_interval, success_rate, success_rate_interval } of fair.rates) {
          expectInside(success_rate, success_rate_interval)
          if (adjusted_rate !== null) expectInside(adjusted_rate, adjusted_rate_interval!)
        }
        expect(fair.rates.map(({ name }) => name)).toEqual([...new Map(entries).keys()])
      }),
    )
  })
})
