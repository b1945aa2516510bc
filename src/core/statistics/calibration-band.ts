import { chiSquareQuantile } from './distributions.ts'
import { logBeta } from './special-functions.ts'

/** What is known of one bin: attempts in it, and the sum of their stated confidence. */
export interface BinSums {
  readonly n: number
  readonly confidence: number
}

/**
 * Mean and 95 % point of the expected calibration error that chance alone gives an agent whose every confidence is true,
 * with the same attempts in the same bins; null where there are none. A calibration error means something only beside
 * it: at 20 attempts such an agent shows 0.15 on average. It is exceeded in 4 to 6 % of cases from 20 attempts on, and in
 * up to 10 % where confidence is constant and close to 1, when the error has few values to take.
 * Source: each bin's error is the absolute deviation of a binomial, whose mean is A. De Moivre's (1730; P. Diaconis and
 * S. Zabell, Stat. Sci. 6, 1991, equation 1.1); their sum is matched by a gamma distribution of the same two moments.
 */
export function calibrationErrorBand(
  bins: readonly BinSums[],
): { readonly mean: number; readonly high: number } | null {
  let [n, mean, variance] = [0, 0, 0]
  for (const bin of bins) {
    if (!(bin.n > 0)) continue
    const p = Math.min(1, Math.max(0, bin.confidence / bin.n))
    const deviation = meanDeviation(bin.n, p)
    n += bin.n
    mean += deviation
    variance += Math.max(0, bin.n * p * (1 - p) - deviation * deviation)
  }
  if (n === 0) return null
  if (!(variance > 0)) return { mean: mean / n, high: mean / n }
  const scale = variance / mean
  return { mean: mean / n, high: Math.min(1, (quantile95((2 * mean) / scale) * scale) / 2 / n) }
}

/** From so many degrees of freedom on the approximation is exact to a millionth, and the exact quantile takes a millisecond. */
const MANY_DEGREES = 10_000
/** The 95 % point of the standard normal distribution. */
const Z95 = 1.6448536269514722

/**
 * The 95 % point of a chi-square distribution. Where a key has one or two attempts nothing is left to chance, and there are up to 1e16
 * degrees of freedom.
 * Source: E. B. Wilson and M. M. Hilferty, Proc. Nat. Acad. Sci. 17 (1931).
 */
function quantile95(df: number): number {
  if (df < MANY_DEGREES) return chiSquareQuantile(0.95, df)
  const spread = 2 / (9 * df)
  return df * (1 - spread + Z95 * Math.sqrt(spread)) ** 3
}

/** E|K - np| of a binomial K. */
function meanDeviation(n: number, p: number): number {
  if (p <= 0 || p >= 1) return 0
  const k = Math.floor(n * p) + 1
  const logChoose = -Math.log(n + 1) - logBeta(n - k + 1, k + 1)
  return 2 * Math.exp(Math.log(k) + logChoose + k * Math.log(p) + (n - k + 1) * Math.log1p(-p))
}
