/**
 * Whether a rate has fallen short of a known reference, asked after every attempt, without end. The reference may differ from attempt to attempt:
 * a target, or the confidence that the attempt stated.
 */

/** The shortfalls that are tested for, as Cohen's effect sizes h: from below "small" (0.2) to above "large" (0.8). */
const SHIFTS = [0.25, 0.5, 1] as const
/** References are rounded down to a multiple of 1 / STEPS, so that their ratios are computed once. A lower reference is harder to fall short of. */
const STEPS = 200
/** A reference of 0 cannot be missed, and one of 1 would be missed for certain by one failure. */
const [LOWEST, HIGHEST] = [0.01, 0.99]
/** The share of the threshold to which the evidence has to fall before an alarm ends. */
export const END_SHARE = 0.5

/** The evidence now, and since when it has been growing. */
export interface Shortfall {
  /** The logarithm of the e-detector, 0 or more. */
  readonly evidence: number
  /** Whether an alarm lasts: the evidence reached the threshold, and has not fallen to half of it since. */
  readonly isAlarm: boolean
  /** The time of the first attempt since the evidence was last 0, in milliseconds since the epoch. NaN while it is 0. */
  readonly sinceMs: number
}

export interface ShortfallDetector {
  /** Adds attempts in the order of their time, all with the same reference, 0 to 1. */
  add(reference: number, successes: number, attempts: number, ms: number): void
  state(): Shortfall
}

/**
 * Tests "each attempt succeeds with at least the probability of its reference" against three sizes of shortfall that begin at any time.
 *
 * The e-detector is the mean of three CUSUM e-detectors, one for each size. If no attempt falls short, its expectation at any stopping time is
 * at most the expected number of attempts until then. So with a threshold of ln c, the expected number of attempts to a false alarm is at least c - 1,
 * whatever the rates, as long as they are not below their references, and however often one looks.
 * Source: J. Shin, A. Ramdas and A. Rinaldo, E-detectors: a nonparametric framework for sequential change detection, New Engl. J. Stat. Data
 * Sci. 2 (2024), 2.2 and 2.4. Shifts on the arcsine scale: J. Cohen, Statistical Power Analysis (1988), 6.2.
 */
export function createShortfallDetector(threshold: number): ShortfallDetector {
  const values = SHIFTS.map(() => 0)
  const starts = SHIFTS.map(() => Number.NaN)
  // Evidence beyond the threshold decides nothing, and would only make the alarm last longer.
  const highest = threshold + Math.log(SHIFTS.length)
  let isAlarm = false

  return {
    add(reference, successes, attempts, ms) {
      const ratios = ratiosAt(reference)
      for (let i = 0; i < SHIFTS.length; i++) {
        const value = values[i]! + successes * ratios[2 * i]! + (attempts - successes) * ratios[2 * i + 1]!
        if (values[i] === 0) starts[i] = ms
        values[i] = Math.min(highest, Math.max(0, value))
      }
      const evidence = evidenceOf(values)
      if (evidence >= threshold) isAlarm = true
      else if (evidence <= END_SHARE * threshold) isAlarm = false
    },
    state() {
      const largest = values.reduce((most, value, i) => (value > values[most]! ? i : most), 0)
      const sinceMs = values[largest] === 0 ? Number.NaN : starts[largest]!
      return { evidence: evidenceOf(values), isAlarm, sinceMs }
    },
  }
}

/** The logarithm of the mean of the three. */
function evidenceOf(values: readonly number[]): number {
  return Math.log(values.reduce((sum, value) => sum + Math.exp(value), 0) / values.length)
}

/** The log-likelihood ratios of a success and of a failure for each shift, by the rounded reference. */
const RATIOS: readonly (readonly number[])[] = Array.from({ length: STEPS }, (_, step) =>
  SHIFTS.flatMap(shift => ratiosOf(Math.max(LOWEST, step / STEPS), shift)),
)

function ratiosAt(reference: number): readonly number[] {
  // Without the tolerance, a reference of 0.29 would be rounded down to 0.285: 0.29 × 200 is below 58.
  return RATIOS[Math.floor(Math.min(HIGHEST, Math.max(LOWEST, reference)) * STEPS + 1e-9)]!
}

function ratiosOf(rate: number, shift: number): readonly [success: number, failure: number] {
  const angle = Math.max(0.02, 2 * Math.asin(Math.sqrt(rate)) - shift)
  const shifted = Math.sin(angle / 2) ** 2
  return [Math.log(shifted / rate), Math.log((1 - shifted) / (1 - rate))]
}
