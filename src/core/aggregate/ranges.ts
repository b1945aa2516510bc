/** Answers about a range of time: what keys and arms counted in it. */
import type { ArmSummary, KeyFilter, KeySummary, TimeRange } from '../ports.ts'
import { forEachKey, runToCompletion, type Steps } from '../steps.ts'
import type { ArmIndex } from './arm-index.ts'
import type { BucketOwner } from './buckets.ts'
import type { KeyIndex } from './key-index.ts'
import { type Summary, totalAttempts } from './summary.ts'
import type { TimeBuckets } from './time-buckets.ts'

export interface Ranges {
  /** Keys that pass the filter and have attempts in the range. */
  ranged(range: TimeRange, filter: KeyFilter, nowMs: number): KeySummary[]
  /** Arms of the experiment, without overflow arms, that have attempts in the range. */
  rangedArms(experiment: string, range: TimeRange, nowMs: number): ArmSummary[]
  /** {@link ranged} in steps: a pause after every key, whether it has attempts in the range or not. */
  rangedSteps(range: TimeRange, filter: KeyFilter, nowMs: number): Steps<KeySummary[]>
  /** {@link rangedArms} in steps. */
  rangedArmSteps(experiment: string, range: TimeRange, nowMs: number): Steps<ArmSummary[]>
}

export interface RangesOptions {
  readonly keys: KeyIndex<KeySummary & BucketOwner>
  readonly arms: ArmIndex<ArmSummary & BucketOwner & { readonly experiment: string }>
  readonly times: TimeBuckets
}

export function createRanges({ keys, arms, times }: RangesOptions): Ranges {
  function readerOf(range: TimeRange, nowMs: number): (owner: BucketOwner) => Summary | undefined {
    const read = times.reader(range, nowMs)
    return owner => {
      const summary = read(owner)
      return summary !== undefined && totalAttempts(summary) > 0 ? summary : undefined
    }
  }

  function* rangedSteps(range: TimeRange, filter: KeyFilter, nowMs: number): Steps<KeySummary[]> {
    const ranged: KeySummary[] = []
    const summaryOf = readerOf(range, nowMs)
    function add(record: KeySummary & BucketOwner): void {
      const summary = summaryOf(record)
      if (summary !== undefined) ranged.push({ key: record.key, summary, recent: record.recent, changes: 0 })
    }
    yield* forEachKey(keys.list(filter), add, 1)
    return ranged
  }

  function* rangedArmSteps(experiment: string, range: TimeRange, nowMs: number): Steps<ArmSummary[]> {
    const ranged: ArmSummary[] = []
    const summaryOf = readerOf(range, nowMs)
    for (const arm of arms.distinct(experiment)) {
      const summary = summaryOf(arm)
      if (summary !== undefined) ranged.push({ variant: arm.variant, summary })
      yield
    }
    return ranged
  }

  return {
    rangedSteps,
    rangedArmSteps,
    ranged: (range, filter, nowMs) => runToCompletion(rangedSteps(range, filter, nowMs)),
    rangedArms: (experiment, range, nowMs) => runToCompletion(rangedArmSteps(experiment, range, nowMs)),
  }
}
