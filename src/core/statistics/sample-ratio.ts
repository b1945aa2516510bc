import { chiSquareUpper } from './distributions.ts'

const ALPHA = 0.001
const MIN_ATTEMPTS_PER_ARM = 8

/** Whether attempts were assigned to the arms in the intended shares. */
export interface SampleRatio {
  /** `too_few`: fewer than two arms, or fewer than 8 attempts per arm on average. */
  readonly status: 'as_intended' | 'mismatch' | 'too_few'
  /** P-value of the hypothesis "as intended", 0 to 1. Null if the status is `too_few`. */
  readonly p_value: number | null
}

/**
 * Chi-square test of the attempts per arm against the intended shares (0 or more, any sum, equal by default). A mismatch
 * (p < 0.001) means that the assignment or the reporting of attempts is broken. Comparisons of the arms are then invalid.
 * Source: K. Pearson, Phil. Mag. 50 (1900); as a check of experiments, A. Fabijan et al., KDD (2019).
 */
export function sampleRatio(
  attempts: readonly number[],
  shares: readonly number[] = attempts.map(() => 1),
): SampleRatio {
  const total = attempts.reduce((sum, n) => sum + n, 0)
  const shareSum = attempts.reduce((sum, _, i) => sum + (shares[i] ?? 0), 0)
  const expected = attempts.map((_, i) => (shareSum > 0 ? (total * (shares[i] ?? 0)) / shareSum : 0))
  const arms = expected.filter(n => n > 0).length
  // Attempts in an arm with a share of 0 are impossible under the hypothesis, whatever their number.
  if (arms > 0 && attempts.some((n, i) => n > 0 && expected[i] === 0)) return { status: 'mismatch', p_value: 0 }
  if (arms < 2 || total < arms * MIN_ATTEMPTS_PER_ARM) return { status: 'too_few', p_value: null }
  const square = attempts.reduce(
    (sum, n, i) => (expected[i]! > 0 ? sum + (n - expected[i]!) ** 2 / expected[i]! : sum),
    0,
  )
  const p_value = chiSquareUpper(square, arms - 1)
  return { status: p_value < ALPHA ? 'mismatch' : 'as_intended', p_value }
}
