/** Models compared over the given keys, as documented. Rates are in percent, 0 to 100, not rounded. */

import { addSums, countsAt, type GroupSums, noSums } from '../aggregate/group-totals.ts'
import { namedRecord } from '../aggregate/metrics.ts'
import type { KeySummary } from '../ports.ts'
import { DURATION_BUCKETS, type TimeQuantiles, timeQuantiles } from '../statistics/time-quantiles.ts'
import { forEachKey, runToCompletion, type Steps } from '../steps.ts'
import { isQualified } from './best-agent.ts'
import { percentOfCounts, type RateEvidence, rateEvidence } from './rate.ts'

/** One model in the documented comparison. */
export interface ModelPerformance extends RateEvidence {
  readonly avg_success_rate: number
  readonly total_attempts: number
  /** 0 to 1. Null if no attempt stated a confidence. */
  readonly avg_confidence: number | null
  /** 0 if no attempt stated a time. */
  readonly avg_time_seconds: number
  /** Null if no time is in the histogram. */
  readonly time_seconds: TimeQuantiles | null
  /** Sorted. */
  readonly issue_types: readonly string[]
}

export interface ModelComparisonOptions {
  /** Keys with fewer attempts are ignored. 5 by default, as documented. */
  readonly minAttempts?: number | undefined
}

/** Models by name, over the keys with enough attempts. */
export function modelComparison(
  summaries: readonly KeySummary[],
  options: ModelComparisonOptions = {},
): Record<string, ModelPerformance> {
  return runToCompletion(modelComparisonSteps(summaries, options))
}

/** {@link modelComparison} in steps. */
export function* modelComparisonSteps(
  summaries: readonly KeySummary[],
  { minAttempts = 5 }: ModelComparisonOptions = {},
): Steps<Record<string, ModelPerformance>> {
  const indexes = new Map<string, number>()
  const issueTypes: Set<string>[] = []
  let sums = noSums(1)
  function add(entry: KeySummary): void {
    if (!isQualified(entry, minAttempts)) return
    const index = indexes.get(entry.key.model_name) ?? indexes.size
    if (index === issueTypes.length) {
      indexes.set(entry.key.model_name, index)
      issueTypes.push(new Set())
      if (index === sums.attempts.length) sums = doubled(sums)
    }
    issueTypes[index]!.add(entry.key.issue_type)
    addSums(sums, index, entry.summary)
  }
  yield* forEachKey(summaries, add)
  const models = [...indexes.keys()].map((name, index) => ({ name, names: [...issueTypes[index]!].sort() }))
  return yield* modelAnswers(models, sums)
}

/** A copy with twice the capacity. */
function doubled(sums: GroupSums): GroupSums {
  const larger = { ...noSums(2 * sums.attempts.length), tasks: sums.tasks }
  for (const column of ['successes', 'attempts', 'stated', 'confidence', 'timed', 'time', 'durations'] as const)
    larger[column].set(sums[column])
  return larger
}

/** A group, and the sorted names that its answer lists. */
export interface NamedGroup {
  readonly name: string
  readonly names: readonly string[]
}

/** The answer for each model, from the sums at its index. */
export function modelAnswers(models: readonly NamedGroup[], sums: GroupSums): Steps<Record<string, ModelPerformance>> {
  return answersByGroup(models, (model, index) => {
    const counts = countsAt(sums, index)
    const [stated, timed] = [sums.stated[index]!, sums.timed[index]!]
    return {
      avg_success_rate: percentOfCounts(counts),
      total_attempts: counts.attempts,
      ...rateEvidence(counts),
      avg_confidence: stated === 0 ? null : sums.confidence[index]! / stated,
      avg_time_seconds: timed > 0 ? sums.time[index]! / timed : 0,
      time_seconds: timeQuantiles(
        sums.durations.subarray(index * DURATION_BUCKETS, (index + 1) * DURATION_BUCKETS),
        counts,
      ),
      issue_types: [...model.names],
    }
  })
}

/** Answers computed between two yields. */
export const ANSWERS_PER_STEP = 50

/** The answer for each group, as an object without a prototype, so that any name is safe as a key. */
export function* answersByGroup<T>(
  groups: readonly NamedGroup[],
  answer: (group: NamedGroup, index: number) => T,
): Steps<Record<string, T>> {
  const answers = namedRecord<T>([])
  for (const [index, group] of groups.entries()) {
    answers[group.name] = answer(group, index)
    if ((index + 1) % ANSWERS_PER_STEP === 0) yield
  }
  return answers
}
