import type { Sequence } from './confidence-sequence.ts'
import { type Counts, rateOf } from './counts.ts'
import { findRoot } from './root.ts'
import { logBeta } from './special-functions.ts'

/**
 * Exact, anytime-valid confidence sequence of the rate of `b` minus the rate of `a`, from counts alone. All looks together
 * miss the true difference with probability at most `alpha`. That holds for all rates and for adaptive assignment, where
 * earlier outcomes decide which arm comes next.
 * Source: universal inference, L. Wasserman, A. Ramdas and S. Balakrishnan, PNAS 117 (2020), run sequentially with a
 * Jeffreys mixture for each arm (R. E. Krichevsky and V. K. Trofimov, IEEE Trans. Inf. Theory 27, 1981).
 */
export function exactSequence(a: Counts, b: Counts, alpha: number): Sequence {
  const mixture = logMixture(a) + logMixture(b)
  const bound = Math.log(1 / alpha)
  const excess = (difference: number): number => Math.min(mixture - profile(a, b, difference), 1e9) - bound
  const observed = rateOf(b) - rateOf(a)
  return {
    low: excess(-1) <= 0 ? -1 : findRoot(excess, -1, observed),
    high: excess(1) <= 0 ? 1 : findRoot(excess, observed, 1),
    p_value: exactPValue(a, b),
  }
}

/** The anytime-valid p-value of {@link exactSequence}, 0 to 1. */
export function exactPValue(a: Counts, b: Counts): number {
  const both = { successes: a.successes + b.successes, attempts: a.attempts + b.attempts }
  return Math.min(1, Math.exp(logLikelihood(both, rateOf(both)) - logMixture(a) - logMixture(b)))
}

/** Log marginal likelihood of the arm's ordered outcomes under Jeffreys' prior. */
function logMixture(arm: Counts): number {
  return logBeta(arm.successes + 0.5, arm.attempts - arm.successes + 0.5) - Math.log(Math.PI)
}

/** Profile log-likelihood of both arms at the given difference of rates, `b` minus `a`. Concave in `difference`. */
function profile(a: Counts, b: Counts, difference: number): number {
  const low = Math.max(0, -difference)
  const high = Math.min(1, 1 - difference)
  const slope = (p: number): number => score(a, p) + score(b, p + difference)
  const p = slope(low) <= 0 ? low : slope(high) >= 0 ? high : findRoot(slope, low, high)
  return logLikelihood(a, p) + logLikelihood(b, p + difference)
}

/** The score, the derivative of the log-likelihood. Kept finite at rates of 0 and 1, so that root finding works there. */
function score({ successes, attempts }: Counts, p: number): number {
  const failures = attempts - successes
  return (
    (successes === 0 ? 0 : successes / Math.max(p, 1e-200)) - (failures === 0 ? 0 : failures / Math.max(1 - p, 1e-200))
  )
}

function logLikelihood({ successes, attempts }: Counts, p: number): number {
  const failures = attempts - successes
  return (
    (successes === 0 ? 0 : successes * Math.log(Math.max(p, 0))) +
    (failures === 0 ? 0 : failures * Math.log(Math.max(1 - p, 0)))
  )
}
