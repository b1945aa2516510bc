/** Days in a time zone. A day is a number that identifies a date in any zone: 0 is 1970-01-01. */

const SECOND_MS = 1000
const DAY_MS = 86_400 * SECOND_MS
/** Outside these years the offset of the nearest of them applies: earlier there were no zones, and later years have no rules yet. */
const [FIRST_MS, LAST_MS] = [-2_208_988_800_000, 253_402_300_799_000]

export interface TimeZone {
  /** The first instant of a day, in milliseconds since the epoch. If a clock change skips midnight, this is the end of the gap. */
  startOf(day: number): number
  /** The day of an instant. */
  dayOf(ms: number): number
  /** The instant at which local clocks show a time, given as if it were UTC. The earlier instant if they show it twice. */
  instantOf(localMs: number): number
}

/** Coordinated Universal Time. */
export const UTC: TimeZone = {
  startOf: day => day * DAY_MS,
  dayOf: ms => Math.floor(ms / DAY_MS),
  instantOf: localMs => localMs,
}

/** The zone of an IANA name such as `Europe/Berlin`, case-insensitive. Undefined if there is none with that name. */
export function timeZone(name: string): TimeZone | undefined {
  if (name === 'UTC') return UTC
  const format = formatOf(name)
  return format && createTimeZone(ms => offsetAt(format, ms))
}

function formatOf(timeZone: string): Intl.DateTimeFormat | undefined {
  // Intl also accepts offsets such as +01:00, which are not names of zones.
  if (!/^[a-z]/i.test(timeZone)) return undefined
  const number = 'numeric'
  const options = { year: number, month: number, day: number, hour: number, minute: number, second: number } as const
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone, calendar: 'gregory', hourCycle: 'h23', ...options })
  } catch {
    return undefined
  }
}

/** Local time minus UTC at an instant, in milliseconds. */
function offsetAt(format: Intl.DateTimeFormat, ms: number): number {
  const wholeMs = Math.floor(Math.min(Math.max(ms, FIRST_MS), LAST_MS) / SECOND_MS) * SECOND_MS
  // Month, day, year, hour, minute, second, with other characters in between.
  const [month, day, year, hour, minute, second] = format.format(wholeMs).match(/\d+/g)!.map(Number) as Numbers
  return Date.UTC(year, month - 1, day, hour, minute, second) - wholeMs
}

type Numbers = [number, number, number, number, number, number]

function createTimeZone(offsetAt: (ms: number) => number): TimeZone {
  function instantOf(localMs: number): number {
    // Clocks change at most once within these two days.
    const [before, after] = [offsetAt(localMs - DAY_MS), offsetAt(localMs + DAY_MS)]
    const candidates = [localMs - before, localMs - after].sort((a, b) => a - b)
    // A clock change skips this time. With the offset before the change, it is the same distance after the change.
    return candidates.find(ms => ms + offsetAt(ms) === localMs) ?? localMs - before
  }
  return {
    instantOf,
    startOf: day => instantOf(day * DAY_MS),
    dayOf: ms => Math.floor((ms + offsetAt(ms)) / DAY_MS),
  }
}
