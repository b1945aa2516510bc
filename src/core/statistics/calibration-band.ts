import { chiSquareQuantile } from './distributions.ts'
import { logBeta } from './special-functions.ts'

/** One bin: its number of attempts, and the sum of their stated confidence (each 0 to 1). */
export interface BinSums {
  readonly n: number
  readonly confidence: number
}

/**
 * Mean and 95 % quantile, 0 to 1, of the expected calibration error of a perfectly calibrated agent. Its attempts fall into the same bins.
 * Null without attempts. Compare every calibration error with this band: at 20 attempts, sampling error alone gives 0.15 on average. A
 * calibrated agent exceeds `high` in 4 to 6 % of cases from 20 attempts on. If the error takes few values, as with a constant confidence
 * close to 1, `high` is exact, and exceeded in at most 5 %.
 * Source: each bin's error is the absolute deviation of a binomial, with the mean of A. De Moivre (1730; P. Diaconis and
 * S. Zabell, Stat. Sci. 6, 1991, equation 1.1). A gamma distribution with the same two moments approximates their sum.
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
  const exact = exactHigh(bins)
  if (exact !== undefined) return { mean: mean / n, high: Math.min(1, exact / n) }
  const scale = variance / mean
  return { mean: mean / n, high: Math.min(1, (quantile95((2 * mean) / scale) * scale) / 2 / n) }
}

/** A value that the sum of absolute deviations takes, and its probability. */
interface Outcome {
  readonly deviation: number
  readonly probability: number
}

/** Beyond this number of values, the matched distribution is accurate enough, and an exact list takes longer. */
const MAX_OUTCOMES = 500
/** Outcomes with a total probability below this are omitted. */
const NEGLIGIBLE = 1e-6

/** The least value that the sum of absolute deviations exceeds in at most 5 % of cases. Undefined if it takes too many values. */
function exactHigh(bins: readonly BinSums[]): number | undefined {
  let outcomes: readonly Outcome[] = [{ deviation: 0, probability: 1 }]
  for (const { n, confidence } of bins) {
    if (!(n > 0)) continue
    const room = MAX_OUTCOMES / outcomes.length
    const own = binOutcomes(n, confidence, room)
    if (own === undefined) return undefined
    outcomes = outcomes.flatMap(a =>
      own.map(b => ({ deviation: a.deviation + b.deviation, probability: a.probability * b.probability })),
    )
  }
  const sorted = outcomes.toSorted((a, b) => b.deviation - a.deviation)
  let [beyond, high] = [0, 0]
  for (const { deviation, probability } of sorted) {
    high = deviation
    beyond += probability
    if (beyond > EXCEEDED) break
  }
  // The error of an agent is summed in another order. The tolerance keeps rounding from putting it above an equal value.
  return high * (1 + 1e-9)
}

const EXCEEDED = 0.05

/** The likely deviations of one bin: |k - n p| for each likely number of successes k. Undefined if there are more than `room`. */
function binOutcomes(n: number, confidence: number, room: number): readonly Outcome[] | undefined {
  const p = Math.min(1, Math.max(0, confidence / n))
  if (p === 0 || p === 1) return [{ deviation: 0, probability: 1 }]
  if (2 * Math.sqrt(n * p * (1 - p)) > room) return undefined
  const outcomes: Outcome[] = []
  const mode = Math.min(n, Math.floor((n + 1) * p))
  const atMode = binomial(n, mode, p)
  // From the mode outwards, each probability follows from the one before.
  for (const step of [1, -1]) {
    let probability = atMode
    for (let k = mode; k >= 0 && k <= n && probability > NEGLIGIBLE / room; k += step) {
      if (step === 1 || k !== mode) outcomes.push({ deviation: Math.abs(k - confidence), probability })
      probability *= step === 1 ? ((n - k) * p) / ((k + 1) * (1 - p)) : (k * (1 - p)) / ((n - k + 1) * p)
      if (outcomes.length > room) return undefined
    }
  }
  return outcomes
}

function binomial(n: number, k: number, p: number): number {
  const logChoose = -Math.log(n + 1) - logBeta(n - k + 1, k + 1)
  return Math.exp(logChoose + k * Math.log(p) + (n - k) * Math.log1p(-p))
}

/** From here on the approximation has a relative error below 1e-6, while the exact quantile takes a millisecond. */
const APPROXIMATE_FROM_DF = 10_000
/** The 95 % quantile of the standard normal distribution. */
const Z95 = 1.6448536269514722

/**
 * The 95 % quantile of a chi-square distribution. A key with one or two attempts has almost no variance, and the matched
 * distribution up to 1e16 degrees of freedom.
 * Source: E. B. Wilson and M. M. Hilferty, Proc. Nat. Acad. Sci. 17 (1931).
 */
function quantile95(df: number): number {
  if (df < APPROXIMATE_FROM_DF) return chiSquareQuantile(0.95, df)
  const spread = 2 / (9 * df)
  return df * (1 - spread + Z95 * Math.sqrt(spread)) ** 3
}

/** E|K - np|, the mean absolute deviation of a binomial K with parameters `n` and `p`. */
function meanDeviation(n: number, p: number): number {
  if (p <= 0 || p >= 1) return 0
  const k = Math.floor(n * p) + 1
  const logChoose = -Math.log(n + 1) - logBeta(n - k + 1, k + 1)
  return 2 * Math.exp(Math.log(k) + logChoose + k * Math.log(p) + (n - k + 1) * Math.log1p(-p))
}
