import { runToCompletion, type Steps } from '../steps.ts'
import type { TaskCounts } from './clusters.ts'
import { type SampleRatio, sampleRatio } from './sample-ratio.ts'
import { attemptsNeeded, compareRates, type RateDifference, type SequentialOptions } from './sequential.ts'

const ALPHA = 0.05

/** One arm of an A/B test: the name of its variant, and its outcomes. */
export interface Arm extends TaskCounts {
  readonly variant: string
}

/** The result of a comparison. `unsound`: a sample-ratio mismatch makes the comparison meaningless. */
export type Verdict = 'better' | 'worse' | 'cannot_tell_yet' | 'unsound'

/** One variant compared with the baseline. */
export interface VariantComparison extends RateDifference {
  readonly variant: string
  readonly baseline: string
  readonly verdict: Verdict
  /** Further attempts that each of the two needs, see `attemptsNeeded`. Also null if the verdict is `unsound`. */
  readonly attempts_needed: number | null
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
  readonly shares?: readonly number[]
}

/**
 * Compares every arm with the first, the baseline. The result is anytime-valid: all comparisons and all looks together
 * claim a false difference in at most 5 % of experiments (Bonferroni correction across arms).
 */
export function judgeExperiment(arms: readonly Arm[], options: JudgeOptions = {}): Experiment {
  return runToCompletion(judgeSteps(arms, options))
}

/** {@link judgeExperiment} in steps. */
export function* judgeSteps(arms: readonly Arm[], { adaptive = false, shares }: JudgeOptions = {}): Steps<Experiment> {
  const attempts = arms.map(arm => arm.attempts)
  const ratio = adaptive ? null : sampleRatio(attempts, shares)
  const [baseline, ...others] = arms
  const alpha = ALPHA / Math.max(1, others.length)
  const isValid = ratio?.status !== 'mismatch'
  const comparisons: VariantComparison[] = []
  for (const arm of others) {
    comparisons.push(compareArms(baseline!, arm, { alpha, adaptive }, isValid))
    yield
  }
  return { sample_ratio: ratio, comparisons }
}

function compareArms(baseline: Arm, arm: Arm, options: SequentialOptions, isValid: boolean): VariantComparison {
  const difference = compareRates(baseline, arm, options)
  const verdict = isValid ? verdictOf(difference, options.alpha) : 'unsound'
  const attempts_needed = isValid ? attemptsNeeded(baseline, arm, options) : null
  const names = { variant: arm.variant, baseline: baseline.variant }
  const summary = summaryOf(names, difference, verdict, attempts_needed)
  return { ...names, ...difference, verdict, attempts_needed, summary }
}

function verdictOf({ difference, p_value }: RateDifference, alpha: number): Verdict {
  if (p_value > alpha) return 'cannot_tell_yet'
  return difference > 0 ? 'better' : 'worse'
}

function summaryOf(
  { variant, baseline }: { readonly variant: string; readonly baseline: string },
  { difference, difference_interval: { low, high } }: RateDifference,
  verdict: Verdict,
  needed: number | null,
): string {
  const range = `${points(low)} to ${points(high)}`
  switch (verdict) {
    case 'better':
    case 'worse':
      return `"${variant}" does ${verdict} than "${baseline}": the difference is ${points(difference)} percentage points (interval ${range}).`
    case 'unsound':
      return `"${variant}" and "${baseline}" cannot be compared: attempts were not assigned in the intended shares.`
    case 'cannot_tell_yet':
      return `"${variant}" does not differ significantly from "${baseline}" yet: the interval of the difference is ${range} percentage points.${forecast(needed)}`
  }
}

function forecast(needed: number | null): string {
  if (needed === null) return ''
  return ` At the rates seen so far, about ${needed} more attempts of each variant will decide.`
}

function points(value: number): string {
  return `${value > 0 ? '+' : ''}${value.toFixed(1)}`
}
