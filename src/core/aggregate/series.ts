/**
 * Series of metrics that senders count themselves: the increase of each new point over the last one of its series. The store computes a step,
 * makes its points durable, and then takes the step. The same points add nothing when they are sent again.
 */
import type { AttemptKey } from '../attempt/attempt.ts'
import { MAX_AHEAD_MS } from '../attempt/timestamp.ts'
import type { Measure } from './summary.ts'

/** The most series that are tracked; points of further ones are refused. */
export const MAX_SERIES = 100_000

/** One point of one series, checked. Plain data that survives JSON. */
export interface SeriesPoint {
  /** Identifies one series of one sender. */
  readonly series: string
  readonly key: AttemptKey
  readonly measure: Measure
  /** Start of the series and time of the reading, by the sender's clock in ms since the epoch; a start of 0 is not known. */
  readonly startMs: number
  readonly timeMs: number
  /** Whether the values count from the start of the series; else from the point before. */
  readonly cumulative: boolean
  /**
   * The value of a counter; or count and sum of a histogram, and its buckets by our bounds, one more for what is above them. No buckets
   * where the sender's bounds differ.
   */
  readonly values: readonly number[]
}

/** What a point adds to one measure of a key, at `atMs`. */
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
  /** Its values where the series is cumulative; else none. */
  readonly values: readonly number[]
}

/** What some points add to what is known. */
export interface SeriesStep {
  /** The points to keep: replayed without the others they lead to the same state. */
  readonly points: readonly SeriesPoint[]
  readonly increments: readonly Increment[]
  /** Points of new series beyond the limit. */
  readonly refused: number
  readonly changed: ReadonlyMap<string, SeriesState>
}

/**
 * The series that are tracked. The first value of a series counts whole, unless the series began before `forgottenMs`: then it may have been
 * counted before, and only later increases count. So nothing is counted twice, however much is forgotten.
 */
export interface Series {
  /** Computes what the points add, at `nowMs`. Changes nothing. `kept`: they come from the log, so the limit does not apply. */
  step(points: readonly SeriesPoint[], nowMs: number, kept?: boolean): SeriesStep
  /**
   * Makes the points of a step the last ones of their series. Beyond the limit each new series replaces one that was silent for `keepMs`, the
   * longest silent first; the number of series never falls.
   */
  take(step: SeriesStep): void
  /** Forgets all series. Those that began up to `ms` may have been counted. */
  forget(ms: number): void
  /** New series that began up to `ms` may have been counted. Those that are known go on. */
  assumeCounted(ms: number): void
  /** Series that began up to then may have been counted; -Infinity where nothing was forgotten. */
  readonly forgottenMs: number
  /** By their ids, longest silent first: what a snapshot keeps. Live. */
  readonly states: ReadonlyMap<string, SeriesState>
  /** Restores what a snapshot kept. */
  restore(forgottenMs: number, states: Iterable<readonly [string, SeriesState]>): void
}

export interface SeriesOptions {
  /** The maximum number of series. Beyond it, a series without points for `keepMs` is removed for a new one. Restored series stay. */
  readonly limit: number
  readonly keepMs: number
}

/** The values of a histogram without its buckets: count and sum. Those of a counter are left as they are. */
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
  readonly changed: Map<string, SeriesState>
}

/** Points of known series come first: a new series must not replace one that is in the same request. */
function stepOf(table: SeriesTable, given: readonly SeriesPoint[], nowMs: number, kept: boolean): SeriesStep {
  const { states } = table
  const step: OpenStep = { points: [], increments: [], refused: 0, changed: new Map() }
  for (const point of given) if (states.has(point.series)) addPoint(table, step, point, nowMs)
  const fresh = given.filter(({ series }) => !states.has(series))
  let room = kept ? Number.POSITIVE_INFINITY : roomFor(table, fresh.length, nowMs, step.changed)
  for (const point of fresh) {
    const isFirst = !step.changed.has(point.series)
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
  const last = step.changed.get(point.series) ?? states.get(point.series)
  const values = increaseOf(point, last, forgottenMs)
  if (values === undefined) return
  const isIncrease = values.some(value => value > 0)
  // A point without an increase is stored now and then, so that its series counts as active.
  if (!isIncrease && last !== undefined && nowMs - last.heardMs < keepMs / 24) return
  const { series, key, measure, startMs, timeMs, cumulative } = point
  step.points.push(point)
  step.changed.set(series, { startMs, timeMs, heardMs: nowMs, values: cumulative ? point.values : [] })
  if (isIncrease) step.increments.push({ key, measure, values, atMs: timeMs > nowMs + MAX_AHEAD_MS ? nowMs : timeMs })
}

/** How many series may be new: the free places, and those of series that are silent. Never more than `wanted` of the latter. */
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

/** The increase of a point over the last one of its series. Undefined if there can be none, because the point was counted before. */
function increaseOf(
  point: SeriesPoint,
  last: SeriesState | undefined,
  forgottenMs: number,
): readonly number[] | undefined {
  const { values } = point
  if (last === undefined) return point.cumulative && point.startMs <= forgottenMs ? values.map(() => 0) : values
  if (point.timeMs <= last.timeMs) return undefined
  if (!point.cumulative || point.startMs > last.startMs) return values
  if (point.startMs < last.startMs) return undefined
  // The sender's bounds or ours changed: the last buckets are not known, count and sum are.
  const common = last.values.length === values.length ? values : withoutBuckets(values)
  const fell = last.values.length < common.length || common.some((value, i) => value < last.values[i]!)
  // The sender restarted without a new start time: everything it counted since then is new.
  return fell ? values : common.map((value, i) => value - last.values[i]!)
}

/** Stores the last points of a step. Beyond the limit it removes series that are silent, the longest silent first. */
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
