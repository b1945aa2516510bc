/**
 * Summaries by time: fine buckets for a while, coarser ones for longer. A range is answered from the finest tier that still covers it. What a
 * key counts is gathered until it goes on to another of the finest buckets, or is asked for; only then each tier gets what came together.
 */
import type { AgentAttempt } from '../attempt/attempt.ts'
import { type Coverage, RangeNotHeld, type TimeRange } from '../ports.ts'
import { awakeIn, type Bucket, placeOf, type TimeTiersState } from './buckets.ts'
import { createLeavingOrder, type LeavingOrder } from './leaving-order.ts'
import { unpackRow } from './packed-rows.ts'
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
  /** Takes other tiers, while nothing is counted or restored. */
  reshape(options: readonly TierOptions[]): void
  /**
   * Adds buckets of another tier that a checkpoint kept to one whose span is theirs, or a multiple of it. They must be
   * {@link arrange}d before anything is counted.
   */
  derive(tier: number, rows: BucketRows): void
  /** Puts derived buckets into the order in which they leave. */
  arrange(): void
  /** Has `count` called for the summary of what was at `ms` in some tiers only: what was counted before is counted into tiers that are new. */
  recount(only: readonly number[], state: TimeTiersState, ms: number, nowMs: number, count: Count): void
  /** How far back, and how finely, a range that begins at `sinceMs` can be answered. */
  coverage(sinceMs: number, nowMs: number): Coverage
  /**
   * What was counted in a range, to whole buckets of the finest tier that still covers it; undefined where there are none. Throws
   * {@link RangeNotHeld} where no tier holds all of the range any more.
   */
  summarise(state: TimeTiersState, range: TimeRange, nowMs: number): Summary | undefined
  clear(): void
}

type Count = (summary: Summary) => void

/** One tier beside its buckets. */
export interface TierSave {
  readonly spanMs: number
  readonly keepMs: number
  /** The tier holds all that was counted from this time on; of what was before it some may be missing. */
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
  /** The tier holds all that was counted from this time on; of what was before it some may be missing. */
  floorMs: number
  /** Buckets that were made of another tier's, and are in no order yet. */
  derived: Bucket[]
}

export function createTimeTiers(options: readonly TierOptions[]): TimeTiers {
  let tiers = options.map(tierOf)
  let finest = tiers[0]
  const sleeping = createSleepingBuckets()
  const scratch = createSummary()
  const room = createSummaryRooms()
  /** For what is summed up of a range: memory of its own for each key would bring the garbage collector. */
  const rangeRoom = createSummaryRooms()
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

  /** Puts in what a checkpoint kept. */
  const putRestored = (tier: number, bucket: Bucket): void =>
    put(tier, placeOf(awakeIn(bucket.of, tier), bucket.startMs), bucket)

  /** All that is known of a key is there to be looked at from here on. */
  function wake(state: TimeTiersState): void {
    if (state.asleep <= 0) return
    for (const { tier, bucket } of sleeping.of(state)) putRestored(tier, bucket)
    sleeping.wake(state)
  }

  /** The bucket of a tier for what was at `ms`, made where it is new; undefined where the tier reaches back no more so far. */
  function bucketAt(tier: Tier, state: TimeTiersState, ms: number, nowMs: number): Bucket | undefined {
    const startMs = Math.floor(ms / tier.spanMs) * tier.spanMs
    if (startMs < tier.floorMs) return undefined
    if (startMs <= nowMs - tier.keepMs) {
      // It is not counted here: nothing is whole any more that begins before it ends.
      tier.floorMs = startMs + tier.spanMs
      return undefined
    }
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
  function countOld(state: TimeTiersState, ms: number, nowMs: number, count: Count): void {
    for (let i = 1; i < tiers.length; i++) {
      const tier = tiers[i]!
      const bucket = bucketAt(tier, state, ms, nowMs)
      if (bucket !== undefined) count(opened(tier, bucket))
    }
  }

  /**
   * The finest tier that covers a range that begins at `sinceMs`, and where its buckets begin; where none is meant to reach back so far,
   * the coarsest that still holds all of it. Undefined where none does.
   */
  function covering(sinceMs: number, nowMs: number): { readonly tier: Tier; readonly startMs: number } | undefined {
    let held: { readonly tier: Tier; readonly startMs: number } | undefined
    for (const tier of tiers) {
      const startMs = Math.floor(sinceMs / tier.spanMs) * tier.spanMs
      if (startMs < tier.floorMs) continue
      held = { tier, startMs }
      if (startMs > nowMs - tier.keepMs) break
    }
    return held
  }

  /** From when on some tier holds all. */
  const earliestMs = (): number => Math.min(...tiers.map(({ floorMs, spanMs }) => Math.ceil(floorMs / spanMs) * spanMs))

  /** Adds a row of another tier to the bucket that holds its time. */
  function deriveRow(tier: Tier, rows: BucketRows, row: number): void {
    const bucket = bucketOf(rows, row)
    const startMs = Math.floor(bucket.startMs / tier.spanMs) * tier.spanMs
    const buckets = awakeIn(bucket.of, tier.index)
    const place = placeOf(buckets, startMs)
    const known = buckets[place]
    if (known?.startMs === startMs) {
      unpackRow(bucket.packed!, bucket.at, SUMMARY_WIDTH, scratch)
      mergeInto(opened(tier, known), scratch)
      return
    }
    const derived = { ...bucket, startMs }
    put(tier.index, place, derived)
    tier.derived.push(derived)
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
    save: () => tiers.map(({ spanMs, keepMs, floorMs }) => ({ spanMs, keepMs, floorMs })),
    reshape(others) {
      tiers = others.map(tierOf)
      finest = tiers[0]
    },
    derive(tier, rows) {
      for (let row = 0; row < rows.states.length; row++) deriveRow(tiers[tier]!, rows, row)
    },
    arrange() {
      for (const tier of tiers) {
        if (tier.leaves) for (const bucket of tier.derived.sort((a, b) => a.startMs - b.startMs)) tier.order.add(bucket)
        tier.derived = []
      }
    },
    recount(only, state, ms, nowMs, count) {
      for (const index of only) {
        const tier = tiers[index]!
        const bucket = bucketAt(tier, state, ms, nowMs)
        if (bucket !== undefined) count(opened(tier, bucket))
      }
    },
    coverage(sinceMs, nowMs) {
      const fromMs = earliestMs()
      const { spanMs = 0 } = covering(Math.max(sinceMs, fromMs), nowMs)?.tier ?? {}
      return { earliestMs: fromMs, spanMs }
    },
    *buckets(tier, states) {
      if (tiers[tier]!.leaves) return yield* tiers[tier]!.order.all()
      for (const state of states) {
        yield* awakeIn(state, tier)
        for (const one of sleeping.of(state)) if (one.tier === tier) yield one.bucket
      }
    },
    restore(tier, rows) {
      sleeping.put(tier, rows)
      if (tiers[tier]!.leaves) tiers[tier]!.order.restore(rows)
    },
    restoreFloor(tier, floorMs) {
      tiers[tier]!.floorMs = floorMs
    },
    summarise(state, range, nowMs) {
      let summary: Summary | undefined
      settle(state)
      const covers = covering(range.sinceMs, nowMs)
      // A range that was held when it was asked for may lose its beginning while the answer is made.
      if (covers === undefined) throw new RangeNotHeld(earliestMs())
      wake(state)
      for (const bucket of awakeIn(state, covers.tier.index)) {
        if (bucket.startMs < covers.startMs || bucket.startMs >= range.untilMs) continue
        if (bucket.packed !== undefined) unpackRow(bucket.packed, bucket.at, SUMMARY_WIDTH, scratch)
        summary ??= createSummary(rangeRoom())
        mergeInto(summary, bucket.summary ?? scratch)
      }
      return summary
    },
    clear() {
      sleeping.clear()
      for (const tier of tiers) {
        tier.order.clear()
        tier.floorMs = Number.NEGATIVE_INFINITY
        tier.derived = []
      }
    },
  }
}

function tierOf({ spanMs, keepMs, maxBuckets }: TierOptions, index: number): Tier {
  const most = maxBuckets ?? (Number.isFinite(keepMs) ? MAX_BUCKETS : Number.POSITIVE_INFINITY)
  const leaves = Number.isFinite(keepMs) || Number.isFinite(most)
  const order = createLeavingOrder(index)
  const room = createSummaryRooms()
  const floorMs = Number.NEGATIVE_INFINITY
  return { index, spanMs, keepMs, maxBuckets: most, leaves, order, room, floorMs, derived: [] }
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
