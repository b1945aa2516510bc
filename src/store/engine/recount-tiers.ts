/** Counts a stored part of the log again into some tiers of time, without changing totals. */
import { createSeries, MAX_SERIES, type Series, stateId } from '../../core/aggregate/series.ts'
import type { Tally } from '../../core/aggregate/tally.ts'
import { MAX_AHEAD_MS } from '../../core/attempt/timestamp.ts'
import { decisionOf, type FoldState, type LogRecord } from '../../core/fold.ts'
import type { KeptGroup, Log, Position } from '../../core/log.ts'
import type { Clock } from '../../core/ports.ts'
import type { Logger } from '../logger.ts'

export interface RecountOptions {
  readonly log: Pick<Log, 'info' | 'read' | 'reach'>
  readonly state: Pick<FoldState, 'tally'>
  readonly clock: Clock
  readonly logger: Logger
}

/** The part of the log to count. */
export interface RecountedPart {
  /** The groups after it are counted. */
  readonly position: Position
  /** The last group that is counted. */
  readonly until: Position
  /** The log has all attempts from this time on, in milliseconds since the epoch. -Infinity if nothing has expired. */
  readonly completeMs: number
}

/**
 * Counts into the tiers with these indexes, and limits their coverage to what the log contains. Returns the time since when the log is
 * complete: later than `completeMs` if part of it is damaged.
 */
export async function recountTiers(
  options: RecountOptions,
  tiers: readonly number[],
  part: RecountedPart,
): Promise<number> {
  const { log, state, clock } = options
  const counter = createTierCounter(state.tally, tiers, { ...part, keepMs: log.info.limits.idWindowAgeMs })
  for await (const group of log.read(part.position, part.until)) counter.add(group)
  const reachedMs = counter.completeMs()
  const floorMs = reachedMs === Number.POSITIVE_INFINITY ? clock() + MAX_AHEAD_MS : reachedMs
  const saved = state.tally.times.save()
  for (const tier of tiers) state.tally.times.restoreFloor(tier, Math.max(floorMs, saved[tier]!.floorMs))
  return reachedMs
}

interface TierCounter {
  add(group: KeptGroup): void
  completeMs(): number
}

function createTierCounter(
  tally: Tally,
  tiers: readonly number[],
  { completeMs, keepMs }: Pick<RecountedPart, 'completeMs'> & { readonly keepMs: number },
): TierCounter {
  const series = createSeries({ limit: MAX_SERIES, keepMs })
  let reachedMs = completeMs
  let lastMs = Number.NEGATIVE_INFINITY
  let isFirst = true

  function count(record: LogRecord): void {
    const { nowMs } = record
    lastMs = Math.max(lastMs, nowMs)
    // The values of series at the beginning of the stored part have expired.
    if (isFirst && completeMs > Number.NEGATIVE_INFINITY) series.forget(nowMs)
    isFirst = false
    reachedMs = Math.max(reachedMs, unknownUntil(record, series, completeMs))
    if (record.kind === 'attempt') tally.recount(record.attempt, record.at, nowMs, tiers)
    if (record.kind === 'outcome') tally.recountOutcome(decisionOf(record), nowMs, tiers)
    // The records that a damaged log lacks were received before its copy.
    if (record.kind === 'copy' && record.isDone && record.completeMs === Number.POSITIVE_INFINITY)
      reachedMs = Math.max(reachedMs, lastMs + MAX_AHEAD_MS)
    if (record.kind === 'reset') series.forget(nowMs)
    if (record.kind !== 'points') return
    const step = series.step(record.points, nowMs, true)
    series.take(step)
    for (const increment of step.increments) tally.recountIncrement(increment, nowMs, tiers)
  }

  return {
    add({ records, isDamaged }) {
      for (const record of records) count(record)
      // The damaged records were received before the last one of the group.
      if (isDamaged === true) reachedMs = Math.max(reachedMs, lastMs + MAX_AHEAD_MS)
    },
    completeMs: () => reachedMs,
  }
}

/**
 * The end of the time for which increments of series are unknown. The first point of a series includes increments from before the stored
 * part. -Infinity if there is no such time.
 */
function unknownUntil(record: LogRecord, series: Series, completeMs: number): number {
  let unknownMs = Number.NEGATIVE_INFINITY
  if (record.kind !== 'points' || completeMs === Number.NEGATIVE_INFINITY) return unknownMs
  for (const point of record.points) {
    if (!point.cumulative || point.startMs > series.forgottenMs || series.states.has(stateId(point))) continue
    unknownMs = Math.max(unknownMs, Math.min(point.timeMs, record.nowMs) + 1)
  }
  return unknownMs
}
