/** Up to when the state certainly includes what was recorded. */
import type { Clock } from '../../core/ports.ts'
import type { Outage } from './outage.ts'
import type { SpoolStats } from './spool.ts'

/** Groups of other sidecars are read every 100 ms. An older state is behind. */
const BEHIND_MS = 1000

export interface FreshnessOptions {
  readonly clock: Clock
  /** Whether other sidecars append to the log. */
  readonly isShared: boolean
  readonly outage: Pick<Outage, 'error'>
  readonly spooled: () => SpoolStats | undefined
}

export interface Freshness {
  /** All groups that the log had at this time are folded, in milliseconds since the epoch. */
  folded(atMs: number): void
  /** See `Store.asOf`. */
  asOf(): number | undefined
}

export function createFreshness({ clock, isShared, outage, spooled }: FreshnessOptions): Freshness {
  let foldedMs = clock()
  return {
    folded(atMs) {
      foldedMs = Math.max(foldedMs, atMs)
    },
    asOf() {
      const isBehind = isShared && (outage.error !== undefined || clock() - foldedMs > BEHIND_MS)
      const { oldestMs } = spooled() ?? {}
      if (!isBehind) return oldestMs
      return Math.min(foldedMs, oldestMs ?? foldedMs)
    },
  }
}
