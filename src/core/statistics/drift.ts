import type { Counts } from './counts.ts'

/** The shift that the CUSUM tests for, as Cohen's effect size h: between "small" (0.2) and "medium" (0.5). */
const SHIFT = 0.33
/** Weight of the prior rate in a baseline, in attempts. */
const PRIOR_WEIGHT = 20

/** The CUSUM of one key: a log-likelihood ratio for each direction, and the attempts since it was last 0. */
export interface DriftState {
  readonly down: number
  readonly up: number
  readonly down_attempts: number
  readonly up_attempts: number
}

/** Whether the rate has left its baseline, in which direction, and since when. */
export interface Drift {
  /** `none` if no statistic has reached the threshold. */
  readonly direction: 'down' | 'up' | 'none'
  /** The larger of the two log-likelihood ratios, 0 or more. */
  readonly statistic: number
  /** The value of the statistic that raises an alarm. */
  readonly threshold: number
  /** Estimated number of attempts since the drift began. Null without an alarm. */
  readonly began_attempts_ago: number | null
}

/** The state before the first attempt. */
export const NO_DRIFT: DriftState = { down: 0, up: 0, down_attempts: 0, up_attempts: 0 }

/**
 * The alarm threshold when `keys` keys are monitored: 4.5 + ln(keys). At 4.5, one key raises a false alarm in about 2,000
 * attempts in each direction, at every rate from 5 % to 97 %. The added ln(keys) keeps the false-alarm rate of all keys
 * together at that of one.
 */
export function driftThreshold(keys: number): number {
  return 4.5 + Math.log(Math.max(1, keys))
}

/** The standard error of a rate estimated from `attempts` attempts, in radians on the arcsine scale. */
export function baselineStandardError(attempts: number): number {
  return 1 / Math.sqrt(Math.max(1, attempts))
}

/**
 * The expected rate of a key, 0 to 1: its own rate, shrunk towards `prior` (0 to 1) with the weight of 20 attempts. The
 * prior is the rate predicted for such a key, for example for its agent at its issue type. Without shrinkage, a short
 * history would give an expected rate of 0 or 1.
 */
export function baselineRate({ successes, attempts }: Counts, prior: number): number {
  return (successes + PRIOR_WEIGHT * prior) / (attempts + PRIOR_WEIGHT)
}

/** The alternative rates that the CUSUM tests against the rate `expected`. All from 0 to 1. */
export function shiftedRates(expected: number): { readonly down: number; readonly up: number } {
  const angle = angleOf(expected)
  return { down: rateAt(angle - SHIFT), up: rateAt(angle + SHIFT) }
}

/**
 * The state after one more attempt. `expected` is the success probability of that attempt, clamped to 1 % to 99 %. It may
 * differ between attempts, for example with their issue type. `standardError` is that of `expected`, in radians, from
 * {@link baselineStandardError}. It is subtracted before the test for a fall and added before the test for a rise. A
 * statistic is capped at twice the threshold, so that an alarm ends soon after its cause.
 * Source: CUSUM, E. S. Page, Biometrika 41 (1954); risk-adjusted, S. H. Steiner et al., Biostatistics 1 (2000). The shift
 * is constant on the arcsine scale (J. Cohen, Statistical Power Analysis, 1988, 6.2), which makes false alarms equally
 * rare at every rate. Effect of an estimated baseline: A. Gandy and J. T. Kvaløy, Scand. J. Stat. 40 (2013).
 */
export function driftStep(
  state: DriftState,
  success: boolean,
  expected: number,
  threshold: number,
  standardError = 0,
): DriftState {
  return driftStepper(expected, threshold, standardError)(state, success)
}

/** {@link driftStep} for many attempts with the same expected rate: computes the log-likelihood ratios once. */
export function driftStepper(
  expected: number,
  threshold: number,
  standardError = 0,
): (state: DriftState, success: boolean) => DriftState {
  const down = logLikelihoodRatios(angleOf(expected) - standardError, -SHIFT)
  const up = logLikelihoodRatios(angleOf(expected) + standardError, SHIFT)
  return (state, success) => {
    const downNext = clamp(state.down + (success ? down.success : down.failure), 0, 2 * threshold)
    const upNext = clamp(state.up + (success ? up.success : up.failure), 0, 2 * threshold)
    return {
      down: downNext,
      up: upNext,
      down_attempts: downNext > 0 ? state.down_attempts + 1 : 0,
      up_attempts: upNext > 0 ? state.up_attempts + 1 : 0,
    }
  }
}

/** The log-likelihood ratio of the shifted rate against the baseline, for each outcome. */
function logLikelihoodRatios(angle: number, shift: number): { readonly success: number; readonly failure: number } {
  const [baseline, shifted] = [rateAt(angle), rateAt(angle + shift)]
  return { success: Math.log(shifted / baseline), failure: Math.log((1 - shifted) / (1 - baseline)) }
}

function angleOf(rate: number): number {
  return 2 * Math.asin(Math.sqrt(clamp(rate, 0.01, 0.99)))
}

function rateAt(angle: number): number {
  return Math.sin(clamp(angle, 0.02, Math.PI - 0.02) / 2) ** 2
}

/** The alarm that a state raises at `threshold`. */
export function driftOf(state: DriftState, threshold: number): Drift {
  const falling = state.down >= state.up
  const statistic = falling ? state.down : state.up
  const alarm = statistic >= threshold
  return {
    direction: alarm ? (falling ? 'down' : 'up') : 'none',
    statistic,
    threshold,
    began_attempts_ago: alarm ? (falling ? state.down_attempts : state.up_attempts) : null,
  }
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value))
}
