import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  baselineStandardError,
  createDriftDetector,
  createStratum,
  type DriftDetector,
} from '../../../src/core/statistics/drift.ts'
import { commonThreshold, driftThreshold } from '../../../src/core/statistics/drift-threshold.ts'
import { expectFinite } from './finite.ts'
import { shiftedRates } from './shift.ts'

const THRESHOLD = driftThreshold(1)
/** So many attempts that the baseline is known. */
const KNOWN = 1e12

/** A detector after `outcomes`, with a baseline of `attempts` attempts at the rate `expected`. */
function detectorAfter(outcomes: readonly boolean[], expected = 0.85, attempts = KNOWN): DriftDetector {
  const detector = createDriftDetector(THRESHOLD)
  const stratum = createStratum(expected * attempts, attempts)
  for (const success of outcomes) detector.add(stratum, success ? 1 : 0, 1)
  return detector
}

const failures = (n: number): boolean[] => new Array<boolean>(n).fill(false)
const successes = (n: number): boolean[] => new Array<boolean>(n).fill(true)
/** `n` attempts at a rate of `good` in ten, spread evenly. */
const at = (good: number, n: number): boolean[] => Array.from({ length: n }, (_, i) => (i * 3) % 10 < good)

describe('the statistic', () => {
  test('adds the log-likelihood ratio of each outcome, and never falls below 0', () => {
    const { down, up } = shiftedRates(0.85)
    const failure = Math.log((1 - down) / 0.15)
    expect(detectorAfter([false]).decline()).toBeCloseTo(failure, 5)
    expect(detectorAfter([false, false, true]).decline()).toBeCloseTo(2 * failure + Math.log(down / 0.85), 5)
    expect(detectorAfter(successes(10)).decline()).toBe(0)
    expect(detectorAfter(successes(3)).statistic()).toBeCloseTo(3 * Math.log(up / 0.85), 5)
  })

  test('of a block of attempts is the sum over them', () => {
    const detector = createDriftDetector(THRESHOLD)
    detector.add(createStratum(0.85 * KNOWN, KNOWN), 1, 4)
    expect(detector.decline()).toBeCloseTo(detectorAfter([false, false, false, true]).decline(), 9)
  })

  test('is finite and not negative for any outcomes, and reaches the threshold exactly if there is an alarm', () => {
    fc.assert(
      fc.property(
        fc.array(fc.boolean(), { maxLength: 300 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.integer({ min: 0, max: 1000 }),
        (outcomes, expected, attempts) => {
          const drift = detectorAfter(outcomes, expected, attempts).drift()
          expectFinite([drift.statistic, drift.threshold, drift.began_attempts_ago ?? 0])
          expect(drift.statistic).toBeGreaterThanOrEqual(0)
          expect(drift.statistic >= drift.threshold).toBe(drift.direction !== 'none')
          for (const rate of [drift.expected_rate, drift.observed_rate]) {
            if (drift.direction === 'none') expect(rate).toBeNull()
            else expect(rate! >= 0 && rate! <= 100).toBe(true)
          }
        },
      ),
    )
  })
})

describe('an alarm', () => {
  test('is not raised by outcomes at the expected rate', () => {
    const usual = Array.from({ length: 400 }, (_, i) => i % 20 !== 0 && i % 10 !== 3)
    expect(detectorAfter(usual).drift()).toMatchObject({ direction: 'none', began_attempts_ago: null })
  })

  test('is raised by a run of failures, with the attempts since they began, and the rates', () => {
    const drift = detectorAfter([...successes(40), ...failures(8)]).drift()
    expect(drift).toMatchObject({ direction: 'down', began_attempts_ago: 8, threshold: THRESHOLD, observed_rate: 0 })
    expect(drift.statistic).toBeGreaterThanOrEqual(THRESHOLD)
    expect(drift.expected_rate).toBeCloseTo(85, 3)
  })

  test('is raised upward when the rate rises', () => {
    expect(detectorAfter(successes(30), 0.4).drift().direction).toBe('up')
  })

  test('ends 300 attempts after it was raised: the new rate is the baseline then', () => {
    expect(detectorAfter([...at(9, 200), ...at(5, 300)], 0.9).drift().direction).toBe('down')
    expect(detectorAfter([...at(9, 200), ...at(5, 350)], 0.9).drift().direction).toBe('none')
  })

  test('ends earlier if the rate is back at the old baseline', () => {
    const dip = [...at(9, 200), ...failures(8)]
    expect(detectorAfter(dip, 0.9).drift().direction).toBe('down')
    expect(detectorAfter([...dip, ...at(9, 200)], 0.9).drift().direction).toBe('none')
  })

  test('re-arms: a second fall and a recovery are alarms too', () => {
    const fallen = [...at(9, 200), ...at(6, 400)]
    expect(detectorAfter(fallen, 0.9).drift().direction).toBe('none')
    expect(detectorAfter([...fallen, ...at(3, 80)], 0.9).drift().direction).toBe('down')
    expect(detectorAfter([...fallen, ...at(9, 80)], 0.9).drift().direction).toBe('up')
  })

  test('is not raised by a mix of strata that changes, if each stays at its own rate', () => {
    const detector = createDriftDetector(THRESHOLD)
    const [easy, hard] = [createStratum(900, 1000), createStratum(300, 1000)]
    for (const success of at(9, 100)) detector.add(easy, success ? 1 : 0, 1)
    for (const success of at(3, 300)) detector.add(hard, success ? 1 : 0, 1)
    expect(detector.drift().direction).toBe('none')
    for (const success of at(3, 60)) detector.add(easy, success ? 1 : 0, 1)
    expect(detector.drift().direction).toBe('down')
  })

  test('is not raised by the first 30 attempts of a stratum, whatever they are: they are learned', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 30, maxLength: 30 }), outcomes => {
        const detector = createDriftDetector(THRESHOLD)
        const [known, fresh] = [createStratum(500, 1000), createStratum()]
        detector.add(known, 1, 1)
        const before = detector.statistic()
        for (const success of outcomes) detector.add(fresh, success ? 1 : 0, 1)
        expect(detector.statistic()).toBe(before)
      }),
    )
  })

  test('raised before a restart is forgotten, and what was learned is not', () => {
    const detector = detectorAfter(failures(10))
    expect(detector.drift().direction).toBe('down')
    detector.restart()
    expect(detector.drift()).toMatchObject({ direction: 'none', statistic: 0 })
    const learned = createDriftDetector(THRESHOLD)
    const stratum = createStratum()
    for (const success of at(9, 100)) learned.add(stratum, success ? 1 : 0, 1)
    learned.restart()
    for (const success of failures(10)) learned.add(stratum, success ? 1 : 0, 1)
    expect(learned.drift().direction).toBe('down')
  })
})

test('a baseline from fewer attempts needs more evidence for an alarm', () => {
  const evidence = (attempts: number): number => detectorAfter(failures(3), 0.85, attempts).decline()
  expect(evidence(1e9)).toBeCloseTo(detectorAfter(failures(3)).decline(), 3)
  expect(evidence(30)).toBeLessThan(evidence(300))
  expect(evidence(300)).toBeLessThan(evidence(1e9))
  for (const attempts of [0, 1, 30]) expectFinite(baselineStandardError(attempts))
})

describe('the threshold', () => {
  test('is 4.5 for one key, plus ln(keys) for several, less ln(alarms)', () => {
    expect(driftThreshold(1)).toBe(4.5)
    expect(driftThreshold(20)).toBeCloseTo(4.5 + Math.log(20), 12)
    expect(driftThreshold(20, 5)).toBeCloseTo(4.5 + Math.log(4), 12)
    expect(driftThreshold(0)).toBe(4.5)
  })

  test('of many keys is the lowest that as many statistics reach as it allows for', () => {
    expect(commonThreshold([], 200)).toBe(driftThreshold(200))
    expect(commonThreshold([20, 8, 3], 200)).toBe(driftThreshold(200))
    const twenty = new Array<number>(20).fill(7)
    expect(commonThreshold(twenty, 200)).toBe(driftThreshold(200, 20))
    expect(commonThreshold(twenty.slice(1), 10_000)).toBe(driftThreshold(10_000))
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 20, noNaN: true }), { maxLength: 50 }), statistics => {
        const common = commonThreshold(statistics, 50)
        const alarms = statistics.filter(one => one >= common).length
        expect(common).toBeLessThanOrEqual(driftThreshold(50))
        expect(common).toBeGreaterThanOrEqual(driftThreshold(50, Math.max(1, alarms)) - 1e-12)
        // One more alarm would need a statistic that is not there.
        const next = statistics.toSorted((a, b) => b - a)
        for (let k = alarms + 1; k <= next.length; k++) expect(next[k - 1]!).toBeLessThan(driftThreshold(50, k))
      }),
    )
  })
})

test('the shift is constant on the arcsine scale, at every rate from 5 % to 95 %', () => {
  fc.assert(
    fc.property(fc.double({ min: 0.05, max: 0.95, noNaN: true }), expected => {
      const { down, up } = shiftedRates(expected)
      expect(detectorAfter([false], expected).decline()).toBeCloseTo(Math.log((1 - down) / (1 - expected)), 4)
      expect(detectorAfter([true], expected).statistic()).toBeCloseTo(Math.log(up / expected), 4)
    }),
  )
})
