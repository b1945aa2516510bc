import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createShortfallDetector } from '../../../src/core/statistics/shortfall.ts'

/** The evidence after outcomes with one reference each, computed in another way: as the mean of the largest likelihood ratio of any start. */
function evidenceOf(outcomes: readonly { readonly reference: number; readonly success: boolean }[]): number {
  const largest = [0.25, 0.5, 1].map(shift => {
    const ratios = outcomes.map(({ reference, success }) => {
      const rate = Math.sin((2 * Math.asin(Math.sqrt(reference)) - shift) / 2) ** 2
      return success ? rate / reference : (1 - rate) / (1 - reference)
    })
    let most = 1
    for (let start = ratios.length, product = 1; start-- > 0; most = Math.max(most, product)) product *= ratios[start]!
    return most
  })
  return Math.log(largest.reduce((sum, ratio) => sum + ratio, 0) / largest.length)
}

const outcomes = fc.array(fc.record({ reference: fc.constantFrom(0.5, 0.8, 0.95), success: fc.boolean() }), {
  maxLength: 60,
})

describe('the detector of a shortfall', () => {
  test('has the evidence of the largest likelihood ratios of all starts', () => {
    fc.assert(
      fc.property(outcomes, list => {
        const detector = createShortfallDetector(1000)
        for (const [i, { reference, success }] of list.entries()) detector.add(reference, success ? 1 : 0, 1, i)
        expect(detector.state().evidence).toBeCloseTo(evidenceOf(list), 9)
      }),
      { numRuns: 200 },
    )
  })

  test('raises an alarm at its threshold, ends it at half of it, and says since when', () => {
    const detector = createShortfallDetector(5)
    for (let i = 0; i < 20; i++) detector.add(0.8, 1, 1, i)
    expect(detector.state()).toEqual({ evidence: 0, isAlarm: false, sinceMs: Number.NaN })
    let ms = 20
    for (; !detector.state().isAlarm; ms++) {
      expect(detector.state().evidence).toBeLessThan(5)
      detector.add(0.8, 0, 1, ms)
    }
    expect(detector.state().evidence).toBeGreaterThanOrEqual(5)
    expect(detector.state().sinceMs).toBe(20)
    for (; detector.state().isAlarm; ms++) {
      expect(detector.state().evidence).toBeGreaterThan(2.5)
      detector.add(0.8, 1, 1, ms)
    }
    expect(detector.state().evidence).toBeLessThanOrEqual(2.5)
  })

  test('a long shortfall makes an alarm last no longer: its evidence is bounded', () => {
    const [short, long] = [createShortfallDetector(5), createShortfallDetector(5)]
    short.add(0.8, 0, 20, 0)
    long.add(0.8, 0, 2000, 0)
    expect(long.state().evidence).toBe(short.state().evidence)
  })

  test('takes references beyond 0 and 1 as the nearest possible ones', () => {
    const evidence = (reference: number): number => {
      const detector = createShortfallDetector(50)
      detector.add(reference, 0, 3, 0)
      return detector.state().evidence
    }
    expect(evidence(2)).toBe(evidence(0.99))
    expect(evidence(-1)).toBe(evidence(0.01))
    expect(Number.isFinite(evidence(1))).toBe(true)
  })
})
