/** The counts of keys and arms in a range of time. */
import type { AttemptKey } from '../attempt/attempt.ts'
import type { ArmSummary, KeyFilter, KeySummary, SummaryView, TimeRange } from '../ports.ts'
import { forEachKey, runToCompletion, type Steps } from '../steps.ts'
import type { ArmCell } from './arm-cells.ts'
import type { ArmIndex } from './arm-index.ts'
import type { BucketOwner } from './buckets.ts'
import { isFiltering, type KeyIndex, matches } from './key-index.ts'
import { type OutcomeView, viewOf } from './outcomes.ts'
import { createSummary, mergeInto, type Summary, totalAttempts } from './summary.ts'
import type { TimeBuckets } from './time-buckets.ts'

export interface Ranges {
  /** The keys that match the filter and have attempts in the range. Counts the latest results by default. */
  ranged(range: TimeRange, filter: KeyFilter, nowMs: number, view?: SummaryView): KeySummary[]
  /** The keys that match the filter and have attempts in a view over their whole lifetime, in steps. */
  viewedSteps(filter: KeyFilter, view: SummaryView): Steps<KeySummary[]>
  /** All arms of the experiment, without overflow arms, and their attempts in the range. */
  rangedArms(experiment: string, range: TimeRange, nowMs: number): ArmSummary[]
  /** {@link ranged} in steps. Yields after every key, whether or not it has attempts in the range. */
  rangedSteps(range: TimeRange, filter: KeyFilter, nowMs: number, view?: SummaryView): Steps<KeySummary[]>
  /** {@link rangedArms} in steps, of the keys that match the filter. Without a range, over the whole lifetime. */
  armSteps(experiment: string, selected: SelectedKeys, nowMs: number): Steps<ArmSummary[]>
}

/** The attempts that a question is about. */
export interface SelectedKeys {
  readonly range: TimeRange | undefined
  readonly filter: KeyFilter
  /** Which results count. The latest by default. */
  readonly view?: OutcomeView | undefined
}

export interface RangesOptions {
  readonly keys: KeyIndex<KeySummary & BucketOwner>
  readonly arms: ArmIndex<Arm>
  readonly times: TimeBuckets
}

/** The counts of a key, an arm or a cell. */
type Counted = BucketOwner & { readonly summary: Summary }

/** Which results a view counts. */
const resultsOf = (view: SummaryView): OutcomeView => (view === 'any' ? 'latest' : view)

interface Arm extends ArmSummary, BucketOwner {
  readonly experiment: string
  readonly cells: ReadonlyMap<AttemptKey, ArmCell>
}

export function createRanges({ keys, arms, times }: RangesOptions): Ranges {
  function* rangedSteps(
    range: TimeRange,
    filter: KeyFilter,
    nowMs: number,
    view: SummaryView = 'latest',
  ): Steps<KeySummary[]> {
    return yield* keysIn(times.reader(range, nowMs, resultsOf(view)), filter, view)
  }

  function* viewedSteps(filter: KeyFilter, view: SummaryView): Steps<KeySummary[]> {
    return yield* keysIn(({ summary }) => viewOf(summary, resultsOf(view)), filter, view)
  }

  /** The keys with attempts in what `read` returns. */
  function* keysIn(
    read: (owner: Counted) => Summary | undefined,
    filter: KeyFilter,
    view: SummaryView,
  ): Steps<KeySummary[]> {
    const found: KeySummary[] = []
    function add(record: KeySummary & BucketOwner): void {
      const summary = read(record)
      if (summary === undefined) return
      const isCounted = totalAttempts(summary) > 0 || (view === 'any' && summary.outcomes !== undefined)
      if (isCounted) found.push({ key: record.key, summary, recent: record.recent, changes: 0 })
    }
    yield* forEachKey(keys.list(filter), add, 1)
    if (view !== 'any') return found
    const hidden = [...keys.hidden].filter(({ key }) => matches(key, filter))
    yield* forEachKey(hidden, add, 1)
    return found
  }

  /** Reads the counts of an owner in the range, or over the whole lifetime. */
  const countedIn = (
    { range, view = 'latest' }: SelectedKeys,
    nowMs: number,
  ): ((owner: Counted) => Summary | undefined) =>
    range === undefined ? owner => viewOf(owner.summary, view) : times.reader(range, nowMs, view)

  function* cellSteps(arm: Arm, selected: SelectedKeys, nowMs: number): Steps<Summary> {
    const { filter } = selected
    const total = createSummary()
    const read = countedIn(selected, nowMs)
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
    const read = countedIn(selected, nowMs)
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
    viewedSteps,
    armSteps,
    ranged: (range, filter, nowMs, view) => runToCompletion(rangedSteps(range, filter, nowMs, view)),
    rangedArms: (experiment, range, nowMs) => runToCompletion(armSteps(experiment, { range, filter: {} }, nowMs)),
  }
}
