/** Tiers of time: fine buckets for a while, coarser ones for longer. */

export interface TierOptions {
  /** Length of a bucket. */
  readonly spanMs: number
  /** How long a bucket is kept after its start; Infinity: without end. */
  readonly keepMs: number
  /** Buckets over all keys, a kilobyte each; beyond it the oldest are evicted early. Default: 100,000 where they are evicted at all. */
  readonly maxBuckets?: number | undefined
}

/** What a snapshot keeps of a tier beside its buckets. */
export interface TierSave {
  readonly spanMs: number
  readonly keepMs: number
  /** The tier holds everything that was counted from this time on; of what was before it some may be missing. */
  readonly floorMs: number
}

const MINUTE_MS = 60_000
const DAY_MS = 1440 * MINUTE_MS

/**
 * One minute for 26 hours, one hour for 90 days, one day without end. 26 hours, because an edge 24 hours ago is answered by minutes only if the
 * minutes of its whole hour are held.
 */
export const DEFAULT_TIERS: readonly TierOptions[] = [
  { spanMs: MINUTE_MS, keepMs: 26 * 60 * MINUTE_MS },
  { spanMs: 60 * MINUTE_MS, keepMs: 90 * DAY_MS },
  { spanMs: DAY_MS, keepMs: Number.POSITIVE_INFINITY },
]
