/** Tiers of time: fine buckets for a while, coarser ones for longer. */

export interface TierOptions {
  /** Length of a bucket. */
  readonly spanMs: number
  /** How long a bucket is kept after its start. Infinity keeps it permanently. */
  readonly keepMs: number
  /**
   * The maximum number of buckets of all keys, a kilobyte each. Beyond it, the oldest are evicted early. 100,000 by default, without a
   * limit if `keepMs` is Infinity.
   */
  readonly maxBuckets?: number | undefined
}

/** The state of a tier in a snapshot, without its buckets. */
export interface TierSave {
  readonly spanMs: number
  readonly keepMs: number
  /** The tier has everything that was counted from this time on. Earlier counts may be missing. */
  readonly floorMs: number
}

const MINUTE_MS = 60_000
const DAY_MS = 1440 * MINUTE_MS

/**
 * One minute for 26 hours, one hour for 90 days, one day permanently. The first tier keeps more than 24 hours, so that an edge 24 hours ago
 * has a resolution of a minute. That requires the minutes of its whole hour.
 */
export const DEFAULT_TIERS: readonly TierOptions[] = [
  { spanMs: MINUTE_MS, keepMs: 26 * 60 * MINUTE_MS },
  { spanMs: 60 * MINUTE_MS, keepMs: 90 * DAY_MS },
  { spanMs: DAY_MS, keepMs: Number.POSITIVE_INFINITY },
]
