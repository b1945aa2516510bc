import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { calibrationOf } from '../../../src/core/statistics/calibration.ts'
import { calibrationErrorBand } from '../../../src/core/statistics/calibration-band.ts'
import { createRandom } from '../../../src/core/statistics/random.ts'
import { calibrationSumsOf, type Stated } from './calibration-simulations.ts'
import { expectFinite } from './finite.ts'
import { sumOf } from './simulation.ts'

const of = (...attempts: readonly (readonly [number, boolean])[]) =>
  calibrationOf(calibrationSumsOf(attempts.map(([confidence, success]) => ({ confidence, success }))))

function repeat(n: number, confidence: number, successes: number): (readonly [number, boolean])[] {
  return Array.from({ length: n }, (_, i) => [confidence, i < successes] as const)
}

const stated: fc.Arbitrary<Stated[]> = fc.array(
  fc.record({
    confidence: fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.constantFrom(0, 0.5, 0.9, 1)),
    success: fc.boolean(),
  }),
  { maxLength: 150 },
)

/** By comparing each pair of a success and a failure. */
function exactAuroc(attempts: readonly Stated[]): number {
  const [good, bad] = [attempts.filter(({ success }) => success), attempts.filter(({ success }) => !success)]
  const wins = good.map(a => sumOf(bad.map(b => (1 + Math.sign(a.confidence - b.confidence)) / 2)))
  return sumOf(wins) / (good.length * bad.length)
}

describe('calibrationOf', () => {
  test('returns null for every measure without attempts', () => {
    const { attempts, degenerate, bins, ...measures } = of()
    expect([attempts, degenerate]).toEqual([0, false])
    expect(bins).toHaveLength(10)
    expect(bins[9]).toEqual({
      from: 0.9,
      to: 1,
      attempts: 0,
      mean_confidence: null,
      success_rate: null,
      success_rate_interval: { low: 0, high: 100, method: 'wilson' },
    })
    for (const [name, measure] of Object.entries(measures)) expect(measure, name).toBeNull()
  })

  test('agrees with a calculation by hand for three attempts', () => {
    const calibration = of([0.9, true], [0.8, false], [0.3, false])
    expect(calibration.brier_score).toBeCloseTo((0.01 + 0.64 + 0.09) / 3, 12)
    expect(calibration.reliability).toBeCloseTo((0.01 + 0.64 + 0.09) / 3, 12)
    expect(calibration.resolution).toBeCloseTo(2 / 9, 12)
    expect(calibration.uncertainty).toBeCloseTo(2 / 9, 12)
    expect(calibration.within_bins).toBeCloseTo(0, 12)
    expect(calibration.brier_skill).toBeCloseTo(1 - 0.74 / 3 / (2 / 9), 12)
    expect(calibration.expected_calibration_error).toBeCloseTo((0.1 + 0.8 + 0.3) / 3, 12)
    expect(calibration.over_confidence).toBeCloseTo(2 / 3 - 1 / 3, 12)
    expect(calibration.degenerate).toBe(false)
    expect(calibration.auroc).toBeNull()
    // Sum of (y - c)(1 - 2c) over the root of the sum of (1 - 2c)² c (1 - c).
    const z = (0.1 * -0.8 + -0.8 * -0.6 + -0.3 * 0.4) / Math.sqrt(0.64 * 0.09 + 0.36 * 0.16 + 0.16 * 0.21)
    expect(calibration.spiegelhalter_z).toBeCloseTo(z, 12)
  })

  test('reports no error, no resolution and degenerate for a constant, correct confidence', () => {
    const calibration = of(...repeat(100, 0.9, 90))
    expect(calibration.expected_calibration_error).toBeCloseTo(0, 12)
    expect(calibration.degenerate).toBe(true)
    expect(calibration.resolution).toBeCloseTo(0, 12)
    expect(calibration.brier_skill).toBeCloseTo(0, 12)
    expect(calibration.auroc).toBe(0.5)
  })

  test('reports significant over-confidence for an agent that states 0.8 to 0.95 and succeeds half of the time', () => {
    const calibration = of(...repeat(60, 0.95, 30), ...repeat(40, 0.8, 20))
    expect(calibration.over_confidence).toBeCloseTo(0.39, 12)
    expect(calibration.over_confidence_interval!.low).toBeGreaterThan(0.25)
    expect(calibration.spiegelhalter_p).toBeLessThan(1e-6)
    expect(calibration.expected_calibration_error!).toBeGreaterThan(calibration.expected_calibration_error_band!.high)
    expect(calibration.brier_skill).toBeLessThan(0)
  })

  test('returns a wide interval of over-confidence for three successes of three', () => {
    const { over_confidence, over_confidence_interval } = of(...repeat(3, 0.9, 3))
    expect(over_confidence).toBeCloseTo(-0.1, 12)
    expect(over_confidence_interval!.low).toBeLessThan(-0.5)
    expect(over_confidence_interval!.high).toBeGreaterThan(0.3)
  })

  test('reports no error, full skill and an AUROC of 1 for a perfect forecast', () => {
    const calibration = of(...repeat(60, 1, 60), ...repeat(60, 0, 0))
    expect(calibration).toMatchObject({
      brier_score: 0,
      expected_calibration_error: 0,
      brier_skill: 1,
      auroc: 1,
      spiegelhalter_z: null,
    })
    expect(calibration.expected_calibration_error_band).toEqual({ mean: 0, high: 0 })
  })

  test('is degenerate with two populated bins, and not with three', () => {
    expect(of(...repeat(20, 0.9, 18), ...repeat(20, 0.5, 10)).degenerate).toBe(true)
    expect(of(...repeat(20, 0.9, 18), ...repeat(20, 0.5, 10), ...repeat(1, 0.2, 0)).degenerate).toBe(false)
  })

  test('returns an AUROC only from 100 attempts with successes and failures', () => {
    expect(of(...repeat(200, 0.7, 200)).auroc).toBeNull()
    expect(of(...repeat(50, 0.9, 40), ...repeat(49, 0.2, 5)).auroc).toBeNull()
    // Pairs of a success and a failure: 40 x 45 concordant, 40 x 10 and 5 x 45 tied, 5 x 10 discordant.
    expect(of(...repeat(50, 0.9, 40), ...repeat(50, 0.2, 5)).auroc).toBeCloseTo((1800 + 312.5) / (45 * 55), 12)
  })

  test('orders confidences that share one of the ten bins: 0.99 for successes and 0.91 for failures give 1', () => {
    expect(of(...repeat(60, 0.99, 60), ...repeat(60, 0.91, 0))).toMatchObject({ auroc: 1, auroc_error: 0 })
    expect(of(...repeat(6000, 0.99, 6000), ...repeat(6000, 0.91, 0))).toMatchObject({ auroc: 1, auroc_error: 0 })
  })

  test('gives an AUROC that is exact to hundredths, and within the stated error of that of any confidences', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 0, max: 1e6 }), (values, seed) => {
        const random = createRandom(`auroc ${seed}`)
        const attempts = Array.from({ length: 150 }, (): Stated => {
          const confidence = 0.2 + (0.8 * Math.floor(random() * values * 10)) / (values * 10)
          return { confidence, success: random() < confidence }
        })
        const { auroc, auroc_error } = calibrationOf(calibrationSumsOf(attempts))
        if (auroc === null) return
        expect(Math.abs(auroc - exactAuroc(attempts))).toBeLessThanOrEqual(auroc_error! + 1e-12)
        const rounded = attempts.map(({ confidence, success }) => ({
          confidence: Math.round(confidence * 100) / 100,
          success,
        }))
        expect(calibrationOf(calibrationSumsOf(rounded)).auroc).toBeCloseTo(exactAuroc(rounded), 12)
      }),
      { numRuns: 30 },
    )
  })

  test('reports rates and intervals of bins in percent', () => {
    const { bins } = of(...repeat(10, 0.85, 7))
    expect(bins[8]).toMatchObject({ from: 0.8, to: 0.9, attempts: 10, success_rate: 70 })
    expect(bins[8]!.mean_confidence).toBeCloseTo(0.85, 12)
    expect(bins[8]!.success_rate_interval.low).toBeCloseTo(39.7, 1)
  })

  test('returns finite numbers, and a Brier score that is the mean squared error and the sum of its terms', () => {
    fc.assert(
      fc.property(stated, attempts => {
        const calibration = calibrationOf(calibrationSumsOf(attempts))
        expectFinite(calibration)
        if (attempts.length === 0) return
        const { brier_score, reliability, resolution, uncertainty, within_bins } = calibration
        const errors = attempts.map(({ confidence, success }) => (confidence - Number(success)) ** 2)
        expect(brier_score).toBeCloseTo(sumOf(errors) / attempts.length, 10)
        expect(reliability! - resolution! + uncertainty! + within_bins!).toBeCloseTo(brier_score!, 10)
        expect(resolution!).toBeLessThanOrEqual(uncertainty! + 1e-12)
        expect(Math.abs(calibration.over_confidence!)).toBeLessThanOrEqual(
          calibration.expected_calibration_error! + 1e-12,
        )
        expect(sumOf(calibration.bins.map(bin => bin.attempts))).toBe(attempts.length)
      }),
    )
  })
})

describe('calibrationErrorBand', () => {
  test('agrees with a simulation of the same bins', () => {
    const random = createRandom('band')
    const bins = [
      [12, 0.55],
      [20, 0.65],
      [31, 0.75],
      [40, 0.85],
      [25, 0.95],
    ].map(([n, c]) => ({ n: n!, confidence: n! * c! }))
    const total = sumOf(bins.map(({ n }) => n))
    const errors = Array.from({ length: 20_000 }, () => {
      const distances = bins.map(({ n, confidence }) => {
        let successes = 0
        for (let i = 0; i < n; i++) if (random() < confidence / n) successes++
        return Math.abs(successes - confidence)
      })
      return sumOf(distances) / total
    }).sort((a, b) => a - b)
    const { mean, high } = calibrationErrorBand(bins)!
    expect(Math.abs(mean - sumOf(errors) / errors.length)).toBeLessThan(0.001)
    expect(Math.abs(high - errors[19_000]!)).toBeLessThan(0.003)
  })

  test('is exact where the error takes few values: at most 5 % exceed it, at a constant confidence and in two bins', () => {
    // 100 attempts at 0.995: two failures or more have a probability of 9.0 %, three or more 1.4 %.
    expect(calibrationErrorBand([{ n: 100, confidence: 99.5 }])!.high).toBeCloseTo(0.015, 8)
    // Either bin of one attempt is off by 0.1 or 0.9: both by 0.1 in 81 %, one by 0.9 in 18 %, both in 1 %.
    const two = calibrationErrorBand([
      { n: 1, confidence: 0.9 },
      { n: 1, confidence: 0.1 },
    ])
    expect(two!.high).toBeCloseTo(0.5, 8)
  })

  test('narrows as the number of attempts grows', () => {
    const highs = [20, 50, 100, 300, 1000].map(
      n => calibrationErrorBand([0.55, 0.65, 0.75, 0.85, 0.95].map(c => ({ n: n / 5, confidence: (n / 5) * c })))!.high,
    )
    for (const [i, expected] of [0.25, 0.162, 0.112, 0.067, 0.036].entries())
      expect(highs[i]).toBeCloseTo(expected, 1.7)
    expect(highs).toEqual(highs.toSorted((a, b) => b - a))
  })

  test('is null without attempts', () => {
    expect(calibrationErrorBand([])).toBeNull()
    expect(calibrationErrorBand([{ n: 0, confidence: 0 }])).toBeNull()
  })
})
