/** Plans how to convert the tiers of a snapshot to the tiers of the settings if they differ. The store executes the plan. */
import type { TierOptions, TierSave } from './time-tiers.ts'

/** The source of the buckets of a tier: the index of a tier of the snapshot, the journal, or none. */
export type TierSource = number | 'journal' | undefined

export interface PlannedTier extends TierOptions {
  readonly source: TierSource
  /** With that source, the tier has all counts from this time on. */
  readonly floorMs: number
}

export interface TierPlan {
  /** The tiers in force, fine to coarse. */
  readonly tiers: readonly PlannedTier[]
  /** Whether they differ from those of the snapshot. */
  readonly changed: boolean
}

export interface PlanOptions {
  /** The tiers of the settings, fine to coarse. Undefined to keep those of the snapshot. */
  readonly wanted: readonly TierOptions[] | undefined
  /** The tiers of the snapshot. */
  readonly saved: readonly TierSave[]
  /** The journal has everything that was counted from this time on. Infinity if it must not be read. */
  readonly journalMs?: number
  readonly nowMs: number
}

/**
 * Every tier gets the source that reaches back furthest within its retention. Sources are its own buckets, those of a finer tier whose span
 * divides its span, and the journal. A tier of the snapshot that reaches back further than all tiers of the settings stays in force.
 * Otherwise a tier that the settings omit by mistake would lose counts that exist nowhere else.
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
  // The tier of the snapshot had at least this retention: no other source can reach back further.
  if (own >= 0 && saved[own]!.keepMs >= tier.keepMs) return { ...tier, source: own, floorMs: ownFloorMs }
  let best: PlannedTier = { ...tier, source: own < 0 ? undefined : own, floorMs: ownFloorMs }
  const consider = (source: TierSource, floorMs: number): void => {
    if (reach({ ...tier, floorMs }, nowMs) < reach(best, nowMs)) best = { ...tier, source, floorMs }
  }
  // The coarsest comes first, because it has the fewest buckets to merge.
  for (const [source, { spanMs, floorMs }] of [...saved.entries()].reverse()) {
    if (tier.spanMs % spanMs === 0) consider(source, floorMs)
  }
  consider('journal', journalMs)
  return best
}

/** The time since when a tier has all counts and will keep them. */
function reach({ floorMs, keepMs }: Pick<TierSave, 'floorMs' | 'keepMs'>, nowMs: number): number {
  return Math.max(floorMs, nowMs - keepMs)
}

function isSaved({ spanMs, keepMs }: TierOptions, saved: readonly TierSave[]): boolean {
  return saved.some(one => one.spanMs === spanMs && one.keepMs === keepMs)
}
