/** The results of an A/B test so far. They are anytime-valid: callers may ask after every attempt. */

import type { ExperimentPlan } from '../aggregate/experiment-plan.ts'
import { namedRecord } from '../aggregate/metrics.ts'
import {
  averageConfidence,
  averageTime,
  costs,
  createSummary,
  recordedAttempts,
  timeSums,
  totalAttempts,
} from '../aggregate/summary.ts'
import { printTimestamp } from '../attempt/timestamp.ts'
import type { ArmSummary, OverflowedArms } from '../ports.ts'
import { clusteredSums } from '../statistics/clustered-amounts.ts'
import { type Arm, judgeSteps, type VariantComparison } from '../statistics/experiment.ts'
import type { Sums } from '../statistics/intervals.ts'
import { type DifferenceInterval, meanDifference } from '../statistics/mean-difference.ts'
import type { SampleRatio } from '../statistics/sample-ratio.ts'
import { runToCompletion, type Steps } from '../steps.ts'
import { type CostAnswer, costAnswer } from './cost-report.ts'
import { countsOf, taskCountsOf } from './groups.ts'
import { intendedShares, orderedArms } from './planned-arms.ts'
import { type Rate, rateOfCounts } from './rate.ts'
import { type Times, timesOf } from './times.ts'

/** The level of each interval of a difference of means, over all looks at it. */
const MEANS_ALPHA = 0.05

/** The results of one variant. */
export interface VariantReport extends Rate, Times {
  readonly variant: string
  readonly avg_time_seconds: number
  readonly avg_confidence: number | null
  readonly costs: CostAnswer
}

/** One variant compared with the baseline: success rates, mean time and mean cost. */
export interface ComparedVariant extends VariantComparison {
  /** The mean time of the variant minus that of the baseline, in seconds. Null if one has no attempts. */
  readonly avg_time_seconds_difference: number | null
  /** Null below 30 attempts, or tasks, of one. */
  readonly avg_time_seconds_difference_interval: DifferenceInterval | null
  /** The same of the mean cost of an attempt, in US dollars, over attempts whose cost is known. */
  readonly avg_cost_usd_difference: number | null
  readonly avg_cost_usd_difference_interval: DifferenceInterval | null
}

export interface ExperimentReport {
  readonly experiment: string
  /** Every variant that has an attempt or a stated share, the baseline first. */
  readonly variants: readonly VariantReport[]
  /**
   * Attempts of the experiment that arrived after the limit of arms (`--max-arms`) was reached. Their variant was not
   * stored. If it is not 0, the variants do not cover the whole experiment. With a filter, also attempts whose agent, model
   * and issue type were not stored.
   */
  readonly overflowed_attempts: number
  /** The stated shares in percent of their sum, by variant. Null: equal shares of all variants with attempts. */
  readonly intended_shares: Readonly<Record<string, number>> | null
  /** The stored end of the experiment (RFC 3339). Attempts from then on do not count. Null if none is stored. */
  readonly end: string | null
  /** Null under adaptive assignment, which has no fixed shares to check. */
  readonly sample_ratio: SampleRatio | null
  /** Every variant compared with the first one. */
  readonly comparisons: readonly ComparedVariant[]
}

export interface ExperimentOptions {
  /** The variant that the others are compared with. By default the stored one, else the one with the earliest attempt. */
  readonly baseline?: string | undefined
  /** Whether earlier outcomes decided the assignment to variants, as a bandit does. False by default. */
  readonly adaptive?: boolean | undefined
  /** The non-inferiority margin in percentage points, above 0. Without it no verdict is `not_worse`. */
  readonly margin?: number | undefined
}

/** Further input of a report. */
export interface ExperimentFacts {
  readonly plan?: ExperimentPlan | undefined
  /** See {@link ExperimentReport.overflowed_attempts}. */
  readonly overflowed?: number | undefined
  /** Whether the arms count the latest results, the default. Then pending attempts were assigned too, and are part of the sample ratio. */
  readonly isLatest?: boolean | undefined
}

/** The report of an experiment. Undefined if there is neither an arm nor a plan, or no such baseline. */
export function experimentReport(
  experiment: string,
  arms: readonly ArmSummary[],
  options: ExperimentOptions & ExperimentFacts = {},
): ExperimentReport | undefined {
  return runToCompletion(experimentSteps(experiment, arms, options))
}

/** {@link experimentReport} in steps. */
export function* experimentSteps(
  experiment: string,
  arms: readonly ArmSummary[],
  {
    baseline,
    adaptive = false,
    margin,
    plan,
    overflowed = 0,
    isLatest = true,
  }: ExperimentOptions & ExperimentFacts = {},
): Steps<ExperimentReport | undefined> {
  if (arms.length === 0 && plan === undefined) return undefined
  const ordered = orderedArms(arms, plan ?? {}, emptyArm, baseline)
  if (ordered === undefined && baseline !== undefined) return undefined
  // Copied before the first yield: the sample-ratio check needs the counts of all arms from the same point in time.
  const measured = (ordered ?? []).map(measuredArm)
  const assigned = (ordered ?? []).map(({ summary }) => (isLatest ? recordedAttempts : totalAttempts)(summary))
  const shares = intendedShares(
    measured.map(({ variant }, i) => ({ variant, attempts: assigned[i]! })),
    plan?.shares,
  )
  const variants: VariantReport[] = []
  for (const arm of ordered ?? []) {
    variants.push(variantReport(arm))
    yield
  }
  const { sample_ratio, comparisons } = yield* judgeSteps(measured, { adaptive, shares, assigned, margin })
  return {
    experiment,
    variants,
    overflowed_attempts: overflowed,
    intended_shares: plan?.shares === undefined ? null : percentages(plan.shares),
    end: plan?.endMs === undefined ? null : printTimestamp({ ms: plan.endMs, local: false }),
    sample_ratio,
    comparisons: comparisons.map((comparison, i) => withMeans(comparison, measured[0]!, measured[i + 1]!)),
  }
}

const emptyArm = (variant: string): ArmSummary => ({
  variant,
  summary: createSummary(),
  firstMs: Number.POSITIVE_INFINITY,
})

/** The counts and sums of an arm for comparisons. */
interface MeasuredArm extends Arm {
  readonly times: Sums
  readonly costs: Sums
}

function measuredArm({ variant, summary }: ArmSummary): MeasuredArm {
  const counts = taskCountsOf(summary)
  return {
    variant,
    ...counts,
    times: clusteredSums(timeSums(summary), counts),
    costs: clusteredSums(costs(summary), counts),
  }
}

function withMeans(comparison: VariantComparison, baseline: MeasuredArm, arm: MeasuredArm): ComparedVariant {
  const time = meanDifference(baseline.times, arm.times, MEANS_ALPHA)
  const cost = meanDifference(baseline.costs, arm.costs, MEANS_ALPHA)
  return {
    ...comparison,
    avg_time_seconds_difference: time?.difference ?? null,
    avg_time_seconds_difference_interval: time?.interval ?? null,
    avg_cost_usd_difference: cost?.difference ?? null,
    avg_cost_usd_difference_interval: cost?.interval ?? null,
  }
}

function percentages(shares: ReadonlyMap<string, number>): Record<string, number> {
  const sum = [...shares.values()].reduce((total, share) => total + share, 0)
  return namedRecord([...shares].map(([variant, share]) => [variant, (share / sum) * 100] as const))
}

/**
 * The message if attempts of the experiment, or of the requested baseline, may be missing from the arms because of the
 * limit of arms. Undefined if the limit was not reached.
 */
export function overflowMessage(experiment: string, { own, unknown }: OverflowedArms): string | undefined {
  const reason = 'were recorded after the limit of arms (--max-arms) was reached, so their variants were not stored'
  const remedy = 'Start the sidecar with a higher --max-arms to store the variants of later attempts'
  if (own > 0) return `${own.toLocaleString('en-US')} attempts of the experiment "${experiment}" ${reason}. ${remedy}`
  return unknown > 0
    ? `no attempt is known to belong to an experiment of that name, but ${unknown.toLocaleString('en-US')} attempts of experiments ${reason}. ${remedy}`
    : undefined
}

function variantReport({ variant, summary }: ArmSummary): VariantReport {
  return {
    variant,
    ...rateOfCounts(countsOf(summary)),
    avg_time_seconds: averageTime(summary),
    ...timesOf(summary),
    avg_confidence: averageConfidence(summary),
    costs: costAnswer(summary),
  }
}
