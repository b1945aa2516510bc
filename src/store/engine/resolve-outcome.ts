/** What an outcome changes about its attempt: which result of each source is the latest, and which of them counts. */
import { type Instant, MAX_AHEAD_MS, parseTimestamp, printTimestamp } from '../../core/attempt/timestamp.ts'
import {
  MAX_STANDING,
  type Outcome,
  type OutcomeRecord,
  type RecordTimes,
  type StandingOutcome,
  type Statement,
} from '../../core/fold.ts'
import type { FoundAttempt } from '../../core/log.ts'

/** When the outcome is recorded, and how. */
export interface Resolution extends RecordTimes {
  /** Sources whose results count before those of the sources behind them, and before all others. */
  readonly order: readonly string[]
  /** The revision is higher than this one. */
  readonly above: number
}

/**
 * The record of an outcome. `duplicate`: without a time, it states what the latest outcome of its source states already. With one, the same
 * result of its source at that time is recorded.
 */
export function resolveOutcome(
  given: Outcome,
  { attempt, at, outcomes }: FoundAttempt,
  { nowMs, idMs, order, above }: Resolution,
): OutcomeRecord | 'duplicate' {
  const before = outcomes.at(-1)
  const standing = before?.standing ?? []
  const { outcome, statedMs } = withTime(given, nowMs)
  const stated: StandingOutcome = { source: outcome.source, success: outcome.success, atMs: statedMs ?? nowMs }
  // A source beyond the most that are remembered is known by its records: sent again, it would else be the latest.
  const own = standing.find(({ source }) => source === stated.source) ?? lastOf(outcomes, stated.source)
  if (statedMs === undefined && own?.success === outcome.success) return 'duplicate'
  if (statedMs !== undefined && outcomes.some(one => isSame(one, outcome, statedMs))) return 'duplicate'
  const latest = own !== undefined && stated.atMs < own.atMs ? standing : latestOf(standing, stated, order)
  return {
    kind: 'outcome',
    nowMs,
    idMs,
    outcome,
    revision: Math.max(before?.revision ?? 0, above) + 1,
    attempt,
    at,
    ...(before !== undefined && { before: before.counts }),
    standing: latest,
    counts: countingOf(latest, order),
  }
}

/** The outcome with its time in UTC. A time too far ahead of the clock is the time of receipt, as that of an attempt. */
function withTime(
  { timestamp, ...outcome }: Outcome,
  nowMs: number,
): { readonly outcome: Outcome; readonly statedMs: number | undefined } {
  const stated: Instant | undefined = timestamp === undefined ? undefined : parseTimestamp(timestamp)
  if (stated === undefined || stated.ms > nowMs + MAX_AHEAD_MS) return { outcome, statedMs: undefined }
  return {
    outcome: { ...outcome, timestamp: printTimestamp({ ms: stated.ms, local: false }) },
    statedMs: stated.ms,
  }
}

/** Whether a record states the same result of the same source at the same time. An import may send an older outcome again. */
function isSame(record: OutcomeRecord, { source, success }: Outcome, atMs: number): boolean {
  const { outcome } = record
  return outcome.source === source && outcome.success === success && timeOf(record) === atMs
}

/** When the source of a recorded outcome decided, in milliseconds since the epoch. */
const timeOf = ({ outcome, nowMs }: OutcomeRecord): number =>
  (outcome.timestamp === undefined ? undefined : parseTimestamp(outcome.timestamp)?.ms) ?? nowMs

/** The latest result that the records of a source state. Undefined if it has none. */
function lastOf(outcomes: FoundAttempt['outcomes'], source: string): StandingOutcome | undefined {
  const own = outcomes
    .filter(({ outcome }) => outcome.source === source)
    .map(one => ({ ...one.outcome, atMs: timeOf(one) }))
  return own.reduce<(typeof own)[number] | undefined>(
    (a, b) => (a === undefined || b.atMs >= a.atMs ? b : a),
    undefined,
  )
}

/**
 * The latest results with a new one of a source, in the order in which they were recorded. Of too many, the oldest is left out of those whose source
 * comes last: never the one that counts.
 */
function latestOf(
  standing: readonly StandingOutcome[],
  added: StandingOutcome,
  order: readonly string[],
): readonly StandingOutcome[] {
  const all = [...standing.filter(({ source }) => source !== added.source), added]
  if (all.length <= MAX_STANDING) return all
  const least = all.reduce((a, b) => {
    const [before, after] = [rankOf(a, order), rankOf(b, order)]
    return after > before || (after === before && b.atMs < a.atMs) ? b : a
  })
  return all.filter(one => one !== least)
}

/** The place of a source in the order. Those that are not in it come last. */
const rankOf = ({ source }: Statement, order: readonly string[]): number =>
  order.includes(source) ? order.indexOf(source) : order.length

/** The result that counts: of the first source of the order that has one, else the latest. Of equal times, the one recorded last. */
function countingOf(standing: readonly StandingOutcome[], order: readonly string[]): Statement {
  const rank = (one: StandingOutcome): number => rankOf(one, order)
  const { success, source } = standing.reduce((best, one) =>
    rank(one) < rank(best) || (rank(one) === rank(best) && one.atMs >= best.atMs) ? one : best,
  )
  return { success, source }
}
