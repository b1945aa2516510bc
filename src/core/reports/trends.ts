/** The success rate over time: per interval, its direction, and the keys and agents that have drifted. */

import { namedRecord } from '../aggregate/metrics.ts'
import { span } from '../aggregate/summary.ts'
import { OVERFLOW_KEY } from '../aggregate/tally.ts'
import { createTaskSketch, mergeTasks, type TaskSketch } from '../aggregate/task-sketch.ts'
import type { AttemptKey } from '../attempt/attempt.ts'
import { printTimestamp } from '../attempt/timestamp.ts'
import type { Coverage, KeySummary, TimeRange } from '../ports.ts'
import { clusteredCounts, type TaskCounts } from '../statistics/clusters.ts'
import type { MutableCounts } from '../statistics/counts.ts'
import type { Drift } from '../statistics/drift.ts'
import { compareRates, type RateDifference } from '../statistics/sequential.ts'
import { forEachKey, runToCompletion, type Steps } from '../steps.ts'
import { watchAgentSteps, watchKey } from './drift-watch.ts'
import { difficultySteps } from './expectation.ts'
import { type Rate, rateOfCounts } from './rate.ts'
import { sortedSteps } from './sorted.ts'

const MINUTE_MS = 60_000
const DAY_MS = 1440 * MINUTE_MS
const ALPHA = 0.05
/** Maximum number of intervals of a trend. */
const MAX_INTERVALS = 400

/** The rate of one interval. */
export interface TrendPoint extends Rate {
  /** RFC 3339, inclusive. */
  readonly since: string
  /** RFC 3339, exclusive. */
  readonly until: string
}

/** The drift of a key. */
export interface KeyDrift extends AttemptKey, Drift {}

export interface TrendReport {
  /** RFC 3339. Null if there are no attempts. */
  readonly since: string | null
  /** RFC 3339. Null if there are no attempts. */
  readonly until: string | null
  readonly interval_seconds: number
  readonly points: readonly TrendPoint[]
  readonly direction: 'improving' | 'degrading' | 'cannot_tell_yet'
  /** The later half of the attempts compared with the earlier half, anytime-valid. */
  readonly evidence: RateDifference
  /** The keys with an alarm at the end of the range, highest statistic first. */
  readonly drifted_keys: readonly KeyDrift[]
  /** The drift of every agent with enough attempts. Each attempt is compared with the agent's expected rate at its issue type. */
  readonly agents: Record<string, Drift>
}

/** Common interval lengths. Each is a multiple of the ones before it. */
const LENGTHS = [1, 5, 15, 60, 360, 1440, 7 * 1440, 28 * 1440].map(minutes => minutes * MINUTE_MS)
const DEFAULT_INTERVALS = 30
/** A century. The end of a longer interval might be outside the range of timestamps. */
const MAX_LENGTH_MS = 36_500 * DAY_MS

const FULL_COVERAGE: Coverage = { earliestMs: Number.NEGATIVE_INFINITY, spanMs: 0 }

/**
 * The intervals that cover a range. Without a range, they cover all attempts of `summaries`. `requestedMs` is the minimum
 * length of an interval, by default a 30th of the range. They begin no earlier than `coverageAt` reports.
 */
export function intervalsOf(
  range: TimeRange | undefined,
  summaries: readonly KeySummary[],
  nowMs: number,
  requestedMs?: number,
  coverageAt: (sinceMs: number) => Coverage = () => FULL_COVERAGE,
): readonly TimeRange[] {
  return runToCompletion(intervalSteps(range, summaries, nowMs, requestedMs, coverageAt))
}

/** {@link intervalsOf} in steps. */
export function* intervalSteps(
  range: TimeRange | undefined,
  summaries: readonly KeySummary[],
  nowMs: number,
  requestedMs?: number,
  coverageAt: (sinceMs: number) => Coverage = () => FULL_COVERAGE,
): Steps<readonly TimeRange[]> {
  let [firstMs, lastMs] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  function widen({ summary }: KeySummary): void {
    const keySpan = span(summary)
    if (keySpan === undefined) return
    firstMs = Math.min(firstMs, keySpan.firstMs)
    lastMs = Math.max(lastMs, keySpan.lastMs)
  }
  yield* forEachKey(summaries, widen)
  const startMs = Math.max(range?.sinceMs ?? firstMs, Math.min(firstMs, range?.untilMs ?? firstMs))
  const coverage = coverageAt(startMs)
  const sinceMs = Math.max(startMs, coverage.earliestMs)
  const untilMs = range === undefined ? lastMs + 1 : Math.min(range.untilMs, Math.max(nowMs, lastMs + 1))
  if (!(untilMs > sinceMs) || !Number.isFinite(sinceMs)) return []
  return intervalsBetween(sinceMs, untilMs, nowMs, requestedMs ?? (untilMs - sinceMs) / DEFAULT_INTERVALS, coverage)
}

/**
 * The intervals that cover a span, each at least `requestedMs` long. They begin at multiples of their length. Only the first
 * may begin later, at the earliest stored time. Old attempts are stored per hour or day. The length is a multiple of the
 * time buckets of that age, so that no bucket is split.
 */
export function intervalsBetween(
  sinceMs: number,
  untilMs: number,
  nowMs: number,
  requestedMs: number,
  { earliestMs, spanMs }: Coverage = FULL_COVERAGE,
): TimeRange[] {
  const defaultMs = nowMs - sinceMs < DAY_MS ? MINUTE_MS : nowMs - sinceMs < 90 * DAY_MS ? 60 * MINUTE_MS : DAY_MS
  const finestMs = Math.max(defaultMs, spanMs)
  const minMs = Math.min(Math.max(finestMs, requestedMs, (untilMs - sinceMs) / MAX_INTERVALS), MAX_LENGTH_MS)
  const unitMs = spanMs > 0 && DAY_MS % spanMs !== 0 ? spanMs : DAY_MS
  const isMultiple = (length: number): boolean => spanMs === 0 || length % spanMs === 0
  const lengthMs = LENGTHS.find(length => length >= minMs && isMultiple(length)) ?? Math.ceil(minMs / unitMs) * unitMs
  const intervals: TimeRange[] = []
  for (let at = Math.floor(sinceMs / lengthMs) * lengthMs; at < untilMs; at += lengthMs) {
    intervals.push({ sinceMs: Math.max(at, earliestMs), untilMs: at + lengthMs })
  }
  return intervals
}

/**
 * The trend report. `counts` has one entry per interval. `selected` are the keys that the question covers, `all` the keys
 * of every agent. Their summaries must cover the whole lifetime of the keys.
 */
export function trendReport(
  intervals: readonly TimeRange[],
  counts: readonly TaskCounts[],
  selected: readonly KeySummary[],
  all: readonly KeySummary[],
): TrendReport {
  return runToCompletion(trendSteps(intervals, counts, selected, all))
}

/** {@link trendReport} in steps. */
export function* trendSteps(
  intervals: readonly TimeRange[],
  counts: readonly TaskCounts[],
  selected: readonly KeySummary[],
  all: readonly KeySummary[],
): Steps<TrendReport> {
  const time = (ms: number | undefined): string | null =>
    ms === undefined ? null : printTimestamp({ ms, local: false })
  const evidence = compareRates(...halves(counts), { alpha: ALPHA, adaptive: false })
  const isSignificant = evidence.p_value <= ALPHA
  const [first, last] = [intervals[0], intervals.at(-1)]
  // The overflow key mixes attempts of many keys. A change of its mix is not a drift of any of them.
  const named: KeySummary[] = []
  function add(entry: KeySummary): void {
    if (entry.key.agent_name !== OVERFLOW_KEY.agent_name) named.push(entry)
  }
  yield* forEachKey(selected, add)
  const range = first && last && { sinceMs: first.sinceMs, untilMs: last.untilMs }
  return {
    since: time(first?.sinceMs),
    until: time(last?.untilMs),
    interval_seconds: last === undefined ? 0 : (last.untilMs - last.sinceMs) / 1000,
    points: intervals.map(({ sinceMs, untilMs }, i) => ({
      since: time(sinceMs)!,
      until: time(untilMs)!,
      ...rateOfCounts(counts[i]!),
    })),
    direction: isSignificant ? (evidence.difference > 0 ? 'improving' : 'degrading') : 'cannot_tell_yet',
    evidence,
    drifted_keys: yield* driftedKeys(named, range),
    agents: yield* agentDrifts(named, all, range),
  }
}

/** Splits the attempts by time into two halves, as equal as whole intervals allow. */
function halves(counts: readonly TaskCounts[]): [TaskCounts, TaskCounts] {
  const total = counts.reduce((sum, { attempts }) => sum + attempts, 0)
  const earlier: Half = { successes: 0, attempts: 0, tasks: undefined }
  const later: Half = { successes: 0, attempts: 0, tasks: undefined }
  for (const { successes, attempts, tasks } of counts) {
    const half = earlier.attempts + attempts / 2 <= total / 2 ? earlier : later
    half.successes += successes
    half.attempts += attempts
    if (tasks === undefined) continue
    half.tasks ??= createTaskSketch()
    mergeTasks(half.tasks, tasks)
  }
  return [clustered(earlier), clustered(later)]
}

interface Half extends MutableCounts {
  tasks: TaskSketch | undefined
}

function clustered({ successes, attempts, tasks }: Half): TaskCounts {
  return { ...clusteredCounts({ successes, attempts }, tasks), tasks }
}

/** Keys whose attempts are read between two yields. */
const KEYS_READ_PER_STEP = 10

function* driftedKeys(keys: readonly KeySummary[], range: TimeRange | undefined): Steps<KeyDrift[]> {
  const drifted: KeyDrift[] = []
  function watch(entry: KeySummary): void {
    const drift = watchKey(entry, keys.length, range)
    if (drift !== null && drift.direction !== 'none') drifted.push({ ...entry.key, ...drift })
  }
  yield* forEachKey(keys, watch, KEYS_READ_PER_STEP)
  return yield* sortedSteps(drifted, (a, b) => b.statistic - a.statistic)
}

function* agentDrifts(
  keys: readonly KeySummary[],
  all: readonly KeySummary[],
  range: TimeRange | undefined,
): Steps<Record<string, Drift>> {
  const difficulty = yield* difficultySteps(all)
  const agents = new Map<string, KeySummary[]>()
  function add(entry: KeySummary): void {
    const own = agents.get(entry.key.agent_name)
    if (own === undefined) agents.set(entry.key.agent_name, [entry])
    else own.push(entry)
  }
  yield* forEachKey(keys, add)
  const drifts = namedRecord<Drift>([])
  for (const [agent, own] of agents) {
    const drift = yield* watchAgentSteps(own, difficulty, agents.size, range)
    if (drift !== null) drifts[agent] = drift
    yield
  }
  return drifts
}
