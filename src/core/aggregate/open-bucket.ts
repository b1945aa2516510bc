/**
 * Counts attempts into tiers of time. To count an attempt once instead of once a tier, the newest bucket of the finest tier stays open: it
 * takes the attempts, and the coarser tiers take the whole bucket when a newer one begins. The buckets of all tiers are made together, when
 * the attempt comes, so that what is evicted depends on the attempts alone.
 */
import { type Bucket, type BucketOwner, findBucket } from './buckets.ts'
import { mergeInto, type Summary } from './summary.ts'
import { accepts, createTier, evict, holdBucket, startOf, type Tier } from './tier.ts'
import type { TierOptions } from './time-tiers.ts'

/** Tiers from fine to coarse. */
export interface TierSet {
  readonly tiers: readonly Tier[]
  /** Whether each bucket of the finest tier lies in one bucket of every other tier, so that it may stay open. */
  readonly isNested: boolean
}

export function createTierSet(options: readonly TierOptions[]): TierSet {
  const tiers = options.map(createTier)
  return { tiers, isNested: tiers.every(({ spanMs }) => spanMs % tiers[0]!.spanMs === 0) }
}

export type Count = (summary: Summary) => void

/** The open bucket's summary, where it is of `ms`: nearly every attempt is counted there. */
export function openAt({ tiers }: TierSet, { open }: BucketOwner, ms: number): Summary | undefined {
  return open !== undefined && ms >= open.startMs && ms < open.startMs + tiers[0]!.spanMs ? open.summary : undefined
}

/** Opens a newer bucket for `ms` and calls `count` for it; or, for a late attempt, for the bucket of every tier. */
export function countNew(set: TierSet, owner: BucketOwner, ms: number, nowMs: number, count: Count): void {
  const { tiers, isNested } = set
  const startMs = tiers[0] === undefined ? 0 : startOf(ms, tiers[0])
  const isNewest = owner.open === undefined || owner.open.startMs < startMs
  const opens = isNested && isNewest && findBucket(owner, 0, startMs) === undefined
  if (opens) flush(owner, tiers)
  const buckets = tiers.map(tier => bucketAt(set, tier, owner, ms, nowMs))
  // Undefined too where it was evicted at once, because the tier holds too many newer ones.
  const opened = opens ? findBucket(owner, 0, startMs) : undefined
  owner.open = opened ?? owner.open
  if (opened !== undefined) count(opened.summary)
  else for (const bucket of buckets) if (bucket !== undefined) count(bucket.summary)
}

/** The bucket for `ms`, made where it is new; undefined where the tier does not reach back so far any more. */
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

/** Adds the open bucket to the coarser tiers. Those that evicted or never took its time lack it, and their floor says so. */
function flush(owner: BucketOwner, tiers: readonly Tier[]): void {
  const { open } = owner
  if (open === undefined) return
  owner.open = undefined
  for (let index = 1; index < tiers.length; index++) {
    const coarser = findBucket(owner, index, startOf(open.startMs, tiers[index]!))
    if (coarser !== undefined) mergeInto(coarser.summary, open.summary)
  }
}
