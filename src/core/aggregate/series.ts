/**
 * Series of metrics that senders count themselves. Computes the increase of each new point over the previous point of its series. The store
 * computes a step, makes its points durable, and then takes the step. The same points add nothing if they are sent again.
 */
import type { AttemptKey } from '../attempt/attempt.ts'
import { MAX_AHEAD_MS } from '../attempt/timestamp.ts'
import type { Measure } from './summary.ts'

/** The maximum number of tracked series. Points of further series are refused. */
export const MAX_SERIES = 100_000

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
   * The value of a counter. For a histogram: its count, its sum, and its buckets by our bounds, with one more bucket for larger values. No
   * buckets if the sender's bounds differ.
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
  /** Its values if the series is cumulative, otherwise empty. */
  readonly values: readonly number[]
}

/** The effect of a batch of points, not applied yet. */
export interface SeriesStep {
  /** The points to store. Replaying only these leads to the same state. */
  readonly points: readonly SeriesPoint[]
  readonly increments: readonly Increment[]
  /** Points of new series beyond the limit. */
  readonly refused: number
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

/** The increase of a point over the last one of its series. Undefined if the point was counted before. */
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
  // The sender's bounds or ours changed. Only count and sum can be compared, because the last buckets are unknown.
  const common = last.values.length === values.length ? values : withoutBuckets(values)
  const fell = last.values.length < common.length || common.some((value, i) => value < last.values[i]!)
  // The sender restarted without a new start time. All its values are new.
  return fell ? values : common.map((value, i) => value - last.values[i]!)
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
