import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decisiveEvidence, excludedFromBest } from '../../../src/core/statistics/closed-testing.ts'

/** Closed testing by its definition: every set of the best with the candidate must be rejected. The leader is last. */
function byDefinition(evidence: readonly number[], alpha: number): boolean[] {
  const [others, candidates] = [evidence.length, evidence.length + 1]
  const isRejected = (set: number): boolean => {
    let [sum, size] = [0, 0]
    for (let i = 0; i < candidates; i++) {
      if ((set >> i) % 2 === 0) continue
      size++
      if (i < others) sum += Math.exp(evidence[i]!)
    }
    return sum / (size * (candidates - 1)) >= 1 / alpha
  }
  const sets = Array.from({ length: 2 ** candidates - 1 }, (_, i) => i + 1)
  return evidence.map((_, i) => sets.filter(set => (set >> i) % 2 === 1).every(isRejected))
}

test('excludes the candidates that closed testing excludes, whatever the evidence', () => {
  const evidence = fc.array(fc.double({ min: -5, max: 12, noNaN: true }), { minLength: 1, maxLength: 6 })
  fc.assert(
    fc.property(evidence, logs => {
      expect(excludedFromBest(logs, logs.length + 1, 0.05)).toEqual(byDefinition(logs, 0.05))
    }),
    { numRuns: 300 },
  )
})

test('excludes all others exactly where all have the decisive evidence', () => {
  for (const candidates of [2, 3, 30]) {
    const least = decisiveEvidence(candidates, 0.05)
    const at = (log: number): boolean[] => excludedFromBest(new Array(candidates - 1).fill(log), candidates, 0.05)
    expect(at(least + 1e-9).every(Boolean)).toBe(true)
    expect(at(least - 1e-9).some(Boolean)).toBe(false)
  }
})

test('one of two is excluded from evidence of 40: 5 % for both directions together', () => {
  expect(excludedFromBest([Math.log(39.9)], 2, 0.05)).toEqual([false])
  expect(excludedFromBest([Math.log(40.1)], 2, 0.05)).toEqual([true])
})

test('overwhelming and absent evidence are decided without overflow', () => {
  expect(excludedFromBest([5000, Number.NEGATIVE_INFINITY], 3, 0.05)).toEqual([true, false])
  expect(excludedFromBest([], 1, 0.05)).toEqual([])
})
