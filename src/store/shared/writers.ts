/** How long a log remembers its writers. Each start is a new writer, so that without an end they would only grow. */
import type { Retention } from './retention.ts'

const DAY_MS = 86_400_000
/** A sidecar without a connection sends its last group again within this time, whatever the retention of groups is. */
const MIN_MS = 7 * DAY_MS

/** Writers that were seen last before these times are forgotten, in milliseconds since the epoch. A running one is seen every hour. */
export interface ForgetBefore {
  /** For a writer whose groups have all expired. Its last group cannot come again: the log would append it twice. */
  readonly expiredMs: number
  /** For a writer that never appended. Its first group creates it again. */
  readonly emptyMs: number
}

export function forgetBefore({ maxAgeMs }: Retention, nowMs: number): ForgetBefore {
  return { expiredMs: nowMs - Math.max(maxAgeMs, MIN_MS), emptyMs: nowMs - DAY_MS }
}
