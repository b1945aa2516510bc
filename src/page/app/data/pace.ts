/** How many attempts an experiment gets, from its history. */

const DAY_MS = 86_400_000
/** The pace is that of the last week: an experiment may have begun slowly. */
const WINDOW_MS = 7 * DAY_MS

interface PacePoint {
  /** RFC 3339. */
  readonly until: string
  /** Attempts before that time. */
  readonly total_attempts: number
}

/**
 * Attempts per day in the last week, or since the first point if that is later. 0 if none came. Undefined with fewer than two points. The points
 * are oldest first.
 */
export function attemptsPerDay(history: readonly PacePoint[], nowMs: number): number | undefined {
  const [first, last] = [history[0], history.at(-1)]
  if (first === undefined || last === undefined || first === last) return undefined
  const startMs = Math.max(Date.parse(first.until), nowMs - WINDOW_MS)
  const spanMs = nowMs - startMs
  if (spanMs <= 0) return undefined
  return ((last.total_attempts - attemptsAt(history, startMs)) / spanMs) * DAY_MS
}

/** The attempts before a time, interpolated between the points. */
function attemptsAt(history: readonly PacePoint[], ms: number): number {
  const next = history.findIndex(({ until }) => Date.parse(until) >= ms)
  if (next <= 0) return (history[next] ?? history.at(-1)!).total_attempts
  const [a, b] = [history[next - 1]!, history[next]!]
  const [from, to] = [Date.parse(a.until), Date.parse(b.until)]
  return a.total_attempts + ((b.total_attempts - a.total_attempts) * (ms - from)) / (to - from)
}
