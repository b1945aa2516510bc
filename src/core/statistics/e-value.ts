import type { Sequence } from './confidence-sequence.ts'
import { type Counts, rateOf } from './counts.ts'
import { findRoot } from './root.ts'
import { logBeta } from './special-functions.ts'

/**
 * Exact, always-valid comparison of the rate of `b` with that of `a` from counts alone: whatever the rates, however the
 * attempts were shared out (even by what was seen before), and whenever one looks, all looks together miss the truth
 * with probability at most α.
 * Source: universal inference, L. Wasserman, A. Ramdas and S. Balakrishnan, PNAS 117 (2020), run sequentially with a
 * Jeffreys mixture for each arm (R. E. Krichevsky and V. K. Trofimov, IEEE Trans. Inf. Theory 27, 1981).
 */
export function exactSequence(a: Counts, b: Counts, alpha: number): Sequence {
  const mixture = logMixture(a) + logMixture(b)
  const bound = Math.log(1 / alpha)
  const beyond = (difference: number): number => Math.min(mixture - profile(a, b, difference), 1e9) - bound
  const seen = rateOf(b) - rateOf(a)
  return {
    low: beyond(-1) <= 0 ? -1 : findRoot(beyond, -1, seen),
    high: beyond(1) <= 0 ? 1 : findRoot(beyond, seen, 1),
    p_value: exactPValue(a, b),
  }
}

/** The always-valid p-value of {@link exactSequence}, 0 to 1. */
export function exactPValue(a: Counts, b: Counts): number {
  const both = { successes: a.successes + b.successes, attempts: a.attempts + b.attempts }
  return Math.min(1, Math.exp(logLikelihood(both, rateOf(both)) - logMixture(a) - logMixture(b)))
}

/** Logarithm of the probability of the arm's outcomes, in their order, averaged over Jeffreys' prior. */
function logMixture(arm: Counts): number {
  return logBeta(arm.successes + 0.5, arm.attempts - arm.successes + 0.5) - Math.log(Math.PI)
}

/** Highest log-likelihood of both arms' outcomes where `b`'s rate is `difference` above `a`'s; concave in `difference`. */
function profile(a: Counts, b: Counts, difference: number): number {
  const low = Math.max(0, -difference)
  const high = Math.min(1, 1 - difference)
  const slope = (p: number): number => score(a, p) + score(b, p + difference)
  const p = slope(low) <= 0 ? low : slope(high) >= 0 ? high : findRoot(slope, low, high)
  return logLikelihood(a, p) + logLikelihood(b, p + difference)
}

/** Derivative of the log-likelihood, large but finite at its ends. */
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
