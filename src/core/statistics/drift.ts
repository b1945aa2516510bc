import type { Counts } from './counts.ts'

/** How far the rate must move to be looked for: Cohen's effect size h, between "small" (0.2) and "medium" (0.5). */
const SHIFT = 0.33
/** A baseline counts as if so many attempts at the usual rate came before its own. */
const PRIOR_WEIGHT = 20

/** What is remembered of one key between attempts: a log-likelihood ratio for each direction, and how long it is above 0. */
export interface DriftState {
  readonly down: number
  readonly up: number
  readonly down_attempts: number
  readonly up_attempts: number
}

/** Whether, and since when, the rate has left its baseline. */
export interface Drift {
  readonly direction: 'down' | 'up' | 'none'
  /** The larger of the two statistics, and what it must reach. */
  readonly statistic: number
  readonly threshold: number
  /** How many attempts ago the drift most likely began; null where there is none. */
  readonly began_attempts_ago: number | null
}

/** The state before the first attempt. */
export const NO_DRIFT: DriftState = { down: 0, up: 0, down_attempts: 0, up_attempts: 0 }

/**
 * The threshold for watching `keys` keys, so that all of them together raise as many false alarms as one alone: 4.5, one
 * in about 2,000 attempts in each direction at every rate from 5 % to 97 %, and ln keys more.
 */
export function driftThreshold(keys: number): number {
  return 4.5 + Math.log(Math.max(1, keys))
}

/** How far a rate that was learned from so many attempts may well be from the truth: one standard error, in radians. */
export function caution(attempts: number): number {
  return 1 / Math.sqrt(Math.max(1, attempts))
}

/**
 * The rate to expect of a key, 0 to 1: that of its own `counts`, drawn towards what is to be expected of such keys (its
 * agent at that issue type, say) as far as 20 attempts there would, so that a short history promises no rate of 0 or 1.
 */
export function baselineRate({ successes, attempts }: Counts, usual: number): number {
  return (successes + PRIOR_WEIGHT * usual) / (attempts + PRIOR_WEIGHT)
}

/** The rates whose coming is watched for where `expected` is normal. All 0 to 1. */
export function shiftedRates(expected: number): { readonly down: number; readonly up: number } {
  const angle = angleOf(expected)
  return { down: rateAt(angle - SHIFT), up: rateAt(angle + SHIFT) }
}

/**
 * The state after one more attempt where a success was `expected` with that probability (0 to 1; taken as at least 1 %
 * and at most 99 %): a baseline, or what the attempt's issue type predicts, which may differ from one attempt to the
 * next. Where it was learned from few attempts, `by` radians of {@link caution} are taken off it before a fall is looked
 * for, and added to it before a rise. A statistic never exceeds twice the threshold, so that an alarm ends soon after its
 * cause.
 * Source: CUSUM, E. S. Page, Biometrika 41 (1954); for outcomes of differing risk, S. H. Steiner et al., Biostatistics 1
 * (2000). The shift is the same on the arcsine scale at every rate (J. Cohen, Statistical Power Analysis, 1988, 6.2),
 * which makes false alarms equally rare at every rate; a rate of n attempts has the standard error 1/√n on it. What comes
 * of a baseline that is taken as known and is not: A. Gandy and J. T. Kvaløy, Scand. J. Stat. 40 (2013).
 */
export function driftStep(
  state: DriftState,
  success: boolean,
  expected: number,
  threshold: number,
  by = 0,
): DriftState {
  return driftStepper(expected, threshold, by)(state, success)
}

/** {@link driftStep} for many attempts of which the same is expected. */
export function driftStepper(
  expected: number,
  threshold: number,
  by = 0,
): (state: DriftState, success: boolean) => DriftState {
  const down = evidenceFor(angleOf(expected) - by, -SHIFT)
  const up = evidenceFor(angleOf(expected) + by, SHIFT)
  return (state, success) => {
    const downNext = within(state.down + (success ? down.success : down.failure), 0, 2 * threshold)
    const upNext = within(state.up + (success ? up.success : up.failure), 0, 2 * threshold)
    return {
      down: downNext,
      up: upNext,
      down_attempts: downNext > 0 ? state.down_attempts + 1 : 0,
      up_attempts: upNext > 0 ? state.up_attempts + 1 : 0,
    }
  }
}

/** What one outcome adds to the logarithm of the likelihood ratio of the shifted rate. */
function evidenceFor(angle: number, shift: number): { readonly success: number; readonly failure: number } {
  const [normal, shifted] = [rateAt(angle), rateAt(angle + shift)]
  return { success: Math.log(shifted / normal), failure: Math.log((1 - shifted) / (1 - normal)) }
}

function angleOf(rate: number): number {
  return 2 * Math.asin(Math.sqrt(within(rate, 0.01, 0.99)))
}

function rateAt(angle: number): number {
  return Math.sin(within(angle, 0.02, Math.PI - 0.02) / 2) ** 2
}

/** What a state says at `threshold`. */
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

function within(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value))
}
