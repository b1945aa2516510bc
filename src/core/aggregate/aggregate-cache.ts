/**
 * The aggregate cache: the numbers of each key that a report adds up, as a structure of arrays. A row is read again only if its key has
 * changed. Without the cache, every report fetches four cache lines of each summary. At 10,000 keys, `report, in process` of bench/rows
 * then takes twice as long. One slice then blocks the event loop for 1 to 2 ms instead of 0.3 ms.
 */
import type { KeySummary } from '../ports.ts'
import { KEYS_PER_STEP, type Steps } from '../steps.ts'
import {
  confidenceSum,
  type Summary,
  statedConfidences,
  successes,
  timedAttempts,
  timeSum,
  totalAttempts,
} from './summary.ts'

/** The columns of a row, in this order. */
export const KEY_COLUMNS = 7
export const SUCCESSES = 0
export const ATTEMPTS = 1
export const STATED = 2
export const CONFIDENCE = 3
export const TIMED = 4
export const TIME = 5
/** 1 if the key has tasks, so that only the summaries of such keys are read for them. */
export const HAS_TASKS = 6

interface Columns {
  /** Rows of {@link KEY_COLUMNS}. */
  readonly numbers: Float64Array
  /** `changes` of each key when its row was read. -1 if it was never read. */
  readonly changes: Float64Array
}

/** Caches by list. A cache changes no result, and is collected together with its list. */
const cached = new WeakMap<readonly KeySummary[], Columns>()

/** The current row of every key of a list. It stays valid until the next call for the same list, which may have grown. */
export function columnsOf(summaries: readonly KeySummary[]): Float64Array {
  const columns = withRoomFor(summaries)
  readChanged(columns, summaries, 0, summaries.length)
  return columns.numbers
}

/** Reads the rows of all keys in steps, so that {@link columnsOf} reads only what changes meanwhile. */
export function* columnSteps(summaries: readonly KeySummary[]): Steps<void> {
  for (let from = 0; from < summaries.length; from += KEYS_PER_STEP) {
    readChanged(withRoomFor(summaries), summaries, from, Math.min(from + KEYS_PER_STEP, summaries.length))
    yield
  }
}

function withRoomFor(summaries: readonly KeySummary[]): Columns {
  const before = cached.get(summaries)
  if (before !== undefined && before.changes.length >= summaries.length) return before
  const columns = withRoom(summaries.length, before)
  cached.set(summaries, columns)
  return columns
}

/** Allocates rows for `keys`. Allocates twice as many if an earlier allocation was too small. */
function withRoom(keys: number, before: Columns | undefined): Columns {
  const room = before === undefined ? keys : 2 * keys
  const columns = { numbers: new Float64Array(room * KEY_COLUMNS), changes: new Float64Array(room).fill(-1) }
  if (before !== undefined) {
    columns.numbers.set(before.numbers)
    columns.changes.set(before.changes)
  }
  return columns
}

function readChanged({ numbers, changes }: Columns, summaries: readonly KeySummary[], from: number, end: number): void {
  for (let i = from; i < end; i++) {
    const one = summaries[i]!
    const now = one.changes
    if (now !== undefined) {
      if (changes[i] === now) continue
      changes[i] = now
    }
    read(numbers, i * KEY_COLUMNS, one.summary)
  }
}

function read(numbers: Float64Array, at: number, summary: Summary): void {
  numbers[at + SUCCESSES] = successes(summary)
  numbers[at + ATTEMPTS] = totalAttempts(summary)
  numbers[at + STATED] = statedConfidences(summary)
  numbers[at + CONFIDENCE] = confidenceSum(summary)
  numbers[at + TIMED] = timedAttempts(summary)
  numbers[at + TIME] = timeSum(summary)
  numbers[at + HAS_TASKS] = summary.tasks === undefined ? 0 : 1
}
