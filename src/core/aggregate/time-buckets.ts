/**
 * Summaries by time, in tiers from fine to coarse. A range is answered from the finest tier that still covers it.
 *
 * To count an attempt once instead of once a tier, the newest bucket of the finest tier stays open: it takes the attempts, and the coarser
 * tiers take the whole bucket when a newer one begins. The buckets of all tiers are made together, when the attempt comes, and questions
 * add the open bucket to what they read. So neither a question nor a snapshot changes anything, and what is evicted depends on the
 * attempts alone.
 */
import type { AgentAttempt } from '../attempt/attempt.ts'
import { type Coverage, RangeNotHeld, type TimeRange } from '../ports.ts'
import { type Bucket, type BucketOwner, bucketsOf, findBucket } from './buckets.ts'
import type { Increment } from './series.ts'
import { addAttempt, addCounted, createSummary, createSummarySlab, mergeInto, type Summary } from './summary.ts'
import { accepts, createTier, evict, holdBucket, saveTier, startOf, type Tier } from './tier.ts'
import { covering, earliestMs } from './tier-coverage.ts'
import type { TierOptions, TierSave } from './time-tiers.ts'

export interface TimeBuckets {
  add(owner: BucketOwner, attempt: AgentAttempt, ms: number, nowMs: number): void
  /** Counts what a sender counted itself. */
  count(owner: BucketOwner, increment: Increment, nowMs: number): void
  /** Has `count` called for the summary of what was at `ms` in some tiers only: for tiers that are filled later than others. */
  recount(only: readonly number[], owner: BucketOwner, ms: number, nowMs: number, count: Count): void
  /** How far back, and how finely, a range that begins at `sinceMs` can be answered. */
  coverage(sinceMs: number, nowMs: number): Coverage
  /**
   * What was counted in a range, to whole buckets of the finest tier that still covers it; undefined where there are none. Throws
   * {@link RangeNotHeld} where no tier holds all of the range any more. Changes nothing.
   */
  summarise(owner: BucketOwner, range: TimeRange, nowMs: number): Summary | undefined
  /** What a snapshot keeps of the tiers. */
  save(): readonly TierSave[]
  /** The buckets of a tier in the order of eviction: what a snapshot keeps, and restores with {@link TimeBuckets.restore} in that order. */
  buckets(tier: number): Iterable<Bucket>
  /** The bucket of a snapshot, to be filled: made where there is none, and nothing is evicted. */
  restore(tier: number, owner: BucketOwner, ms: number): Bucket
  restoreFloor(tier: number, floorMs: number): void
  /** Takes other tiers, while nothing is counted or restored. */
  reshape(options: readonly TierOptions[]): void
  clear(): void
}

type Count = (summary: Summary) => void

export function createTimeBuckets(options: readonly TierOptions[]): TimeBuckets {
  let tiers: readonly Tier[]
  /** Whether each bucket of the finest tier lies in one bucket of every other tier, so that it may stay open. */
  let isNested: boolean
  reshape(options)
  /** Memory for what is summed up over a range. A row of its own for each key would bring the garbage collector. */
  const rangeRow = createSummarySlab()

  const flushEvicted = (bucket: Bucket): void => {
    if (bucket.of.open === bucket) flush(bucket.of, tiers)
  }

  /** The bucket for `ms`, made where it is new; undefined where the tier does not reach back so far any more. */
  function bucketAt(tier: Tier, owner: BucketOwner, ms: number, nowMs: number): Bucket | undefined {
    const startMs = startOf(ms, tier)
    if (!accepts(tier, startMs, nowMs)) return undefined
    const bucket = holdBucket(tier, owner, startMs, tiers.length)
    evict(tier, nowMs, flushEvicted)
    return bucket
  }

  /** The open bucket's summary, where it is of `ms`: nearly every attempt is counted there. */
  function openAt(owner: BucketOwner, ms: number): Summary | undefined {
    const { open } = owner
    return open !== undefined && ms >= open.startMs && ms < open.startMs + tiers[0]!.spanMs ? open.summary : undefined
  }

  /** Opens a newer bucket for `ms` and has `count` called for it; or, for what came late, for the bucket of every tier. */
  function countNew(owner: BucketOwner, ms: number, nowMs: number, count: Count): void {
    const startMs = tiers[0] === undefined ? 0 : startOf(ms, tiers[0])
    const isNewest = owner.open === undefined || owner.open.startMs < startMs
    const opens = isNested && isNewest && findBucket(owner, 0, startMs) === undefined
    if (opens) flush(owner, tiers)
    const buckets = tiers.map(tier => bucketAt(tier, owner, ms, nowMs))
    // Undefined too where it was evicted at once, because the tier holds too many newer ones.
    const opened = opens ? findBucket(owner, 0, startMs) : undefined
    owner.open = opened ?? owner.open
    if (opened !== undefined) count(opened.summary)
    else for (const bucket of buckets) if (bucket !== undefined) count(bucket.summary)
  }

  function reshape(others: readonly TierOptions[]): void {
    tiers = others.map(createTier)
    isNested = tiers.every(({ spanMs }) => spanMs % tiers[0]!.spanMs === 0)
  }

  return {
    add(owner, attempt, ms, nowMs) {
      const open = openAt(owner, ms)
      if (open !== undefined) addAttempt(open, attempt, ms)
      else countNew(owner, ms, nowMs, summary => addAttempt(summary, attempt, ms))
    },
    count(owner, { measure, values, atMs }, nowMs) {
      const open = openAt(owner, atMs)
      if (open !== undefined) addCounted(open, measure, values, atMs)
      else countNew(owner, atMs, nowMs, summary => addCounted(summary, measure, values, atMs))
    },
    recount(only, owner, ms, nowMs, count) {
      for (const index of only) {
        const bucket = bucketAt(tiers[index]!, owner, ms, nowMs)
        if (bucket !== undefined) count(bucket.summary)
      }
    },
    coverage(sinceMs, nowMs) {
      const fromMs = earliestMs(tiers)
      const { spanMs = 0 } = covering(tiers, Math.max(sinceMs, fromMs), nowMs)?.tier ?? {}
      return { earliestMs: fromMs, spanMs }
    },
    summarise(owner, { sinceMs, untilMs }, nowMs) {
      const covers = covering(tiers, sinceMs, nowMs)
      // A range that was held when it was asked for may lose its beginning while the answer is made.
      if (covers === undefined) throw new RangeNotHeld(earliestMs(tiers))
      let summary: Summary | undefined
      const merge = (startMs: number, other: Summary): void => {
        if (startMs < covers.startMs || startMs >= untilMs) return
        summary ??= createSummary(rangeRow())
        mergeInto(summary, other)
      }
      for (const bucket of bucketsOf(owner, covers.tier.index)) merge(bucket.startMs, bucket.summary)
      if (owner.open !== undefined && covers.tier.index > 0)
        merge(startOf(owner.open.startMs, covers.tier), owner.open.summary)
      return summary
    },
    save: () => tiers.map(saveTier),
    buckets: tier => tiers[tier]!.queue.all(),
    restore: (tier, owner, ms) => holdBucket(tiers[tier]!, owner, startOf(ms, tiers[tier]!), tiers.length),
    restoreFloor(tier, floorMs) {
      tiers[tier]!.floorMs = floorMs
    },
    reshape,
    clear: () => reshape(tiers),
  }
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
