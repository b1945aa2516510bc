/** How the success rate moved over a range of time: interval by interval, its direction, and what has drifted. */

import { namedRecord } from '../aggregate/metrics.ts'
import { span } from '../aggregate/summary.ts'
import { OVERFLOW_KEY } from '../aggregate/tally.ts'
import type { AttemptKey } from '../attempt/attempt.ts'
import { printTimestamp } from '../attempt/timestamp.ts'
import type { Coverage, KeySummary, TimeRange } from '../ports.ts'
import type { Counts } from '../statistics/counts.ts'
import type { Drift } from '../statistics/drift.ts'
import { compareRates, type RateDifference } from '../statistics/sequential.ts'
import { forEachKey, runToCompletion, type Steps } from '../steps.ts'
import { watchAgentSteps, watchKey } from './drift-watch.ts'
import { difficultySteps } from './expectation.ts'
import { type Rate, rate } from './rate.ts'
import { sortedSteps } from './sorted.ts'

const MINUTE_MS = 60_000
const DAY_MS = 1440 * MINUTE_MS
const ALPHA = 0.05
/** Intervals of a trend at the most. */
const MAX_INTERVALS = 400

/** One interval; a rate of 0 attempts says that there were none. */
export interface TrendPoint extends Rate {
  readonly since: string
  readonly until: string
}

/** A key or an agent whose rate has left its baseline. */
export interface KeyDrift extends AttemptKey, Drift {}

export interface TrendReport {
  readonly since: string | null
  readonly until: string | null
  readonly interval_seconds: number
  readonly points: readonly TrendPoint[]
  readonly direction: 'improving' | 'degrading' | 'cannot_tell_yet'
  /** The later half of the attempts compared with the earlier half; may be looked at any time. */
  readonly evidence: RateDifference
  /** Keys with an alarm at the end of the range, worst first. */
  readonly drifted_keys: readonly KeyDrift[]
  /** Every agent with enough attempts, each attempt measured against what is expected of the agent at its issue type. */
  readonly agents: Record<string, Drift>
}

/** Lengths people think in, each a multiple of the ones before it. */
const LENGTHS = [1, 5, 15, 60, 360, 1440, 7 * 1440, 28 * 1440].map(minutes => minutes * MINUTE_MS)
const WANTED_INTERVALS = 30
/** A century: the end of a longer interval might be no time at all. */
const LONGEST_MS = 36_500 * DAY_MS

const COVERED: Coverage = { earliestMs: Number.NEGATIVE_INFINITY, spanMs: 0 }

/**
 * The whole intervals that cover a range, or the life of `summaries` where it is open; `wantedMs` is the length asked for. They begin with
 * what is held by time.
 */
export function intervalsOf(
  range: TimeRange | undefined,
  summaries: readonly KeySummary[],
  nowMs: number,
  wantedMs?: number,
  coverageAt: (sinceMs: number) => Coverage = () => COVERED,
): readonly TimeRange[] {
  return runToCompletion(intervalSteps(range, summaries, nowMs, wantedMs, coverageAt))
}

/** {@link intervalsOf} in steps. */
export function* intervalSteps(
  range: TimeRange | undefined,
  summaries: readonly KeySummary[],
  nowMs: number,
  wantedMs?: number,
  coverageAt: (sinceMs: number) => Coverage = () => COVERED,
): Steps<readonly TimeRange[]> {
  let [firstMs, lastMs] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  function widen({ summary }: KeySummary): void {
    const known = span(summary)
    if (known === undefined) return
    firstMs = Math.min(firstMs, known.firstMs)
    lastMs = Math.max(lastMs, known.lastMs)
  }
  yield* forEachKey(summaries, widen)
  const askedMs = Math.max(range?.sinceMs ?? firstMs, Math.min(firstMs, range?.untilMs ?? firstMs))
  const coverage = coverageAt(askedMs)
  const sinceMs = Math.max(askedMs, coverage.earliestMs)
  const untilMs = range === undefined ? lastMs + 1 : Math.min(range.untilMs, Math.max(nowMs, lastMs + 1))
  if (!(untilMs > sinceMs) || !Number.isFinite(sinceMs)) return []
  return intervalsBetween(sinceMs, untilMs, nowMs, wantedMs ?? (untilMs - sinceMs) / WANTED_INTERVALS, coverage)
}

/**
 * Whole intervals that cover a span, of at least the length that is wanted. They begin at multiples of a length that buckets
 * of that age divide (old attempts are held in hours and days): no attempt is in two of them. Only the first may begin later, with what is held.
 */
export function intervalsBetween(
  sinceMs: number,
  untilMs: number,
  nowMs: number,
  wantedMs: number,
  { earliestMs, spanMs }: Coverage = COVERED,
): TimeRange[] {
  const usual = nowMs - sinceMs < DAY_MS ? MINUTE_MS : nowMs - sinceMs < 90 * DAY_MS ? 60 * MINUTE_MS : DAY_MS
  const finest = Math.max(usual, spanMs)
  const wanted = Math.min(Math.max(finest, wantedMs, (untilMs - sinceMs) / MAX_INTERVALS), LONGEST_MS)
  const unitMs = spanMs > 0 && DAY_MS % spanMs !== 0 ? spanMs : DAY_MS
  const isWhole = (length: number): boolean => spanMs === 0 || length % spanMs === 0
  const lengthMs = LENGTHS.find(length => length >= wanted && isWhole(length)) ?? Math.ceil(wanted / unitMs) * unitMs
  const intervals: TimeRange[] = []
  for (let at = Math.floor(sinceMs / lengthMs) * lengthMs; at < untilMs; at += lengthMs) {
    intervals.push({ sinceMs: Math.max(at, earliestMs), untilMs: at + lengthMs })
  }
  return intervals
}

/** The report of `counts`, one for each interval; `life` are whole lives of the keys asked about, `all` of every key. */
export function trendReport(
  intervals: readonly TimeRange[],
  counts: readonly Counts[],
  life: readonly KeySummary[],
  all: readonly KeySummary[],
): TrendReport {
  return runToCompletion(trendSteps(intervals, counts, life, all))
}

/** {@link trendReport} in steps. */
export function* trendSteps(
  intervals: readonly TimeRange[],
  counts: readonly Counts[],
  life: readonly KeySummary[],
  all: readonly KeySummary[],
): Steps<TrendReport> {
  const time = (ms: number | undefined): string | null =>
    ms === undefined ? null : printTimestamp({ ms, local: false })
  const evidence = compareRates(...halves(counts), { alpha: ALPHA, adaptive: false })
  const told = evidence.p_value <= ALPHA
  const [first, last] = [intervals[0], intervals.at(-1)]
  // What is counted beyond the bound of keys is of many: that its rate moves says nothing.
  const named: KeySummary[] = []
  function add(one: KeySummary): void {
    if (one.key.agent_name !== OVERFLOW_KEY.agent_name) named.push(one)
  }
  yield* forEachKey(life, add)
  const range = first && last && { sinceMs: first.sinceMs, untilMs: last.untilMs }
  return {
    since: time(first?.sinceMs),
    until: time(last?.untilMs),
    interval_seconds: last === undefined ? 0 : (last.untilMs - last.sinceMs) / 1000,
    points: intervals.map(({ sinceMs, untilMs }, i) => ({
      since: time(sinceMs)!,
      until: time(untilMs)!,
      ...rate(counts[i]!.successes, counts[i]!.attempts),
    })),
    direction: told ? (evidence.difference > 0 ? 'improving' : 'degrading') : 'cannot_tell_yet',
    evidence,
    drifted_keys: yield* driftedKeys(named, range),
    agents: yield* driftedAgents(named, all, range),
  }
}

/** The attempts in two halves by time, as near to equal as whole intervals allow. */
function halves(counts: readonly Counts[]): [Counts, Counts] {
  const total = counts.reduce((sum, { attempts }) => sum + attempts, 0)
  const earlier = { successes: 0, attempts: 0 }
  const later = { successes: 0, attempts: 0 }
  for (const { successes, attempts } of counts) {
    const half = earlier.attempts + attempts / 2 <= total / 2 ? earlier : later
    half.successes += successes
    half.attempts += attempts
  }
  return [earlier, later]
}

/** Keys whose attempts are read between two pauses. */
const WATCHED_AT_ONCE = 10

function* driftedKeys(life: readonly KeySummary[], range: TimeRange | undefined): Steps<KeyDrift[]> {
  const drifted: KeyDrift[] = []
  function watch(one: KeySummary): void {
    const drift = watchKey(one, life.length, range)
    if (drift !== null && drift.direction !== 'none') drifted.push({ ...one.key, ...drift })
  }
  yield* forEachKey(life, watch, WATCHED_AT_ONCE)
  return yield* sortedSteps(drifted, (a, b) => b.statistic - a.statistic)
}

function* driftedAgents(
  life: readonly KeySummary[],
  all: readonly KeySummary[],
  range: TimeRange | undefined,
): Steps<Record<string, Drift>> {
  const difficulty = yield* difficultySteps(all)
  const agents = new Map<string, KeySummary[]>()
  function add(one: KeySummary): void {
    const own = agents.get(one.key.agent_name)
    if (own === undefined) agents.set(one.key.agent_name, [one])
    else own.push(one)
  }
  yield* forEachKey(life, add)
  const drifts = namedRecord<Drift>([])
  for (const [agent, own] of agents) {
    const drift = yield* watchAgentSteps(own, difficulty, agents.size, range)
    if (drift !== null) drifts[agent] = drift
    yield
  }
  return drifts
}
