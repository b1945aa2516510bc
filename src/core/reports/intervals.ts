/**
 * Cuts a span of time into intervals of a common length. They consist of whole time buckets and have no gaps, so that each attempt is in
 * exactly one of them.
 */

import { span } from '../aggregate/summary.ts'
import { type TimeZone, UTC } from '../attempt/time-zone.ts'
import { type Coverage, type KeySummary, type Store, type TimeRange, WHOLE_LIFE } from '../ports.ts'
import { forEachKey, runToCompletion, type Steps } from '../steps.ts'

const MINUTE_MS = 60_000
const DAY_MS = 1440 * MINUTE_MS
/** Approximate maximum number of intervals. */
const MAX_INTERVALS = 400
const DEFAULT_INTERVALS = 30
/** Intervals computed between two yields. Each needs a lookup of the zone. */
const INTERVALS_PER_STEP = 20
/** Common lengths. Each is a multiple of the ones before it. */
const LENGTHS = [1, 5, 15, 60, 360, 1440, 7 * 1440, 28 * 1440].map(minutes => minutes * MINUTE_MS)
/** A century. The end of a longer interval might be outside the range of timestamps. */
const MAX_LENGTH_MS = 36_500 * DAY_MS
/** The day number of a Monday. Weeks and longer intervals begin on a Monday. */
const MONDAY = 4

const FULL_COVERAGE: Coverage = { earliestMs: Number.NEGATIVE_INFINITY, spanMs: 0 }

/** The methods of a store that state for which times it has counts. */
type HeldTimes = Pick<Store, 'coverage' | 'clip'>

/** Counts of all time are stored. */
export const ALL_HELD: HeldTimes = { coverage: () => FULL_COVERAGE, clip: range => range }

export interface Intervals {
  /** The length of a whole interval, in milliseconds. A day of 23 or 25 hours counts as 24. */
  readonly lengthMs: number
  /** In order. The first and the last are cut at the requested range, so they may be shorter. */
  readonly ranges: readonly TimeRange[]
}

export interface IntervalOptions {
  readonly nowMs: number
  /** The minimum length. By default a 30th of the time to cover. */
  readonly requestedMs?: number | undefined
  /** The zone of days and weeks. */
  readonly zone?: TimeZone | undefined
  readonly held?: HeldTimes | undefined
}

/** The time to cover, and the bounds at which intervals that reach beyond it are cut. */
interface Cover extends TimeRange {
  readonly limits: TimeRange
}

/**
 * The intervals that cover a range. Without a range, they cover all attempts of `summaries`. They begin no earlier than the earliest stored
 * counts.
 */
export function intervalsOf(
  range: TimeRange | undefined,
  summaries: readonly KeySummary[],
  options: IntervalOptions,
): Intervals {
  return runToCompletion(intervalSteps(range, summaries, options))
}

/** {@link intervalsOf} in steps. */
export function* intervalSteps(
  range: TimeRange | undefined,
  summaries: readonly KeySummary[],
  options: IntervalOptions,
): Steps<Intervals> {
  let [firstMs, lastMs] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  function widen({ summary }: KeySummary): void {
    const keySpan = span(summary)
    if (keySpan === undefined) return
    firstMs = Math.min(firstMs, keySpan.firstMs)
    lastMs = Math.max(lastMs, keySpan.lastMs)
  }
  yield* forEachKey(summaries, widen)
  const sinceMs = Math.max(range?.sinceMs ?? firstMs, Math.min(firstMs, range?.untilMs ?? firstMs))
  const untilMs = range === undefined ? lastMs + 1 : Math.min(range.untilMs, Math.max(options.nowMs, lastMs + 1))
  const { held = ALL_HELD } = options
  const mostMs = (asked: TimeRange): number => Math.min(asked.untilMs, boundaryAt(untilMs, held))
  const limits = range === undefined ? WHOLE_LIFE : { sinceMs: range.sinceMs, untilMs: mostMs(range) }
  return yield* betweenSteps({ sinceMs, untilMs, limits }, options)
}

/** The first boundary of time buckets at `ms` or later. Ranges that end and begin there have no bucket in common. */
function boundaryAt(ms: number, held: HeldTimes): number {
  return held.clip({ sinceMs: Number.NEGATIVE_INFINITY, untilMs: ms }).untilMs
}

/** The intervals that cover a span of time. Each but the first and the last is at least as long as requested. */
export function intervalsBetween(cover: Cover, options: IntervalOptions): Intervals {
  return runToCompletion(betweenSteps(cover, options))
}

function* betweenSteps(
  cover: Cover,
  { nowMs, requestedMs, zone = UTC, held = ALL_HELD }: IntervalOptions,
): Steps<Intervals> {
  const coverage = held.coverage(cover.sinceMs)
  const sinceMs = Math.max(cover.sinceMs, coverage.earliestMs)
  const { untilMs, limits } = cover
  if (!(untilMs > sinceMs) || !Number.isFinite(sinceMs)) return { lengthMs: 0, ranges: [] }
  const wantedMs = requestedMs ?? (untilMs - sinceMs) / DEFAULT_INTERVALS
  const lengthMs = lengthFor(sinceMs, untilMs, nowMs, wantedMs, coverage)
  const { indexOf, startOf } = lengthMs % DAY_MS === 0 ? daysOf(zone, lengthMs / DAY_MS) : multiplesOf(lengthMs)
  const first = indexOf(sinceMs)
  const ranges: TimeRange[] = []
  const leastMs = Math.max(startOf(first), limits.sinceMs, coverage.earliestMs)
  let { sinceMs: fromMs } = held.clip({ sinceMs: leastMs, untilMs: Number.POSITIVE_INFINITY })
  for (let index = first + 1; fromMs < untilMs; index++) {
    const toMs = Math.min(boundaryAt(startOf(index), held), limits.untilMs)
    if (toMs > fromMs) ranges.push({ sinceMs: fromMs, untilMs: toMs })
    if (toMs === limits.untilMs) break
    fromMs = Math.max(fromMs, toMs)
    if (index % INTERVALS_PER_STEP === 0) yield
  }
  return { lengthMs, ranges }
}

/**
 * The length of the intervals: a common one if possible. It is a multiple of the time buckets at their start, so that no bucket is split.
 */
function lengthFor(sinceMs: number, untilMs: number, nowMs: number, requestedMs: number, { spanMs }: Coverage): number {
  const defaultMs = nowMs - sinceMs < DAY_MS ? MINUTE_MS : nowMs - sinceMs < 90 * DAY_MS ? 60 * MINUTE_MS : DAY_MS
  const finestMs = Math.max(defaultMs, spanMs)
  const minMs = Math.min(Math.max(finestMs, requestedMs, (untilMs - sinceMs) / MAX_INTERVALS), MAX_LENGTH_MS)
  const unitMs = spanMs > 0 && DAY_MS % spanMs !== 0 ? spanMs : DAY_MS
  const isMultiple = (length: number): boolean => spanMs === 0 || length % spanMs === 0
  return LENGTHS.find(length => length >= minMs && isMultiple(length)) ?? Math.ceil(minMs / unitMs) * unitMs
}

/** The boundaries of intervals. */
interface Starts {
  /** The index of the interval that contains an instant. */
  indexOf(ms: number): number
  startOf(index: number): number
}

const multiplesOf = (lengthMs: number): Starts => ({
  indexOf: ms => Math.floor(ms / lengthMs),
  startOf: index => index * lengthMs,
})

/** Intervals of `days` days of a zone, counted from a Monday. */
const daysOf = (zone: TimeZone, days: number): Starts => ({
  indexOf: ms => Math.floor((zone.dayOf(ms) - MONDAY) / days),
  startOf: index => zone.startOf(MONDAY + index * days),
})
