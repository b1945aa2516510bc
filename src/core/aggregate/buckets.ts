/** Buckets of time: what a key counted in one span of it. */
import type { PackedRows } from './packed-rows.ts'
import type { Summary } from './summary.ts'

/** The buckets of a key, or of an arm, in whose record they stand. */
export interface TimeTiersState {
  /** For each tier, in order of their start, those that do not sleep; {@link NO_TIERS} before the first of them. */
  awake: Bucket[][]
  /** The number of its row that was put to sleep last; 0 where none sleeps. */
  asleep: number
  /** What was counted and no tier has got yet; undefined where they have all. */
  counting: Counting | undefined
}

/** Attempts that came together. */
export interface Counting {
  /** The bucket of the finest tier that they belong to. */
  readonly bucket: Bucket
  readonly summary: Summary
}

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

/** Never changed, as the one below: others take their place. */
export const NO_TIERS: Bucket[][] = []
const NONE: Bucket[] = []

/** A key's buckets of one tier that do not sleep. */
export const awakeIn = (state: TimeTiersState, tier: number): readonly Bucket[] => state.awake[tier] ?? NONE

/** Where the bucket that begins at `startMs` stands, or would. */
export function placeOf(buckets: readonly Bucket[], startMs: number): number {
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

/** The bucket of a tier that begins at `startMs`, where there is one that does not sleep. */
export function bucketAt(state: TimeTiersState, tier: number, startMs: number): Bucket | undefined {
  const buckets = awakeIn(state, tier)
  const found = buckets[placeOf(buckets, startMs)]
  return found?.startMs === startMs ? found : undefined
}
