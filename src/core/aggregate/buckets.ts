/** Time buckets. A bucket is the summary of one owner (a key or an arm) in one span of time. */
import type { Summary } from './summary.ts'

/** The buckets of a key, or of an arm of an experiment. */
export interface BucketOwner {
  /** For each tier, its buckets ordered by start. {@link NO_BUCKETS} if there are none. */
  buckets: Bucket[][]
  /** The bucket of the finest tier that the coarser tiers do not include yet. Undefined if they include everything. */
  open: Bucket | undefined
}

/** The summary of one owner in one span of time. */
export interface Bucket {
  readonly of: BucketOwner
  /** Milliseconds since the epoch. */
  readonly startMs: number
  readonly summary: Summary
}

/** The buckets of a new owner. Shared and empty: replace it, never change it. */
export const NO_BUCKETS: Bucket[][] = []
const NONE: Bucket[] = []

/** An owner's buckets of one tier, ordered by start. */
export const bucketsOf = (owner: BucketOwner, tier: number): readonly Bucket[] => owner.buckets[tier] ?? NONE

/** The index of the first entry that starts at `startMs` or later. Looks at the last entry first: most attempts are recent. */
export function indexOf(sorted: readonly { readonly startMs: number }[], startMs: number): number {
  let low = 0
  let high = sorted.length
  let middle = high - 1
  while (low < high) {
    if (sorted[middle]!.startMs < startMs) low = middle + 1
    else high = middle
    middle = (low + high) >> 1
  }
  return low
}

/** An owner's bucket of a tier that starts at `startMs`. */
export function findBucket(owner: BucketOwner, tier: number, startMs: number): Bucket | undefined {
  const buckets = bucketsOf(owner, tier)
  const found = buckets[indexOf(buckets, startMs)]
  return found?.startMs === startMs ? found : undefined
}
