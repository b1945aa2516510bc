/** Defaults of an attempt's optional fields: the time of receipt, and the cost computed from its tokens. */
import type { ParsedBatch, PreparedBatch } from '../ports.ts'
import type { AgentAttempt, NewAttempt } from './attempt.ts'
import { type Instant, isCanonical, MAX_AHEAD_MS, parseTimestamp, printTimestamp } from './timestamp.ts'

export interface DefaultSources {
  /** The time of receipt, in milliseconds since the epoch. */
  readonly nowMs: number
  /** The cost in US dollars of an attempt that reported none. Undefined if its model has no price. Must not throw. */
  readonly price: ((attempt: NewAttempt) => number | undefined) | undefined
}

/** What {@link applyDefaults} returns. */
export interface DefaultsApplied {
  readonly batch: PreparedBatch
  /** Attempts whose timestamp was too far ahead of `nowMs`. They got the time of receipt. */
  readonly skewed: number
}

/**
 * Applies the defaults in place: afterwards `attempts` holds complete attempts. An attempt that needs no default keeps its object and its
 * serialized text.
 */
export function applyDefaults(
  attempts: NewAttempt[],
  { instants, rawJson }: ParsedBatch,
  { nowMs, price }: DefaultSources,
): DefaultsApplied {
  const receipt: Instant = { ms: nowMs, local: false }
  let skewed = 0
  for (let i = 0; i < attempts.length; i++) {
    const attempt = attempts[i]!
    const stated = instants[i] ?? (attempt.timestamp === undefined ? undefined : parseTimestamp(attempt.timestamp))
    const isAhead = stated !== undefined && stated.ms > nowMs + MAX_AHEAD_MS
    if (isAhead) skewed++
    const instant = stated === undefined || isAhead ? receipt : inUtc(stated)
    const complete = completeAttempt(attempt, instant, instant !== receipt, price)
    instants[i] = instant
    if (complete === attempt) continue
    attempts[i] = complete
    if (rawJson !== undefined) rawJson.sources[i] = undefined
  }
  return { batch: { instants: instants as Instant[], rawJson }, skewed }
}

/** The instant as it is read back from the stored text, which is in UTC. */
export function inUtc(stated: Instant): Instant {
  return stated.local || stated.offsetMinutes !== undefined ? { ms: stated.ms, local: false } : stated
}

/** The attempt with its defaults. Returns the same object if there is nothing to fill in. */
function completeAttempt(
  attempt: NewAttempt,
  instant: Instant,
  isStated: boolean,
  price: DefaultSources['price'],
): AgentAttempt {
  const stated = isStated ? attempt.timestamp : undefined
  const timestamp = stated !== undefined && isCanonical(stated) ? stated : printTimestamp(instant)
  const cost = attempt.cost_usd === undefined ? price?.(attempt) : undefined
  if (cost !== undefined) return { ...attempt, timestamp, computed_cost_usd: cost }
  return attempt.timestamp === timestamp ? (attempt as AgentAttempt) : { ...attempt, timestamp }
}
