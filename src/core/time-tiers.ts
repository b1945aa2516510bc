/**
 * Summaries by time: fine buckets for a while, coarser ones for longer. A range is answered from the finest tier that still covers it. What a
 * key counts is gathered until it goes on to another of the finest buckets, or is asked for; only then each tier gets what came together.
 */
import type { AgentAttempt } from './attempt.ts'
import { awakeIn, type Bucket, placeOf, type TimeTiersState } from './buckets.ts'
import { createLeavingOrder, type LeavingOrder } from './leaving-order.ts'
import { unpackRow } from './packed-rows.ts'
import type { TimeRange } from './ports.ts'
import type { Increment } from './series.ts'
import { type BucketRows, bucketOf, createSleepingBuckets } from './sleeping-buckets.ts'
import {
  addAttempt,
  addCounted,
  createSummary,
  createSummaryRooms,
  mergeInto,
  SUMMARY_WIDTH,
  type Summary,
} from './summary.ts'

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

export interface TimeTiers {
  add(state: TimeTiersState, attempt: AgentAttempt, ms: number, nowMs: number): void
  /** Counts what a sender counted itself. */
  count(state: TimeTiersState, increment: Increment, nowMs: number): void
  /** What a checkpoint keeps of the tiers. */
  save(): readonly TierSave[]
  /** Adds what was counted since the last time to the buckets it belongs to. */
  settle(state: TimeTiersState): void
  /** The buckets of one tier in the order in which they leave; of one that keeps all for ever in that of `states`. All are settled. */
  buckets(tier: number, states: readonly TimeTiersState[]): Generator<Bucket>
  /** Puts back buckets of one tier that a checkpoint kept, in the order in which they leave, where none was counted yet. */
  restore(tier: number, rows: BucketRows): void
  restoreFloor(tier: number, floorMs: number): void
  /** What was counted in a range, to whole buckets of the finest tier that still covers it; undefined where there are none. */
  summarise(state: TimeTiersState, range: TimeRange, nowMs: number): Summary | undefined
  clear(): void
}

/** One tier beside its buckets. */
export interface TierSave {
  readonly spanMs: number
  /** Buckets before this may have left early. */
  readonly floorMs: number
}

interface Tier extends TierOptions {
  readonly index: number
  readonly maxBuckets: number
  /** Whether buckets ever leave. */
  readonly leaves: boolean
  /** In which order, where they do. */
  readonly order: LeavingOrder
  /** Room for a summary: those that come together leave together. */
  readonly room: () => Float64Array
  /** Buckets before this may have left early. */
  floorMs: number
}

export function createTimeTiers(options: readonly TierOptions[]): TimeTiers {
  const tiers = options.map(tierOf)
  const finest = tiers[0]
  const sleeping = createSleepingBuckets()
  const scratch = createSummary()
  const room = createSummaryRooms()
  const spare: Summary[] = []

  /** Lets go of what is too old or too much, a few at a time: the cost is paid by those who made the buckets. */
  function trim(tier: Tier, nowMs: number): void {
    for (let i = 0; i < 4; i++) {
      if (tier.order.length <= tier.maxBuckets && tier.order.nextMs > nowMs - tier.keepMs) return
      const { of: state, startMs } = tier.order.take()!
      if (tier === finest && state.counting?.bucket.startMs === startMs) settle(state)
      wake(state)
      const buckets = state.awake[tier.index]!
      buckets.splice(placeOf(buckets, startMs), 1)
      tier.floorMs = Math.max(tier.floorMs, startMs + tier.spanMs)
    }
  }

  function put(tier: number, place: number, bucket: Bucket): void {
    const state = bucket.of
    // A list of its own for each tier: it is changed.
    if (state.awake.length === 0) state.awake = tiers.map(() => [])
    const buckets = state.awake[tier]!
    // The first push makes room for 17: more than most keys ever have.
    if (buckets.length === 0) state.awake[tier] = [bucket]
    else buckets.splice(place, 0, bucket)
  }

  /** Puts in what a checkpoint kept; false where that was of another key that is the same now, and is added to what it kept of this one. */
  function putRestored(tier: number, bucket: Bucket): boolean {
    const buckets = awakeIn(bucket.of, tier)
    const place = placeOf(buckets, bucket.startMs)
    const known = buckets[place]
    if (known?.startMs !== bucket.startMs) {
      put(tier, place, bucket)
      return true
    }
    unpackRow(bucket.packed!, bucket.at, SUMMARY_WIDTH, scratch)
    mergeInto(opened(tiers[tier]!, known), scratch)
    return false
  }

  /** All that is known of a key is there to be looked at from here on. */
  function wake(state: TimeTiersState): void {
    if (state.asleep <= 0) return
    for (const { tier, bucket } of sleeping.of(state)) putRestored(tier, bucket)
    sleeping.wake(state)
  }

  /** The bucket of a tier for what was at `ms`, made where it is new; undefined where the tier reaches back no more so far. */
  function bucketAt(tier: Tier, state: TimeTiersState, ms: number, nowMs: number): Bucket | undefined {
    const startMs = Math.floor(ms / tier.spanMs) * tier.spanMs
    if (startMs < tier.floorMs || startMs <= nowMs - tier.keepMs) return undefined
    wake(state)
    const buckets = awakeIn(state, tier.index)
    const place = placeOf(buckets, startMs)
    const known = buckets[place]
    return known?.startMs === startMs ? known : make(tier, place, { of: state, startMs }, nowMs)
  }

  function make(
    tier: Tier,
    place: number,
    { of: state, startMs }: Pick<Bucket, 'of' | 'startMs'>,
    nowMs: number,
  ): Bucket {
    const bucket: Bucket = { of: state, startMs, summary: createSummary(tier.room()), packed: undefined, at: 0 }
    put(tier.index, place, bucket)
    if (tier.leaves) {
      tier.order.add(bucket)
      trim(tier, nowMs)
    }
    return bucket
  }

  function settle(state: TimeTiersState): void {
    const { counting } = state
    if (counting === undefined) return
    state.counting = undefined
    const { bucket, summary } = counting
    mergeInto(opened(finest!, bucket), summary)
    for (let i = 1; i < tiers.length; i++) {
      const tier = tiers[i]!
      // By the time it was counted: what is too old by now leaves when it is looked at next.
      const coarser = bucketAt(tier, state, bucket.startMs, bucket.startMs)
      if (coarser !== undefined) mergeInto(opened(tier, coarser), summary)
    }
    spare.push(createSummary(summary))
  }

  /** Where all is counted for now that is of `ms`; undefined where the finest tier reaches back no more so far. */
  function countingAt(state: TimeTiersState, ms: number, nowMs: number): Summary | undefined {
    const { counting } = state
    if (counting !== undefined) {
      const { startMs } = counting.bucket
      if (ms >= startMs && ms < startMs + finest!.spanMs) return counting.summary
      settle(state)
    }
    const bucket = finest && bucketAt(finest, state, ms, nowMs)
    if (bucket === undefined) return undefined
    const summary = spare.pop() ?? createSummary(room())
    state.counting = { bucket, summary }
    return summary
  }

  /** Has `count` called for the summary of each tier but the finest that counts what was at `ms`. */
  function countOld(state: TimeTiersState, ms: number, nowMs: number, count: (summary: Summary) => void): void {
    for (let i = 1; i < tiers.length; i++) {
      const tier = tiers[i]!
      const bucket = bucketAt(tier, state, ms, nowMs)
      if (bucket !== undefined) count(opened(tier, bucket))
    }
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
    add(state, attempt, ms, nowMs) {
      const summary = countingAt(state, ms, nowMs)
      if (summary !== undefined) addAttempt(summary, attempt, ms)
      else countOld(state, ms, nowMs, summary => addAttempt(summary, attempt, ms))
    },
    count(state, { measure, values, atMs }, nowMs) {
      const summary = countingAt(state, atMs, nowMs)
      if (summary !== undefined) addCounted(summary, measure, values, atMs)
      else countOld(state, atMs, nowMs, summary => addCounted(summary, measure, values, atMs))
    },
    settle,
    save: () => tiers.map(({ spanMs, floorMs }) => ({ spanMs, floorMs })),
    *buckets(tier, states) {
      if (tiers[tier]!.leaves) return yield* tiers[tier]!.order.all()
      for (const state of states) {
        yield* awakeIn(state, tier)
        for (const one of sleeping.of(state)) if (one.tier === tier) yield one.bucket
      }
    },
    restore(tier, rows) {
      const buckets = sleeping.put(tier, rows, row => putRestored(tier, bucketOf(rows, row)))
      if (tiers[tier]!.leaves) tiers[tier]!.order.restore(rows, buckets)
    },
    restoreFloor(tier, floorMs) {
      tiers[tier]!.floorMs = floorMs
    },
    summarise(state, range, nowMs) {
      let summary: Summary | undefined
      settle(state)
      const { tier, sinceMs } = covering(range, nowMs)
      wake(state)
      for (const bucket of awakeIn(state, tier)) {
        if (bucket.startMs < sinceMs || bucket.startMs >= range.untilMs) continue
        if (bucket.packed !== undefined) unpackRow(bucket.packed, bucket.at, SUMMARY_WIDTH, scratch)
        summary ??= createSummary()
        mergeInto(summary, bucket.summary ?? scratch)
      }
      return summary
    },
    clear() {
      sleeping.clear()
      for (const tier of tiers) {
        tier.order.clear()
        tier.floorMs = Number.NEGATIVE_INFINITY
      }
    },
  }
}

function tierOf({ spanMs, keepMs, maxBuckets }: TierOptions, index: number): Tier {
  const most = maxBuckets ?? (Number.isFinite(keepMs) ? MAX_BUCKETS : Number.POSITIVE_INFINITY)
  const leaves = Number.isFinite(keepMs) || Number.isFinite(most)
  const order = createLeavingOrder(index)
  const room = createSummaryRooms()
  return { index, spanMs, keepMs, maxBuckets: most, leaves, order, room, floorMs: Number.NEGATIVE_INFINITY }
}

/** The summary of a bucket, to be written to. */
function opened(tier: Tier, bucket: Bucket): Summary {
  if (bucket.summary !== undefined) return bucket.summary
  const summary = createSummary(tier.room())
  unpackRow(bucket.packed!, bucket.at, SUMMARY_WIDTH, summary)
  bucket.summary = summary
  bucket.packed = undefined
  return summary
}
