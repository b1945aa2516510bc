/**
 * The last attempts of one key, in a ring buffer of columns. An attempt takes 25 bytes instead of hundreds.
 * Longer than 250 lines because all functions know the columns, and nothing else does.
 */
import type { AgentAttempt, AttemptKey, DecidedAttempt } from '../attempt/attempt.ts'
import { type Instant, printLocal, printTimestamp } from '../attempt/timestamp.ts'
import type { MutableCounts } from '../statistics/counts.ts'
import {
  addOlderOutcome,
  createOlderSlab,
  moveOlderOutcome,
  NO_OLDER,
  type OlderOutcomes,
  type OlderSlab,
  type OutcomeVisitor,
  restoredOlder,
  visitBlocks,
} from './older-outcomes.ts'

/** The number of attempts in the documented record. */
export const RECENT_LIMIT = 100

/** Numbers per attempt: time in ms since the epoch, confidence (NaN if none was stated), duration in seconds. */
export const RECENT_COLUMNS = 3
/** Flags of an attempt: bit 0 is set if it succeeded. The higher bits are the code of its offset. */
const SUCCESS = 1
const OFFSET_SHIFT = 1
/** Offsets are multiples of 15 minutes, at most 14 hours. Their codes begin at 1. Code 0 means no offset. */
const OFFSET_STEP = 15
const OFFSET_ZERO = 57
/** Keys with {@link RECENT_LIMIT} attempts whose memory is allocated together: 160 KB. */
const SLAB_KEYS = 64

/** An attempt in the documented file: exactly these fields. */
export interface RecentResult extends AttemptKey {
  readonly timestamp: string
  readonly success: boolean
  /** Null if none was stated. */
  readonly confidence: number | null
  readonly time_seconds: number
}

/** Columns of one key. Several keys may share a buffer, because thousands of buffers would slow the garbage collector. */
interface RecentColumns {
  /** Rows of {@link RECENT_COLUMNS}, one per place. */
  numbers: Float64Array
  /** One per place. */
  flags: Uint8Array
  /** The first place of this key. */
  first: number
}

/** A ring of at most {@link RECENT_LIMIT} attempts. Its columns are part of the snapshot's format. */
export interface Recent extends RecentColumns {
  /** The number of attempts ever added. The next one's place is `added % RECENT_LIMIT`. */
  added: number
  /** The outcomes of attempts that left the ring. Memory for them is taken with the first one. */
  older: OlderOutcomes
}

const NO_NUMBERS = new Float64Array(0)
const NO_FLAGS = new Uint8Array(0)

/** Slab allocators for what many keys need. */
export interface RecentSlab {
  /** Returns columns of {@link RECENT_LIMIT} places. */
  readonly columns: () => RecentColumns
  readonly older: OlderSlab
}

export function createRecentSlab(): RecentSlab {
  let memory: Pick<RecentColumns, 'numbers' | 'flags'> = { numbers: NO_NUMBERS, flags: NO_FLAGS }
  let taken = SLAB_KEYS
  return {
    columns() {
      if (taken === SLAB_KEYS) {
        memory = memoryFor(SLAB_KEYS * RECENT_LIMIT)
        taken = 0
      }
      return { ...memory, first: taken++ * RECENT_LIMIT }
    },
    older: createOlderSlab(),
  }
}

export function createRecent(): Recent {
  return { numbers: NO_NUMBERS, flags: NO_FLAGS, first: 0, added: 0, older: NO_OLDER }
}

/** The places of a key's columns. A shared buffer has {@link RECENT_LIMIT} per key, and a buffer of its own at most as many. */
const placesOf = ({ flags }: RecentColumns): number => Math.min(flags.length, RECENT_LIMIT)

/** Adds an attempt. Beyond {@link RECENT_LIMIT}, the attempt received first is removed, and its outcome is added to the older outcomes. */
export function addRecent(recent: Recent, attempt: DecidedAttempt, at: Instant, slab: RecentSlab): void {
  const next = recent.added % RECENT_LIMIT
  if (next >= placesOf(recent)) grow(recent, slab)
  const place = recent.first + next
  if (recent.added >= RECENT_LIMIT) {
    if (recent.older === NO_OLDER) recent.older = slab.older()
    addOlderOutcome(recent.older, recent.numbers[place * RECENT_COLUMNS]!, (recent.flags[place]! & SUCCESS) !== 0)
  }
  recent.numbers[place * RECENT_COLUMNS] = at.ms
  recent.numbers[place * RECENT_COLUMNS + 1] = attempt.confidence ?? Number.NaN
  recent.numbers[place * RECENT_COLUMNS + 2] = attempt.time_seconds
  recent.flags[place] = (attempt.success ? SUCCESS : 0) | (offsetCode(at) << OFFSET_SHIFT)
  recent.added++
}

/**
 * Changes the result of an attempt that was added. Attempts in the ring are found by their time, confidence and duration. Of attempts that are equal in
 * all three, the one received first is changed: they differ in nothing else that is kept.
 */
export function moveRecent(recent: Recent, attempt: AgentAttempt, at: Instant, success: boolean): void {
  const confidence = attempt.confidence ?? Number.NaN
  for (let i = recent.added - recentCount(recent); i < recent.added; i++) {
    const place = recent.first + (i % RECENT_LIMIT)
    const row = place * RECENT_COLUMNS
    if (recent.numbers[row] !== at.ms || recent.numbers[row + 2] !== attempt.time_seconds) continue
    if (!Object.is(recent.numbers[row + 1], confidence) || (recent.flags[place]! & SUCCESS) === Number(success))
      continue
    recent.flags[place]! ^= SUCCESS
    return
  }
  if (recent.older !== NO_OLDER) moveOlderOutcome(recent.older, at.ms, success)
}

/** Attempts of an adopted document have local times. The code of the offset lets the document print them unchanged. */
function offsetCode({ offsetMinutes }: Instant): number {
  if (offsetMinutes === undefined || offsetMinutes % OFFSET_STEP !== 0) return 0
  return Math.abs(offsetMinutes) > 14 * 60 ? 0 : OFFSET_ZERO + offsetMinutes / OFFSET_STEP
}

function timeText(ms: number, flags: number): string {
  const code = flags >> OFFSET_SHIFT
  return code === 0 ? printTimestamp({ ms, local: false }) : printLocal(ms, (code - OFFSET_ZERO) * OFFSET_STEP)
}

/** {@link Recent} in a snapshot: the columns of the attempts in the ring, by place, and the older outcomes. */
export interface SavedRecent extends Pick<Recent, 'added' | 'numbers' | 'flags'> {
  readonly older: ArrayLike<number>
}

/** Fills a key's empty ring from a snapshot. */
export function restoreRecent(recent: Recent, { added, numbers, flags, older }: SavedRecent, slab: RecentSlab): void {
  const columns = columnsFor(flags.length, slab)
  columns.numbers.set(numbers, columns.first * RECENT_COLUMNS)
  columns.flags.set(flags, columns.first)
  Object.assign(recent, columns, { added, older: restoredOlder(older, slab.older) })
}

/** Doubles the places. A key with one attempt must not take the memory of a hundred. */
function grow(recent: Recent, slab: RecentSlab): void {
  const columns = columnsFor(Math.max(5, placesOf(recent) * 2), slab)
  columns.numbers.set(recentNumbers(recent), columns.first * RECENT_COLUMNS)
  columns.flags.set(recentFlags(recent), columns.first)
  Object.assign(recent, columns)
}

function columnsFor(places: number, slab: RecentSlab): RecentColumns {
  return places >= RECENT_LIMIT ? slab.columns() : { ...memoryFor(places), first: 0 }
}

function memoryFor(places: number): Pick<RecentColumns, 'numbers' | 'flags'> {
  const memory = new ArrayBuffer(places * (RECENT_COLUMNS * 8 + 1))
  return {
    numbers: new Float64Array(memory, 0, places * RECENT_COLUMNS),
    flags: new Uint8Array(memory, places * RECENT_COLUMNS * 8),
  }
}

/** The number of attempts in the ring. */
export const recentCount = (recent: Recent): number => Math.min(recent.added, RECENT_LIMIT)

/** The columns of the attempts in the ring, by place. Live. */
export function recentNumbers(recent: Recent): Float64Array {
  const from = recent.first * RECENT_COLUMNS
  return recent.numbers.subarray(from, from + recentCount(recent) * RECENT_COLUMNS)
}

export function recentFlags(recent: Recent): Uint8Array {
  return recent.flags.subarray(recent.first, recent.first + recentCount(recent))
}

/** A range of time: `sinceMs` inclusive, `untilMs` exclusive. */
interface Between {
  readonly sinceMs: number
  readonly untilMs: number
}

const EVER: Between = { sinceMs: Number.NEGATIVE_INFINITY, untilMs: Number.POSITIVE_INFINITY }

/**
 * The attempts in the ring that ended in a range, in order of receipt, oldest first. Each has the documented fields in the documented
 * order.
 */
export function* recentResults(
  recent: Recent,
  key: AttemptKey,
  { sinceMs, untilMs }: Between = EVER,
): Generator<RecentResult> {
  for (let i = recent.added - recentCount(recent); i < recent.added; i++) {
    const place = recent.first + (i % RECENT_LIMIT)
    const ms = recent.numbers[place * RECENT_COLUMNS]!
    if (ms < sinceMs || ms >= untilMs) continue
    const confidence = recent.numbers[place * RECENT_COLUMNS + 1]!
    yield {
      timestamp: timeText(ms, recent.flags[place]!),
      agent_name: key.agent_name,
      model_name: key.model_name,
      issue_type: key.issue_type,
      success: (recent.flags[place]! & SUCCESS) !== 0,
      confidence: Number.isNaN(confidence) ? null : confidence,
      time_seconds: recent.numbers[place * RECENT_COLUMNS + 2]!,
    }
  }
}

/** Visits the outcomes of a key ordered by their own time, then by receipt. A block of older outcomes is visited once, at the time of its end. */
export function forEachOutcome(recent: Recent, visit: OutcomeVisitor): void {
  const { older, numbers, flags, first, added } = recent
  const places = isInOrder(recent) ? undefined : placesByTime(recent)
  const count = recentCount(recent)
  let block = 0
  for (let i = 0; i < count; i++) {
    const place = places?.[i] ?? first + ((added - count + i) % RECENT_LIMIT)
    const ms = numbers[place * RECENT_COLUMNS]!
    block = visitBlocks(older, block, ms, visit)
    visit(ms, flags[place]! & SUCCESS, 1)
  }
  visitBlocks(older, block, Number.POSITIVE_INFINITY, visit)
}

/** Visits the attempts in the ring that stated a confidence, ordered by their own time, then by receipt. */
export function forEachConfidence(
  recent: Recent,
  visit: (ms: number, confidence: number, success: boolean) => void,
): void {
  const { numbers, flags, first, added } = recent
  const places = isInOrder(recent) ? undefined : placesByTime(recent)
  const count = recentCount(recent)
  for (let i = 0; i < count; i++) {
    const place = places?.[i] ?? first + ((added - count + i) % RECENT_LIMIT)
    const confidence = numbers[place * RECENT_COLUMNS + 1]!
    if (!Number.isNaN(confidence)) visit(numbers[place * RECENT_COLUMNS]!, confidence, (flags[place]! & SUCCESS) !== 0)
  }
}

/** True if the attempts in the ring were received in the order of their own time, as is usual. */
function isInOrder({ numbers, first, added }: Recent): boolean {
  let before = Number.NEGATIVE_INFINITY
  for (let i = Math.max(0, added - RECENT_LIMIT); i < added; i++) {
    const ms = numbers[(first + (i % RECENT_LIMIT)) * RECENT_COLUMNS]!
    if (ms < before) return false
    before = ms
  }
  return true
}

/** The places of the attempts in the ring, ordered by their own time. */
function placesByTime(recent: Recent): number[] {
  const count = recentCount(recent)
  const timeAt = (place: number): number => recent.numbers[place * RECENT_COLUMNS]!
  const places = Array.from({ length: count }, (_, i) => recent.first + ((recent.added - count + i) % RECENT_LIMIT))
  return places.sort((a, b) => timeAt(a) - timeAt(b))
}

/**
 * How late the held attempts were received: the mean distance, in attempts, between the order of their own time and that of receipt. 0 if they
 * were received in order, and about a third of `most` if each was up to `most` attempts late.
 */
export function meanDisplacement(recent: Recent): number {
  if (isInOrder(recent)) return 0
  const count = recentCount(recent)
  const oldest = recent.added - count
  let sum = 0
  for (const [rank, place] of placesByTime(recent).entries()) {
    const received = (place - recent.first - (oldest % RECENT_LIMIT) + RECENT_LIMIT) % RECENT_LIMIT
    sum += Math.abs(rank - received)
  }
  return sum / count
}

/** The counts of the outcomes that {@link forEachOutcome} visits. */
export function outcomeCounts(recent: Recent): MutableCounts {
  const { older, flags, first } = recent
  const counts = { successes: 0, attempts: recentCount(recent) }
  for (let i = 0; i < counts.attempts; i++) counts.successes += flags[first + i]! & SUCCESS
  visitBlocks(older, 0, Number.POSITIVE_INFINITY, (_ms, successes, attempts) => {
    counts.successes += successes
    counts.attempts += attempts
  })
  return counts
}

/** The earliest own time of an attempt in the ring, in milliseconds since the epoch. Infinity if there is none. */
export function oldestHeldMs(recent: Recent): number {
  let oldest = Number.POSITIVE_INFINITY
  for (let i = 0; i < recentCount(recent); i++)
    oldest = Math.min(oldest, recent.numbers[(recent.first + i) * RECENT_COLUMNS]!)
  return oldest
}

/** The latest own time of an attempt in the ring before `untilMs`, in milliseconds since the epoch. -Infinity if there is none. */
export function latestHeldMs(recent: Recent, untilMs: number): number {
  let latest = Number.NEGATIVE_INFINITY
  for (let i = 0; i < recentCount(recent); i++) {
    const ms = recent.numbers[(recent.first + i) * RECENT_COLUMNS]!
    if (ms < untilMs && ms > latest) latest = ms
  }
  return latest
}
