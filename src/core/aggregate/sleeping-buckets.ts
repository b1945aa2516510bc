/**
 * Buckets that a checkpoint kept stay rows side by side until their key is next asked for: a start would have to wait for tens of
 * thousands of objects, most of which nobody needs soon.
 */
import type { Bucket, TimeTiersState } from './buckets.ts'
import type { PackedRows } from './packed-rows.ts'

/** Buckets of one tier as a checkpoint kept them, in the order in which they leave. */
export interface BucketRows {
  /** Whose each of them is. */
  readonly states: readonly TimeTiersState[]
  readonly startMs: Float64Array
  /** Where each of them stands in `packed`. */
  readonly starts: ArrayLike<number>
  /** Undefined when none of them sleeps any more. */
  packed: PackedRows | undefined
}

export interface SleepingBuckets {
  /** Puts rows to sleep: those of a key must be buckets that it does not have yet. */
  put(tier: number, rows: BucketRows): void
  /** The buckets of a key that sleep, with the tier of each, the first put to sleep first. They are made for the caller. */
  of(state: TimeTiersState): Generator<{ readonly tier: number; readonly bucket: Bucket }>
  /** Lets go of a key's rows, whose buckets do not sleep from here on. */
  wake(state: TimeTiersState): void
  clear(): void
}

interface Sleepers {
  readonly tier: number
  readonly rows: BucketRows
  /** For each row the number of the one of the same key that was put to sleep before it. */
  readonly before: Uint32Array
  /** How many of them sleep. */
  asleep: number
}

/** The number of a row: 1, its place, and so many times the place of those it stands among. */
const ROWS_AT_MOST = 65_536

/** Row number `row`, as a bucket of its own. */
export function bucketOf({ states, startMs, starts, packed }: BucketRows, row: number): Bucket {
  return { of: states[row]!, startMs: startMs[row]!, summary: undefined, packed, at: starts[row]! }
}

export function createSleepingBuckets(): SleepingBuckets {
  let all: Sleepers[] = []

  /** The rows of a key, the first put to sleep first. */
  function rowsOf(state: TimeTiersState): { readonly sleepers: Sleepers; readonly row: number }[] {
    const rows: { sleepers: Sleepers; row: number }[] = []
    for (let number = state.asleep; number > 0; ) {
      const sleepers = all[Math.floor((number - 1) / ROWS_AT_MOST)]!
      const row = (number - 1) % ROWS_AT_MOST
      rows.push({ sleepers, row })
      number = sleepers.before[row]!
    }
    return rows.reverse()
  }

  return {
    put(tier, rows) {
      const { states } = rows
      if (states.length > ROWS_AT_MOST) throw new RangeError('too many rows')
      const before = new Uint32Array(states.length)
      const first = all.length * ROWS_AT_MOST + 1
      for (let row = 0; row < states.length; row++) {
        const state = states[row]!
        before[row] = state.asleep
        state.asleep = first + row
      }
      all.push({ tier, rows, before, asleep: states.length })
    },
    *of(state) {
      for (const { sleepers, row } of rowsOf(state)) yield { tier: sleepers.tier, bucket: bucketOf(sleepers.rows, row) }
    },
    wake(state) {
      for (const { sleepers } of rowsOf(state)) {
        sleepers.asleep--
        if (sleepers.asleep === 0) sleepers.rows.packed = undefined
      }
      state.asleep = 0
    },
    clear() {
      all = []
    },
  }
}
