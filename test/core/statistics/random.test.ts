import { describe, expect, test } from 'vitest'
import { chiSquareCdf, normalCdf } from '../../../src/core/statistics/distributions.ts'
import { createRandom, drawBeta, drawGamma, drawNormal, type Random } from '../../../src/core/statistics/random.ts'
import { regularizedBeta } from '../../../src/core/statistics/special-functions.ts'

/** The Kolmogorov-Smirnov statistic of 20,000 draws against `cdf`, times √n. It exceeds 1.95 with probability 0.001. */
function kolmogorov(draw: (random: Random) => number, cdf: (x: number) => number): number {
  const random = createRandom('kolmogorov')
  const n = 20_000
  const draws = Array.from({ length: n }, () => draw(random)).sort((a, b) => a - b)
  const distances = draws.map((x, i) => Math.max((i + 1) / n - cdf(x), cdf(x) - i / n))
  return Math.max(...distances) * Math.sqrt(n)
}

describe('createRandom', () => {
  test('gives the same numbers for the same seed, and other numbers for another seed', () => {
    const take = (seed: number | string): number[] => Array.from({ length: 5 }, createRandom(seed))
    expect(take('a')).toEqual(take('a'))
    expect(take(7)).toEqual(take('7'))
    const firsts = Array.from({ length: 2000 }, (_, seed) => take(seed)[0])
    expect(new Set(firsts).size).toBe(2000)
  })

  test('gives the same numbers in every version', () => {
    const random = createRandom(42)
    expect([random(), random(), random()]).toEqual([0.07944500917561803, 0.4928864717488348, 0.6041934026191367])
  })

  test('is uniform for one seed, and over the first numbers of consecutive seeds', () => {
    expect(
      kolmogorov(
        random => random(),
        x => x,
      ),
    ).toBeLessThan(1.95)
    let seed = 0
    expect(
      kolmogorov(
        () => createRandom(seed++)(),
        x => x,
      ),
    ).toBeLessThan(1.95)
  })

  test('is at least 0 and below 1, without repetition in 100,000 numbers', () => {
    const random = createRandom('range')
    const numbers = Array.from({ length: 100_000 }, random)
    expect(Math.min(...numbers.slice(0, 50_000))).toBeGreaterThanOrEqual(0)
    expect(numbers.every(x => x < 1)).toBe(true)
    expect(new Set(numbers).size).toBe(100_000)
  })
})

describe('draws follow their distribution', () => {
  test('normal', () => expect(kolmogorov(drawNormal, normalCdf)).toBeLessThan(1.95))

  test.each([0.3, 1, 7.5])('gamma of shape %d', shape => {
    // Twice a gamma variable is chi-square on twice its shape in degrees of freedom.
    expect(
      kolmogorov(
        random => 2 * drawGamma(random, shape),
        x => chiSquareCdf(x, 2 * shape),
      ),
    ).toBeLessThan(1.95)
  })

  test.each([
    [0.5, 0.5],
    [3.5, 0.5],
    [80.5, 20.5],
  ])('beta of shapes %d and %d', (a, b) => {
    expect(
      kolmogorov(
        random => drawBeta(random, a, b),
        x => regularizedBeta(x, a, b),
      ),
    ).toBeLessThan(1.95)
  })

  test('beta of shapes near 0 is a Bernoulli distribution', () => {
    const random = createRandom('coin')
    const draws = Array.from({ length: 2000 }, () => drawBeta(random, 3e-6, 1e-6))
    const heads = draws.filter(x => x > 0.5).length / 2000
    expect(draws.every(x => x >= 0 && x <= 1)).toBe(true)
    expect(heads).toBeCloseTo(0.75, 1)
  })
})
