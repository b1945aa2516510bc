/** Parses the time range of a question. Each bound is an RFC 3339 time, or a duration before now such as `15m`, `24h`, `7d`. */

import { parseDuration, parseTimestamp } from '../attempt/timestamp.ts'
import type { TimeRange } from '../ports.ts'

export interface RangeQuestion {
  readonly since?: string | undefined
  readonly until?: string | undefined
}

/** Milliseconds since the epoch, of an RFC 3339 time or of a duration before now. Undefined if the text is neither. */
export function parseTime(text: string, nowMs: number): number | undefined {
  const back = parseDuration(text)
  return back === undefined ? parseTimestamp(text)?.ms : nowMs - back
}

/** The requested range, or undefined if neither bound is given. If a bound is invalid: its parameter and the reason. */
export function parseRange(
  { since, until }: RangeQuestion,
  nowMs: number,
): TimeRange | undefined | { readonly parameter: 'since' | 'until'; readonly detail: string } {
  if (since === undefined && until === undefined) return undefined
  const sinceMs = since === undefined ? Number.NEGATIVE_INFINITY : parseTime(since, nowMs)
  // An open end includes attempts recorded during the computation. Timestamps are at most five minutes ahead of receipt.
  const untilMs = until === undefined ? Number.POSITIVE_INFINITY : parseTime(until, nowMs)
  const detail = 'must be an RFC 3339 time or a duration before now such as 15m, 24h, 7d'
  if (sinceMs === undefined) return { parameter: 'since', detail }
  if (untilMs === undefined) return { parameter: 'until', detail }
  if (sinceMs >= untilMs) return { parameter: 'until', detail: 'must be later than since' }
  return { sinceMs, untilMs }
}
