/** What an A/B test says so far: it may be asked after every attempt. */

import { averageConfidence, averageTime, successes, timeSums, totalAttempts } from '../aggregate/summary.ts'
import type { ArmSummary, OverflowedArms } from '../ports.ts'
import { type Experiment, judgeSteps } from '../statistics/experiment.ts'
import { type MeanInterval, meanInterval } from '../statistics/intervals.ts'
import { runToCompletion, type Steps } from '../steps.ts'
import { type CostAnswer, costAnswer } from './cost-report.ts'
import { countsOf } from './groups.ts'
import { type Rate, rate } from './rate.ts'

/** One configuration, and what came of it. */
export interface VariantReport extends Rate {
  readonly variant: string
  readonly avg_time_seconds: number
  readonly avg_time_seconds_interval: MeanInterval | null
  readonly avg_confidence: number | null
  readonly costs: CostAnswer
}

export interface ExperimentReport extends Experiment {
  readonly experiment: string
  /** The baseline first. */
  readonly variants: readonly VariantReport[]
  /**
   * Attempts of the experiment that came when the limit of arms (`--max-arms`) was reached, and belong to none of the variants, or to one of
   * them before there was room for it. Where it is not 0 the answer is not all of the experiment.
   */
  readonly overflowed_attempts: number
}

export interface ExperimentOptions {
  /** What the others are compared with: the variant that came first, unless told. */
  readonly baseline?: string | undefined
  /** Whether what was seen decided which variant came next, as a bandit does. */
  readonly adaptive?: boolean | undefined
}

/** Undefined where there is no such experiment, or no such baseline in it. */
export function experimentReport(
  experiment: string,
  arms: readonly ArmSummary[],
  options: ExperimentOptions = {},
): ExperimentReport | undefined {
  return runToCompletion(experimentSteps(experiment, arms, options))
}

/** {@link experimentReport} in steps. */
export function* experimentSteps(
  experiment: string,
  arms: readonly ArmSummary[],
  { baseline, adaptive = false, overflowed = 0 }: ExperimentOptions & { readonly overflowed?: number } = {},
): Steps<ExperimentReport | undefined> {
  const first = arms.find(arm => baseline === undefined || arm.variant === baseline)
  if (first === undefined) return undefined
  const ordered = [first, ...arms.filter(arm => arm !== first)]
  // Before the first pause: that attempts were shared out as intended is to be judged of all arms at one moment.
  const counts = ordered.map(({ variant, summary }) => ({ variant, ...countsOf(summary) }))
  const variants: VariantReport[] = []
  for (const arm of ordered) {
    variants.push(variantReport(arm))
    yield
  }
  return { experiment, variants, overflowed_attempts: overflowed, ...(yield* judgeSteps(counts, { adaptive })) }
}

/**
 * Why an experiment, or the baseline asked for, is not among the arms though attempts of it may have been recorded: the limit of arms.
 * Undefined where that is no reason.
 */
export function notTold(experiment: string, { own, unknown }: OverflowedArms): string | undefined {
  const reason = 'recorded when the limit of arms (--max-arms) was reached'
  const remedy = 'start the sidecar with a higher --max-arms, and attempts are told apart from then on'
  if (own > 0)
    return `${own} attempts of the experiment "${experiment}" were ${reason}, and their variants are not told apart: ${remedy}`
  return unknown > 0
    ? `no attempt is known to belong to an experiment of that name, but ${unknown} attempts of experiments were ${reason}, and are not told apart: ${remedy}`
    : undefined
}

function variantReport({ variant, summary }: ArmSummary): VariantReport {
  return {
    variant,
    ...rate(successes(summary), totalAttempts(summary)),
    avg_time_seconds: averageTime(summary),
    avg_time_seconds_interval: meanInterval(timeSums(summary)),
    avg_confidence: averageConfidence(summary),
    costs: costAnswer(summary),
  }
}
