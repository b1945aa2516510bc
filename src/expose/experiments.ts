/** Copies the arms of all experiments at the time of a collection, and compares the variants of each experiment. */
import { setImmediate as nextIteration } from 'node:timers/promises'
import { copySummary, type Summary, totalAttempts } from '../core/aggregate/summary.ts'
import type { ArmTally } from '../core/aggregate/tally.ts'
import { taskCountsOf } from '../core/reports/groups.ts'
import { sampleRatio } from '../core/statistics/sample-ratio.ts'
import { compareRates, type RateDifference } from '../core/statistics/sequential.ts'
import type { Labelled } from './family.ts'
import { labelText } from './label-text.ts'

/** The level over all variants and all times of evaluation, as in `/api/v1/experiments/{name}`. */
const ALPHA = 0.05
/** Comparisons per iteration of the event loop: about 1 ms for few attempts, where each comparison is exact. */
const COMPARISONS_PER_STEP = 20

/** An arm at the time of the collection: its summary never changes. About 1.2 KB. */
export interface ArmCopy extends Labelled {
  readonly key: { readonly experiment: string; readonly variant: string }
  readonly summary: Summary
  readonly source: ArmTally
}

/** A variant compared with the baseline: the variant whose first attempt came first. */
export interface ComparisonCopy extends Labelled {
  readonly key: { readonly experiment: string; readonly variant: string; readonly baseline: string }
  readonly rates: RateDifference
}

/** An experiment at the time of the collection. */
export interface ExperimentCopy extends Labelled {
  readonly key: { readonly experiment: string }
  /** The baseline is the first. */
  readonly arms: readonly ArmCopy[]
  readonly comparisons: readonly ComparisonCopy[]
  /** The p-value of "attempts are assigned in equal shares", 0 to 1. Undefined if there are too few attempts. */
  readonly sampleRatioP: number | undefined
}

/**
 * Copies the experiments of all arms, by name, and yields to the event loop between comparisons. Experiments that have not changed since
 * `known` are taken from there: the cost grows with the running experiments, not with past ones.
 */
export async function copyExperiments(
  arms: readonly ArmTally[],
  known: ReadonlyMap<string, ExperimentCopy>,
): Promise<ReadonlyMap<string, ExperimentCopy>> {
  const copies = new Map<string, ExperimentCopy>()
  const pace = { comparisons: 0 }
  for (const [experiment, own] of Map.groupBy(arms, arm => arm.experiment)) {
    copies.set(experiment, await copyExperiment(experiment, own, known.get(experiment), pace))
  }
  return copies
}

async function copyExperiment(
  experiment: string,
  own: readonly ArmTally[],
  before: ExperimentCopy | undefined,
  pace: { comparisons: number },
): Promise<ExperimentCopy> {
  // Without a yield in between, so that the arms that are compared belong to the same moment.
  const arms = own.map((arm, i) => copyArm(arm, before?.arms[i]))
  if (arms.length === before?.arms.length && arms.every((arm, i) => arm === before.arms[i])) return before
  const comparisons: ComparisonCopy[] = []
  for (const arm of arms.slice(1)) {
    if (++pace.comparisons % COMPARISONS_PER_STEP === 0) await nextIteration()
    comparisons.push(compare(arms[0]!, arm, ALPHA / (arms.length - 1)))
  }
  const sampleRatioP = sampleRatio(arms.map(({ summary }) => totalAttempts(summary))).p_value ?? undefined
  return { key: { experiment }, labels: labelText({ experiment }), arms, comparisons, sampleRatioP }
}

function copyArm(arm: ArmTally, before: ArmCopy | undefined): ArmCopy {
  const known = before?.source === arm ? before : undefined
  if (known !== undefined && totalAttempts(known.summary) === totalAttempts(arm.summary)) return known
  const key = { experiment: arm.experiment, variant: arm.variant }
  return { key, summary: copySummary(arm.summary), labels: known?.labels ?? labelText(key), source: arm }
}

function compare(baseline: ArmCopy, arm: ArmCopy, alpha: number): ComparisonCopy {
  const key = { ...arm.key, baseline: baseline.key.variant }
  // The sidecar cannot know whether assignment depends on outcomes. If it does, query the API with adaptive=true.
  const rates = compareRates(taskCountsOf(baseline.summary), taskCountsOf(arm.summary), { alpha, adaptive: false })
  return { key, labels: labelText(key), rates }
}
