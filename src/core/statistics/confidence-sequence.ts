import { type Counts, rateOf } from './counts.ts'

/** Total attempts of both arms at which the sequence is narrowest relative to a fixed-sample interval. */
const TUNED_FOR = 200

/** Anytime-valid bounds of a difference, of rates from -1 to 1: they hold after every attempt simultaneously. */
export interface Sequence {
  readonly low: number
  readonly high: number
  /** Anytime-valid p-value of the hypothesis "no difference", 0 to 1. */
  readonly p_value: number
}

/**
 * Asymptotic confidence sequence of the rate of `b` minus the rate of `a`. All looks together miss the true difference
 * with probability about `alpha`, from 30 attempts per arm and away from rates of 0 and 1. The result is [-1, 1] if an
 * arm has no attempts or neither arm varies.
 * Source: I. Waudby-Smith et al., Ann. Stat. 52 (2024), arXiv 2103.06476, with the normal mixture of H. Robbins, Ann.
 * Math. Stat. 41 (1970), tuned for 200 attempts. Tuned for thousands, it would be twice as wide there.
 */
export function confidenceSequence(a: Counts, b: Counts, alpha: number): Sequence {
  const attempts = a.attempts + b.attempts
  const variance = attempts * (errorOf(a) + errorOf(b))
  if (!(a.attempts > 0 && b.attempts > 0 && variance > 0)) return { low: -1, high: 1, p_value: 1 }
  const { low, high, p_value } = normalMixture({ difference: rateOf(b) - rateOf(a), variance, attempts }, alpha)
  return { low: Math.max(-1, low), high: Math.min(1, high), p_value }
}

/** A difference of two means, the variance of the difference times all values of both arms, and their number. */
export interface EstimatedDifference {
  readonly difference: number
  /** Above 0. */
  readonly variance: number
  readonly attempts: number
}

/** The confidence sequence of any difference of two means. Its bounds have the unit of the difference. */
export function normalMixture({ difference, variance, attempts }: EstimatedDifference, alpha: number): Sequence {
  const logAlpha = -2 * Math.log(alpha)
  const rhoSquared = (logAlpha + Math.log(logAlpha + 1)) / TUNED_FOR
  const scale = attempts * rhoSquared + 1
  const half = Math.sqrt(
    (variance * 2 * scale * Math.log(Math.sqrt(scale) / alpha)) / (attempts * attempts * rhoSquared),
  )
  const logEvidence = (rhoSquared * (difference * attempts) ** 2) / variance / (2 * scale) - Math.log(scale) / 2
  return { low: difference - half, high: difference + half, p_value: Math.min(1, Math.exp(-logEvidence)) }
}

function errorOf(arm: Counts): number {
  const rate = rateOf(arm)
  return (rate * (1 - rate)) / arm.attempts
}
