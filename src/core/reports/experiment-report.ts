/** The results of an A/B test so far. They are anytime-valid: callers may ask after every attempt. */

import { averageConfidence, averageTime, timeSums } from '../aggregate/summary.ts'
import type { ArmSummary, OverflowedArms } from '../ports.ts'
import { type Experiment, judgeSteps } from '../statistics/experiment.ts'
import { type MeanInterval, meanInterval } from '../statistics/intervals.ts'
import { runToCompletion, type Steps } from '../steps.ts'
import { type CostAnswer, costAnswer } from './cost-report.ts'
import { countsOf, taskCountsOf } from './groups.ts'
import { type Rate, rateOfCounts } from './rate.ts'

/** The results of one variant. */
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
   * Attempts of the experiment that arrived after the limit of arms (`--max-arms`) was reached. Their variant was not
   * stored. If it is not 0, the variants do not cover the whole experiment.
   */
  readonly overflowed_attempts: number
}

export interface ExperimentOptions {
  /** The variant that the others are compared with. By default the one that was recorded first. */
  readonly baseline?: string | undefined
  /** Whether earlier outcomes decided the assignment to variants, as a bandit does. False by default. */
  readonly adaptive?: boolean | undefined
}

/** The report of an experiment. Undefined if `arms` is empty or does not contain the baseline. */
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
  // Copied before the first yield: the sample-ratio check needs the counts of all arms from the same point in time.
  const counts = ordered.map(({ variant, summary }) => ({ variant, ...taskCountsOf(summary) }))
  const variants: VariantReport[] = []
  for (const arm of ordered) {
    variants.push(variantReport(arm))
    yield
  }
  return { experiment, variants, overflowed_attempts: overflowed, ...(yield* judgeSteps(counts, { adaptive })) }
}

/**
 * The message if attempts of the experiment, or of the requested baseline, may be missing from the arms because of the
 * limit of arms. Undefined if the limit was not reached.
 */
export function overflowMessage(experiment: string, { own, unknown }: OverflowedArms): string | undefined {
  const reason = 'were recorded after the limit of arms (--max-arms) was reached, so their variants were not stored'
  const remedy = 'Start the sidecar with a higher --max-arms to store the variants of later attempts'
  if (own > 0) return `${own} attempts of the experiment "${experiment}" ${reason}. ${remedy}`
  return unknown > 0
    ? `no attempt is known to belong to an experiment of that name, but ${unknown} attempts of experiments ${reason}. ${remedy}`
    : undefined
}

function variantReport({ variant, summary }: ArmSummary): VariantReport {
  return {
    variant,
    ...rateOfCounts(countsOf(summary)),
    avg_time_seconds: averageTime(summary),
    avg_time_seconds_interval: meanInterval(timeSums(summary)),
    avg_confidence: averageConfidence(summary),
    costs: costAnswer(summary),
  }
}
