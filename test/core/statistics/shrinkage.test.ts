import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Cell, fitShrinkage } from '../../../src/core/statistics/shrinkage.ts'
import { counts } from './arbitraries.ts'

const cell = (candidate: number, stratum: number, successes: number, attempts: number): Cell => ({
  candidate,
  stratum,
  successes,
  attempts,
})

/** Four strata in which candidate 0 succeeds in 90 % and the others in 50 %. */
const strong: readonly Cell[] = [0, 1, 2, 3].flatMap(stratum => [
  cell(0, stratum, 27, 30),
  ...[1, 2, 3].map(candidate => cell(candidate, stratum, 15, 30)),
])

describe('fitShrinkage', () => {
  test('a candidate that is good elsewhere is expected to be good where it has no attempts', () => {
    const { rateOf } = fitShrinkage([...strong, cell(1, 4, 15, 30), cell(2, 4, 15, 30)])
    const none = { successes: 0, attempts: 0 }
    expect(rateOf(0, 4, none)).toBeGreaterThan(0.75)
    expect(rateOf(3, 4, none)).toBeLessThan(0.6)
  })

  test('few attempts are shrunk most of the way, many hardly', () => {
    const { rateOf } = fitShrinkage(strong)
    expect(rateOf(1, 0, { successes: 2, attempts: 2 })).toBeLessThan(0.75)
    expect(rateOf(1, 0, { successes: 9000, attempts: 10_000 })).toBeCloseTo(0.9, 1)
  })

  test('an easy stratum is not taken for a good candidate', () => {
    const easy = [cell(0, 0, 38, 40), cell(1, 0, 38, 40), cell(2, 0, 38, 40)]
    const hard = [cell(0, 1, 10, 40), cell(1, 1, 10, 40), cell(3, 1, 10, 40)]
    const { rateOf } = fitShrinkage([...easy, ...hard])
    const few = { successes: 1, attempts: 2 }
    expect(Math.abs(rateOf(2, 1, few) - rateOf(3, 1, few))).toBeLessThan(0.05)
  })

  test('is between the observed rate and the prior rate, and strictly between 0 and 1, for any counts', () => {
    const cells = fc.array(
      fc
        .tuple(fc.nat(5), fc.nat(5), counts(200))
        .map(([candidate, stratum, { successes, attempts }]) => cell(candidate, stratum, successes, attempts)),
      { maxLength: 30 },
    )
    fc.assert(
      fc.property(cells, counts(100), (list, { successes, attempts }) => {
        const { rateOf } = fitShrinkage(list)
        for (const [candidate, stratum] of [
          [0, 0],
          [3, 5],
          [undefined, undefined],
        ] as const) {
          const prior = rateOf(candidate, stratum, { successes: 0, attempts: 0 })
          const rate = rateOf(candidate, stratum, { successes, attempts })
          expect(rate).toBeGreaterThan(0)
          expect(rate).toBeLessThan(1)
          const observed = attempts > 0 ? successes / attempts : prior
          expect(rate).toBeGreaterThanOrEqual(Math.min(prior, observed) - 1e-12)
          expect(rate).toBeLessThanOrEqual(Math.max(prior, observed) + 1e-12)
        }
      }),
    )
  })
})
