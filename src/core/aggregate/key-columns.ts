/**
 * The numbers of each key that a report adds up, side by side. Summaries of thousands of keys lie a kilobyte apart, and what is read of one
 * lies in four places: to fetch those takes longer than all that is made of them. So they are kept, and read again where a key has changed.
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

/** A key's numbers, in this order. */
export const KEY_COLUMNS = 6
export const SUCCESSES = 0
export const ATTEMPTS = 1
export const STATED = 2
export const CONFIDENCE = 3
export const TIMED = 4
export const TIME = 5

interface Columns {
  /** Rows of {@link KEY_COLUMNS}. */
  readonly numbers: Float64Array
  /** How often each key had changed when its row was read; -1 before. */
  readonly changes: Float64Array
}

const known = new WeakMap<readonly KeySummary[], Columns>()

/** The row of every key of a list, as of now. It stands until the next call for the same list, which may have grown. */
export function columnsOf(summaries: readonly KeySummary[]): Float64Array {
  const columns = withRoomFor(summaries)
  readChanged(columns, summaries, 0, summaries.length)
  return columns.numbers
}

/** Reads the rows of all keys in steps, so that {@link columnsOf} has to read only what changes meanwhile. */
export function* columnSteps(summaries: readonly KeySummary[]): Steps<void> {
  for (let from = 0; from < summaries.length; from += KEYS_PER_STEP) {
    readChanged(withRoomFor(summaries), summaries, from, Math.min(from + KEYS_PER_STEP, summaries.length))
    yield
  }
}

function withRoomFor(summaries: readonly KeySummary[]): Columns {
  const before = known.get(summaries)
  if (before !== undefined && before.changes.length >= summaries.length) return before
  const columns = withRoom(summaries.length, before)
  known.set(summaries, columns)
  return columns
}

/** Room for so many, and as many again where it was not enough before. */
function withRoom(keys: number, before: Columns | undefined): Columns {
  const room = before === undefined ? keys : 2 * keys
  const columns = { numbers: new Float64Array(room * KEY_COLUMNS), changes: new Float64Array(room).fill(-1) }
  if (before !== undefined) {
    columns.numbers.set(before.numbers)
    columns.changes.set(before.changes)
  }
  return columns
}

/** With nothing behind the loop, as the loops of group-sums. */
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
}
