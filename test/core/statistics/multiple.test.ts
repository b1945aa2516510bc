import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { holm } from '../../../src/core/statistics/multiple.ts'

// Y. Benjamini and Y. Hochberg, J. R. Stat. Soc. B 57 (1995), section 3.2: Bonferroni's procedure rejects 3 of these at 5 %.
const PUBLISHED = [
  0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.324, 0.4262, 0.5719, 0.6528, 0.759, 1,
]
const pValues = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 30 })

function expectAllClose(actual: readonly number[], expected: readonly number[]): void {
  expect(actual).toHaveLength(expected.length)
  for (const [i, value] of expected.entries()) expect(actual[i]).toBeCloseTo(value, 12)
}

test('rejects three hypotheses of the published example', () => {
  expect(holm(PUBLISHED).filter(p => p <= 0.05)).toHaveLength(3)
})

test('returns adjusted values in the order given', () => {
  expectAllClose(holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02])
})

test('returns an empty list for no p-values, and does not change a single one', () => {
  expect(holm([])).toEqual([])
  expect(holm([0.04])).toEqual([0.04])
})

describe('for any p-values', () => {
  test('adjusted values are between the unadjusted ones and Bonferroni', () => {
    fc.assert(
      fc.property(pValues, values => {
        const family = holm(values)
        for (const [i, p] of values.entries()) {
          expect(family[i]!).toBeGreaterThanOrEqual(p - 1e-15)
          expect(family[i]!).toBeLessThanOrEqual(Math.min(1, p * values.length) + 1e-15)
        }
      }),
    )
  })

  test('part of a family is adjusted at least as much as in the whole family', () => {
    fc.assert(
      fc.property(pValues, fc.integer({ min: 0, max: 30 }), (values, taken) => {
        const some = holm(values.slice(0, taken), values.length)
        const whole = holm(values)
        for (const [i, p] of some.entries()) expect(p).toBeGreaterThanOrEqual(whole[i]! - 1e-15)
      }),
    )
  })
})
