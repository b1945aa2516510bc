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

describe('calibrationOf', () => {
  test('knows nothing of no attempts, and says so by null', () => {
    const { attempts, degenerate, bins, ...measures } = of()
    expect([attempts, degenerate]).toEqual([0, true])
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

  test('of three attempts is what one gets by hand', () => {
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

  test('of an agent that always says 0.9 and is right nine times in ten: no error, no use, and a flag', () => {
    const calibration = of(...repeat(100, 0.9, 90))
    expect(calibration.expected_calibration_error).toBeCloseTo(0, 12)
    expect(calibration.degenerate).toBe(true)
    expect(calibration.resolution).toBeCloseTo(0, 12)
    expect(calibration.brier_skill).toBeCloseTo(0, 12)
    expect(calibration.auroc).toBe(0.5)
  })

  test('of one that is sure and wrong half of the time: over-confident beyond doubt', () => {
    const calibration = of(...repeat(60, 0.95, 30), ...repeat(40, 0.8, 20))
    expect(calibration.over_confidence).toBeCloseTo(0.39, 12)
    expect(calibration.over_confidence_interval!.low).toBeGreaterThan(0.25)
    expect(calibration.spiegelhalter_p).toBeLessThan(1e-6)
    expect(calibration.expected_calibration_error!).toBeGreaterThan(calibration.expected_calibration_error_band!.high)
    expect(calibration.brier_skill).toBeLessThan(0)
  })

  test('of three successes of three at 0.9 claims no certainty', () => {
    const { over_confidence, over_confidence_interval } = of(...repeat(3, 0.9, 3))
    expect(over_confidence).toBeCloseTo(-0.1, 12)
    expect(over_confidence_interval!.low).toBeLessThan(-0.5)
    expect(over_confidence_interval!.high).toBeGreaterThan(0.3)
  })

  test('of perfect foresight: no error, full skill, every success above every failure', () => {
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

  test('two kinds of confidence are degenerate, three are not', () => {
    expect(of(...repeat(20, 0.9, 18), ...repeat(20, 0.5, 10)).degenerate).toBe(true)
    expect(of(...repeat(20, 0.9, 18), ...repeat(20, 0.5, 10), ...repeat(1, 0.2, 0)).degenerate).toBe(false)
  })

  test('ranks successes over failures only where there are both, from 100 attempts', () => {
    expect(of(...repeat(200, 0.7, 200)).auroc).toBeNull()
    expect(of(...repeat(50, 0.9, 40), ...repeat(49, 0.2, 5)).auroc).toBeNull()
    // Of pairs of a success and a failure: 40 x 45 in order, 40 x 10 and 5 x 45 tied, 5 x 10 turned over.
    expect(of(...repeat(50, 0.9, 40), ...repeat(50, 0.2, 5)).auroc).toBeCloseTo((1800 + 312.5) / (45 * 55), 12)
  })

  test('bins carry rates with intervals, in percent', () => {
    const { bins } = of(...repeat(10, 0.85, 7))
    expect(bins[8]).toMatchObject({ from: 0.8, to: 0.9, attempts: 10, success_rate: 70 })
    expect(bins[8]!.mean_confidence).toBeCloseTo(0.85, 12)
    expect(bins[8]!.success_rate_interval.low).toBeCloseTo(39.7, 1)
  })

  test('whatever was stated: numbers are finite, the Brier score is the mean squared error and the sum of its parts', () => {
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
  test('is what simulation gives with the same bins', () => {
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

  test('narrows with attempts: the same error means more the more attempts there are', () => {
    const highs = [20, 50, 100, 300, 1000].map(
      n => calibrationErrorBand([0.55, 0.65, 0.75, 0.85, 0.95].map(c => ({ n: n / 5, confidence: (n / 5) * c })))!.high,
    )
    // About 0.25, 0.16, 0.11, 0.07 and 0.04.
    for (const [i, expected] of [0.25, 0.162, 0.112, 0.067, 0.036].entries())
      expect(highs[i]).toBeCloseTo(expected, 1.7)
    expect(highs).toEqual(highs.toSorted((a, b) => b - a))
  })

  test('of nothing is unknown', () => {
    expect(calibrationErrorBand([])).toBeNull()
    expect(calibrationErrorBand([{ n: 0, confidence: 0 }])).toBeNull()
  })
})
