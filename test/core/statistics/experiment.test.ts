import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { judgeExperiment } from '../../../src/core/statistics/experiment.ts'
import { sampleRatio } from '../../../src/core/statistics/sample-ratio.ts'
import { counts } from './arbitraries.ts'
import { expectFinite } from './finite.ts'

const arm = (variant: string, successes: number, attempts: number) => ({ variant, successes, attempts })

describe('sampleRatio', () => {
  test('has the published critical value: 10.83 on one degree of freedom is p = 0.001', () => {
    // With 1,000 attempts and an excess of d in one arm, chi-square is d² / 250.
    expect(sampleRatio([552, 448]).p_value).toBeCloseTo(0.001, 4)
    expect(sampleRatio([553, 447]).status).toBe('mismatch')
    expect(sampleRatio([551, 449]).status).toBe('as_intended')
  })

  test('needs 8 attempts per arm', () => {
    expect(sampleRatio([15, 0])).toEqual({ status: 'too_few', p_value: null })
    expect(sampleRatio([16, 0]).status).toBe('mismatch')
    expect(sampleRatio([23, 0, 0]).status).toBe('too_few')
    expect(sampleRatio([5000])).toEqual({ status: 'too_few', p_value: null })
    expect(sampleRatio([])).toEqual({ status: 'too_few', p_value: null })
  })

  test('compares with the intended shares', () => {
    expect(sampleRatio([900, 100], [9, 1])).toEqual({ status: 'as_intended', p_value: 1 })
    expect(sampleRatio([500, 500], [9, 1]).status).toBe('mismatch')
  })

  test('ignores an arm with a share of 0, and reports a mismatch if it has attempts', () => {
    expect(sampleRatio([500, 0, 505], [1, 0, 1]).p_value).toBeCloseTo(sampleRatio([500, 505]).p_value!, 12)
    expect(sampleRatio([500, 1, 505], [1, 0, 1])).toEqual({ status: 'mismatch', p_value: 0 })
  })
})

describe('judgeExperiment', () => {
  test('names the better variant in the verdict and in the summary', () => {
    const [b] = judgeExperiment([arm('old', 120, 200), arm('new', 170, 200)]).comparisons
    expect(b).toMatchObject({ variant: 'new', baseline: 'old', verdict: 'better', attempts_needed: 0 })
    expect(b!.summary).toMatch(
      /^"new" does better than "old": the difference is \+25\.0 percentage points \(interval \+\d/,
    )
    const [a] = judgeExperiment([arm('new', 170, 200), arm('old', 120, 200)]).comparisons
    expect(a).toMatchObject({ variant: 'old', verdict: 'worse' })
  })

  test('cannot tell yet, and names the further attempts needed', () => {
    const [b] = judgeExperiment([arm('a', 35, 50), arm('b', 42, 50)]).comparisons
    expect(b!.verdict).toBe('cannot_tell_yet')
    expect(b!.attempts_needed).toBeGreaterThan(0)
    expect(b!.summary).toContain(`about ${b!.attempts_needed} more attempts of each variant will decide`)
    const [scarce] = judgeExperiment([arm('a', 1, 1), arm('b', 0, 1)]).comparisons
    expect(scarce).toMatchObject({ verdict: 'cannot_tell_yet', attempts_needed: null })
  })

  test('is unsound at a sample-ratio mismatch', () => {
    const { sample_ratio, comparisons } = judgeExperiment([arm('a', 100, 200), arm('b', 290, 300)])
    expect(sample_ratio!.status).toBe('mismatch')
    expect(comparisons[0]).toMatchObject({ verdict: 'unsound', attempts_needed: null })
    expect(judgeExperiment([arm('a', 100, 200), arm('b', 290, 300)], { shares: [2, 3] }).comparisons[0]!.verdict).toBe(
      'better',
    )
  })

  test('checks no shares under adaptive assignment, and compares exactly', () => {
    const { sample_ratio, comparisons } = judgeExperiment([arm('a', 10, 40), arm('b', 290, 300)], { adaptive: true })
    expect(sample_ratio).toBeNull()
    expect(comparisons[0]).toMatchObject({ verdict: 'better', difference_interval: { method: 'exact' } })
  })

  test('needs more evidence with more variants', () => {
    const [alone] = judgeExperiment([arm('a', 120, 200), arm('b', 150, 200)]).comparisons
    const [among] = judgeExperiment([
      arm('a', 120, 200),
      arm('b', 150, 200),
      arm('c', 121, 200),
      arm('d', 118, 200),
    ]).comparisons
    expect(alone!.verdict).toBe('better')
    expect(among!.verdict).toBe('cannot_tell_yet')
    expect(among!.difference_interval.low).toBeLessThan(alone!.difference_interval.low)
  })

  test('makes no comparison with one arm or none', () => {
    expect(judgeExperiment([]).comparisons).toEqual([])
    expect(judgeExperiment([arm('a', 3, 4)]).comparisons).toEqual([])
  })

  test('returns finite numbers, and verdicts that agree with the intervals', () => {
    fc.assert(
      fc.property(fc.array(counts(300), { maxLength: 4 }), fc.boolean(), (arms, adaptive) => {
        const judged = judgeExperiment(
          arms.map((each, i) => ({ variant: `v${i}`, ...each })),
          { adaptive },
        )
        expectFinite(judged)
        for (const { verdict, difference_interval } of judged.comparisons) {
          if (verdict === 'better') expect(difference_interval.low).toBeGreaterThan(-1e-9)
          if (verdict === 'worse') expect(difference_interval.high).toBeLessThan(1e-9)
        }
      }),
      { numRuns: 60 },
    )
  })
})
