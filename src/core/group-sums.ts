/**
 * What groups of keys add up to. Questions about all keys are asked while attempts come in: sums are plain numbers side by side, and nothing
 * is made for each key.
 */
import type { Groups } from './groups.ts'
import type { KeySummary } from './ports.ts'
import type { Counts } from './statistics/counts.ts'
import {
  confidenceSum,
  type Summary,
  statedConfidences,
  successes,
  timedAttempts,
  timeSum,
  totalAttempts,
} from './summary.ts'

/** Successes and attempts of groups, by their places. */
export interface GroupCounts {
  readonly successes: Float64Array
  readonly attempts: Float64Array
}

/** And what a model is compared by. */
export interface GroupSums extends GroupCounts {
  /** Attempts that stated a confidence, and the sum of those. */
  readonly stated: Float64Array
  readonly confidence: Float64Array
  /** Attempts whose time is known, and the sum of those in seconds. */
  readonly timed: Float64Array
  readonly time: Float64Array
}

/** The counts of the groups of a list. */
export function countsBy(summaries: readonly KeySummary[], { all, placeOf }: Groups): GroupCounts {
  const counts = noCounts(all.length)
  addEachCounts(counts, placeOf, summaries)
  return counts
}

/** The sums of the groups of a list. */
export function sumsBy(summaries: readonly KeySummary[], { all, placeOf }: Groups): GroupSums {
  const sums = noSums(all.length)
  addEachSums(sums, placeOf, summaries)
  return sums
}

/** The counts of each key, as if it were a group: a copy of what is counted now. */
export function countsOfEach(summaries: readonly KeySummary[]): GroupCounts {
  const counts = noCounts(summaries.length)
  for (let place = 0; place < summaries.length; place++) addCounts(counts, place, summaries[place]!.summary)
  return counts
}

/** Of so many groups, before anything is added. */
export function noCounts(places: number): GroupCounts {
  return { successes: new Float64Array(places), attempts: new Float64Array(places) }
}

/** Of so many groups, before anything is added. */
export function noSums(places: number): GroupSums {
  return {
    ...noCounts(places),
    stated: new Float64Array(places),
    confidence: new Float64Array(places),
    timed: new Float64Array(places),
    time: new Float64Array(places),
  }
}

// Loops over all keys have functions of their own, with nothing behind them: it would be compiled while the loop runs for the first time,
// before it was ever reached, and all of it thrown away when it is.

function addEachCounts(counts: GroupCounts, placeOf: readonly number[], summaries: readonly KeySummary[]): void {
  for (let i = 0; i < summaries.length; i++) addCounts(counts, placeOf[i]!, summaries[i]!.summary)
}

function addEachSums(sums: GroupSums, placeOf: readonly number[], summaries: readonly KeySummary[]): void {
  for (let i = 0; i < summaries.length; i++) addSums(sums, placeOf[i]!, summaries[i]!.summary)
}

/** Adds one key to the group at `place`. */
function addCounts(counts: GroupCounts, place: number, summary: Summary): void {
  counts.successes[place]! += successes(summary)
  counts.attempts[place]! += totalAttempts(summary)
}

/** Adds one key to the group at `place`. */
function addSums(sums: GroupSums, place: number, summary: Summary): void {
  sums.successes[place]! += successes(summary)
  sums.attempts[place]! += totalAttempts(summary)
  sums.stated[place]! += statedConfidences(summary)
  sums.confidence[place]! += confidenceSum(summary)
  sums.timed[place]! += timedAttempts(summary)
  sums.time[place]! += timeSum(summary)
}

/** The counts of the group at `place`. */
export function countsAt({ successes, attempts }: GroupCounts, place: number): Counts {
  return { successes: successes[place]!, attempts: attempts[place]! }
}

/** Successes and attempts of all keys together. */
export function countsOfAll(summaries: readonly KeySummary[]): Counts {
  let [good, all] = [0, 0]
  for (const { summary } of summaries) {
    good += successes(summary)
    all += totalAttempts(summary)
  }
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
