/** What becomes of the tiers that a checkpoint kept when the settings name others. Pure: the plan is carried out by the store. */
import type { TierOptions, TierSave } from './time-tiers.ts'

/** Where the buckets of a tier come from: a tier of the checkpoint, by its number; the journal; or nowhere. */
export type TierSource = number | 'journal' | undefined

export interface PlannedTier extends TierOptions {
  readonly source: TierSource
  /** From when on the tier holds all, given that source. */
  readonly floorMs: number
}

export interface TierPlan {
  /** The tiers in force, fine to coarse. */
  readonly tiers: readonly PlannedTier[]
  /** Whether they are others than those of the checkpoint. */
  readonly changed: boolean
}

export interface PlanOptions {
  /** The tiers of the settings, fine to coarse; undefined to go on with those of the checkpoint. */
  readonly wanted: readonly TierOptions[] | undefined
  /** The tiers of the checkpoint. */
  readonly saved: readonly TierSave[]
  /** From when on the journal holds all that was counted; Infinity where it is not to be read. */
  readonly journalMs?: number
  readonly nowMs: number
}

/**
 * Every tier gets the buckets that reach back furthest within what it keeps: its own, those of a finer tier whose span divides its span, or
 * those that the journal gives. A tier of the checkpoint that reaches back further than all that are wanted stays in force: to take it out
 * of the settings by mistake would lose what nothing else holds.
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
  // It was kept as long before: nothing else can hold more.
  if (own >= 0 && saved[own]!.keepMs >= tier.keepMs) return { ...tier, source: own, floorMs: ownFloorMs }
  let best: PlannedTier = { ...tier, source: own < 0 ? undefined : own, floorMs: ownFloorMs }
  const consider = (source: TierSource, floorMs: number): void => {
    if (reach({ ...tier, floorMs }, nowMs) < reach(best, nowMs)) best = { ...tier, source, floorMs }
  }
  // The coarsest first: it has the fewest buckets to add up.
  for (const [source, { spanMs, floorMs }] of [...saved.entries()].reverse()) {
    if (tier.spanMs % spanMs === 0) consider(source, floorMs)
  }
  consider('journal', journalMs)
  return best
}

/** From when on a tier has, and keeps, all. */
function reach({ floorMs, keepMs }: Pick<TierSave, 'floorMs' | 'keepMs'>, nowMs: number): number {
  return Math.max(floorMs, nowMs - keepMs)
}

function isSaved({ spanMs, keepMs }: TierOptions, saved: readonly TierSave[]): boolean {
  return saved.some(one => one.spanMs === spanMs && one.keepMs === keepMs)
}
