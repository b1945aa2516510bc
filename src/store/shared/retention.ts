/** How long single attempts are kept. */
import type { AttemptQuery } from '../../core/ports.ts'

export interface Retention {
  readonly maxAgeMs: number
  readonly maxBytes: number
}

/** 90 days, and 1 GiB. */
export const DEFAULT_RETENTION: Retention = { maxAgeMs: 90 * 86_400_000, maxBytes: 1024 ** 3 }

/** Of a store that is only asked: it lists all that is stored. */
export const FOREVER: Retention = { maxAgeMs: Number.POSITIVE_INFINITY, maxBytes: Number.POSITIVE_INFINITY }

/** A listing without attempts that are too old, also where their group has not expired yet. */
export function withinRetention(query: AttemptQuery, { maxAgeMs }: Retention, nowMs: number): AttemptQuery {
  const { sinceMs = Number.NEGATIVE_INFINITY, untilMs = Number.POSITIVE_INFINITY } = query.range ?? {}
  return { ...query, range: { sinceMs: Math.max(sinceMs, nowMs - maxAgeMs), untilMs } }
}
