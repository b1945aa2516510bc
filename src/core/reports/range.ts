/** Ranges of time as people ask for them: an RFC 3339 time, or a length back from now such as `15m`, `24h`, `7d`. */

import { parseDuration, parseTimestamp } from '../attempt/timestamp.ts'
import type { TimeRange } from '../ports.ts'

export interface RangeQuestion {
  readonly since?: string | undefined
  readonly until?: string | undefined
}

/** Milliseconds since the epoch of a time or of a length back from now; undefined where the text is neither. */
export function parseTime(text: string, nowMs: number): number | undefined {
  const back = parseDuration(text)
  return back === undefined ? parseTimestamp(text)?.ms : nowMs - back
}

/** The range asked for; undefined where none was; or which of the two is wrong and why. */
export function parseRange(
  { since, until }: RangeQuestion,
  nowMs: number,
): TimeRange | undefined | { readonly parameter: 'since' | 'until'; readonly detail: string } {
  if (since === undefined && until === undefined) return undefined
  const sinceMs = since === undefined ? Number.NEGATIVE_INFINITY : parseTime(since, nowMs)
  // Nothing is kept as later than five minutes from its receipt; an open end covers what comes while the answer is made.
  const untilMs = until === undefined ? Number.POSITIVE_INFINITY : parseTime(until, nowMs)
  const detail = 'must be an RFC 3339 time or a length back from now such as 15m, 24h, 7d'
  if (sinceMs === undefined) return { parameter: 'since', detail }
  if (untilMs === undefined) return { parameter: 'until', detail }
  if (sinceMs >= untilMs) return { parameter: 'until', detail: 'must be later than since' }
  return { sinceMs, untilMs }
}
