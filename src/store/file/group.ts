/** A group of attempts on their way into the journal: what the calls brought, less what was known. */
import type { AgentAttempt } from '../../core/attempt.ts'
import type { IdWindow } from '../../core/id-window.ts'
import type { Appended } from '../../core/ports.ts'
import type { Tally } from '../../core/tally.ts'
import { type Instant, parseTimestamp } from '../../core/timestamp.ts'
import { blankLine } from './record.ts'

/** What one group may hold, so that counting it does not hold the event loop for long; a single call may hold more. */
const GROUP = { attempts: 2048, characters: 1024 * 1024 }

/** One call of `append`, with all work done on it that need not wait for its turn. */
export interface Call {
  readonly attempts: readonly AgentAttempt[]
  readonly instants: readonly Instant[]
  /** JSON, one an attempt. */
  readonly texts: readonly string[]
  /** The length of all texts. */
  readonly characters: number
  readonly nowMs: number
  readonly resolve: (appended: Appended) => void
  readonly reject: (error: Error) => void
}

/** What a group keeps, attempt by attempt. */
export interface Group {
  readonly calls: readonly Call[]
  /** The answer to each call. */
  readonly answers: readonly Appended[]
  readonly attempts: readonly AgentAttempt[]
  readonly instants: readonly Instant[]
  readonly times: readonly number[]
  /** Lines whose checksums are still to be put in. */
  readonly lines: string
  /** Ids that the window took in. */
  readonly ids: number
}

/** The attempts of a call as they will be written. Throws a TypeError where a timestamp is none. */
export function encode(attempts: readonly AgentAttempt[]): Pick<Call, 'instants' | 'texts' | 'characters'> {
  const instants: Instant[] = []
  const texts: string[] = []
  let characters = 0
  for (const attempt of attempts) {
    const at = parseTimestamp(attempt.timestamp)
    if (at === undefined) throw new TypeError(`not a timestamp: ${attempt.timestamp}`)
    const text = JSON.stringify(attempt)
    instants.push(at)
    texts.push(text)
    characters += text.length
  }
  return { instants, texts, characters }
}

/** How many of the first calls make a group: at least one. */
export function groupSize(calls: Iterable<Call>): number {
  let attempts = 0
  let characters = 0
  let count = 0
  for (const call of calls) {
    attempts += call.attempts.length
    characters += call.characters
    if (count > 0 && (attempts > GROUP.attempts || characters > GROUP.characters)) break
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
  let lines = ''
  let added = 0
  for (const call of calls) {
    const before = kept.length
    for (const [i, attempt] of call.attempts.entries()) {
      if (attempt.attempt_id !== undefined) {
        if (!ids.add(attempt.attempt_id, call.nowMs)) continue
        added++
      }
      kept.push(attempt)
      instants.push(call.instants[i]!)
      times.push(call.nowMs)
      lines += blankLine(call.nowMs, call.texts[i]!)
    }
    const accepted = kept.length - before
    answers.push({ accepted, duplicates: call.attempts.length - accepted })
  }
  return { calls, answers, attempts: kept, instants, times, lines, ids: added }
}

/** Counts what a group has kept, in the order of the journal. */
export function countGroup({ attempts, instants, times }: Group, tally: Tally): void {
  for (let i = 0; i < attempts.length; i++) tally.add(attempts[i]!, instants[i]!, times[i]!)
}
