/** Which buckets of a tier leave first: those that a checkpoint kept, and then those that were made since. */
import { type Bucket, bucketAt, type TimeTiersState } from './buckets.ts'
import { type BucketRows, bucketOf } from './sleeping-buckets.ts'

/** A bucket, whether it sleeps or not. */
export type Leaving = Pick<Bucket, 'of' | 'startMs'>

export interface LeavingOrder {
  readonly length: number
  /** Takes in what a checkpoint kept: none was made before. */
  restore(rows: BucketRows): void
  add(bucket: Bucket): void
  /** When the next one begins; Infinity where there is none. */
  readonly nextMs: number
  /** The next one, which leaves. */
  take(): Leaving | undefined
  /** All of them in order. Those that sleep are made for the caller. */
  all(): Generator<Bucket>
  clear(): void
}

/** Beyond so many places that are empty, and half of all, there is a new list. */
const EMPTY_AT_MOST = 1024

export function createLeavingOrder(tier: number): LeavingOrder {
  let kept: BucketRows[] = []
  /** The next row of the first of them. */
  let row = 0
  let rows = 0
  let made: (Bucket | undefined)[] = []
  let taken = 0

  /** Moves on to the next row; undefined where there is none. */
  function nextRow(): BucketRows | undefined {
    while (kept[0] !== undefined && row === kept[0].states.length) {
      kept.shift()
      row = 0
    }
    return kept[0]
  }

  function takeMade(): Bucket | undefined {
    const bucket = made[taken]
    if (bucket === undefined) return undefined
    made[taken++] = undefined
    if (taken > EMPTY_AT_MOST && taken * 2 > made.length) {
      made = made.slice(taken)
      taken = 0
    }
    return bucket
  }

  return {
    get length() {
      return rows + made.length - taken
    },
    restore(some) {
      kept.push(some)
      rows += some.states.length
    },
    add(bucket) {
      made.push(bucket)
    },
    get nextMs() {
      return nextRow()?.startMs[row] ?? made[taken]?.startMs ?? Number.POSITIVE_INFINITY
    },
    take() {
      const first = nextRow()
      if (first === undefined) return takeMade()
      rows--
      const leaving = { of: first.states[row]!, startMs: first.startMs[row]! }
      row++
      return leaving
    },
    *all() {
      for (const [i, some] of kept.entries()) {
        for (let at = i === 0 ? row : 0; at < some.states.length; at++) {
          const bucket = standing(some, at, tier)
          if (bucket !== undefined) yield bucket
        }
      }
      for (let at = taken; at < made.length; at++) yield made[at]!
    },
    clear() {
      kept = []
      row = 0
      rows = 0
      made = []
      taken = 0
    },
  }
}

/** What a row of a checkpoint is now. */
function standing(rows: BucketRows, row: number, tier: number): Bucket | undefined {
  const state: TimeTiersState = rows.states[row]!
  return state.asleep > 0 ? bucketOf(rows, row) : bucketAt(state, tier, rows.startMs[row]!)
}
