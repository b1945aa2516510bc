import { chiSquareUpper } from './distributions.ts'

const MISMATCH_BELOW = 0.001
const ATTEMPTS_PER_ARM = 8

/** Whether attempts were shared out among the arms as intended. */
export interface SampleRatio {
  /** `too_few`: fewer than 8 attempts per arm, or fewer than two arms, say nothing. */
  readonly status: 'as_intended' | 'mismatch' | 'too_few'
  /** Of "as intended", 0 to 1; null where there are too few. */
  readonly p_value: number | null
}

/**
 * Checks attempts per arm against the intended shares (0 or more, of any sum; equal ones by default). A mismatch, p below
 * 0.001, means that whatever shares out or reports attempts is broken, and no comparison of the arms can be believed.
 * Source: K. Pearson, Phil. Mag. 50 (1900); as a check of experiments, A. Fabijan et al., KDD (2019).
 */
export function sampleRatio(
  attempts: readonly number[],
  shares: readonly number[] = attempts.map(() => 1),
): SampleRatio {
  const total = attempts.reduce((sum, n) => sum + n, 0)
  const whole = attempts.reduce((sum, _, i) => sum + (shares[i] ?? 0), 0)
  const expected = attempts.map((_, i) => (whole > 0 ? (total * (shares[i] ?? 0)) / whole : 0))
  const arms = expected.filter(n => n > 0).length
  // An arm that was to get none and got some cannot be chance.
  if (arms > 0 && attempts.some((n, i) => n > 0 && expected[i] === 0)) return { status: 'mismatch', p_value: 0 }
  if (arms < 2 || total < arms * ATTEMPTS_PER_ARM) return { status: 'too_few', p_value: null }
  const square = attempts.reduce(
    (sum, n, i) => (expected[i]! > 0 ? sum + (n - expected[i]!) ** 2 / expected[i]! : sum),
    0,
  )
  const p_value = chiSquareUpper(square, arms - 1)
  return { status: p_value < MISMATCH_BELOW ? 'mismatch' : 'as_intended', p_value }
}
