/**
 * Parses the timestamps of attempts, RFC 3339 or the zone-less local time that the Python tracker writes, and prints them in UTC. Times are
 * numbers: milliseconds since the epoch, with microseconds as the fraction.
 */

export interface Instant {
  /** Milliseconds since the epoch. The fraction contains the microseconds. */
  readonly ms: number
  /** True if the text had no zone. It was then read as local time, by the zone of this process at that time. */
  readonly local: boolean
  /** The offset of local time that the text stated in digits, as in `+01:00`, in minutes. Only adopted attempts are stored with one. */
  readonly offsetMinutes?: number
}

/** A timestamp further ahead of our clock than this is replaced by the time of receipt. */
export const MAX_AHEAD_MS: number = 5 * 60_000

const FORM = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:[.,](\d{1,9})\d*)?(?:([Zz])|([+-])(\d\d):(\d\d))?$/
const MINUTE_MS = 60_000

/** The instant of `text`. Undefined if the text is no valid time. Digits beyond microseconds are dropped. */
export function parseTimestamp(text: string): Instant | undefined {
  const ms = parseCanonical(text)
  if (ms !== undefined) return { ms, local: false }
  const localMs = parseLocal(text)
  return localMs === undefined ? parseAny(text) : { ms: localMs, local: true }
}

/** Whether {@link printTimestamp} would print exactly `text`, a valid RFC 3339 time. If so, the caller does not have to print it again. */
export function isCanonical(text: string): boolean {
  if (text[10] !== 'T' || text[19] !== '.' || text.at(-1) !== 'Z') return false
  // A double can represent the microseconds of this century exactly enough, but not those of every century.
  const isExact = text.length === 24 || (text.length === 27 && text.startsWith('20') && !text.endsWith('000Z'))
  if (!isExact) return false
  // Leap seconds are printed as the next minute. Years below 1000 are rare, so the printer handles them.
  return text[17] !== '6' && text[0] !== '0'
}

/**
 * Milliseconds of a time such as `2026-01-31T12:00:00.000Z`, or with microseconds. Undefined for any other form. Nearly all times have one
 * of these two forms. This takes a tenth of the time of the regular expression below, and runs for every attempt.
 */
function parseCanonical(text: string): number | undefined {
  const { length } = text
  if ((length !== 24 && length !== 27) || text.charCodeAt(length - 1) !== 90) return undefined
  if (text.charCodeAt(16) !== 58 || text.charCodeAt(19) !== 46) return undefined
  const second = digits(text, 17, 19)
  const milli = digits(text, 20, 23)
  const micro = length === 27 ? digits(text, 23, 26) : 0
  // The regular expression handles leap seconds.
  if (!(second <= 59 && milli <= 999 && micro <= 999)) return undefined
  const minuteMs = isIn(lastMinute, text) ? lastMinute.ms : parseMinute(text)
  return minuteMs === undefined ? undefined : minuteMs + second * 1000 + milli + micro / 1000
}

/** Length of `2026-01-31T12:00`. */
const MINUTE_LENGTH = 16

/** A minute: its character codes, and its start in milliseconds since the epoch. */
interface Minute {
  readonly codes: Uint8Array
  ms: number
}

const noMinute = (): Minute => ({ codes: new Uint8Array(MINUTE_LENGTH), ms: 0 })

/** Cache of the minute parsed last. Attempts of one request mostly ended in the same minute. */
const lastMinute = noMinute()

/** Whether a text begins with a minute. Compares from the end, where times differ. It takes a third less time than `startsWith`. */
function isIn({ codes }: Minute, text: string): boolean {
  for (let i = MINUTE_LENGTH - 1; i >= 0; i--) if (text.charCodeAt(i) !== codes[i]) return false
  return true
}

/** Sets `minute` to the minute with which a text begins. Returns its start in milliseconds. */
function become(minute: Minute, text: string, ms: number): number {
  for (let i = 0; i < MINUTE_LENGTH; i++) minute.codes[i] = text.charCodeAt(i)
  minute.ms = ms
  return ms
}

/** Milliseconds of the minute with which a text begins, such as `2026-01-31T12:00`. */
function parseMinute(text: string): number | undefined {
  if (text.charCodeAt(4) !== 45 || text.charCodeAt(7) !== 45) return undefined
  if (text.charCodeAt(10) !== 84 || text.charCodeAt(13) !== 58) return undefined
  const year = digits(text, 0, 4)
  const month = digits(text, 5, 7)
  const day = digits(text, 8, 10)
  const hour = digits(text, 11, 13)
  const minute = digits(text, 14, 16)
  if (!(year >= 0 && month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month))) return undefined
  if (!(hour <= 23 && minute <= 59)) return undefined
  return become(lastMinute, text, (daysSinceEpoch(year, month, day) * 1440 + hour * 60 + minute) * MINUTE_MS)
}

/** Cache of the zone-less minute parsed last. */
const lastLocalMinute = noMinute()

/**
 * Milliseconds of a time of this century in the format of Python's `datetime.isoformat()`, if it is in the same minute as the previous one.
 * Undefined for any other time. Looking up the time zone for each time takes ten times as long.
 */
function parseLocal(text: string): number | undefined {
  const { length } = text
  if ((length !== 26 && length !== 19) || !text.startsWith('20') || text.charCodeAt(16) !== 58) return undefined
  const second = digits(text, 17, 19)
  const micros = length === 19 ? 0 : text.charCodeAt(19) === 46 ? digits(text, 20, 26) : Number.NaN
  if (!(second <= 59 && micros <= 999_999)) return undefined
  if (!isIn(lastLocalMinute, text)) {
    const minute = parseAny(`${text.slice(0, MINUTE_LENGTH)}:00`)
    if (minute === undefined) return undefined
    become(lastLocalMinute, text, minute.ms)
  }
  return lastLocalMinute.ms + second * 1000 + micros / 1000
}

/** The number in the characters from `from` to `to`. NaN if one of them is no digit. */
function digits(text: string, from: number, to: number): number {
  let value = 0
  for (let i = from; i < to; i++) {
    const digit = text.charCodeAt(i) - 48
    if (digit < 0 || digit > 9) return Number.NaN
    value = value * 10 + digit
  }
  return value
}

/**
 * Days from 1970-01-01 to a Gregorian date. Years begin in March here, so that a leap day is the last day of a year. Faster than `Date.UTC`,
 * and runs for every attempt. Source: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil.
 */
function daysSinceEpoch(year: number, month: number, day: number): number {
  const marchYear = month < 3 ? year - 1 : year
  const marchMonth = month < 3 ? month + 9 : month - 3
  const leapDays = Math.floor(marchYear / 4) - Math.floor(marchYear / 100) + Math.floor(marchYear / 400)
  return marchYear * 365 + leapDays + Math.floor((153 * marchMonth + 2) / 5) + day - 719_469
}

function parseAny(text: string): Instant | undefined {
  const found = FORM.exec(text)
  if (found === null) return undefined
  const [, fraction = '', utc, sign, offsetHours = '0', offsetMinutes = '0'] = found
  const year = digits(text, 0, 4)
  const month = digits(text, 5, 7)
  const day = digits(text, 8, 10)
  const hour = digits(text, 11, 13)
  const minute = digits(text, 14, 16)
  const second = digits(text, 17, 19)
  if (month < 1 || month > 12 || day < 1 || day > daysIn(year, month)) return undefined
  if (hour > 23 || minute > 59 || second > 60) return undefined
  const millis = Number(fraction.slice(0, 6).padEnd(6, '0')) / 1000
  const isLocal = utc === undefined && sign === undefined
  const date = isLocal ? new Date(2000, 0, 1) : new Date(Date.UTC(2000, 0, 1))
  // Set the year separately: the constructor maps years below 100 to the 20th century.
  if (isLocal) {
    date.setFullYear(year, month - 1, day)
    date.setHours(hour, minute, second)
    return { ms: date.getTime() + millis, local: true }
  }
  date.setUTCFullYear(year, month - 1, day)
  date.setUTCHours(hour, minute, second)
  if (Number(offsetHours) > 23 || Number(offsetMinutes) > 59) return undefined
  const offset = (Number(offsetHours) * 60 + Number(offsetMinutes)) * (sign === '-' ? -1 : 1)
  const ms = date.getTime() - offset * MINUTE_MS + millis
  return sign === undefined ? { ms, local: false } : { ms, local: false, offsetMinutes: offset }
}

/**
 * The text of an instant: RFC 3339 in UTC, also for a local one. Local time is never stored, because it means another instant after the
 * zone changes.
 */
export function printTimestamp({ ms }: Instant): string {
  const fractionMicros = Math.round((ms - Math.floor(ms)) * 1000)
  return printUtc(Math.floor(ms) + (fractionMicros === 1000 ? 1 : 0), fractionMicros % 1000)
}

/** The local time of an instant without its zone, as Python's `datetime.isoformat()` prints it. */
export function printLocal(ms: number, offsetMinutes: number): string {
  const text = printTimestamp({ ms: ms + offsetMinutes * MINUTE_MS, local: false }).slice(0, -1)
  const fraction = text.slice(20).padEnd(6, '0')
  return fraction === '000000' ? text.slice(0, 19) : `${text.slice(0, 19)}.${fraction}`
}

/** The text of {@link printLocal} with its offset: RFC 3339, the same instant in every zone. */
export function printWithOffset(ms: number, offsetMinutes: number): string {
  const [hours, minutes] = [Math.floor(Math.abs(offsetMinutes) / 60), Math.abs(offsetMinutes) % 60]
  return `${printLocal(ms, offsetMinutes)}${offsetMinutes < 0 ? '-' : '+'}${pad(hours, 2)}:${pad(minutes, 2)}`
}

/** Cache of the minute printed last, without the seconds. It changes no text. Without it, printing takes 450 ns instead of 40 ns, per attempt. */
let printedMinute = { ms: 0, text: '1970-01-01T00:00:' }
/** `000` to `999`. */
const THREE_DIGITS: readonly string[] = Array.from({ length: 1000 }, (_, i) => pad(i, 3))

/** Prints a time in UTC. Times of one request are mostly in the same minute, so only the seconds are printed again. */
function printUtc(wholeMs: number, restMicros: number): string {
  let ms = wholeMs - printedMinute.ms
  if (!(ms >= 0 && ms < MINUTE_MS)) {
    const minuteMs = Math.floor(wholeMs / MINUTE_MS) * MINUTE_MS
    printedMinute = { ms: minuteMs, text: new Date(minuteMs).toISOString().slice(0, -'00.000Z'.length) }
    ms = wholeMs - minuteMs
  }
  const seconds = Math.floor(ms / 1000)
  const millis = THREE_DIGITS[ms - seconds * 1000]
  const micros = restMicros === 0 ? '' : THREE_DIGITS[restMicros]
  return `${printedMinute.text}${seconds < 10 ? '0' : ''}${seconds}.${millis}${micros}Z`
}

/** Parses a duration such as `15m`, `24h`, `7d`, `90s`, `2w`. Returns milliseconds, or undefined if the text is no duration. */
export function parseDuration(text: string): number | undefined {
  const found = /^(\d{1,9}(?:\.\d{1,6})?)(ms|s|m|h|d|w)$/.exec(text)
  if (found === null) return undefined
  const unit = { ms: 1, s: 1000, m: MINUTE_MS, h: 60 * MINUTE_MS, d: 1440 * MINUTE_MS, w: 7 * 1440 * MINUTE_MS }
  return Number(found[1]) * unit[found[2] as keyof typeof unit]
}

/** Prints a duration for {@link parseDuration}, in the largest unit that divides it. */
export function printDuration(ms: number): string {
  for (const [unit, length] of [
    ['d', 1440 * MINUTE_MS],
    ['h', 60 * MINUTE_MS],
    ['m', MINUTE_MS],
    ['s', 1000],
  ] as const) {
    if (ms >= length && ms % length === 0) return `${ms / length}${unit}`
  }
  return `${ms}ms`
}

function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
}

function pad(value: number, width: number): string {
  return String(value).padStart(width, '0')
}
