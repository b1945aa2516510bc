/**
 * Series of metrics that senders count themselves. Computes the increase of each new point over the previous point of its series. The store
 * computes a step, makes its points durable, and then takes the step. The same points add nothing if they are sent again. Longer than 250 lines
 * because the rules for cumulative and for delta points share the state of a series.
 */
import type { AttemptKey } from '../attempt/attempt.ts'
import { MAX_AHEAD_MS } from '../attempt/timestamp.ts'
import type { Measure } from './summary.ts'

/** The maximum number of tracked series. Points of further series are refused. */
export const MAX_SERIES = 100_000

/**
 * The maximum number of intervals that a series of deltas remembers. A Collector sends up to ten batches at a time, and sends each again that
 * was not answered: their intervals arrive in any order.
 */
export const MAX_INTERVALS = 32

/** Names the meaning of a {@link SeriesState} and of its id. A snapshot with another one is not read. */
export const SERIES_LAYOUT: string = `start counted intervals:${MAX_INTERVALS}`

/** One point of one series, checked. Plain data that survives JSON. */
export interface SeriesPoint {
  /** Identifies one series of one sender. */
  readonly series: string
  readonly key: AttemptKey
  readonly measure: Measure
  /** Start of the series and time of the reading, by the sender's clock in ms since the epoch. A start of 0 is unknown. */
  readonly startMs: number
  readonly timeMs: number
  /** Whether the values count from the start of the series. Otherwise they count from the previous point. */
  readonly cumulative: boolean
  /**
   * The value of a counter. For a histogram: its count, its sum, and its counts by our bounds, with one more for larger values. No counts if
   * the sender has no buckets.
   */
  readonly values: readonly number[]
}

/** The increase of one measure of a key by a point, at `atMs`. */
export interface Increment {
  readonly key: AttemptKey
  readonly measure: Measure
  readonly values: readonly number[]
  readonly atMs: number
}

/** The last point of a series. */
export interface SeriesState {
  readonly startMs: number
  readonly timeMs: number
  /** When it was received, by our clock in ms since the epoch. */
  readonly heardMs: number
  /** What was counted of it if the series is cumulative, otherwise empty. Its values, but for buckets that the sender has moved. */
  readonly values: readonly number[]
  /**
   * For a series of deltas: the start and the end of each of the last {@link MAX_INTERVALS} intervals, one after the other, by end. A full list
   * begins with the oldest interval that is known: one that ended before may have been counted. Empty for a cumulative series.
   */
  readonly intervals: readonly number[]
}

/** The effect of a batch of points, not applied yet. */
export interface SeriesStep {
  /** The points to store. Replaying only these leads to the same state. */
  readonly points: readonly SeriesPoint[]
  readonly increments: readonly Increment[]
  /** Points of new series beyond the limit. */
  readonly refused: number
  /** Deltas that may have been counted before: they ended before all intervals that their series remembers. */
  readonly late: number
  readonly changed: ReadonlyMap<string, SeriesState>
}

/**
 * The tracked series. The first value of a series counts as an increase from 0. If the series began before `forgottenMs`, its first value
 * may have been counted before, so only later increases count. Therefore nothing is counted twice, even after series were removed.
 */
export interface Series {
  /**
   * Computes the effect of points at `nowMs`. Changes nothing. If `kept`, the points were read from the log, so the limit does not apply.
   */
  step(points: readonly SeriesPoint[], nowMs: number, kept?: boolean): SeriesStep
  /**
   * Applies a step: its points become the last ones of their series. Beyond the limit, each new series replaces one without points for
   * `keepMs`, the least recently active first. The number of series never falls.
   */
  take(step: SeriesStep): void
  /** Removes all series. The values of series that began up to `ms` may have been counted. */
  forget(ms: number): void
  /** The values of new series that began up to `ms` may have been counted. Tracked series do not change. */
  assumeCounted(ms: number): void
  /** The values of series that began up to this time may have been counted. -Infinity if no series was removed. */
  readonly forgottenMs: number
  /** The states by series id, the least recently active first, as a snapshot stores them. Live. */
  readonly states: ReadonlyMap<string, SeriesState>
  /** Restores the states of a snapshot. */
  restore(forgottenMs: number, states: Iterable<readonly [string, SeriesState]>): void
}

export interface SeriesOptions {
  /** The maximum number of series. Beyond it, a series without points for `keepMs` is removed for a new one. Restored series stay. */
  readonly limit: number
  readonly keepMs: number
}

/** The count and sum of a histogram, without its buckets. Returns the value of a counter unchanged. */
export const withoutBuckets = (values: readonly number[]): readonly number[] => values.slice(0, 2)

export function createSeries({ limit, keepMs }: SeriesOptions): Series {
  const table: SeriesTable = { states: new Map(), forgottenMs: Number.NEGATIVE_INFINITY, limit, keepMs }
  const { states } = table
  return {
    step: (points, nowMs, kept = false) => stepOf(table, points, nowMs, kept),
    take: step => storeChanged(table, step.changed),
    forget(ms) {
      states.clear()
      table.forgottenMs = Math.max(table.forgottenMs, ms)
    },
    assumeCounted(ms) {
      table.forgottenMs = Math.max(table.forgottenMs, ms)
    },
    get forgottenMs() {
      return table.forgottenMs
    },
    states,
    restore(ms, saved) {
      states.clear()
      table.forgottenMs = ms
      for (const [id, state] of saved) states.set(id, state)
    },
  }
}

interface SeriesTable extends SeriesOptions {
  readonly states: Map<string, SeriesState>
  forgottenMs: number
}

/** A step that is being computed. */
interface OpenStep extends SeriesStep {
  readonly points: SeriesPoint[]
  readonly increments: Increment[]
  refused: number
  late: number
  readonly changed: Map<string, SeriesState>
}

/** Points of known series come first: a new series must not replace one that is in the same request. */
function stepOf(table: SeriesTable, given: readonly SeriesPoint[], nowMs: number, kept: boolean): SeriesStep {
  const { states } = table
  const step: OpenStep = { points: [], increments: [], refused: 0, late: 0, changed: new Map() }
  for (const point of given) if (states.has(stateId(point))) addPoint(table, step, point, nowMs)
  const fresh = given.filter(point => !states.has(stateId(point)))
  let room = kept ? Number.POSITIVE_INFINITY : roomFor(table, fresh.length, nowMs, step.changed)
  for (const point of fresh) {
    const isFirst = !step.changed.has(stateId(point))
    if (isFirst && room <= 0) {
      step.refused++
      continue
    }
    if (isFirst) room--
    addPoint(table, step, point, nowMs)
  }
  return step
}

function addPoint(
  { states, keepMs, forgottenMs }: SeriesTable,
  step: OpenStep,
  point: SeriesPoint,
  nowMs: number,
): void {
  const id = stateId(point)
  const last = step.changed.get(id) ?? states.get(id)
  const intervals = point.cumulative ? NO_INTERVALS : withInterval(last?.intervals ?? NO_INTERVALS, point)
  if (intervals === 'late') step.late++
  if (typeof intervals === 'string') return
  const increase = point.cumulative ? increaseOf(point, last, forgottenMs) : { values: point.values, counted: [] }
  if (increase === undefined) return
  const { values, counted } = increase
  const isIncrease = values.some(value => value > 0)
  // A point without an increase is stored now and then, so that its series counts as active.
  if (!isIncrease && last !== undefined && nowMs - last.heardMs < keepMs / 24) return
  const { key, measure, startMs, timeMs } = point
  step.points.push(point)
  step.changed.set(id, { startMs, timeMs, heardMs: nowMs, values: counted, intervals })
  if (isIncrease) step.increments.push({ key, measure, values, atMs: timeMs > nowMs + MAX_AHEAD_MS ? nowMs : timeMs })
}

/**
 * The id of a state. Several processes may send cumulative series with one resource, if it has no `service.instance.id`. Each has its own start
 * time, and its own state by that. A process that restarts has another start time too.
 */
export const stateId = ({ series, startMs, cumulative }: SeriesPoint): string =>
  cumulative ? `${series} ${startMs}` : series

const NO_INTERVALS: readonly number[] = []

/** Adds the interval of a delta. `known` if it was counted before, `late` if that is not known. */
function withInterval(
  intervals: readonly number[],
  { startMs, timeMs }: SeriesPoint,
): readonly number[] | 'known' | 'late' {
  let at = intervals.length
  while (at > 0 && isAfter(intervals[at - 2]!, intervals[at - 1]!, startMs, timeMs)) at -= 2
  if (at > 0 && intervals[at - 2] === startMs && intervals[at - 1] === timeMs) return 'known'
  const isFull = intervals.length === 2 * MAX_INTERVALS
  if (isFull && at === 0) return 'late'
  return intervals.toSpliced(at, 0, startMs, timeMs).slice(isFull ? 2 : 0)
}

/** Whether one interval ends after another. Of two with the same end, the one that starts later. */
const isAfter = (startMs: number, timeMs: number, otherStartMs: number, otherTimeMs: number): boolean =>
  timeMs > otherTimeMs || (timeMs === otherTimeMs && startMs > otherStartMs)

/** How many new series can be added: the free capacity, and series without recent points that can be removed, up to `wanted`. */
function roomFor(
  { states, limit, keepMs }: SeriesTable,
  wanted: number,
  nowMs: number,
  active: ReadonlyMap<string, unknown>,
): number {
  let room = Math.max(0, limit - states.size)
  for (const [id, { heardMs }] of states) {
    if (room >= wanted || heardMs > nowMs - keepMs) break
    if (!active.has(id)) room++
  }
  return room
}

/** What a cumulative point adds, and what is counted of its series then. */
interface Increase {
  readonly values: readonly number[]
  readonly counted: readonly number[]
}

/** The increase of a cumulative point over what was counted of its state. Undefined if the point was counted before. */
function increaseOf(point: SeriesPoint, last: SeriesState | undefined, forgottenMs: number): Increase | undefined {
  const { values, startMs } = point
  if (last === undefined) {
    return { values: startMs <= forgottenMs ? values.map(() => 0) : values, counted: values }
  }
  if (point.timeMs <= last.timeMs) return undefined
  const counted = last.values
  // The sender's bounds or ours changed. Only count and sum can be compared, because the last buckets are unknown.
  const common = counted.length === values.length ? values : withoutBuckets(values)
  const fell = (value: number, i: number): boolean => value < counted[i]!
  // Without a start time, the sender may have restarted. All its values are new.
  const isRestart =
    counted.length < common.length || withoutBuckets(common).some(fell) || (startMs === 0 && common.some(fell))
  if (isRestart) return { values, counted: values }
  if (common.some(fell)) return moved(values, counted)
  return { values: common.map((value, i) => value - counted[i]!), counted: values }
}

/**
 * The increase where some buckets fell and the count did not: an exponential histogram lowered its scale, so that some of its counts fall into
 * other buckets of ours. Counts that were added cannot be taken back. At each bound, the counts up to it become what the sender has, or
 * the nearest to it that is possible.
 */
function moved([count = 0, sum = 0, ...buckets]: readonly number[], counted: readonly number[]): Increase {
  const [countedCount = 0, countedSum = 0, ...countedBuckets] = counted
  const increase = [count - countedCount, sum - countedSum]
  let wanted = 0
  let added = 0
  for (const [i, bucket] of buckets.entries()) {
    wanted += bucket - countedBuckets[i]!
    const upTo = Math.min(increase[0]!, Math.max(added, wanted))
    increase.push(upTo - added)
    added = upTo
  }
  return { values: increase, counted: [count, sum, ...countedBuckets.map((bucket, i) => bucket + increase[i + 2]!)] }
}

/** Stores the last points of a step. Beyond the limit, removes series without recent points, the least recently active first. */
function storeChanged(table: SeriesTable, changed: SeriesStep['changed']): void {
  const { states, limit, keepMs } = table
  const most = Math.max(limit, states.size)
  let nowMs = Number.NEGATIVE_INFINITY
  for (const { heardMs } of changed.values()) nowMs = heardMs
  for (const [id, state] of changed) {
    states.delete(id)
    states.set(id, state)
  }
  for (const [id, { startMs, heardMs }] of states) {
    if (states.size <= most || changed.has(id) || heardMs > nowMs - keepMs) break
    states.delete(id)
    table.forgottenMs = Math.max(table.forgottenMs, startMs)
  }
}
