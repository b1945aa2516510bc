/** Restores the buckets of a snapshot into the tiers of a plan: into the same tiers, or into tiers that are built from them. */
import type { BucketOwner } from '../../core/aggregate/buckets.ts'
import { copySummary, createSummary, mergeInto, type Summary } from '../../core/aggregate/summary.ts'
import type { TierPlan } from '../../core/aggregate/tier-plan.ts'
import type { TimeBuckets } from '../../core/aggregate/time-buckets.ts'
import type { TierSave } from '../../core/aggregate/time-tiers.ts'

export interface TierRestore {
  /** Restores a bucket of the snapshot's tier `saved`. Calls `read` exactly once, which must read the summary into a row. */
  put(saved: number, owner: BucketOwner, startMs: number, read: (row: Summary) => void): void
  /** Marks the bucket that was restored last, of the finest tier, as the open one. */
  open(owner: BucketOwner, startMs: number): void
  /** Called after the last bucket. */
  end(): void
}

/** Replaces the tiers of `times` by those of a plan. The caller then restores the buckets in the order of eviction. */
export function createTierRestore(times: TimeBuckets, plan: TierPlan, savedTiers: readonly TierSave[]): TierRestore {
  const { tiers, changed } = plan
  times.reshape(tiers)
  for (const [tier, { floorMs }] of tiers.entries()) times.restoreFloor(tier, floorMs)
  const targets = savedTiers.map((_, saved) => [...tiers.keys()].filter(tier => tiers[tier]!.source === saved))
  const row = createSummary()
  const opens: { readonly owner: BucketOwner; readonly startMs: number; readonly summary: Summary }[] = []

  /** Adds an open bucket to the tiers that were built from coarser ones, which do not include it. */
  function addOpen({ owner, startMs, summary }: (typeof opens)[number]): void {
    for (const [saved, { spanMs, floorMs }] of savedTiers.entries()) {
      if (saved === 0 || Math.floor(startMs / spanMs) * spanMs < floorMs) continue
      for (const tier of targets[saved]!) mergeInto(times.restore(tier, owner, startMs).summary, summary)
    }
  }

  return {
    put(saved, owner, startMs, read) {
      if (!changed) return read(times.restore(saved, owner, startMs).summary)
      read(row)
      for (const tier of targets[saved]!) mergeInto(times.restore(tier, owner, startMs).summary, row)
    },
    open(owner, startMs) {
      if (changed) opens.push({ owner, startMs, summary: copySummary(row) })
      else owner.open = times.restore(0, owner, startMs)
    },
    end() {
      for (const one of opens) addOpen(one)
    },
  }
}
