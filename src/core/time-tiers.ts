/**
 * Summaries by time: fine buckets for a while, coarser ones for longer. A range is answered from the finest tier that still covers it.
 */
import type { AgentAttempt } from './attempt.ts'
import type { TimeRange } from './ports.ts'
import type { Increment } from './series.ts'
import { addAttempt, addCounted, createSummary, mergeInto, type Summary } from './summary.ts'

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

/** One key's buckets: for each tier, by their start in ms since the epoch. */
export type TimeTiersState = readonly Map<number, Summary>[]

/** How a range is answered: whole buckets of `spanMs` from `sinceMs` on. */
export interface Resolution {
  readonly tier: number
  readonly spanMs: number
  readonly sinceMs: number
}

export interface TimeTiers {
  open(): TimeTiersState
  add(state: TimeTiersState, attempt: AgentAttempt, ms: number, nowMs: number): void
  /** Counts what a sender counted itself. */
  count(state: TimeTiersState, increment: Increment, nowMs: number): void
  /** What a checkpoint keeps beside the buckets themselves. Live: read it before the next add. */
  save(): readonly TierSave[]
  /** Puts back a bucket that a checkpoint kept; in the order of {@link TierSave.leaving}, so that they leave in it again. */
  restore(state: TimeTiersState, tier: number, startMs: number, summary: Summary): void
  restoreFloor(tier: number, floorMs: number): void
  resolve(range: TimeRange, nowMs: number): Resolution
  summarise(state: TimeTiersState, range: TimeRange, nowMs: number): Summary
  /** The buckets of a range in order of time, at `resolution`. */
  buckets(state: TimeTiersState, range: TimeRange, resolution: Resolution): readonly (readonly [number, Summary])[]
  clear(): void
}

/** One tier beside its buckets. */
export interface TierSave {
  readonly spanMs: number
  /** Buckets before this may have left early. */
  readonly floorMs: number
  /** Whose bucket of which start leaves next, and so on; undefined where none ever leaves. */
  readonly leaving: readonly MadeBucket[] | undefined
}

export interface MadeBucket {
  readonly buckets: Map<number, Summary>
  readonly startMs: number
}

interface Tier extends TierOptions {
  readonly maxBuckets: number
  /** Buckets in the order they were made, oldest first: what leaves next. */
  made: MadeBucket[]
  left: number
  /** Buckets before this may have left early. */
  floorMs: number
}

export function createTimeTiers(options: readonly TierOptions[]): TimeTiers {
  const tiers: Tier[] = options.map(({ spanMs, keepMs, maxBuckets }) => ({
    spanMs,
    keepMs,
    maxBuckets: maxBuckets ?? (Number.isFinite(keepMs) ? MAX_BUCKETS : Number.POSITIVE_INFINITY),
    made: [],
    left: 0,
    floorMs: Number.NEGATIVE_INFINITY,
  }))
  const leaves = (tier: Tier): boolean => Number.isFinite(tier.keepMs) || Number.isFinite(tier.maxBuckets)

  function leave(tier: Tier): void {
    const oldest = tier.made[tier.left++]!
    oldest.buckets.delete(oldest.startMs)
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

  function put(tier: Tier, buckets: Map<number, Summary>, startMs: number, summary: Summary): void {
    buckets.set(startMs, summary)
    if (leaves(tier)) tier.made.push({ buckets, startMs })
  }

  /** The bucket of a tier for what was at `ms`, made where it is new; undefined where the tier reaches back no more so far. */
  function bucketAt(tier: Tier, buckets: Map<number, Summary>, ms: number, nowMs: number): Summary | undefined {
    const startMs = Math.floor(ms / tier.spanMs) * tier.spanMs
    if (startMs < tier.floorMs || startMs <= nowMs - tier.keepMs) return undefined
    const known = buckets.get(startMs)
    if (known !== undefined) return known
    const bucket = createSummary()
    put(tier, buckets, startMs, bucket)
    trim(tier, nowMs)
    return bucket
  }

  function resolve(range: TimeRange, nowMs: number): Resolution {
    const last = tiers.length - 1
    for (const [index, tier] of tiers.entries()) {
      const sinceMs = Math.floor(range.sinceMs / tier.spanMs) * tier.spanMs
      const covered = sinceMs >= tier.floorMs && sinceMs > nowMs - tier.keepMs
      if (covered || index === last) return { tier: index, spanMs: tier.spanMs, sinceMs }
    }
    return { tier: 0, spanMs: 1, sinceMs: range.sinceMs }
  }

  function buckets(
    state: TimeTiersState,
    range: TimeRange,
    { tier, sinceMs }: Resolution,
  ): (readonly [number, Summary])[] {
    const found: (readonly [number, Summary])[] = []
    for (const bucket of state[tier] ?? []) if (bucket[0] >= sinceMs && bucket[0] < range.untilMs) found.push(bucket)
    return found
  }

  return {
    resolve,
    open: () => tiers.map(() => new Map()),
    add(state, attempt, ms, nowMs) {
      for (let i = 0; i < tiers.length; i++) {
        const bucket = bucketAt(tiers[i]!, state[i]!, ms, nowMs)
        if (bucket !== undefined) addAttempt(bucket, attempt, ms)
      }
    },
    count(state, { measure, values, atMs }, nowMs) {
      for (let i = 0; i < tiers.length; i++) {
        const bucket = bucketAt(tiers[i]!, state[i]!, atMs, nowMs)
        if (bucket !== undefined) addCounted(bucket, measure, values, atMs)
      }
    },
    save: () =>
      tiers.map(tier => ({
        spanMs: tier.spanMs,
        floorMs: tier.floorMs,
        leaving: leaves(tier) ? tier.made.slice(tier.left) : undefined,
      })),
    restore(state, tier, startMs, summary) {
      const to = tiers[tier]
      if (to !== undefined) put(to, state[tier]!, startMs, summary)
    },
    restoreFloor(tier, floorMs) {
      const to = tiers[tier]
      if (to !== undefined) to.floorMs = floorMs
    },
    summarise(state, range, nowMs) {
      const summary = createSummary()
      for (const [, bucket] of buckets(state, range, resolve(range, nowMs))) mergeInto(summary, bucket)
      return summary
    },
    buckets: (state, range, resolution) => buckets(state, range, resolution).sort(([a], [b]) => a - b),
    clear() {
      for (const tier of tiers) Object.assign(tier, { made: [], left: 0, floorMs: Number.NEGATIVE_INFINITY })
    },
  }
}
