/**
 * Counts attempts into tiers of time, each attempt once instead of once per tier. The newest bucket of the finest tier is open: only it
 * counts new attempts. When a newer bucket begins, the open one is merged into the coarser tiers. The buckets of all tiers are created
 * together, when the attempt is counted. Evictions therefore depend on the attempts alone.
 */
import { type Bucket, type BucketOwner, findBucket } from './buckets.ts'
import { mergeInto, type Summary } from './summary.ts'
import { accepts, createTier, evict, holdBucket, startOf, type Tier } from './tier.ts'
import type { TierOptions } from './time-tiers.ts'

/** Tiers from fine to coarse. */
export interface TierSet {
  readonly tiers: readonly Tier[]
  /** Whether each bucket of the finest tier is inside one bucket of every other tier. Only then can a bucket stay open. */
  readonly isNested: boolean
}

export function createTierSet(options: readonly TierOptions[]): TierSet {
  const tiers = options.map(createTier)
  return { tiers, isNested: tiers.every(({ spanMs }) => spanMs % tiers[0]!.spanMs === 0) }
}

export type Count = (summary: Summary) => void

/** The summary of the open bucket if the bucket contains `ms`. The fast path of nearly every attempt. */
export function openAt({ tiers }: TierSet, { open }: BucketOwner, ms: number): Summary | undefined {
  return open !== undefined && ms >= open.startMs && ms < open.startMs + tiers[0]!.spanMs ? open.summary : undefined
}

/** Opens a newer bucket for `ms` and calls `count` for it. For a late attempt, calls `count` for the bucket of every tier. */
export function countNew(set: TierSet, owner: BucketOwner, ms: number, nowMs: number, count: Count): void {
  const { tiers, isNested } = set
  const startMs = tiers[0] === undefined ? 0 : startOf(ms, tiers[0])
  const isNewest = owner.open === undefined || owner.open.startMs < startMs
  const opens = isNested && isNewest && findBucket(owner, 0, startMs) === undefined
  if (opens) flush(owner, tiers)
  const buckets = tiers.map(tier => bucketAt(set, tier, owner, ms, nowMs))
  // Also undefined if the bucket was evicted at once, because the tier has too many newer ones.
  const opened = opens ? findBucket(owner, 0, startMs) : undefined
  owner.open = opened ?? owner.open
  if (opened !== undefined) count(opened.summary)
  else for (const bucket of buckets) if (bucket !== undefined) count(bucket.summary)
}

/** The bucket for `ms`. Creates it if it is new. Undefined if the tier no longer keeps buckets of that time. */
export function bucketAt(
  { tiers }: TierSet,
  tier: Tier,
  owner: BucketOwner,
  ms: number,
  nowMs: number,
): Bucket | undefined {
  const startMs = startOf(ms, tier)
  if (!accepts(tier, startMs, nowMs)) return undefined
  const bucket = holdBucket(tier, owner, startMs, tiers.length)
  evict(tier, nowMs, one => {
    if (one.of.open === one) flush(one.of, tiers)
  })
  return bucket
}

/**
 * Adds the open bucket to the coarser tiers that have a bucket for its time. Other tiers evicted or rejected that time, and their floor is
 * later.
 */
function flush(owner: BucketOwner, tiers: readonly Tier[]): void {
  const { open } = owner
  if (open === undefined) return
  owner.open = undefined
  for (let index = 1; index < tiers.length; index++) {
    const coarser = findBucket(owner, index, startOf(open.startMs, tiers[index]!))
    if (coarser !== undefined) mergeInto(coarser.summary, open.summary)
  }
}
