/**
 * Selects the tiers that answer a range of time. Each edge of a range is clipped to the finest bucket that is stored there: the start down,
 * the end up. Between the edges, the coarsest buckets that fit are read, because they are fewest.
 */
import type { TimeRange } from '../ports.ts'
import { startOf, type Tier } from './tier.ts'

/** A tier, and where its buckets for a range begin. */
interface Covering {
  readonly tier: Tier
  readonly startMs: number
}

/** A part of a range, and the tier whose buckets it consists of: whole buckets, `startMs` inclusive, `endMs` exclusive. */
export interface RangePart {
  readonly tier: Tier
  readonly startMs: number
  readonly endMs: number
}

/**
 * The tier with the bucket that begins closest before `sinceMs`, among the tiers that keep counts of that time. If none does, the coarsest
 * tier that still has all counts since then. Undefined if there is none.
 */
export function covering(tiers: readonly Tier[], sinceMs: number, nowMs: number): Covering | undefined {
  let best: Covering | undefined
  let coarsest: Covering | undefined
  for (const tier of tiers) {
    const startMs = startOf(sinceMs, tier)
    if (startMs < tier.floorMs) continue
    coarsest = { tier, startMs }
    // Strictly closer: of tiers whose buckets begin at the same time, the finest is used.
    if (isKept(tier, startMs, nowMs) && startMs > (best?.startMs ?? Number.NEGATIVE_INFINITY)) best = coarsest
  }
  return best ?? coarsest
}

/**
 * Whether a bucket that starts at `startMs` is within the tier's retention. Older ones may still exist, because eviction is incremental.
 */
function isKept(tier: Tier, startMs: number, nowMs: number): boolean {
  return startMs > nowMs - tier.keepMs
}

/** The earliest time since when some tier has all counts. */
export function earliestMs(tiers: readonly Tier[]): number {
  return Math.min(...tiers.map(({ floorMs, spanMs }) => Math.ceil(floorMs / spanMs) * spanMs))
}

/**
 * The parts of a range in order, without gaps. Undefined if no tier has counts of its start. An infinite edge of the range stays infinite.
 */
export function partsOf(
  tiers: readonly Tier[],
  { sinceMs, untilMs }: TimeRange,
  nowMs: number,
): readonly RangePart[] | undefined {
  const covers = covering(tiers, sinceMs, nowMs)
  if (covers === undefined) return undefined
  const parts: RangePart[] = []
  let { tier, startMs } = covers
  function add(endMs: number): void {
    if (endMs > startMs) parts.push({ tier, startMs, endMs })
    startMs = Math.max(startMs, endMs)
  }
  for (const coarser of tiers.slice(tier.index + 1)) {
    const joinMs = endOf(startMs, coarser)
    if (!isNested(tier, coarser) || joinMs < coarser.floorMs || startOf(untilMs, coarser) <= joinMs) continue
    add(joinMs)
    tier = coarser
  }
  for (const finer of tiers.slice(0, tier.index).toReversed()) {
    const joinMs = Math.max(startMs, startOf(untilMs, tier))
    if (!isNested(finer, tier) || joinMs < finer.floorMs || !isKept(finer, joinMs, nowMs)) continue
    add(joinMs)
    tier = finer
  }
  add(endOf(untilMs, tier))
  return parts
}

/** The range that {@link partsOf} covers. A start of -Infinity stays, and means all stored counts. */
export function clip(tiers: readonly Tier[], range: TimeRange, nowMs: number): TimeRange | undefined {
  const isOpen = range.sinceMs === Number.NEGATIVE_INFINITY
  const parts = partsOf(tiers, isOpen ? { ...range, sinceMs: earliestMs(tiers) } : range, nowMs)
  if (parts === undefined) return undefined
  const [sinceMs, untilMs] = [parts[0]?.startMs ?? range.sinceMs, parts.at(-1)?.endMs ?? range.untilMs]
  return { sinceMs: isOpen ? range.sinceMs : sinceMs, untilMs }
}

/** The first start of a bucket at `ms` or later. */
const endOf = (ms: number, { spanMs }: Tier): number => Math.ceil(ms / spanMs) * spanMs

/** Whether each bucket of the finer tier is inside one bucket of the coarser. */
const isNested = (finer: Tier, coarser: Tier): boolean => coarser.spanMs % finer.spanMs === 0
