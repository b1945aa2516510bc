/**
 * Parses the time range of a question, and prints the range of its answer. Each bound is an RFC 3339 time, a date, or a duration before now such
 * as `15m`, `24h`, `7d`.
 */

import { type TimeZone, timeZone, UTC } from '../attempt/time-zone.ts'
import { parseDuration, parseTimestamp, printTimestamp } from '../attempt/timestamp.ts'
import type { TimeRange } from '../ports.ts'

export interface RangeQuestion {
  readonly since?: string | undefined
  readonly until?: string | undefined
  /** An IANA time zone, for dates, times without a zone, and the days and weeks of an answer. UTC by default. */
  readonly tz?: string | undefined
}

/** The range that an answer is about. */
export interface AnsweredRange {
  /** RFC 3339, inclusive. */
  readonly since: string
  /** RFC 3339, exclusive. */
  readonly until: string
}

/** What every answer says about itself. */
export interface Ranged {
  /** Present if a range was asked for. */
  readonly range?: AnsweredRange
  /**
   * RFC 3339. Present if attempts may be missing that other sidecars of the store recorded after this time, or that wait in the spool. Every
   * attempt that was recorded before is included.
   */
  readonly as_of?: string
}

/** Why a bound or the zone of a question is invalid. */
export interface RangeFault {
  readonly parameter: keyof RangeQuestion
  readonly detail: string
}

/** Milliseconds since the epoch, of an RFC 3339 time, of the start of a date, or of a duration before now. Undefined if the text is neither. */
export function parseTime(text: string, nowMs: number, zone?: TimeZone): number | undefined {
  const back = parseDuration(text)
  if (back !== undefined) return nowMs - back
  if (/^\d{4}-\d\d-\d\d$/.test(text)) {
    const dayMs = parseTimestamp(`${text}T00:00:00Z`)?.ms
    return dayMs === undefined ? undefined : (zone ?? UTC).instantOf(dayMs)
  }
  const at = parseTimestamp(text)
  return at?.local && zone !== undefined ? zone.instantOf(parseTimestamp(`${text}Z`)!.ms) : at?.ms
}

/** The zone of a question, UTC by default. Undefined if it is unknown. */
export const zoneOf = ({ tz }: RangeQuestion): TimeZone | undefined => (tz === undefined ? UTC : timeZone(tz))

/** Why {@link zoneOf} is undefined. */
export const zoneDetail = (tz: string): string =>
  `must be an IANA time zone such as Europe/Berlin: ${JSON.stringify(tz.slice(0, 100))} is unknown`

/** The requested range, or undefined if neither bound is given. If a bound or the zone is invalid: its parameter and the reason. */
export function parseRange(
  { since, until, tz }: RangeQuestion,
  nowMs: number,
  { isSinceDefault = false }: { readonly isSinceDefault?: boolean } = {},
): TimeRange | undefined | RangeFault {
  const zone = tz === undefined ? undefined : timeZone(tz)
  if (tz !== undefined && zone === undefined) return { parameter: 'tz', detail: zoneDetail(tz) }
  if (since === undefined && until === undefined) return undefined
  // A range without an end includes attempts recorded during the computation. Timestamps are at most five minutes ahead of receipt.
  const untilMs = until === undefined ? Number.POSITIVE_INFINITY : parseTime(until, nowMs, zone)
  const sinceFromMs = isSinceDefault && untilMs !== undefined ? Math.min(untilMs, nowMs) : nowMs
  const sinceMs = since === undefined ? Number.NEGATIVE_INFINITY : parseTime(since, sinceFromMs, zone)
  const detail = 'must be an RFC 3339 time, a date, or a duration before now such as 15m, 24h, 7d'
  if (sinceMs === undefined) return { parameter: 'since', detail }
  if (untilMs === undefined) return { parameter: 'until', detail }
  if (sinceMs >= untilMs) return { parameter: 'until', detail: 'must be later than since' }
  return { sinceMs, untilMs }
}

/** The first and the last instant that RFC 3339 can state. */
const [FIRST_MS, LAST_MS] = [-62_167_219_200_000, 253_402_300_799_999]

/** The text of a range with finite edges. An edge that RFC 3339 cannot state is printed as the nearest one that it can. */
export function printRange({ sinceMs, untilMs }: TimeRange): AnsweredRange {
  return { since: printEdge(sinceMs), until: printEdge(untilMs) }
}

function printEdge(ms: number): string {
  return printTimestamp({ ms: Math.min(Math.max(ms, FIRST_MS), LAST_MS), local: false })
}

/**
 * The range of an answer. Undefined if none was asked for. An answer that has one member per name may then have a member of the name `range`,
 * which has other fields.
 */
export function rangeOf({ range }: Ranged): AnsweredRange | undefined {
  return range !== undefined && 'since' in range ? range : undefined
}

/** The time up to which an answer is complete. Undefined if it is complete. The member of that name may be one of the names, as in {@link rangeOf}. */
export function asOfOf({ as_of }: Ranged): string | undefined {
  return typeof as_of === 'string' ? as_of : undefined
}

/** The members of an answer that has one per name, without what it states about itself. */
export function withoutRange<Member>(answer: Record<string, Member> & Ranged): Record<string, Member> {
  const { range, as_of, ...members } = answer
  if (range !== undefined && rangeOf(answer) === undefined) Object.assign(members, { range })
  if (as_of !== undefined && asOfOf(answer) === undefined) Object.assign(members, { as_of })
  return members as Record<string, Member>
}
