/** The success rate over time: per interval, its direction, and the keys and agents that have drifted. */

import { OVERFLOW_KEY } from '../aggregate/tally.ts'
import { createTaskSketch, mergeTasks, type TaskSketch } from '../aggregate/task-sketch.ts'
import { printTimestamp } from '../attempt/timestamp.ts'
import type { KeySummary, TimeRange } from '../ports.ts'
import { clusteredCounts, type TaskCounts } from '../statistics/clusters.ts'
import type { Counts, MutableCounts } from '../statistics/counts.ts'
import { compareRates, type RateDifference } from '../statistics/sequential.ts'
import { forEachKey, runToCompletion, type Steps } from '../steps.ts'
import { type DriftReport, driftSteps } from './drift-report.ts'
import type { MixChange } from './mix-change.ts'
import { type Rate, rateOfCounts } from './rate.ts'
import { trendVerdict } from './trend-verdict.ts'

const ALPHA = 0.05

/** The rate of one interval. */
export interface TrendPoint extends Rate {
  /** RFC 3339, inclusive. */
  readonly since: string
  /** RFC 3339, exclusive. */
  readonly until: string
}

export interface TrendReport extends DriftReport {
  /** RFC 3339. Null if there are no attempts. */
  readonly since: string | null
  /** RFC 3339. Null if there are no attempts. */
  readonly until: string | null
  /** The length of a whole interval. The first and the last may be shorter: they end at the range. */
  readonly interval_seconds: number
  readonly points: readonly TrendPoint[]
  readonly direction: 'improving' | 'degrading' | 'cannot_tell_yet'
  /** The earlier half of the attempts by time, as equal as whole intervals allow. Null if it has none. */
  readonly earlier_half: Rate | null
  /** The later half of the attempts by time. Null if it has none. */
  readonly later_half: Rate | null
  /** The later half of the attempts compared with the earlier half, anytime-valid. Null if one of them has no attempts. */
  readonly change: RateDifference | null
  /** One verdict in words from the halves and the drifts. */
  readonly verdict: string
}

/**
 * The trend report. `counts` has one entry per interval. `selected` are the keys that the question covers. Their
 * summaries must cover the whole lifetime of the keys.
 */
export function trendReport(
  intervals: readonly TimeRange[],
  counts: readonly TaskCounts[],
  selected: readonly KeySummary[],
): TrendReport {
  return runToCompletion(trendSteps(intervals, counts, selected))
}

/**
 * {@link trendReport} in steps. `lengthMs` is the length of a whole interval: the first and the last may be shorter. `mix` is a change of the
 * mix of agents in the range.
 */
export function* trendSteps(
  intervals: readonly TimeRange[],
  counts: readonly TaskCounts[],
  selected: readonly KeySummary[],
  lengthMs: number = longest(intervals),
  mix?: MixChange,
): Steps<TrendReport> {
  const time = (ms: number | undefined): string | null =>
    ms === undefined ? null : printTimestamp({ ms, local: false })
  const [earlier, later] = halves(counts)
  const isComparable = earlier.attempts > 0 && later.attempts > 0
  const change = isComparable ? compareRates(earlier, later, { alpha: ALPHA, adaptive: false }) : null
  const isSignificant = change !== null && change.p_value <= ALPHA
  const [first, last] = [intervals[0], intervals.at(-1)]
  // The overflow key mixes attempts of many keys. A change of its mix is not a drift of any of them.
  const named: KeySummary[] = []
  function add(entry: KeySummary): void {
    if (entry.key.agent_name !== OVERFLOW_KEY.agent_name) named.push(entry)
  }
  yield* forEachKey(selected, add)
  const range = first && last && { sinceMs: first.sinceMs, untilMs: last.untilMs }
  const direction = isSignificant ? (change.difference > 0 ? 'improving' : 'degrading') : 'cannot_tell_yet'
  const drifts = yield* driftSteps(named, range)
  const attempts = counts.reduce((sum, one) => sum + one.attempts, 0)
  const repeats = [earlier, later, ...counts].some(({ clusters }) => clusters !== undefined)
  return {
    since: time(first?.sinceMs),
    until: time(last?.untilMs),
    interval_seconds: lengthMs / 1000,
    points: intervals.map(({ sinceMs, untilMs }, i) => ({
      since: time(sinceMs)!,
      until: time(untilMs)!,
      ...rateOfCounts(counts[i]!),
    })),
    direction,
    earlier_half: rateOfHalf(earlier),
    later_half: rateOfHalf(later),
    change,
    verdict: trendVerdict({ attempts, direction, change, repeats, mix, ...drifts }),
    ...drifts,
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

function longest(intervals: readonly TimeRange[]): number {
  return intervals.reduce((most, { sinceMs, untilMs }) => Math.max(most, untilMs - sinceMs), 0)
}

const rateOfHalf = (half: Counts): Rate | null => (half.attempts === 0 ? null : rateOfCounts(half))
