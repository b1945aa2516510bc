/** The counts of keys and arms in a range of time. */
import type { AttemptKey } from '../attempt/attempt.ts'
import type { ArmSummary, KeyFilter, KeySummary, TimeRange } from '../ports.ts'
import { forEachKey, runToCompletion, type Steps } from '../steps.ts'
import type { ArmCell } from './arm-cells.ts'
import type { ArmIndex } from './arm-index.ts'
import type { BucketOwner } from './buckets.ts'
import { isFiltering, type KeyIndex, matches } from './key-index.ts'
import { createSummary, mergeInto, type Summary, totalAttempts } from './summary.ts'
import type { TimeBuckets } from './time-buckets.ts'

export interface Ranges {
  /** The keys that match the filter and have attempts in the range. */
  ranged(range: TimeRange, filter: KeyFilter, nowMs: number): KeySummary[]
  /** All arms of the experiment, without overflow arms, and their attempts in the range. */
  rangedArms(experiment: string, range: TimeRange, nowMs: number): ArmSummary[]
  /** {@link ranged} in steps. Yields after every key, whether or not it has attempts in the range. */
  rangedSteps(range: TimeRange, filter: KeyFilter, nowMs: number): Steps<KeySummary[]>
  /** {@link rangedArms} in steps, of the keys that match the filter. Without a range, over the whole lifetime. */
  armSteps(experiment: string, selected: SelectedKeys, nowMs: number): Steps<ArmSummary[]>
}

/** The attempts that a question is about. */
export interface SelectedKeys {
  readonly range: TimeRange | undefined
  readonly filter: KeyFilter
}

export interface RangesOptions {
  readonly keys: KeyIndex<KeySummary & BucketOwner>
  readonly arms: ArmIndex<Arm>
  readonly times: TimeBuckets
}

/** The counts of a key, an arm or a cell. */
type Counted = BucketOwner & { readonly summary: Summary }

interface Arm extends ArmSummary, BucketOwner {
  readonly experiment: string
  readonly cells: ReadonlyMap<AttemptKey, ArmCell>
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

  /** Reads the counts of an owner in the range, or over the whole lifetime. */
  const countedIn = (range: TimeRange | undefined, nowMs: number): ((owner: Counted) => Summary | undefined) =>
    range === undefined ? owner => owner.summary : times.reader(range, nowMs)

  function* cellSteps(arm: Arm, { range, filter }: SelectedKeys, nowMs: number): Steps<Summary> {
    const total = createSummary()
    const read = countedIn(range, nowMs)
    for (const cell of arm.cells.values()) {
      const counted = matches(cell.key, filter) ? read(cell) : undefined
      if (counted !== undefined) mergeInto(total, counted)
      yield
    }
    return total
  }

  function* armSteps(experiment: string, selected: SelectedKeys, nowMs: number): Steps<ArmSummary[]> {
    const isFiltered = isFiltering(selected.filter)
    const ranged: ArmSummary[] = []
    const read = countedIn(selected.range, nowMs)
    for (const arm of arms.distinct(experiment)) {
      const summary = isFiltered ? yield* cellSteps(arm, selected, nowMs) : (read(arm) ?? createSummary())
      ranged.push({ variant: arm.variant, summary, firstMs: arm.firstMs })
      // Without a range nothing has to be merged. Not yielding keeps the arms consistent with each other.
      if (selected.range !== undefined) yield
    }
    return ranged
  }

  return {
    rangedSteps,
    armSteps,
    ranged: (range, filter, nowMs) => runToCompletion(rangedSteps(range, filter, nowMs)),
    rangedArms: (experiment, range, nowMs) => runToCompletion(armSteps(experiment, { range, filter: {} }, nowMs)),
  }
}
