import { runToCompletion, type Steps } from '../steps.ts'
import type { TaskCounts } from './clusters.ts'
import { comparedCounts } from './compared-tasks.ts'
import { FUTILITY_ATTEMPTS, isFutile, minimumDetectableEffect } from './futility.ts'
import { assignedUnits, type SampleRatio, sampleRatio } from './sample-ratio.ts'
import { attemptsNeeded, compareRates, type RateDifference, type SequentialOptions } from './sequential.ts'

const ALPHA = 0.05

/** One arm of an A/B test: the name of its variant, and its outcomes. */
export interface Arm extends TaskCounts {
  readonly variant: string
}

/**
 * The result of a comparison. `not_worse`: worse by less than the non-inferiority margin, if worse at all. `unsound`: a
 * sample-ratio mismatch makes the comparison meaningless.
 */
export type Verdict = 'better' | 'worse' | 'not_worse' | 'cannot_tell_yet' | 'unsound'

/** One variant compared with the baseline. */
export interface VariantComparison extends RateDifference {
  readonly variant: string
  readonly baseline: string
  readonly verdict: Verdict
  /** Further attempts that each of the two needs, see `attemptsNeeded`. Also null if the verdict is `unsound`. */
  readonly attempts_needed: number | null
  /** The smallest difference, in percentage points, that the attempts so far find with 80 % power. Null if they find none. */
  readonly minimum_detectable_effect: number | null
  /** Whether the verdict is `cannot_tell_yet`, and 20,000 further attempts of the two will not change it in 80 % of cases. */
  readonly futile: boolean
  /** The verdict as one or two English sentences. */
  readonly summary: string
}

/** The results of an A/B test so far. */
export interface Experiment {
  /** Null under adaptive assignment, which has no fixed shares to check. */
  readonly sample_ratio: SampleRatio | null
  /** Every variant compared with the first one. */
  readonly comparisons: readonly VariantComparison[]
}

export interface JudgeOptions {
  /** Whether earlier outcomes decided the assignment to arms, as a bandit does. False by default. */
  readonly adaptive?: boolean
  /** Intended shares of the arms, in their order. Equal by default. */
  readonly shares?: readonly number[] | undefined
  /** Attempts that were assigned to each arm, also those without a result. Without it, those that count. */
  readonly assigned?: readonly number[] | undefined
  /** The non-inferiority margin in percentage points, above 0. Without it no verdict is `not_worse`. */
  readonly margin?: number | undefined
}

interface ComparisonOptions extends SequentialOptions {
  readonly margin: number | undefined
  /** False if the sample ratio is a mismatch. */
  readonly isValid: boolean
}

/**
 * Compares every arm with the first, the baseline. The result is anytime-valid: all comparisons and all looks together
 * claim a false difference in at most 5 % of experiments (Bonferroni correction across arms).
 */
export function judgeExperiment(arms: readonly Arm[], options: JudgeOptions = {}): Experiment {
  return runToCompletion(judgeSteps(arms, options))
}

/** {@link judgeExperiment} in steps. */
export function* judgeSteps(arms: readonly Arm[], options: JudgeOptions = {}): Steps<Experiment> {
  const { adaptive = false, shares, assigned, margin } = options
  const ratio = adaptive ? null : sampleRatio(assignedUnits(arms, assigned), shares)
  const [baseline, ...others] = arms
  const alpha = ALPHA / Math.max(1, others.length)
  const isValid = ratio?.status !== 'mismatch'
  const comparisons: VariantComparison[] = []
  for (const arm of others) {
    comparisons.push(compareArms(baseline!, arm, { alpha, adaptive, margin, isValid }))
    yield
  }
  return { sample_ratio: ratio, comparisons }
}

function compareArms(baseline: Arm, arm: Arm, options: ComparisonOptions): VariantComparison {
  const difference = compareRates(baseline, arm, options)
  const { isValid, margin } = options
  const verdict = isValid ? verdictOf(difference, options) : 'unsound'
  const [first, second] = comparedCounts(baseline, arm).counts
  const attempts = baseline.attempts + arm.attempts
  const result = {
    variant: arm.variant,
    baseline: baseline.variant,
    ...difference,
    verdict,
    attempts_needed: isValid ? attemptsNeeded(baseline, arm, options) : null,
    minimum_detectable_effect: minimumDetectableEffect(first, second, options),
    futile: verdict === 'cannot_tell_yet' && isFutile(first, second, options, margin, attempts),
  }
  return { ...result, summary: summaryOf(result, margin) }
}

function verdictOf(rates: RateDifference, { alpha, margin }: ComparisonOptions): Verdict {
  const { difference, difference_interval, p_value } = rates
  if (p_value <= alpha && difference > 0) return 'better'
  if (margin !== undefined && difference_interval.low > -margin) return 'not_worse'
  return p_value <= alpha ? 'worse' : 'cannot_tell_yet'
}

function summaryOf(comparison: Omit<VariantComparison, 'summary'>, margin: number | undefined): string {
  const { variant, baseline, difference, difference_interval, verdict } = comparison
  const range = `${points(difference_interval.low)} to ${points(difference_interval.high)}`
  switch (verdict) {
    case 'better':
    case 'worse':
      return `"${variant}" does ${verdict} than "${baseline}": the difference is ${points(difference)} percentage points (interval ${range}).`
    case 'not_worse':
      return `"${variant}" is not worse than "${baseline}" by ${margin} percentage points or more: the difference is ${points(difference)} (interval ${range}).`
    case 'unsound':
      return `"${variant}" and "${baseline}" cannot be compared: attempts were not assigned in the intended shares.`
    case 'cannot_tell_yet':
      return `"${variant}" does not differ significantly from "${baseline}" yet: the interval of the difference is ${range} percentage points.${forecast(comparison)}`
  }
}

function forecast({ attempts_needed, futile }: Omit<VariantComparison, 'summary'>): string {
  if (futile) {
    return ` At the rates seen so far, it will not be decided within ${grouped(FUTILITY_ATTEMPTS)} attempts.`
  }
  if (attempts_needed === null) return ''
  return ` At the rates seen so far, about ${grouped(attempts_needed)} more attempts of each variant will decide.`
}

/** `1,828`: summaries are English. */
const grouped = (count: number): string => count.toLocaleString('en-US')

function points(value: number): string {
  return `${value > 0 ? '+' : ''}${value.toFixed(1)}`
}
