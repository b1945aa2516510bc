/**
 * Summaries by time, in tiers from fine to coarse. Each edge of a range is clipped to the finest bucket that is stored there. Neither
 * questions nor snapshots change any state.
 */
import { type Coverage, RangeNotHeld, type TimeRange } from '../ports.ts'
import { type Bucket, type BucketOwner, bucketsOf, findBucket, indexOf } from './buckets.ts'
import { bucketAt, type Count, countNew, createTierSet, openAt } from './open-bucket.ts'
import { mergeOutcomeCounts } from './outcome-counts.ts'
import { addPending, countedBefore, type Decision, decide, mergeView, type OutcomeView } from './outcomes.ts'
import type { Increment } from './series.ts'
import {
  type Addends,
  addAddends,
  addCounted,
  createSummary,
  createSummarySlab,
  outcomesOf,
  type Summary,
} from './summary.ts'
import { holdBucket, saveTier, startOf, type Tier } from './tier.ts'
import { clip, covering, earliestMs, partsOf, type RangePart } from './tier-coverage.ts'
import type { TierOptions, TierSave } from './time-tiers.ts'

export interface TimeBuckets {
  /** Counts an attempt that ended at `ms`. */
  add(owner: BucketOwner, addends: Addends, ms: number, nowMs: number): void
  /** Counts an attempt without a result. */
  addPending(owner: BucketOwner, ms: number, nowMs: number): void
  /** Counts an outcome where its attempt is counted. A pending attempt is counted as {@link TimeBuckets.add} does. */
  decide(owner: BucketOwner, decision: Decision, nowMs: number): void
  /** Counts the increase of a measure that a sender counts itself. */
  count(owner: BucketOwner, increment: Increment, nowMs: number): void
  /** Calls `count` for the summary at `ms` of some tiers only. For tiers that are filled later than others. */
  recount(only: readonly number[], owner: BucketOwner, ms: number, nowMs: number, count: Count): void
  /** Counts an outcome in some tiers only, as {@link TimeBuckets.recount} counts an attempt. */
  recountOutcome(only: readonly number[], owner: BucketOwner, decision: Decision, nowMs: number): void
  /** The earliest time and the resolution of an answer about a range that begins at `sinceMs`. */
  coverage(sinceMs: number, nowMs: number): Coverage
  /**
   * The range that an answer covers. The start is clipped down and the end up, each to the finest bucket that is stored there. Infinite
   * edges stay. Clipping is idempotent. Throws {@link RangeNotHeld} if no tier has the start any more.
   */
  clip(range: TimeRange, nowMs: number): TimeRange
  /**
   * Returns a function that returns the summary of an owner in a range, clipped as by {@link TimeBuckets.clip}. Undefined if the owner has
   * no counts in it. Counts the latest results by default. The outcomes of the summary have counts only. Both functions throw {@link RangeNotHeld} if no tier has all of the range any more. Neither changes any state.
   */
  reader(range: TimeRange, nowMs: number, view?: OutcomeView): (owner: BucketOwner) => Summary | undefined
  /** The state of the tiers for a snapshot, without their buckets. */
  save(): readonly TierSave[]
  /**
   * The buckets of a tier in the order of eviction. A snapshot stores them, and restores them in that order with {@link
   * TimeBuckets.restore}.
   */
  buckets(tier: number): Iterable<Bucket>
  /** A bucket to be filled from a snapshot. Creates it if there is none. Evicts nothing. */
  restore(tier: number, owner: BucketOwner, ms: number): Bucket
  restoreFloor(tier: number, floorMs: number): void
  /** Replaces the tiers. Allowed only while nothing is counted or restored. */
  reshape(options: readonly TierOptions[]): void
  clear(): void
}

export function createTimeBuckets(options: readonly TierOptions[]): TimeBuckets {
  let set = createTierSet(options)
  /** Memory for summaries of a range. A separate buffer for each key would cause garbage collections. */
  const rangeRow = createSummarySlab()

  function recount(only: readonly number[], owner: BucketOwner, ms: number, nowMs: number, count: Count): void {
    for (const index of only) {
      const bucket = bucketAt(set, set.tiers[index]!, owner, ms, nowMs)
      if (bucket !== undefined) count(bucket.summary)
    }
  }

  /** Apart: a function with a closure allocates memory for it in every call. */
  function addNew(owner: BucketOwner, addends: Addends, ms: number, nowMs: number): void {
    countNew(set, owner, ms, nowMs, summary => addAddends(summary, addends, ms))
  }

  return {
    add(owner, addends, ms, nowMs) {
      const open = openAt(set, owner, ms)
      if (open !== undefined) addAddends(open, addends, ms)
      else addNew(owner, addends, ms, nowMs)
    },
    addPending(owner, ms, nowMs) {
      const open = openAt(set, owner, ms)
      if (open !== undefined) addPending(open)
      else countNew(set, owner, ms, nowMs, addPending)
    },
    decide(owner, decision, nowMs) {
      const { ms } = decision
      const count = (summary: Summary): void => decide(summary, decision)
      const open = openAt(set, owner, ms)
      if (open !== undefined) count(open)
      else if (countedBefore(decision) === undefined) countNew(set, owner, ms, nowMs, count)
      else for (const tier of set.tiers) countHeld(tier, owner, ms, count)
    },
    count(owner, { measure, values, atMs }, nowMs) {
      const open = openAt(set, owner, atMs)
      if (open !== undefined) addCounted(open, measure, values, atMs)
      else countNew(set, owner, atMs, nowMs, summary => addCounted(summary, measure, values, atMs))
    },
    recount,
    recountOutcome(only, owner, decision, nowMs) {
      const { ms } = decision
      const count = (summary: Summary): void => decide(summary, decision)
      if (countedBefore(decision) === undefined) recount(only, owner, ms, nowMs, count)
      else for (const index of only) countHeld(set.tiers[index]!, owner, ms, count)
    },
    coverage(sinceMs, nowMs) {
      const fromMs = earliestMs(set.tiers)
      const { spanMs = 0 } = covering(set.tiers, Math.max(sinceMs, fromMs), nowMs)?.tier ?? {}
      return { earliestMs: fromMs, spanMs }
    },
    clip(range, nowMs) {
      const clipped = clip(set.tiers, range, nowMs)
      if (clipped === undefined) throw new RangeNotHeld(earliestMs(set.tiers))
      return clipped
    },
    reader(range, nowMs, view = 'latest') {
      const { tiers } = set
      const parts = partsOf(tiers, range, nowMs)
      if (parts === undefined) throw new RangeNotHeld(earliestMs(tiers))
      return owner => {
        // The beginning of the range may be evicted while the answer is computed.
        if (parts.some(({ tier, startMs }) => startMs < tier.floorMs)) throw new RangeNotHeld(earliestMs(tiers))
        return summarise(owner, parts, rangeRow, view)
      }
    },
    save: () => set.tiers.map(saveTier),
    buckets: tier => set.tiers[tier]!.queue.all(),
    restore(index, owner, ms) {
      const tier = set.tiers[index]!
      return holdBucket(tier, owner, startOf(ms, tier), set.tiers.length)
    },
    restoreFloor(tier, floorMs) {
      set.tiers[tier]!.floorMs = floorMs
    },
    reshape(others) {
      set = createTierSet(others)
    },
    clear() {
      set = createTierSet(set.tiers)
    },
  }
}

/** Calls `count` for the bucket that contains `ms`, if the tier still has it. */
function countHeld(tier: Tier, owner: BucketOwner, ms: number, count: Count): void {
  const bucket = findBucket(owner, tier.index, startOf(ms, tier))
  if (bucket !== undefined) count(bucket.summary)
}

/** See {@link TimeBuckets.reader}. Adds the open bucket to what a coarser tier holds. */
function summarise(
  owner: BucketOwner,
  parts: readonly RangePart[],
  newRow: () => Float64Array,
  view: OutcomeView,
): Summary | undefined {
  let summary: Summary | undefined
  const merge = (other: Summary): void => {
    summary ??= createSummary(newRow())
    mergeView(summary, other, view)
    if (other.outcomes !== undefined) mergeOutcomeCounts(outcomesOf(summary).counts, other.outcomes.counts)
  }
  for (const { tier, startMs, endMs } of parts) {
    const buckets = bucketsOf(owner, tier.index)
    for (let i = indexOf(buckets, startMs); i < buckets.length && buckets[i]!.startMs < endMs; i++)
      merge(buckets[i]!.summary)
    const { open } = owner
    if (open === undefined || tier.index === 0) continue
    const openMs = startOf(open.startMs, tier)
    if (openMs >= startMs && openMs < endMs) merge(open.summary)
  }
  return summary
}
