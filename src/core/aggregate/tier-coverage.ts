/** Which tier answers a range of time. */
import { startOf, type Tier } from './tier.ts'

/** A tier, and where its buckets for a range begin. */
interface Covering {
  readonly tier: Tier
  readonly startMs: number
}

/**
 * The finest tier that covers a range that begins at `sinceMs`; where none is meant to reach back so far, the coarsest that still holds all
 * of it. Undefined where none does.
 */
export function covering(tiers: readonly Tier[], sinceMs: number, nowMs: number): Covering | undefined {
  let held: Covering | undefined
  for (const tier of tiers) {
    const startMs = startOf(sinceMs, tier)
    if (startMs < tier.floorMs) continue
    held = { tier, startMs }
    if (startMs > nowMs - tier.keepMs) break
  }
  return held
}

/** From when on some tier holds everything. */
export function earliestMs(tiers: readonly Tier[]): number {
  return Math.min(...tiers.map(({ floorMs, spanMs }) => Math.ceil(floorMs / spanMs) * spanMs))
}
