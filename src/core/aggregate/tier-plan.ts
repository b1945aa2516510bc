/** Plans how the tiers of a snapshot become the tiers of the settings, where the two differ. The store carries the plan out. */
import type { TierOptions, TierSave } from './time-tiers.ts'

/** Where the buckets of a tier come from: a tier of the snapshot, by its index; the journal; or nowhere. */
export type TierSource = number | 'journal' | undefined

export interface PlannedTier extends TierOptions {
  readonly source: TierSource
  /** From when on the tier holds everything, given that source. */
  readonly floorMs: number
}

export interface TierPlan {
  /** The tiers in force, fine to coarse. */
  readonly tiers: readonly PlannedTier[]
  /** Whether they differ from those of the snapshot. */
  readonly changed: boolean
}

export interface PlanOptions {
  /** The tiers of the settings, fine to coarse; undefined to keep those of the snapshot. */
  readonly wanted: readonly TierOptions[] | undefined
  /** The tiers of the snapshot. */
  readonly saved: readonly TierSave[]
  /** From when on the journal holds everything that was counted; Infinity where it is not to be read. */
  readonly journalMs?: number
  readonly nowMs: number
}

/**
 * Every tier gets the buckets that reach back furthest within what it keeps: its own, those of a finer tier whose span divides its span, or
 * those that the journal gives. A tier of the snapshot that reaches back further than all that are wanted stays in force. Otherwise a tier
 * that is left out of the settings by mistake would lose what nothing else holds.
 */
export function planTiers(options: PlanOptions): TierPlan {
  const { saved, nowMs } = options
  const wanted = options.wanted ?? saved.map(({ spanMs, keepMs }) => ({ spanMs, keepMs }))
  const tiers = wanted.map(tier => plan(tier, options))
  const wantedMs = Math.min(...tiers.map(tier => reach(tier, nowMs)))
  const left = saved.filter(({ spanMs }) => !wanted.some(tier => tier.spanMs === spanMs))
  const furthest = left.reduceRight<TierSave | undefined>(
    (best, one) => (best === undefined || reach(one, nowMs) < reach(best, nowMs) ? one : best),
    undefined,
  )
  if (furthest !== undefined && reach(furthest, nowMs) < wantedMs) {
    const { spanMs, keepMs, floorMs } = furthest
    tiers.push({ spanMs, keepMs, floorMs, source: saved.indexOf(furthest) })
  }
  const changed = tiers.length !== saved.length || tiers.some(tier => !isSaved(tier, saved))
  return { tiers: tiers.sort((a, b) => a.spanMs - b.spanMs), changed }
}

function plan(tier: TierOptions, { saved, journalMs = Number.POSITIVE_INFINITY, nowMs }: PlanOptions): PlannedTier {
  const own = saved.findIndex(({ spanMs }) => spanMs === tier.spanMs)
  const ownFloorMs = saved[own]?.floorMs ?? Number.POSITIVE_INFINITY
  // The snapshot kept it as long: nothing else can hold more.
  if (own >= 0 && saved[own]!.keepMs >= tier.keepMs) return { ...tier, source: own, floorMs: ownFloorMs }
  let best: PlannedTier = { ...tier, source: own < 0 ? undefined : own, floorMs: ownFloorMs }
  const consider = (source: TierSource, floorMs: number): void => {
    if (reach({ ...tier, floorMs }, nowMs) < reach(best, nowMs)) best = { ...tier, source, floorMs }
  }
  // Try the coarsest first: it has the fewest buckets to merge.
  for (const [source, { spanMs, floorMs }] of [...saved.entries()].reverse()) {
    if (tier.spanMs % spanMs === 0) consider(source, floorMs)
  }
  consider('journal', journalMs)
  return best
}

/** From when on a tier both holds and keeps everything. */
function reach({ floorMs, keepMs }: Pick<TierSave, 'floorMs' | 'keepMs'>, nowMs: number): number {
  return Math.max(floorMs, nowMs - keepMs)
}

function isSaved({ spanMs, keepMs }: TierOptions, saved: readonly TierSave[]): boolean {
  return saved.some(one => one.spanMs === spanMs && one.keepMs === keepMs)
}
