/** The last attempts of one key in a ring buffer of columns: 25 bytes an attempt instead of hundreds. */
import type { AgentAttempt, AttemptKey } from '../attempt/attempt.ts'
import { type Instant, printLocal, printTimestamp } from '../attempt/timestamp.ts'
import type { MutableCounts } from '../statistics/counts.ts'
import { addOlderOutcome, BLOCK_NUMBERS, type OlderOutcomes } from './older-outcomes.ts'

/** How many attempts the documented record keeps. */
export const RECENT_LIMIT = 100

/** Numbers an attempt takes: time (ms since the epoch), confidence (NaN: none), seconds. */
export const RECENT_COLUMNS = 3
/** Flags of an attempt: whether it succeeded, and above that the code of its offset. */
const SUCCESS = 1
const OFFSET_SHIFT = 1
/** Offsets are multiples of a quarter of an hour, of at most 14 hours. Their codes begin at 1: code 0 is no offset. */
const OFFSET_STEP = 15
const OFFSET_ZERO = 57
/** Keys with {@link RECENT_LIMIT} attempts whose memory is allocated together: 160 KB. */
const SLAB_KEYS = 64

/** What the documented file keeps of an attempt: exactly these fields. */
export interface RecentResult extends AttemptKey {
  readonly timestamp: string
  readonly success: boolean
  /** Null where none was stated. */
  readonly confidence: number | null
  readonly time_seconds: number
}

/** Columns of one key, which may lie in memory that it shares with other keys: thousands of buffers would slow the garbage collector. */
interface RecentColumns {
  /** Rows of {@link RECENT_COLUMNS}, one a place. */
  numbers: Float64Array
  /** One a place. */
  flags: Uint8Array
  /** The first place that is this key's, and how many are. */
  first: number
  places: number
}

/** A ring of at most {@link RECENT_LIMIT} attempts. Its columns are part of the snapshot's format. */
export interface Recent extends RecentColumns {
  /** How many were ever added; the next one's place is `added % RECENT_LIMIT`. */
  added: number
  /** The outcomes of attempts that left the ring. */
  older: OlderOutcomes
}

const NO_NUMBERS = new Float64Array(0)
const NO_FLAGS = new Uint8Array(0)

/** A slab allocator: answers columns of {@link RECENT_LIMIT} places. */
export type RecentSlab = () => RecentColumns

export function createRecentSlab(): RecentSlab {
  let memory: Pick<RecentColumns, 'numbers' | 'flags'> = { numbers: NO_NUMBERS, flags: NO_FLAGS }
  let taken = SLAB_KEYS
  return () => {
    if (taken === SLAB_KEYS) {
      memory = memoryFor(SLAB_KEYS * RECENT_LIMIT)
      taken = 0
    }
    return { ...memory, first: taken++ * RECENT_LIMIT, places: RECENT_LIMIT }
  }
}

export function createRecent(): Recent {
  return { numbers: NO_NUMBERS, flags: NO_FLAGS, first: 0, places: 0, added: 0, older: [] }
}

/** Adds an attempt. Beyond {@link RECENT_LIMIT} the oldest by receipt leaves, and its outcome joins the older outcomes. */
export function addRecent(recent: Recent, attempt: AgentAttempt, at: Instant, slab: RecentSlab): void {
  const next = recent.added % RECENT_LIMIT
  if (next >= recent.places) grow(recent, slab)
  const place = recent.first + next
  if (recent.added >= RECENT_LIMIT)
    addOlderOutcome(recent.older, recent.numbers[place * RECENT_COLUMNS]!, (recent.flags[place]! & SUCCESS) !== 0)
  recent.numbers[place * RECENT_COLUMNS] = at.ms
  recent.numbers[place * RECENT_COLUMNS + 1] = attempt.confidence ?? Number.NaN
  recent.numbers[place * RECENT_COLUMNS + 2] = attempt.time_seconds
  recent.flags[place] = (attempt.success ? SUCCESS : 0) | (offsetCode(at) << OFFSET_SHIFT)
  recent.added++
}

/** Of an attempt of an adopted document, whose times are local: the document gets them back as they were. */
function offsetCode({ offsetMinutes }: Instant): number {
  if (offsetMinutes === undefined || offsetMinutes % OFFSET_STEP !== 0) return 0
  return Math.abs(offsetMinutes) > 14 * 60 ? 0 : OFFSET_ZERO + offsetMinutes / OFFSET_STEP
}

function timeText(ms: number, flags: number): string {
  const code = flags >> OFFSET_SHIFT
  return code === 0 ? printTimestamp({ ms, local: false }) : printLocal(ms, (code - OFFSET_ZERO) * OFFSET_STEP)
}

/** What a snapshot holds of {@link Recent}: the columns by place, as many as the ring holds of `added`, and the older outcomes. */
export type SavedRecent = Pick<Recent, 'added' | 'numbers' | 'flags' | 'older'>

/** Fills a key's empty ring from a snapshot. */
export function restoreRecent(recent: Recent, { added, numbers, flags, older }: SavedRecent, slab: RecentSlab): void {
  const columns = columnsFor(flags.length, slab)
  columns.numbers.set(numbers, columns.first * RECENT_COLUMNS)
  columns.flags.set(flags, columns.first)
  Object.assign(recent, columns, { added, older })
}

/** Doubles the places: a key with one attempt must not pay for a hundred. */
function grow(recent: Recent, slab: RecentSlab): void {
  const columns = columnsFor(Math.max(5, recent.places * 2), slab)
  columns.numbers.set(recentNumbers(recent), columns.first * RECENT_COLUMNS)
  columns.flags.set(recentFlags(recent), columns.first)
  Object.assign(recent, columns)
}

function columnsFor(places: number, slab: RecentSlab): RecentColumns {
  return places >= RECENT_LIMIT ? slab() : { ...memoryFor(places), first: 0, places }
}

function memoryFor(places: number): Pick<RecentColumns, 'numbers' | 'flags'> {
  const memory = new ArrayBuffer(places * (RECENT_COLUMNS * 8 + 1))
  return {
    numbers: new Float64Array(memory, 0, places * RECENT_COLUMNS),
    flags: new Uint8Array(memory, places * RECENT_COLUMNS * 8),
  }
}

/** How many attempts are held. */
export const recentCount = (recent: Recent): number => Math.min(recent.added, RECENT_LIMIT)

/** The columns of the held attempts, by place. Live. */
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
 * The held attempts that ended in a range, in the order they were received, oldest first. Each has the documented fields in the documented
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

/** Called with the time in milliseconds since the epoch, and the counts, of one held attempt or of a block of older ones. */
export type OutcomeVisitor = (ms: number, successes: number, attempts: number) => void

/** Visits the outcomes of a key in the order of their own time: the older ones by blocks, each at its end. Ties are in order of receipt. */
export function forEachOutcome(recent: Recent, visit: OutcomeVisitor): void {
  const { older, numbers, flags, first, added } = recent
  const places = isInOrder(recent) ? undefined : placesByTime(recent)
  const count = recentCount(recent)
  let at = 0
  for (let i = 0; i < count; i++) {
    const place = places?.[i] ?? first + ((added - count + i) % RECENT_LIMIT)
    const ms = numbers[place * RECENT_COLUMNS]!
    for (; at < older.length && older[at]! <= ms; at += BLOCK_NUMBERS) visit(older[at]!, older[at + 1]!, older[at + 2]!)
    visit(ms, flags[place]! & SUCCESS, 1)
  }
  for (; at < older.length; at += BLOCK_NUMBERS) visit(older[at]!, older[at + 1]!, older[at + 2]!)
}

/** True if the held attempts were received in the order of their own time, as most are. */
function isInOrder({ numbers, first, added }: Recent): boolean {
  let before = Number.NEGATIVE_INFINITY
  for (let i = Math.max(0, added - RECENT_LIMIT); i < added; i++) {
    const ms = numbers[(first + (i % RECENT_LIMIT)) * RECENT_COLUMNS]!
    if (ms < before) return false
    before = ms
  }
  return true
}

/** The places of the held attempts by their own time. */
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
  for (let at = 0; at < older.length; at += BLOCK_NUMBERS) {
    counts.successes += older[at + 1]!
    counts.attempts += older[at + 2]!
  }
  return counts
}

/** The latest own time of a held attempt before `untilMs`, in milliseconds since the epoch. -Infinity without one. */
export function latestHeldMs(recent: Recent, untilMs: number): number {
  let latest = Number.NEGATIVE_INFINITY
  for (let i = 0; i < recentCount(recent); i++) {
    const ms = recent.numbers[(recent.first + i) * RECENT_COLUMNS]!
    if (ms < untilMs && ms > latest) latest = ms
  }
  return latest
}
