import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { judgeExperiment } from '../../../src/core/statistics/experiment.ts'
import { sampleRatio } from '../../../src/core/statistics/sample-ratio.ts'
import { counts } from './arbitraries.ts'
import { expectFinite } from './finite.ts'

const arm = (variant: string, successes: number, attempts: number) => ({ variant, successes, attempts })

describe('sampleRatio', () => {
  test('is the inverse Bayes factor of the Dirichlet mixture against the intended shares', () => {
    // Two arms, concentration 10: B(5 + x, 5 + y) / B(5, 5) * 2^n. Computed by Python's math.lgamma.
    expect(sampleRatio([14, 2]).p_value).toBeCloseTo(0.0814988878038198, 12)
    expect(sampleRatio([552, 448]).p_value).toBeCloseTo(0.04797766706, 10)
    expect(sampleRatio([180, 20]).p_value! / 3.600208619982777e-30).toBeCloseTo(1, 9)
  })

  test('needs 8 attempts per arm', () => {
    expect(sampleRatio([15, 0])).toEqual({ status: 'too_few', p_value: null })
    expect(sampleRatio([16, 0]).status).toBe('as_intended')
    expect(sampleRatio([23, 1]).status).toBe('mismatch')
    expect(sampleRatio([23, 0, 0]).status).toBe('too_few')
    expect(sampleRatio([5000])).toEqual({ status: 'too_few', p_value: null })
    expect(sampleRatio([])).toEqual({ status: 'too_few', p_value: null })
  })

  test('compares with the intended shares, whatever their sum', () => {
    expect(sampleRatio([180, 20], [90, 10])).toEqual({ status: 'as_intended', p_value: 1 })
    expect(sampleRatio([180, 20], [0.9, 0.1])).toEqual({ status: 'as_intended', p_value: 1 })
    expect(sampleRatio([180, 20]).status).toBe('mismatch')
    expect(sampleRatio([500, 500], [9, 1]).status).toBe('mismatch')
  })

  test('the mixture is a martingale: the Bayes factor after one more attempt is the same on average', () => {
    const factor = (attempts: readonly number[], shares: readonly number[]) =>
      1 / sampleRatio(attempts, shares).p_value!
    // Far from the shares, so that no p-value is capped at 1.
    const [now, first, second] = [
      [90, 60],
      [91, 60],
      [90, 61],
    ].map(attempts => factor(attempts, [3, 7]))
    expect((0.3 * first! + 0.7 * second!) / now!).toBeCloseTo(1, 9)
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

  test('prints large numbers of attempts in groups of three digits', () => {
    const [b] = judgeExperiment([arm('a', 300, 500), arm('b', 320, 500)]).comparisons
    expect(b!.attempts_needed).toBeGreaterThan(1000)
    expect(b!.summary).toMatch(/about \d{1,2},\d{3} more attempts of each variant will decide/)
  })

  test('is unsound at a sample-ratio mismatch', () => {
    const { sample_ratio, comparisons } = judgeExperiment([arm('a', 100, 200), arm('b', 290, 300)])
    expect(sample_ratio!.status).toBe('mismatch')
    expect(comparisons[0]).toMatchObject({ verdict: 'unsound', attempts_needed: null })
    expect(judgeExperiment([arm('a', 100, 200), arm('b', 290, 300)], { shares: [2, 3] }).comparisons[0]!.verdict).toBe(
      'better',
    )
  })

  test('is not worse than the baseline if the whole interval is above the negative margin', () => {
    const arms = [arm('a', 1400, 2000), arm('b', 1390, 2000)]
    expect(judgeExperiment(arms).comparisons[0]!.verdict).toBe('cannot_tell_yet')
    const [within] = judgeExperiment(arms, { margin: 6 }).comparisons
    expect(within).toMatchObject({ verdict: 'not_worse', futile: false })
    expect(within!.difference_interval.low).toBeGreaterThan(-6)
    expect(within!.summary).toMatch(
      /^"b" is not worse than "a" by 6 percentage points or more: the difference is -0\.5/,
    )
    expect(judgeExperiment(arms, { margin: 3 }).comparisons[0]!.verdict).toBe('cannot_tell_yet')
  })

  test('a margin keeps "better" and "unsound", and makes a small loss "not worse"', () => {
    const verdict = (a: number, b: number, margin: number, n = 4000) =>
      judgeExperiment([arm('a', a, n), arm('b', b, n)], { margin }).comparisons[0]!.verdict
    expect(verdict(2000, 2600, 5)).toBe('better')
    expect(verdict(3000, 2700, 20)).toBe('not_worse')
    expect(verdict(3000, 2700, 5)).toBe('worse')
    const uneven = judgeExperiment([arm('a', 300, 400), arm('b', 700, 900)], { margin: 20 })
    expect(uneven.comparisons[0]).toMatchObject({ verdict: 'unsound', futile: false })
  })

  test('says that it will not be decided within 20,000 attempts', () => {
    const [even] = judgeExperiment([arm('a', 2000, 4000), arm('b', 2001, 4000)]).comparisons
    expect(even).toMatchObject({ verdict: 'cannot_tell_yet', futile: true })
    expect(even!.summary).toContain('will not be decided within 20,000 attempts')
    const [early] = judgeExperiment([arm('a', 15, 30), arm('b', 15, 30)]).comparisons
    expect(early).toMatchObject({ verdict: 'cannot_tell_yet', futile: false })
    const [promising] = judgeExperiment([arm('a', 2000, 4000), arm('b', 2090, 4000)]).comparisons
    expect(promising).toMatchObject({ verdict: 'cannot_tell_yet', futile: false })
    const [decidable] = judgeExperiment([arm('a', 2000, 4000), arm('b', 2001, 4000)], { margin: 5 }).comparisons
    expect(decidable).toMatchObject({ verdict: 'not_worse', futile: false })
  })

  test('names the smallest difference that the attempts can show, which falls as they come', () => {
    const effect = (n: number) =>
      judgeExperiment([arm('a', n / 2, n), arm('b', n / 2, n)]).comparisons[0]!.minimum_detectable_effect
    expect(effect(4)).toBeNull()
    expect(effect(100)).toBeGreaterThan(15)
    expect(effect(1000)).toBeGreaterThan(5)
    expect(effect(1000)).toBeLessThan(10)
    expect(effect(10_000)).toBeLessThan(4)
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
