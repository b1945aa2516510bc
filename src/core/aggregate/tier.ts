/** One tier of time: the buckets of one length of all owners, and which of them are evicted. */
import { type Bucket, type BucketOwner, bucketsOf, findBucket, indexOf } from './buckets.ts'
import { createEvictionQueue, type EvictionQueue } from './eviction-queue.ts'
import { createSummary, createSummarySlab } from './summary.ts'
import type { TierOptions, TierSave } from './time-tiers.ts'

export interface Tier extends TierOptions {
  /** Its place among the tiers, from fine to coarse. */
  readonly index: number
  readonly maxBuckets: number
  readonly queue: EvictionQueue
  /** Memory for one summary: those that are made together are evicted together. */
  readonly newRow: () => Float64Array
  /** The tier holds everything that was counted from this time on; of what was before it some may be missing. */
  floorMs: number
}

const MAX_BUCKETS = 100_000
/** Buckets evicted for each one that is made: an attempt pays for few, and still more leave than come. */
const EVICTED_AT_ONCE = 4

export function createTier({ spanMs, keepMs, maxBuckets }: TierOptions, index: number): Tier {
  const most = maxBuckets ?? (Number.isFinite(keepMs) ? MAX_BUCKETS : Number.POSITIVE_INFINITY)
  const [queue, newRow] = [createEvictionQueue(), createSummarySlab()]
  return { index, spanMs, keepMs, maxBuckets: most, queue, newRow, floorMs: Number.NEGATIVE_INFINITY }
}

export const saveTier = ({ spanMs, keepMs, floorMs }: Tier): TierSave => ({ spanMs, keepMs, floorMs })

/** The start of the bucket that holds `ms`. */
export const startOf = (ms: number, { spanMs }: TierOptions): number => Math.floor(ms / spanMs) * spanMs

/**
 * Whether the tier takes a bucket that starts at `startMs`. Where it does not, because the bucket is too old now, the floor rises: what is
 * not counted here is missing.
 */
export function accepts(tier: Tier, startMs: number, nowMs: number): boolean {
  if (startMs < tier.floorMs) return false
  if (startMs > nowMs - tier.keepMs) return true
  tier.floorMs = startMs + tier.spanMs
  return false
}

/** The owner's bucket of that start, made where there is none. Neither checks whether the tier accepts it, nor evicts others. */
export function holdBucket(tier: Tier, owner: BucketOwner, startMs: number, tiers: number): Bucket {
  const known = findBucket(owner, tier.index, startMs)
  if (known !== undefined) return known
  const bucket: Bucket = { of: owner, startMs, summary: createSummary(tier.newRow()) }
  insert(tier, bucket, tiers)
  tier.queue.add(bucket)
  return bucket
}

function insert({ index }: Tier, bucket: Bucket, tiers: number): void {
  const owner = bucket.of
  if (owner.buckets.length === 0) owner.buckets = Array.from({ length: tiers }, () => [])
  const buckets = owner.buckets[index]!
  // A first push would make room for 17, more than most owners ever have.
  if (buckets.length === 0) owner.buckets[index] = [bucket]
  else buckets.splice(indexOf(buckets, bucket.startMs), 0, bucket)
}

/** Evicts what is too old or too much, a few at a time. `beforeEviction` is called for each bucket that is about to leave. */
export function evict(tier: Tier, nowMs: number, beforeEviction: (bucket: Bucket) => void): void {
  const { queue, index, spanMs } = tier
  for (let i = 0; i < EVICTED_AT_ONCE; i++) {
    if (queue.length <= tier.maxBuckets && queue.nextMs > nowMs - tier.keepMs) return
    const bucket = queue.take()
    if (bucket === undefined) return
    beforeEviction(bucket)
    const buckets = bucketsOf(bucket.of, index) as Bucket[]
    buckets.splice(indexOf(buckets, bucket.startMs), 1)
    tier.floorMs = Math.max(tier.floorMs, bucket.startMs + spanMs)
  }
}
