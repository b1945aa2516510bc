/** A group of attempts on their way into the journal: what the calls brought, less what was known. */
import type { AgentAttempt } from '../../core/attempt.ts'
import type { IdWindow } from '../../core/id-window.ts'
import type { Appended, Forms } from '../../core/ports.ts'
import type { Tally } from '../../core/tally.ts'
import { type Instant, parseTimestamp } from '../../core/timestamp.ts'
import { type Lines, recordLines } from './record.ts'

/** What one group may hold, so that counting it does not hold the event loop for long; a single call may hold more. */
const GROUP = { attempts: 2048, bytes: 1024 * 1024 }

/** One call of `append`, with all work done on it that need not wait for its turn. */
export interface Call extends Encoded {
  readonly attempts: readonly AgentAttempt[]
  readonly nowMs: number
  readonly resolve: (appended: Appended) => void
  readonly reject: (error: Error) => void
}

/** Attempts as they are written and counted. */
export interface Encoded {
  readonly instants: readonly Instant[]
  /** One an attempt. */
  readonly lines: Lines
}

/** What a group keeps, attempt by attempt. */
export interface Group {
  readonly calls: readonly Call[]
  /** The answer to each call. */
  readonly answers: readonly Appended[]
  readonly attempts: readonly AgentAttempt[]
  readonly instants: readonly Instant[]
  readonly times: readonly number[]
  /** The lines of all of them. */
  readonly lines: readonly Uint8Array[]
  /** Ids that the window took in. */
  readonly ids: number
}

/** The attempts of a call that came at `nowMs`, from what is at hand of them. Throws a TypeError where a timestamp is none. */
export function encode(attempts: readonly AgentAttempt[], nowMs: number, forms?: Forms): Encoded {
  const texts = attempts.map((attempt, i) => forms?.texts[i] ?? JSON.stringify(attempt))
  const instants = attempts.map((attempt, i) => forms?.instants[i] ?? instantOf(attempt))
  return { instants, lines: recordLines(nowMs, texts) }
}

function instantOf({ timestamp }: AgentAttempt): Instant {
  const at = parseTimestamp(timestamp)
  if (at === undefined) throw new TypeError(`not a timestamp: ${timestamp}`)
  return at
}

/** How many of the first calls make a group: at least one. */
export function groupSize(calls: Iterable<Call>): number {
  let attempts = 0
  let bytes = 0
  let count = 0
  for (const call of calls) {
    attempts += call.attempts.length
    bytes += call.lines.bytes.length
    if (count > 0 && (attempts > GROUP.attempts || bytes > GROUP.bytes)) break
    count++
  }
  return count
}

/**
 * Drops what was sent before. Decided when a group is formed and none is on its way, so that a repeat within a group shares the fate
 * of what it repeats: the window takes in the ids, and must undo them when the group is not kept.
 */
export function formGroup(calls: readonly Call[], ids: IdWindow): Group {
  const kept: AgentAttempt[] = []
  const instants: Instant[] = []
  const times: number[] = []
  const answers: Appended[] = []
  const lines: Uint8Array[] = []
  let added = 0
  for (const call of calls) {
    const { bytes, ends } = call.lines
    const before = kept.length
    let from = 0
    for (const [i, attempt] of call.attempts.entries()) {
      if (attempt.attempt_id !== undefined && !ids.add(attempt.attempt_id, call.nowMs)) {
        lines.push(bytes.subarray(from, ends[i - 1] ?? 0))
        from = ends[i]!
        continue
      }
      if (attempt.attempt_id !== undefined) added++
      kept.push(attempt)
      instants.push(call.instants[i]!)
      times.push(call.nowMs)
    }
    lines.push(bytes.subarray(from))
    const accepted = kept.length - before
    answers.push({ accepted, duplicates: call.attempts.length - accepted })
  }
  return { calls, answers, attempts: kept, instants, times, lines, ids: added }
}

/** Counts what a group has kept, in the order of the journal. */
export function countGroup({ attempts, instants, times }: Group, tally: Tally): void {
  for (let i = 0; i < attempts.length; i++) tally.add(attempts[i]!, instants[i]!, times[i]!)
}
