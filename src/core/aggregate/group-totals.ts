/** Totals of groups of keys, as columns of numbers. Adding a key allocates nothing, so that questions about all keys create no garbage. */
import type { KeySummary } from '../ports.ts'
import type { Groups } from '../reports/groups.ts'
import { clusteredCounts, type TaskCounts } from '../statistics/clusters.ts'
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
import { createTaskSketch, mergeTasks, type TaskSketch } from './task-sketch.ts'

/** Successes and attempts of groups, by the index of the group. */
export interface GroupCounts {
  readonly successes: Float64Array
  readonly attempts: Float64Array
  /** The tasks of each group. A group without tasks has no entry. */
  readonly tasks: Map<number, TaskSketch>
}

/** {@link GroupCounts} with the sums for comparing models. */
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

/** The counts of the groups of a list. Keys that are appended to the list while this yields are in no group. */
export function* countsBySteps(summaries: readonly KeySummary[], { all, placeOf }: Groups): Steps<GroupCounts> {
  const counts = noCounts(all.length)
  const keys = summaries.slice(0, placeOf.length)
  yield* forEachKey(keys, ({ summary }, i) => addCounts(counts, placeOf[i]!, summary))
  return counts
}

/** The counts of each key as a separate group. */
export function* countsOfEachSteps(summaries: readonly KeySummary[]): Steps<GroupCounts> {
  const counts = noCounts(summaries.length)
  yield* forEachKey(summaries, ({ summary }, place) => addCounts(counts, place, summary))
  return counts
}

/** Zero counts of `places` groups. */
export function noCounts(places: number): GroupCounts {
  return { successes: new Float64Array(places), attempts: new Float64Array(places), tasks: new Map() }
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
  addGroupTasks(counts, place, summary.tasks)
}

/** Adds the tasks of one key to the group at `place`. */
export function addGroupTasks({ tasks }: GroupCounts, place: number, more: TaskSketch | undefined): void {
  if (more === undefined) return
  let sketch = tasks.get(place)
  if (sketch === undefined) {
    sketch = createTaskSketch()
    tasks.set(place, sketch)
  }
  mergeTasks(sketch, more)
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
  addGroupTasks(sums, place, summary.tasks)
}

/** The counts of the group at `place`, clustered if tasks repeat. */
export function countsAt({ successes, attempts, tasks }: GroupCounts, place: number): Counts {
  return clusteredCounts({ successes: successes[place]!, attempts: attempts[place]! }, tasks.get(place))
}

/** Successes and attempts of all keys together, with their tasks. Clustered if tasks repeat. */
export function* countsOfAllSteps(summaries: readonly KeySummary[]): Steps<TaskCounts> {
  const all = noCounts(1)
  yield* forEachKey(summaries, ({ summary }) => addCounts(all, 0, summary))
  return { ...countsAt(all, 0), tasks: all.tasks.get(0) }
}

/** Successes and attempts of all groups together, clustered if tasks repeat. */
export function sumOfGroups({ successes, attempts, tasks }: GroupCounts): Counts {
  let all: TaskSketch | undefined
  for (const sketch of tasks.values()) {
    all ??= createTaskSketch()
    mergeTasks(all, sketch)
  }
  return clusteredCounts({ successes: sumOf(successes), attempts: sumOf(attempts) }, all)
}

function sumOf(column: Float64Array): number {
  let sum = 0
  for (let place = 0; place < column.length; place++) sum += column[place]!
  return sum
}
