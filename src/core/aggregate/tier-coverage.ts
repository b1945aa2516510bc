/**
 * Which tiers answer a range of time. Each edge of a range is clipped to the finest bucket that is held there: the start down, the end up. In
 * between, the coarsest buckets that fit are read, because they are fewest.
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
 * The tier that is held at `sinceMs` and has a bucket that begins closest before it; where none is meant to reach back so far, the coarsest that
 * still holds all of it. Undefined where none does.
 */
export function covering(tiers: readonly Tier[], sinceMs: number, nowMs: number): Covering | undefined {
  let best: Covering | undefined
  let coarsest: Covering | undefined
  for (const tier of tiers) {
    const startMs = startOf(sinceMs, tier)
    if (startMs < tier.floorMs) continue
    coarsest = { tier, startMs }
    // Only strictly closer: of tiers whose buckets begin at the same time, the finest answers.
    if (isKept(tier, startMs, nowMs) && startMs > (best?.startMs ?? Number.NEGATIVE_INFINITY)) best = coarsest
  }
  return best ?? coarsest
}

/** Whether the tier is meant to hold a bucket that starts at `startMs`. It may hold older ones, because eviction runs behind. */
function isKept(tier: Tier, startMs: number, nowMs: number): boolean {
  return startMs > nowMs - tier.keepMs
}

/** From when on some tier holds everything. */
export function earliestMs(tiers: readonly Tier[]): number {
  return Math.min(...tiers.map(({ floorMs, spanMs }) => Math.ceil(floorMs / spanMs) * spanMs))
}

/** The parts of a range in order, without gaps. Undefined where no tier holds its start. A range without a start or end has none there either. */
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

/** The range that {@link partsOf} answers. A start of -Infinity stays: it means everything that is held. */
export function clip(tiers: readonly Tier[], range: TimeRange, nowMs: number): TimeRange | undefined {
  const isOpen = range.sinceMs === Number.NEGATIVE_INFINITY
  const parts = partsOf(tiers, isOpen ? { ...range, sinceMs: earliestMs(tiers) } : range, nowMs)
  if (parts === undefined) return undefined
  const [sinceMs, untilMs] = [parts[0]?.startMs ?? range.sinceMs, parts.at(-1)?.endMs ?? range.untilMs]
  return { sinceMs: isOpen ? range.sinceMs : sinceMs, untilMs }
}

/** The first start of a bucket at `ms` or later. */
const endOf = (ms: number, { spanMs }: Tier): number => Math.ceil(ms / spanMs) * spanMs

/** Whether each bucket of the finer tier lies in one bucket of the coarser. */
const isNested = (finer: Tier, coarser: Tier): boolean => coarser.spanMs % finer.spanMs === 0
