/** What is exposed of experiments at one moment: a copy of every arm, and what is to be made of them. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { type Summary, totalAttempts } from '../core/aggregate/summary.ts'
import type { ArmTally } from '../core/aggregate/tally.ts'
import { countsOf } from '../core/reports/groups.ts'
import { sampleRatio } from '../core/statistics/sample-ratio.ts'
import { compareRates, type RateDifference } from '../core/statistics/sequential.ts'
import type { Labelled } from './family.ts'
import { labelText } from './label-text.ts'

/** Over all looks and all variants together, as `/api/v1/experiments/{name}` has it. */
const ALPHA = 0.05
/** Comparisons made before others have their turn: about a millisecond where attempts are few and each is exact. */
const COMPARISONS_AT_ONCE = 20

/** An arm as it was at one moment: its summary never changes. About 1.2 KB. */
export interface ArmCopy extends Labelled {
  readonly key: { readonly experiment: string; readonly variant: string }
  readonly summary: Summary
  /** What it is a copy of. */
  readonly of: ArmTally
}

/** A variant against the variant of its experiment that came first. */
export interface ComparisonCopy extends Labelled {
  readonly key: { readonly experiment: string; readonly variant: string; readonly baseline: string }
  readonly rates: RateDifference
}

export interface ExperimentCopy extends Labelled {
  readonly key: { readonly experiment: string }
  /** The baseline first. */
  readonly arms: readonly ArmCopy[]
  readonly comparisons: readonly ComparisonCopy[]
  /** Of "shared out equally", 0 to 1; undefined where attempts are too few to tell. */
  readonly sampleRatioP: number | undefined
}

/**
 * Copies the experiments of all arms, by name, giving way to others in between. Those none of whose arms has changed since
 * `known` are taken over from there: the work grows with the experiments that run, and hardly with those that there were.
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
  // All in one turn: what is compared was so at one moment.
  const arms = own.map((arm, i) => copyArm(arm, before?.arms[i]))
  if (arms.length === before?.arms.length && arms.every((arm, i) => arm === before.arms[i])) return before
  const comparisons: ComparisonCopy[] = []
  for (const arm of arms.slice(1)) {
    if (++pace.comparisons % COMPARISONS_AT_ONCE === 0) await nextTurn()
    comparisons.push(compare(arms[0]!, arm, ALPHA / (arms.length - 1)))
  }
  const sampleRatioP = sampleRatio(arms.map(({ summary }) => totalAttempts(summary))).p_value ?? undefined
  return { key: { experiment }, labels: labelText({ experiment }), arms, comparisons, sampleRatioP }
}

function copyArm(arm: ArmTally, before: ArmCopy | undefined): ArmCopy {
  const known = before?.of === arm ? before : undefined
  if (known !== undefined && totalAttempts(known.summary) === totalAttempts(arm.summary)) return known
  const key = { experiment: arm.experiment, variant: arm.variant }
  return { key, summary: arm.summary.slice(), labels: known?.labels ?? labelText(key), of: arm }
}

function compare(baseline: ArmCopy, arm: ArmCopy, alpha: number): ComparisonCopy {
  const key = { ...arm.key, baseline: baseline.key.variant }
  // Sharing out by what was seen cannot be told from here; whoever does so asks the API with adaptive=true.
  const rates = compareRates(countsOf(baseline.summary), countsOf(arm.summary), { alpha, adaptive: false })
  return { key, labels: labelText(key), rates }
}
