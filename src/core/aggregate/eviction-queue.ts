/**
 * Which buckets of a tier are evicted first: those that start earliest, and of one start those that were made first. The order depends on
 * the attempts alone, so that every process that folds the same log evicts the same buckets.
 */
import { type Bucket, indexOf } from './buckets.ts'

export interface EvictionQueue {
  readonly length: number
  /** The start of the next bucket to evict; Infinity where there is none. */
  readonly nextMs: number
  add(bucket: Bucket): void
  /** Removes the next bucket to evict. */
  take(): Bucket | undefined
  /** All buckets in the order of eviction. */
  all(): Generator<Bucket>
}

/** Buckets of one start, in the order they were made. */
interface Slot {
  readonly startMs: number
  /** Undefined where it was evicted: the memory of the others may be held for long. */
  readonly buckets: (Bucket | undefined)[]
  evicted: number
}

/** An empty queue. `add` and `take` cost the same however many buckets there are; a new start costs the logarithm of the starts. */
export function createEvictionQueue(): EvictionQueue {
  const slots: Slot[] = []
  let length = 0
  return {
    get length() {
      return length
    },
    get nextMs() {
      return slots[0]?.startMs ?? Number.POSITIVE_INFINITY
    },
    add(bucket) {
      slotOf(slots, bucket.startMs).buckets.push(bucket)
      length++
    },
    take() {
      const slot = slots[0]
      if (slot === undefined) return undefined
      const bucket = slot.buckets[slot.evicted]
      slot.buckets[slot.evicted++] = undefined
      if (slot.evicted === slot.buckets.length) slots.shift()
      length--
      return bucket
    },
    *all() {
      for (const { buckets, evicted } of slots) for (let at = evicted; at < buckets.length; at++) yield buckets[at]!
    },
  }
}

/** The slot of a start, made where there is none. */
function slotOf(slots: Slot[], startMs: number): Slot {
  const at = indexOf(slots, startMs)
  const known = slots[at]
  if (known?.startMs === startMs) return known
  const made = { startMs, buckets: [], evicted: 0 }
  slots.splice(at, 0, made)
  return made
}
