import { confidenceSequence } from './confidence-sequence.ts'
import { type Counts, rateOf, shrunkRate } from './counts.ts'
import { normalQuantile } from './distributions.ts'
import { exactPValue, exactSequence } from './e-value.ts'
import { evidenceOf } from './intervals.ts'
import { POWER } from './power.ts'

/** The confidence sequence is trusted from here on, in each arm; below it the exact comparison answers. */
const ATTEMPTS_FROM = 30
const OUTCOMES_OF_EACH_KIND_FROM = 5
/** More attempts than this are no plan. */
const MOST_ATTEMPTS = 1_000_000

/** How a comparison is made. */
export interface SequentialOptions {
  /** The share of comparisons without a difference in which one may be claimed, over all looks together. */
  readonly alpha: number
  /** Whether what was seen decided which arm the next attempt went to, as a bandit does. */
  readonly adaptive: boolean
}

/** The rate of one arm less that of another, as may be said at any time. Differences in percentage points. */
export interface RateDifference {
  readonly difference: number
  /** -100 to 100, and at level 1 - alpha however often one looks. */
  readonly difference_interval: {
    readonly low: number
    readonly high: number
    readonly method: 'confidence_sequence' | 'exact'
  }
  /** Always-valid p-value of "no difference", 0 to 1. */
  readonly p_value: number
}

/**
 * Compares the rate of `b` with that of `a`, as often as one likes: by the confidence sequence from 30 attempts and 5
 * successes and 5 failures in each arm; below that, and under adaptive assignment, exactly from the counts.
 */
export function compareRates(a: Counts, b: Counts, { alpha, adaptive }: SequentialOptions): RateDifference {
  const method = methodFor(a, b, adaptive)
  const { low, high, p_value } = (method === 'exact' ? exactSequence : confidenceSequence)(a, b, alpha)
  return {
    difference: (rateOf(b) - rateOf(a)) * 100,
    difference_interval: { low: low * 100, high: high * 100, method },
    p_value,
  }
}

/** The p-value of {@link compareRates} alone: an exact interval takes a thousand times as long. */
function pValueOf(a: Counts, b: Counts, { alpha, adaptive }: SequentialOptions): number {
  return methodFor(a, b, adaptive) === 'exact' ? exactPValue(a, b) : confidenceSequence(a, b, alpha).p_value
}

function methodFor(a: Counts, b: Counts, adaptive: boolean): RateDifference['difference_interval']['method'] {
  return !adaptive && bearsSequence(a) && bearsSequence(b) ? 'confidence_sequence' : 'exact'
}

function bearsSequence({ successes, attempts }: Counts): boolean {
  return attempts >= ATTEMPTS_FROM && Math.min(successes, attempts - successes) >= OUTCOMES_OF_EACH_KIND_FROM
}

/**
 * Further attempts each arm needs for {@link compareRates} to find the difference in 80 % of cases, if the rates are as
 * they look now (drawn a little towards one half); 0 where it has found it. Null where it cannot be said: rates that are
 * the same, fewer than 5 attempts in an arm, or more than a million.
 */
export function attemptsNeeded(a: Counts, b: Counts, options: SequentialOptions): number | null {
  const decides = (more: number): boolean => pValueOf(...unlucky(a, b, more), options) <= options.alpha
  if (pValueOf(a, b, options) <= options.alpha) return 0
  const bare = [a, b].some(arm => evidenceOf(arm.attempts) === 'insufficient')
  if (bare || rateOf(a) === rateOf(b)) return null
  let high = 1
  while (!decides(high)) {
    high *= 2
    if (high > MOST_ATTEMPTS) return null
  }
  let low = Math.floor(high / 2)
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (decides(middle)) high = middle
    else low = middle
  }
  return high
}

/** Both arms after `more` attempts each, with a difference as small as chance makes it in one case of five. */
function unlucky(a: Counts, b: Counts, more: number): readonly [Counts, Counts] {
  const [p, q] = [shrunkRate(a), shrunkRate(b)]
  const [n1, n2] = [a.attempts + more, b.attempts + more]
  const loss = normalQuantile(POWER) * Math.sqrt((p * (1 - p)) / n1 + (q * (1 - q)) / n2)
  const shift = Math.sign(q - p) * (Math.min(loss, Math.abs(q - p)) / 2)
  return [
    { successes: (p + shift) * n1, attempts: n1 },
    { successes: (q - shift) * n2, attempts: n2 },
  ]
}
