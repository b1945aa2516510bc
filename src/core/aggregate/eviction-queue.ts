/**
 * The order in which the buckets of a tier are evicted: by start, and for equal starts by creation. The order depends on the attempts
 * alone. Every process that folds the same log therefore evicts the same buckets.
 */
import { type Bucket, indexOf } from './buckets.ts'

export interface EvictionQueue {
  readonly length: number
  /** The start of the next bucket to evict. Infinity if the queue is empty. */
  readonly nextMs: number
  add(bucket: Bucket): void
  /** Removes the next bucket to evict. */
  take(): Bucket | undefined
  /** All buckets in the order of eviction. */
  all(): Generator<Bucket>
}

/** Buckets of one start, in the order of creation. */
interface Slot {
  readonly startMs: number
  /** Undefined if it was evicted. Otherwise the list would keep its memory alive as long as the other buckets. */
  readonly buckets: (Bucket | undefined)[]
  evicted: number
}

/** An empty queue. `add` and `take` take constant time. A new start takes O(log n) of the number of starts. */
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

/** The slot of a start. Creates it if there is none. */
function slotOf(slots: Slot[], startMs: number): Slot {
  const at = indexOf(slots, startMs)
  const known = slots[at]
  if (known?.startMs === startMs) return known
  const made = { startMs, buckets: [], evicted: 0 }
  slots.splice(at, 0, made)
  return made
}
