/** Copies the arms of all experiments at the time of a collection, and compares the variants of each experiment. */
import { setImmediate as nextIteration } from 'node:timers/promises'
import type { ExperimentPlan } from '../core/aggregate/experiment-plan.ts'
import {
  copyRow,
  recordedAttempts,
  recordedSpan,
  type Summary,
  span,
  totalAttempts,
  undoCorrections,
} from '../core/aggregate/summary.ts'
import type { ArmTally, Tally } from '../core/aggregate/tally.ts'
import { taskCountsOf } from '../core/reports/groups.ts'
import { intendedShares, orderedArms } from '../core/reports/planned-arms.ts'
import type { TaskCounts } from '../core/statistics/clusters.ts'
import { assignedUnits, sampleRatio } from '../core/statistics/sample-ratio.ts'
import { compareRates, type RateDifference } from '../core/statistics/sequential.ts'
import { type Corrections, correctionsOf } from './corrections.ts'
import type { Labelled } from './family.ts'
import { labelText } from './label-text.ts'

/** The level over all variants and all times of evaluation, as in `/api/v1/experiments/{name}`. */
const ALPHA = 0.05
/** Comparisons per iteration of the event loop: about 1 ms for few attempts, where each comparison is exact. */
const COMPARISONS_PER_STEP = 20

/**
 * An arm at the time of the collection: its summary never changes. About 1.2 KB. Counts by result are those that each attempt counted with first, so
 * that counters never decrease.
 */
export interface ArmCopy extends Labelled {
  readonly key: { readonly experiment: string; readonly variant: string }
  readonly summary: Summary
  /** The latest results, which are compared. The same row as `summary` if none was corrected. */
  readonly latest: Summary
  /** Attempts with those that are pending, for the sample ratio. */
  readonly recorded: number
  readonly corrections: Corrections
  readonly source: ArmTally
}

/** A variant compared with the baseline: the stated one, else the variant with the earliest attempt. */
export interface ComparisonCopy extends Labelled {
  readonly key: { readonly experiment: string; readonly variant: string; readonly baseline: string }
  readonly rates: RateDifference
}

/** An experiment at the time of the collection. */
export interface ExperimentCopy extends Labelled {
  readonly key: { readonly experiment: string }
  /** In the order in which they were recorded first. */
  readonly arms: readonly ArmCopy[]
  readonly comparisons: readonly ComparisonCopy[]
  /** The p-value of "attempts are assigned in the intended shares", 0 to 1. Undefined if there are too few attempts. */
  readonly sampleRatioP: number | undefined
  /** What was stated of the experiment, when it was compared. */
  readonly plan: ExperimentPlan | undefined
}

/** The tally, as the experiments are copied from it. */
export type ExperimentSource = Pick<Tally, 'arms' | 'plans' | 'times'>

/**
 * Copies the experiments of all arms, by name, and yields to the event loop between comparisons. Experiments that have not changed since
 * `known` are taken from there: the cost grows with the running experiments, not with past ones.
 */
export async function copyExperiments(
  tally: ExperimentSource,
  known: ReadonlyMap<string, ExperimentCopy>,
  nowMs: number,
): Promise<ReadonlyMap<string, ExperimentCopy>> {
  const copies = new Map<string, ExperimentCopy>()
  const pace = { comparisons: 0 }
  for (const [experiment, own] of Map.groupBy(tally.arms(), arm => arm.experiment)) {
    copies.set(experiment, await copyExperiment({ tally, nowMs, pace }, experiment, own, known.get(experiment)))
  }
  return copies
}

/** What all experiments of a collection share. */
interface Collecting {
  readonly tally: ExperimentSource
  readonly nowMs: number
  readonly pace: { comparisons: number }
}

async function copyExperiment(
  { tally, nowMs, pace }: Collecting,
  experiment: string,
  own: readonly ArmTally[],
  before: ExperimentCopy | undefined,
): Promise<ExperimentCopy> {
  // Without a yield in between, so that the arms that are compared belong to the same moment.
  const arms = own.map((arm, i) => copyArm(arm, before?.arms[i]))
  const plan = tally.plans.get(experiment)
  const isSame = arms.length === before?.arms.length && arms.every((arm, i) => arm === before.arms[i])
  if (isSame && plan === before.plan) return before
  const compared = arms.map(copy => comparedArm(copy, plan?.endMs, tally, nowMs))
  const [baseline, ...others] = orderedArms(compared, plan ?? {}, unseenArm) ?? []
  const all = baseline === undefined ? [] : [baseline, ...others]
  const shares = intendedShares(
    all.map(({ variant, recorded }) => ({ variant, attempts: recorded })),
    plan?.shares,
  )
  const comparisons: ComparisonCopy[] = []
  for (const arm of others) {
    if (++pace.comparisons % COMPARISONS_PER_STEP === 0) await nextIteration()
    comparisons.push(compare(experiment, baseline!, arm, ALPHA / others.length))
  }
  const sampleRatioP =
    sampleRatio(
      assignedUnits(
        all,
        all.map(({ recorded }) => recorded),
      ),
      shares,
    ).p_value ?? undefined
  return { key: { experiment }, labels: labelText({ experiment }), arms, comparisons, sampleRatioP, plan }
}

/** The counts of an arm before the end of the experiment. */
interface ComparedArm extends TaskCounts {
  readonly variant: string
  readonly firstMs: number
  readonly recorded: number
}

function comparedArm(
  { key, latest: summary, recorded, source }: ArmCopy,
  endMs: number | undefined,
  { times }: ExperimentSource,
  nowMs: number,
): ComparedArm {
  const { variant } = key
  const firstMs = span(summary)?.firstMs ?? Number.POSITIVE_INFINITY
  const lastMs = recordedSpan(source.summary)?.lastMs ?? Number.NEGATIVE_INFINITY
  if (endMs === undefined || lastMs < endMs) return { variant, firstMs, recorded, ...taskCountsOf(summary) }
  const { earliestMs } = times.coverage(Number.NEGATIVE_INFINITY, nowMs)
  const before = times.reader({ sinceMs: earliestMs, untilMs: endMs }, nowMs)(source)
  if (before === undefined) return { variant, firstMs, ...NO_ATTEMPTS }
  return { variant, firstMs, recorded: recordedAttempts(before), ...taskCountsOf(before) }
}

const NO_ATTEMPTS = { successes: 0, attempts: 0, recorded: 0 }

const unseenArm = (variant: string): ComparedArm => ({ variant, firstMs: Number.POSITIVE_INFINITY, ...NO_ATTEMPTS })

function copyArm(arm: ArmTally, before: ArmCopy | undefined): ArmCopy {
  const known = before?.source === arm ? before : undefined
  const corrections = correctionsOf(arm.summary)
  if (known !== undefined && isUnchanged(known, arm, corrections)) return known
  const key = { experiment: arm.experiment, variant: arm.variant }
  const latest = copyRow(arm.summary)
  const summary = firstCounted(arm.summary, latest)
  const recorded = recordedAttempts(arm.summary)
  return { key, summary, latest, recorded, corrections, labels: known?.labels ?? labelText(key), source: arm }
}

/** Whether nothing was counted, decided or corrected since. */
function isUnchanged({ latest, recorded, corrections }: ArmCopy, arm: ArmTally, now: Corrections): boolean {
  const isSame = corrections[0] === now[0] && corrections[1] === now[1]
  return isSame && recorded === recordedAttempts(arm.summary) && totalAttempts(latest) === totalAttempts(arm.summary)
}

function firstCounted({ outcomes }: Summary, latest: Summary): Summary {
  if (outcomes === undefined) return latest
  const summary = copyRow(latest)
  undoCorrections(summary, outcomes.counts)
  return summary
}

function compare(experiment: string, baseline: ComparedArm, arm: ComparedArm, alpha: number): ComparisonCopy {
  const key = { experiment, variant: arm.variant, baseline: baseline.variant }
  // The sidecar cannot know whether assignment depends on outcomes. If it does, query the API with adaptive=true.
  return { key, labels: labelText(key), rates: compareRates(baseline, arm, { alpha, adaptive: false }) }
}
