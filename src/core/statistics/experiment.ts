import { runToCompletion, type Steps } from '../steps.ts'
import type { Counts } from './counts.ts'
import { type SampleRatio, sampleRatio } from './sample-ratio.ts'
import { attemptsNeeded, compareRates, type RateDifference, type SequentialOptions } from './sequential.ts'

const ALPHA = 0.05

/** One configuration of an A/B test and what came of it. */
export interface Arm extends Counts {
  readonly variant: string
}

/** What is to be made of a comparison. `unsound`: attempts were not shared out as intended, so that it says nothing. */
export type Verdict = 'better' | 'worse' | 'cannot_tell_yet' | 'unsound'

/** One variant against the baseline. */
export interface VariantComparison extends RateDifference {
  readonly variant: string
  readonly baseline: string
  readonly verdict: Verdict
  /** Further attempts each of the two needs; see `attemptsNeeded`. Null too where the test is unsound. */
  readonly attempts_needed: number | null
  /** The verdict for people, in one sentence. */
  readonly summary: string
}

/** What an A/B test says so far. */
export interface Experiment {
  /** Null under adaptive assignment, where no fixed shares are intended. */
  readonly sample_ratio: SampleRatio | null
  /** Every variant against the first one. */
  readonly comparisons: readonly VariantComparison[]
}

export interface JudgeOptions {
  readonly adaptive?: boolean
  readonly shares?: readonly number[]
}

/**
 * Compares every arm with the first, the baseline; may be asked after every attempt. All comparisons and all looks
 * together claim a difference that is not there in at most 5 % of experiments (Bonferroni across arms).
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
  const isSound = ratio?.status !== 'mismatch'
  const comparisons: VariantComparison[] = []
  for (const arm of others) {
    comparisons.push(compareArms(baseline!, arm, { alpha, adaptive }, isSound))
    yield
  }
  return { sample_ratio: ratio, comparisons }
}

function compareArms(baseline: Arm, arm: Arm, options: SequentialOptions, isSound: boolean): VariantComparison {
  const difference = compareRates(baseline, arm, options)
  const verdict = isSound ? verdictOf(difference, options.alpha) : 'unsound'
  const attempts_needed = isSound ? attemptsNeeded(baseline, arm, options) : null
  const names = { variant: arm.variant, baseline: baseline.variant }
  const summary = inWords(names, difference, verdict, attempts_needed)
  return { ...names, ...difference, verdict, attempts_needed, summary }
}

function verdictOf({ difference, p_value }: RateDifference, alpha: number): Verdict {
  if (p_value > alpha) return 'cannot_tell_yet'
  return difference > 0 ? 'better' : 'worse'
}

function inWords(
  { variant, baseline }: { readonly variant: string; readonly baseline: string },
  { difference, difference_interval: { low, high } }: RateDifference,
  verdict: Verdict,
  needed: number | null,
): string {
  const range = `${points(low)} to ${points(high)} percentage points`
  switch (verdict) {
    case 'better':
    case 'worse':
      return `"${variant}" does ${verdict} than "${baseline}": the difference is ${points(difference)}, and lies within ${range}.`
    case 'unsound':
      return `"${variant}" and "${baseline}" cannot be compared: attempts were not shared out as intended.`
    case 'cannot_tell_yet':
      return `"${variant}" cannot be told from "${baseline}" yet: the difference lies within ${range}.${outlook(needed)}`
  }
}

function outlook(needed: number | null): string {
  if (needed === null) return ''
  return ` If the rates are as they look now, about ${needed} more attempts of each will tell.`
}

function points(value: number): string {
  return `${value > 0 ? '+' : ''}${value.toFixed(1)}`
}
