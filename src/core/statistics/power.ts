import { normalQuantile } from './distributions.ts'

/** The probability of finding a true difference for which sample sizes are computed. */
export const POWER = 0.8

/**
 * The sample size per side at which Fisher's exact test distinguishes the rates `p` and `q` (0 to 1) with 80 % power.
 * `alpha` is the two-sided level. Null if the rates are equal.
 * Source: J. T. Casagrande, M. C. Pike and P. G. Smith, Biometrics 34 (1978).
 */
export function attemptsPerSide(p: number, q: number, alpha: number): number | null {
  const difference = Math.abs(p - q)
  if (!(difference > 0)) return null
  const mean = (p + q) / 2
  const atNone = normalQuantile(1 - alpha / 2) * Math.sqrt(2 * mean * (1 - mean))
  const atSome = normalQuantile(POWER) * Math.sqrt(p * (1 - p) + q * (1 - q))
  const uncorrected = (atNone + atSome) ** 2 / difference ** 2
  return (uncorrected / 4) * (1 + Math.sqrt(1 + 4 / (uncorrected * difference))) ** 2
}
