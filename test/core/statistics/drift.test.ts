import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  baselineRate,
  baselineStandardError,
  type DriftState,
  driftOf,
  driftStep,
  driftThreshold,
  NO_DRIFT,
  shiftedRates,
} from '../../../src/core/statistics/drift.ts'
import { counts, probability } from './arbitraries.ts'
import { expectFinite } from './finite.ts'

const THRESHOLD = driftThreshold(1)

function stateAfter(outcomes: readonly boolean[], expected = 0.85, from: DriftState = NO_DRIFT): DriftState {
  return outcomes.reduce((state, success) => driftStep(state, success, expected, THRESHOLD), from)
}

const failures = (n: number): boolean[] => new Array<boolean>(n).fill(false)
const successes = (n: number): boolean[] => new Array<boolean>(n).fill(true)

describe('the statistic', () => {
  test('adds the log-likelihood ratio of each outcome, and never falls below 0', () => {
    const { down } = shiftedRates(0.85)
    expect(stateAfter([false]).down).toBeCloseTo(Math.log((1 - down) / 0.15), 12)
    expect(stateAfter([false, false, true]).down).toBeCloseTo(
      2 * Math.log((1 - down) / 0.15) + Math.log(down / 0.85),
      12,
    )
    expect(stateAfter(successes(50)).down).toBe(0)
  })

  test('depends on earlier attempts only through the state, and does not change the state passed in', () => {
    const state = stateAfter([false, true, false])
    const kept = { ...state }
    expect(stateAfter([true], 0.85, state)).toEqual(stateAfter([true], 0.85, state))
    expect(state).toEqual(kept)
  })

  test('stays finite, from 0 to twice the threshold, for any outcomes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.boolean(), fc.double({ min: 0, max: 1, noNaN: true })), { maxLength: 200 }),
        steps => {
          let state = NO_DRIFT
          for (const [success, expected] of steps) state = driftStep(state, success, expected, THRESHOLD)
          expectFinite(state)
          for (const side of [state.down, state.up]) {
            expect(side).toBeGreaterThanOrEqual(0)
            expect(side).toBeLessThanOrEqual(2 * THRESHOLD)
          }
        },
      ),
    )
  })
})

describe('an alarm', () => {
  test('is not raised by outcomes at the expected rate', () => {
    const usual = Array.from({ length: 400 }, (_, i) => i % 20 !== 0 && i % 10 !== 3)
    expect(driftOf(stateAfter(usual), THRESHOLD)).toMatchObject({ direction: 'none', began_attempts_ago: null })
  })

  test('is raised by a run of failures, with the number of attempts since they began', () => {
    const drift = driftOf(stateAfter([...successes(40), ...failures(8)]), THRESHOLD)
    expect(drift).toMatchObject({ direction: 'down', began_attempts_ago: 8, threshold: THRESHOLD })
    expect(drift.statistic).toBeGreaterThanOrEqual(THRESHOLD)
  })

  test('is raised upward when the rate rises', () => {
    expect(driftOf(stateAfter(successes(30), 0.4), THRESHOLD).direction).toBe('up')
  })

  test('ends within 150 usual attempts after 5,000 failures', () => {
    const long = stateAfter(failures(5000))
    expect(driftOf(long, THRESHOLD).direction).toBe('down')
    const usual = Array.from({ length: 150 }, (_, i) => i % 7 !== 3)
    expect(driftOf(stateAfter(usual, 0.85, long), THRESHOLD).direction).toBe('none')
  })

  test('is not raised by harder issues if each attempt has the expected rate of its issue type', () => {
    const fair = (state: DriftState, i: number): DriftState => driftStep(state, i % 10 < 4, 0.4, THRESHOLD)
    const state = Array.from({ length: 300 }, (_, i) => i).reduce(fair, NO_DRIFT)
    expect(driftOf(state, THRESHOLD).direction).toBe('none')
    expect(driftOf(stateAfter(Array.from({ length: 300 }, (_, i) => i % 10 < 4)), THRESHOLD).direction).toBe('down')
  })
})

test('a baseline from fewer attempts needs more evidence for an alarm', () => {
  const after = (attempts: number): DriftState =>
    failures(8).reduce(
      (state, success) => driftStep(state, success, 0.85, THRESHOLD, baselineStandardError(attempts)),
      NO_DRIFT,
    )
  expect(after(1e9).down).toBeCloseTo(stateAfter(failures(8)).down, 3)
  expect(after(30).down).toBeLessThan(after(300).down)
  expect(after(300).down).toBeLessThan(after(1e9).down)
  for (const attempts of [0, 1, 30]) expectFinite(after(attempts))
})

test('the threshold is 4.5 for one key, plus ln(keys) for several', () => {
  expect(driftThreshold(1)).toBe(4.5)
  expect(driftThreshold(20)).toBeCloseTo(4.5 + Math.log(20), 12)
  expect(driftThreshold(0)).toBe(4.5)
})

test('the shift is constant on the arcsine scale, and shifted rates stay between 0 and 1', () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1, noNaN: true }), expected => {
      const { down, up } = shiftedRates(expected)
      expect(down).toBeGreaterThan(0)
      expect(up).toBeLessThan(1)
      expect(down).toBeLessThan(up)
    }),
  )
  const angle = (rate: number): number => 2 * Math.asin(Math.sqrt(rate))
  for (const rate of [0.1, 0.5, 0.85]) expect(angle(rate) - angle(shiftedRates(rate).down)).toBeCloseTo(0.33, 10)
})

test('a baseline is shrunk from its own rate towards the prior, less with more attempts', () => {
  expect(baselineRate({ successes: 0, attempts: 0 }, 0.6)).toBe(0.6)
  expect(baselineRate({ successes: 20, attempts: 20 }, 0.6)).toBeCloseTo(0.8, 12)
  fc.assert(
    fc.property(counts(), probability, (own, prior) => {
      const rate = baselineRate(own, prior)
      expect(rate).toBeGreaterThan(0)
      expect(rate).toBeLessThan(1)
    }),
  )
})
