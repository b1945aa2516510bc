/**
 * Summaries by time: fine buckets for a while, coarser ones for longer. A range is answered from the finest tier that still covers it.
 */
import type { AgentAttempt } from './attempt.ts'
import { type PackedRows, unpackRow } from './packed-rows.ts'
import type { TimeRange } from './ports.ts'
import type { Increment } from './series.ts'
import { addAttempt, addCounted, createSummary, mergeInto, SUMMARY_WIDTH, type Summary } from './summary.ts'

export interface TierOptions {
  /** Length of a bucket. */
  readonly spanMs: number
  /** How long a bucket is kept after it began; Infinity: for ever. */
  readonly keepMs: number
  /** Buckets over all keys, a kilobyte each; beyond it the oldest leave early. Default: 100,000 where they leave at all. */
  readonly maxBuckets?: number | undefined
}

const MINUTE_MS = 60_000
const MAX_BUCKETS = 100_000
const DAY_MS = 1440 * MINUTE_MS

/** One minute for a day, one hour for 90 days, one day for ever. */
export const DEFAULT_TIERS: readonly TierOptions[] = [
  { spanMs: MINUTE_MS, keepMs: DAY_MS },
  { spanMs: 60 * MINUTE_MS, keepMs: 90 * DAY_MS },
  { spanMs: DAY_MS, keepMs: Number.POSITIVE_INFINITY },
]

/** One key's buckets: for each tier, in order of their start. */
export type TimeTiersState = Bucket[][]

/** What a key counted in one span of time. */
export interface Bucket {
  /** Whose it is. */
  readonly of: TimeTiersState
  /** In ms since the epoch. */
  readonly startMs: number
  /** Undefined until it is written to, where it came packed from a checkpoint: most are never again. */
  summary: Summary | undefined
  packed: PackedRows | undefined
  /** Where it stands there. */
  readonly at: number
}

export interface TimeTiers {
  open(): TimeTiersState
  add(state: TimeTiersState, attempt: AgentAttempt, ms: number, nowMs: number): void
  /** Counts what a sender counted itself. */
  count(state: TimeTiersState, increment: Increment, nowMs: number): void
  /** What a checkpoint keeps beside the buckets themselves. */
  save(): readonly TierSave[]
  /**
   * Puts back a bucket that a checkpoint kept, which stands at `at` of `packed`, in the order of {@link TierSave.leaving}, so that they
   * leave in it again. The memory is not copied.
   */
  restore(state: TimeTiersState, tier: number, startMs: number, packed: PackedRows, at: number): void
  restoreFloor(tier: number, floorMs: number): void
  /** What was counted in a range: to whole buckets of the finest tier that still covers it. */
  summarise(state: TimeTiersState, range: TimeRange, nowMs: number): Summary
  clear(): void
}

/** One tier beside its buckets. */
export interface TierSave {
  readonly spanMs: number
  /** Buckets before this may have left early. */
  readonly floorMs: number
  /** Which bucket leaves next, and so on; undefined where none ever leaves. */
  readonly leaving: readonly Bucket[] | undefined
}

interface Tier extends TierOptions {
  readonly index: number
  readonly maxBuckets: number
  /** Buckets in the order they were made, oldest first: what leaves next. Undefined: has left. */
  made: (Bucket | undefined)[]
  left: number
  /** Buckets before this may have left early. */
  floorMs: number
}

/** Never changed: another one takes its place. */
const NONE: Bucket[] = []

export function createTimeTiers(options: readonly TierOptions[]): TimeTiers {
  const tiers: Tier[] = options.map(({ spanMs, keepMs, maxBuckets }, index) => ({
    index,
    spanMs,
    keepMs,
    maxBuckets: maxBuckets ?? (Number.isFinite(keepMs) ? MAX_BUCKETS : Number.POSITIVE_INFINITY),
    made: [],
    left: 0,
    floorMs: Number.NEGATIVE_INFINITY,
  }))
  const leaves = (tier: Tier): boolean => Number.isFinite(tier.keepMs) || Number.isFinite(tier.maxBuckets)
  const scratch = createSummary()

  function leave(tier: Tier): void {
    const oldest = tier.made[tier.left]!
    tier.made[tier.left++] = undefined
    const buckets = oldest.of[tier.index]!
    buckets.splice(placeOf(buckets, oldest.startMs), 1)
    tier.floorMs = Math.max(tier.floorMs, oldest.startMs + tier.spanMs)
    if (tier.left > 1024 && tier.left * 2 > tier.made.length) {
      tier.made = tier.made.slice(tier.left)
      tier.left = 0
    }
  }

  /** Lets go of what is too old or too much, a few at a time: the cost is paid by those who made the buckets. */
  function trim(tier: Tier, nowMs: number): void {
    for (let i = 0; i < 4 && tier.left < tier.made.length; i++) {
      const tooMany = tier.made.length - tier.left > tier.maxBuckets
      if (!tooMany && tier.made[tier.left]!.startMs > nowMs - tier.keepMs) return
      leave(tier)
    }
  }

  function put(tier: Tier, place: number, bucket: Bucket): void {
    const buckets = bucket.of[tier.index]!
    // The first push makes room for 17: more than most keys ever have.
    if (buckets.length === 0) bucket.of[tier.index] = [bucket]
    else buckets.splice(place, 0, bucket)
    if (leaves(tier)) tier.made.push(bucket)
  }

  /** The bucket of a tier for what was at `ms`, made where it is new; undefined where the tier reaches back no more so far. */
  function bucketAt(tier: Tier, state: TimeTiersState, ms: number, nowMs: number): Summary | undefined {
    const startMs = Math.floor(ms / tier.spanMs) * tier.spanMs
    if (startMs < tier.floorMs || startMs <= nowMs - tier.keepMs) return undefined
    const buckets = state[tier.index]!
    const place = placeOf(buckets, startMs)
    const known = buckets[place]
    if (known?.startMs === startMs) return opened(known)
    const summary = createSummary()
    put(tier, place, { of: state, startMs, summary, packed: undefined, at: 0 })
    trim(tier, nowMs)
    return summary
  }

  /** The finest tier that covers a range, and where its buckets begin. */
  function covering(range: TimeRange, nowMs: number): { readonly tier: number; readonly sinceMs: number } {
    for (const { index, spanMs, keepMs, floorMs } of tiers) {
      const sinceMs = Math.floor(range.sinceMs / spanMs) * spanMs
      const covered = sinceMs >= floorMs && sinceMs > nowMs - keepMs
      if (covered || index === tiers.length - 1) return { tier: index, sinceMs }
    }
    return { tier: 0, sinceMs: range.sinceMs }
  }

  return {
    open: () => tiers.map(() => NONE),
    add(state, attempt, ms, nowMs) {
      for (let i = 0; i < tiers.length; i++) {
        const bucket = bucketAt(tiers[i]!, state, ms, nowMs)
        if (bucket !== undefined) addAttempt(bucket, attempt, ms)
      }
    },
    count(state, { measure, values, atMs }, nowMs) {
      for (let i = 0; i < tiers.length; i++) {
        const bucket = bucketAt(tiers[i]!, state, atMs, nowMs)
        if (bucket !== undefined) addCounted(bucket, measure, values, atMs)
      }
    },
    save: () =>
      tiers.map(tier => ({
        spanMs: tier.spanMs,
        floorMs: tier.floorMs,
        leaving: leaves(tier) ? (tier.made.slice(tier.left) as Bucket[]) : undefined,
      })),
    restore(state, tier, startMs, packed, at) {
      const buckets = state[tier]!
      const place = placeOf(buckets, startMs)
      const known = buckets[place]
      if (known?.startMs !== startMs) {
        put(tiers[tier]!, place, { of: state, startMs, summary: undefined, packed, at })
        return
      }
      unpackRow(packed, at, SUMMARY_WIDTH, scratch)
      mergeInto(opened(known), scratch)
    },
    restoreFloor(tier, floorMs) {
      tiers[tier]!.floorMs = floorMs
    },
    summarise(state, range, nowMs) {
      const summary = createSummary()
      const { tier, sinceMs } = covering(range, nowMs)
      for (const bucket of state[tier] ?? []) {
        if (bucket.startMs < sinceMs || bucket.startMs >= range.untilMs) continue
        if (bucket.packed !== undefined) unpackRow(bucket.packed, bucket.at, SUMMARY_WIDTH, scratch)
        mergeInto(summary, bucket.summary ?? scratch)
      }
      return summary
    },
    clear() {
      for (const tier of tiers) Object.assign(tier, { made: [], left: 0, floorMs: Number.NEGATIVE_INFINITY })
    },
  }
}

/** Where the bucket that begins at `startMs` stands, or would. */
function placeOf(buckets: readonly Bucket[], startMs: number): number {
  let low = 0
  let high = buckets.length
  // Most of what comes is of now.
  let middle = high - 1
  while (low < high) {
    if (buckets[middle]!.startMs < startMs) low = middle + 1
    else high = middle
    middle = (low + high) >> 1
  }
  return low
}

/** The summary of a bucket, to be written to. */
function opened(bucket: Bucket): Summary {
  if (bucket.summary !== undefined) return bucket.summary
  const summary = createSummary()
  unpackRow(bucket.packed!, bucket.at, SUMMARY_WIDTH, summary)
  bucket.summary = summary
  bucket.packed = undefined
  return summary
}
