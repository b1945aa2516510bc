import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { posteriorOf } from '../../../src/core/statistics/posterior.ts'
import { createRandom } from '../../../src/core/statistics/random.ts'
import { counts } from './arbitraries.ts'
import { sumOf } from './simulation.ts'

describe('posteriorOf', () => {
  test.each([
    // Reference values, computed with 25 digits.
    [
      [
        [3, 4],
        [1, 4],
      ],
      [0.921599053, 0.0784009466],
    ],
    [
      [
        [5, 5],
        [100, 120],
      ],
      [0.831118435, 0.168881565],
    ],
    [
      [
        [2.5, 3.7],
        [1.2, 2],
      ],
      [0.579989067, 0.420010933],
    ],
    [
      [
        [0, 100],
        [1, 100],
        [3, 90],
      ],
      [0.0194549007, 0.128334784, 0.852210315],
    ],
    [
      [
        [10, 10],
        [10, 10],
        [50, 50],
        [1, 1],
      ],
      [0.202639828, 0.202639828, 0.529725075, 0.0649952693],
    ],
  ])('has an absolute error below 1e-6 for %j', (pairs, expected) => {
    const { p_best } = posteriorOf(
      pairs.map(([successes, attempts]) => ({ successes: successes!, attempts: attempts! })),
    )
    for (const [i, p] of expected.entries()) expect(Math.abs(p_best[i]! - p)).toBeLessThan(1e-6)
  })

  test('has probabilities that sum to 1 and do not depend on the order, and losses of 0 or more', () => {
    fc.assert(
      fc.property(fc.array(counts(100_000), { minLength: 1, maxLength: 12 }), candidates => {
        const { p_best, expected_loss } = posteriorOf(candidates)
        const reversed = posteriorOf(candidates.toReversed())
        expect(sumOf(p_best)).toBeCloseTo(1, 9)
        for (const [i, p] of p_best.entries()) {
          expect(p).toBeGreaterThanOrEqual(0)
          expect(expected_loss[i]).toBeGreaterThanOrEqual(0)
          expect(reversed.p_best.at(-1 - i)).toBeCloseTo(p, 9)
        }
      }),
      { numRuns: 60 },
    )
  })

  test('gives equal probabilities to equal counts, from 0 to 1e7 attempts', () => {
    for (const attempts of [0, 1, 50, 1e7]) {
      const { p_best } = posteriorOf(Array.from({ length: 4 }, () => ({ successes: attempts * 0.5, attempts })))
      for (const p of p_best) expect(p).toBeCloseTo(0.25, 9)
    }
  })

  test('gives the smallest loss to the highest posterior mean', () => {
    fc.assert(
      fc.property(fc.array(counts(1000), { minLength: 2, maxLength: 6 }), candidates => {
        const means = candidates.map(({ successes, attempts }) => (successes + 0.5) / (attempts + 1))
        const { expected_loss } = posteriorOf(candidates)
        expect(expected_loss[means.indexOf(Math.max(...means))]).toBe(Math.min(...expected_loss))
      }),
      { numRuns: 60 },
    )
  })

  test('gives a single candidate probability 1, and is empty without candidates', () => {
    expect(posteriorOf([{ successes: 3, attempts: 7 }]).p_best).toEqual([1])
    expect(posteriorOf([])).toEqual({ p_best: [], expected_loss: [] })
  })

  test('takes less than 20 s for 300 candidates with 10 to 100,000 attempts', () => {
    const random = createRandom('many')
    const candidates = Array.from({ length: 300 }, () => {
      const attempts = Math.floor(10 ** (1 + 4 * random()))
      return { successes: Math.floor(attempts * random()), attempts }
    })
    const start = performance.now()
    expect(sumOf(posteriorOf(candidates).p_best)).toBeCloseTo(1, 9)
    expect(performance.now() - start).toBeLessThan(20_000)
  })
})
