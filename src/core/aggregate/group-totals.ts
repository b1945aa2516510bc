/** Totals of groups of keys, as columns of numbers: adding a key allocates nothing, so that questions over all keys make no garbage. */
import type { KeySummary } from '../ports.ts'
import type { Groups } from '../reports/groups.ts'
import type { Counts } from '../statistics/counts.ts'
import { DURATION_BUCKETS } from '../statistics/time-quantiles.ts'
import { forEachKey, type Steps } from '../steps.ts'
import {
  addDurations,
  confidenceSum,
  type Summary,
  statedConfidences,
  successes,
  timedAttempts,
  timeSum,
  totalAttempts,
} from './summary.ts'

/** Successes and attempts of groups, by the index of the group. */
export interface GroupCounts {
  readonly successes: Float64Array
  readonly attempts: Float64Array
}

/** With the numbers that models are compared by. */
export interface GroupSums extends GroupCounts {
  /** Attempts that stated a confidence, and the sum of the confidences. */
  readonly stated: Float64Array
  readonly confidence: Float64Array
  /** Attempts whose time is known, and the sum of the times in seconds. */
  readonly timed: Float64Array
  readonly time: Float64Array
  /** The duration histogram of each group, in rows of {@link DURATION_BUCKETS}. */
  readonly durations: Float64Array
}

/** The counts of the groups of a list. Keys that are added to the list in a pause are in no group. */
export function* countsBySteps(summaries: readonly KeySummary[], { all, placeOf }: Groups): Steps<GroupCounts> {
  const counts = noCounts(all.length)
  const keys = summaries.slice(0, placeOf.length)
  yield* forEachKey(keys, ({ summary }, i) => addCounts(counts, placeOf[i]!, summary))
  return counts
}

/** The counts of each key, as if it were a group of its own. */
export function* countsOfEachSteps(summaries: readonly KeySummary[]): Steps<GroupCounts> {
  const counts = noCounts(summaries.length)
  yield* forEachKey(summaries, ({ summary }, place) => addCounts(counts, place, summary))
  return counts
}

/** Zero counts of `places` groups. */
export function noCounts(places: number): GroupCounts {
  return { successes: new Float64Array(places), attempts: new Float64Array(places) }
}

/** Zero sums of `places` groups. */
export function noSums(places: number): GroupSums {
  return {
    ...noCounts(places),
    stated: new Float64Array(places),
    confidence: new Float64Array(places),
    timed: new Float64Array(places),
    time: new Float64Array(places),
    durations: new Float64Array(places * DURATION_BUCKETS),
  }
}

/** Adds one key to the group at `place`. */
function addCounts(counts: GroupCounts, place: number, summary: Summary): void {
  counts.successes[place]! += successes(summary)
  counts.attempts[place]! += totalAttempts(summary)
}

/** Adds one key to the group at `place`. */
export function addSums(sums: GroupSums, place: number, summary: Summary): void {
  sums.successes[place]! += successes(summary)
  sums.attempts[place]! += totalAttempts(summary)
  sums.stated[place]! += statedConfidences(summary)
  sums.confidence[place]! += confidenceSum(summary)
  sums.timed[place]! += timedAttempts(summary)
  sums.time[place]! += timeSum(summary)
  addDurations(sums.durations, place * DURATION_BUCKETS, summary)
}

/** The counts of the group at `place`. */
export function countsAt({ successes, attempts }: GroupCounts, place: number): Counts {
  return { successes: successes[place]!, attempts: attempts[place]! }
}

/** Successes and attempts of all keys together. */
export function* countsOfAllSteps(summaries: readonly KeySummary[]): Steps<Counts> {
  let [good, all] = [0, 0]
  function add({ summary }: KeySummary): void {
    good += successes(summary)
    all += totalAttempts(summary)
  }
  yield* forEachKey(summaries, add)
  return { successes: good, attempts: all }
}

/** Successes and attempts of all groups together. */
export function sumOfGroups({ successes, attempts }: GroupCounts): Counts {
  return { successes: sumOf(successes), attempts: sumOf(attempts) }
}

function sumOf(column: Float64Array): number {
  let sum = 0
  for (let place = 0; place < column.length; place++) sum += column[place]!
  return sum
}
