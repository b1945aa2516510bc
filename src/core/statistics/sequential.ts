import type { TaskCounts } from './clusters.ts'
import { comparedCounts } from './compared-tasks.ts'
import { confidenceSequence } from './confidence-sequence.ts'
import { type Counts, rateOf, shrunkRate } from './counts.ts'
import { normalQuantile } from './distributions.ts'
import { exactPValue, exactSequence } from './e-value.ts'
import { evidenceOf } from './intervals.ts'
import { POWER } from './power.ts'

/** The asymptotic confidence sequence needs this many attempts in each arm. Below, the exact comparison is used. */
const MIN_ATTEMPTS = 30
/** It also needs this many successes and this many failures in each arm. */
const MIN_SUCCESSES_AND_FAILURES = 5
/** Above this number of attempts, {@link attemptsNeeded} returns null. */
const MAX_ATTEMPTS = 1_000_000

/** Options of a sequential comparison. */
export interface SequentialOptions {
  /** Probability, 0 to 1, of a false claim over all looks together. */
  readonly alpha: number
  /** Whether earlier outcomes decided the assignment of attempts to arms, as a bandit does. */
  readonly adaptive: boolean
}

/** An anytime-valid difference of two rates, in percentage points. */
export interface RateDifference {
  readonly difference: number
  /** -100 to 100, with coverage 1 - alpha over all looks together. */
  readonly difference_interval: {
    readonly low: number
    readonly high: number
    readonly method: 'confidence_sequence' | 'exact'
  }
  /** Anytime-valid p-value of the hypothesis "no difference", 0 to 1. */
  readonly p_value: number
  /** Tasks of both groups that were compared with each other, see `comparedCounts`. Absent if tasks were not. */
  readonly common_tasks?: number | undefined
}

/**
 * The rate of `b` minus the rate of `a`, valid at every look. Uses the asymptotic confidence sequence from 30 attempts, 5
 * successes and 5 failures in each arm. Below that, and under adaptive assignment, uses the exact sequence.
 */
export function compareRates(first: TaskCounts, second: TaskCounts, options: SequentialOptions): RateDifference {
  const { alpha, adaptive } = options
  const compared = comparedCounts(first, second)
  const [a, b] = compared.counts
  const method = methodFor(a, b, adaptive)
  const { low, high, p_value } = (method === 'exact' ? exactSequence : confidenceSequence)(a, b, alpha)
  return {
    difference: (rateOf(b) - rateOf(a)) * 100,
    difference_interval: { low: low * 100, high: high * 100, method },
    p_value,
    ...(compared.common_tasks !== undefined && { common_tasks: compared.common_tasks }),
  }
}

/** The p-value of {@link compareRates} alone. An exact interval would take a thousand times as long. */
export function pValueOf(a: Counts, b: Counts, { alpha, adaptive }: SequentialOptions): number {
  return methodFor(a, b, adaptive) === 'exact' ? exactPValue(a, b) : confidenceSequence(a, b, alpha).p_value
}

function methodFor(a: Counts, b: Counts, adaptive: boolean): RateDifference['difference_interval']['method'] {
  return !adaptive && isLargeEnough(a) && isLargeEnough(b) ? 'confidence_sequence' : 'exact'
}

/** Whether the asymptotic confidence sequence holds for the arm. */
function isLargeEnough({ successes, attempts }: Counts): boolean {
  return attempts >= MIN_ATTEMPTS && Math.min(successes, attempts - successes) >= MIN_SUCCESSES_AND_FAILURES
}

/**
 * Further attempts per arm until {@link compareRates} finds the difference with 80 % power, at the estimated rates (shrunk
 * towards one half). 0 if it has found the difference already. Null if the rates are equal, if an arm has fewer than 5
 * attempts, or if more than a million are needed.
 */
export function attemptsNeeded(first: TaskCounts, second: TaskCounts, options: SequentialOptions): number | null {
  const [a, b] = comparedCounts(first, second).counts
  const decides = (more: number): boolean => pValueOf(...pessimisticCounts(a, b, more), options) <= options.alpha
  if (pValueOf(a, b, options) <= options.alpha) return 0
  const isInsufficient = [a, b].some(arm => evidenceOf(arm.attempts) === 'insufficient')
  if (isInsufficient || rateOf(a) === rateOf(b)) return null
  let high = 1
  while (!decides(high)) {
    high *= 2
    if (high > MAX_ATTEMPTS) return null
  }
  let low = Math.floor(high / 2)
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (decides(middle)) high = middle
    else low = middle
  }
  // Further attempts repeat tasks as much as those so far.
  return Math.ceil(high * Math.max(first.attempts / a.attempts, second.attempts / b.attempts))
}

/** Both arms after `more` attempts each, at the 20 % quantile of the observed difference. */
function pessimisticCounts(a: Counts, b: Counts, more: number): readonly [Counts, Counts] {
  const [p, q] = [shrunkRate(a), shrunkRate(b)]
  const [n1, n2] = [a.attempts + more, b.attempts + more]
  const loss = normalQuantile(POWER) * Math.sqrt((p * (1 - p)) / n1 + (q * (1 - q)) / n2)
  const shift = Math.sign(q - p) * (Math.min(loss, Math.abs(q - p)) / 2)
  return [
    { successes: (p + shift) * n1, attempts: n1 },
    { successes: (q - shift) * n2, attempts: n2 },
  ]
}
