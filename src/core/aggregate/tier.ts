/** One tier of time: the buckets of one length of all owners, and their eviction. */
import { type Bucket, type BucketOwner, bucketsOf, findBucket, indexOf } from './buckets.ts'
import { createEvictionQueue, type EvictionQueue } from './eviction-queue.ts'
import { createSummary, createSummarySlab } from './summary.ts'
import type { TierOptions, TierSave } from './time-tiers.ts'

export interface Tier extends TierOptions {
  /** Its index among the tiers, from fine to coarse. */
  readonly index: number
  readonly maxBuckets: number
  readonly queue: EvictionQueue
  /** Allocates memory for one summary. From a slab, because buckets that are created together are evicted together. */
  readonly newRow: () => Float64Array
  /** The tier has everything that was counted from this time on. Earlier counts may be missing. */
  floorMs: number
}

const MAX_BUCKETS = 100_000
/** Buckets evicted for each new one. Few, to bound the cost of an attempt, but more than one, so that a backlog shrinks. */
const EVICTIONS_PER_BUCKET = 4

export function createTier({ spanMs, keepMs, maxBuckets }: TierOptions, index: number): Tier {
  const most = maxBuckets ?? (Number.isFinite(keepMs) ? MAX_BUCKETS : Number.POSITIVE_INFINITY)
  const [queue, newRow] = [createEvictionQueue(), createSummarySlab()]
  return { index, spanMs, keepMs, maxBuckets: most, queue, newRow, floorMs: Number.NEGATIVE_INFINITY }
}

export const saveTier = ({ spanMs, keepMs, floorMs }: Tier): TierSave => ({ spanMs, keepMs, floorMs })

/** The start of the bucket that contains `ms`. */
export const startOf = (ms: number, { spanMs }: TierOptions): number => Math.floor(ms / spanMs) * spanMs

/**
 * Whether the tier accepts a bucket that starts at `startMs`. If the bucket is too old, raises the floor, because its counts will be
 * missing.
 */
export function accepts(tier: Tier, startMs: number, nowMs: number): boolean {
  if (startMs < tier.floorMs) return false
  if (startMs > nowMs - tier.keepMs) return true
  tier.floorMs = startMs + tier.spanMs
  return false
}

/** The owner's bucket of that start. Creates it if there is none. Neither checks whether the tier accepts it, nor evicts others. */
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
  // The first push to an empty array allocates 17 elements, more than most owners ever have.
  if (buckets.length === 0) owner.buckets[index] = [bucket]
  else buckets.splice(indexOf(buckets, bucket.startMs), 0, bucket)
}

/** Evicts a few buckets that are too old or too many. Calls `beforeEviction` for each bucket before its removal. */
export function evict(tier: Tier, nowMs: number, beforeEviction: (bucket: Bucket) => void): void {
  const { queue, index, spanMs } = tier
  for (let i = 0; i < EVICTIONS_PER_BUCKET; i++) {
    if (queue.length <= tier.maxBuckets && queue.nextMs > nowMs - tier.keepMs) return
    const bucket = queue.take()
    if (bucket === undefined) return
    beforeEviction(bucket)
    const buckets = bucketsOf(bucket.of, index) as Bucket[]
    buckets.splice(indexOf(buckets, bucket.startMs), 1)
    tier.floorMs = Math.max(tier.floorMs, bucket.startMs + spanMs)
  }
}
