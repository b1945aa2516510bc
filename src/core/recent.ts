/** The last attempts of one key, oldest out first, as columns: 25 bytes an attempt instead of hundreds. */
import type { AgentAttempt, AttemptKey } from './attempt.ts'
import { type Instant, printTimestamp } from './timestamp.ts'

/** How many attempts the documented record keeps. */
export const RECENT_LIMIT = 100

const COLUMNS = 3
const SUCCESS = 1
const LOCAL_TIME = 2

/** What the documented file keeps of an attempt: exactly these fields. */
export interface RecentResult extends AttemptKey {
  readonly timestamp: string
  readonly success: boolean
  /** Null where none was stated. */
  readonly confidence: number | null
  readonly time_seconds: number
}

/** A ring of at most {@link RECENT_LIMIT} attempts. It is part of the checkpoint's format. */
export interface Recent {
  /** Rows of time (ms since the epoch), confidence (NaN: none), seconds. */
  numbers: Float64Array
  flags: Uint8Array
  /** How many were ever added; the next one's place is `added % RECENT_LIMIT`. */
  added: number
}

export function createRecent(): Recent {
  return { numbers: new Float64Array(0), flags: new Uint8Array(0), added: 0 }
}

/** Adds an attempt; the oldest leaves when there are more than {@link RECENT_LIMIT}. */
export function addRecent(recent: Recent, attempt: AgentAttempt, at: Instant): void {
  const place = recent.added % RECENT_LIMIT
  if (place >= recent.flags.length) grow(recent)
  recent.numbers[place * COLUMNS] = at.ms
  recent.numbers[place * COLUMNS + 1] = attempt.confidence ?? Number.NaN
  recent.numbers[place * COLUMNS + 2] = attempt.time_seconds
  recent.flags[place] = (attempt.success ? SUCCESS : 0) | (at.local ? LOCAL_TIME : 0)
  recent.added++
}

/** A key with one attempt must not pay for a hundred. */
function grow(recent: Recent): void {
  const places = Math.min(RECENT_LIMIT, Math.max(5, recent.flags.length * 2))
  // Both in one piece of memory: of thousands of keys the fewer pieces are felt.
  const memory = new ArrayBuffer(places * (COLUMNS * 8 + 1))
  const numbers = new Float64Array(memory, 0, places * COLUMNS)
  const flags = new Uint8Array(memory, places * COLUMNS * 8)
  numbers.set(recent.numbers)
  flags.set(recent.flags)
  recent.numbers = numbers
  recent.flags = flags
}

/** How many attempts are held. */
export const recentCount = (recent: Recent): number => Math.min(recent.added, RECENT_LIMIT)

/** The held attempts, oldest first, each with the documented fields in the documented order. */
export function* recentResults(recent: Recent, key: AttemptKey): Generator<RecentResult> {
  for (let i = recent.added - recentCount(recent); i < recent.added; i++) {
    const place = i % RECENT_LIMIT
    const flags = recent.flags[place]!
    const confidence = recent.numbers[place * COLUMNS + 1]!
    yield {
      timestamp: printTimestamp({ ms: recent.numbers[place * COLUMNS]!, local: (flags & LOCAL_TIME) !== 0 }),
      agent_name: key.agent_name,
      model_name: key.model_name,
      issue_type: key.issue_type,
      success: (flags & SUCCESS) !== 0,
      confidence: Number.isNaN(confidence) ? null : confidence,
      time_seconds: recent.numbers[place * COLUMNS + 2]!,
    }
  }
}

/** When each held attempt ended (ms since the epoch) and how, oldest first. */
export function recentOutcomes(recent: Recent): { readonly ms: number; readonly success: boolean }[] {
  const outcomes: { readonly ms: number; readonly success: boolean }[] = []
  for (let i = recent.added - recentCount(recent); i < recent.added; i++) {
    const place = i % RECENT_LIMIT
    outcomes.push({ ms: recent.numbers[place * COLUMNS]!, success: (recent.flags[place]! & SUCCESS) !== 0 })
  }
  return outcomes
}
