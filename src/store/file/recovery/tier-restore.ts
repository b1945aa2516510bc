/**
 * Restores a snapshot into the tiers of the settings. Tiers that it does not hold are built from those it holds, or from the journal. Nothing
 * is changed on disk: until the next snapshot is written, another start does the same again.
 */
import { createSeries, MAX_SERIES, type Series } from '../../../core/aggregate/series.ts'
import { planTiers, type TierPlan } from '../../../core/aggregate/tier-plan.ts'
import type { TierOptions, TierSave } from '../../../core/aggregate/time-tiers.ts'
import { MAX_AHEAD_MS, printDuration, printTimestamp } from '../../../core/attempt/timestamp.ts'
import { isBefore, type Position } from '../journal/position.ts'
import type { JournalRecord } from '../journal/record.ts'
import { extentFrom, type JournalFiles, readOpening, type Stretch, segmentPath } from '../journal/segments.ts'
import { clearRestored, type RestoredSnapshot, readSnapshot } from '../snapshot/read-snapshot.ts'
import { scan } from './scan.ts'
import type { StartOptions } from './start.ts'

/** Where the journal is not to be read, or tells nothing. */
const NEVER = Number.POSITIVE_INFINITY

export interface RestoredTiers extends RestoredSnapshot {
  /** What to log where settings are others than those of the snapshot. */
  readonly changes: readonly string[]
}

/** As {@link readSnapshot}. Rejects where the journal cannot be read. */
export async function restoreSnapshot(
  options: StartOptions,
  sequence: number,
  segments: ReadonlyMap<number, number>,
): Promise<RestoredTiers | string> {
  const { tally, series, idOptions, keepTiers = false, log } = options
  let journalMs = NEVER
  for (;;) {
    const plan = (saved: readonly TierSave[]): TierPlan =>
      planTiers({ wanted: keepTiers ? undefined : tally.wantedTiers, saved, journalMs, nowMs: options.clock() })
    const restored = await readSnapshot(options, sequence, tally, series, idOptions, plan)
    if (typeof restored === 'string') return restored
    if (!restored.plan.changed) return { ...restored, changes: idChanges(restored, idOptions.limit) }
    const { savedTiers, position } = restored
    const { resetAt } = position
    if (journalMs === NEVER && !keepTiers) {
      journalMs = await journalReach(options, segments, resetAt)
      if (plan(savedTiers).tiers.some(tier => tier.source === 'journal')) {
        log.info('tiers changed: the journal is read again for them, which takes a while where it is long')
        clearRestored(tally, series)
        continue
      }
    }
    const reachedMs = await recountPlanned(options, segments, restored.plan, { resetAt, position, journalMs })
    if (reachedMs > journalMs) {
      // Part of the journal is damaged. Another source may reach back further than what is left.
      journalMs = reachedMs
      clearRestored(tally, series)
      continue
    }
    const changes = [changeText(tally.wantedTiers, restored), ...idChanges(restored, idOptions.limit)]
    return { ...restored, changes }
  }
}

function idChanges({ savedIds }: RestoredSnapshot, limit: number): string[] {
  return savedIds > limit ? [`id-window ${limit} is below the ${savedIds} ids held: only the newest stay known`] : []
}

interface Recounted {
  readonly resetAt: number
  /** What stands before it is in the snapshot. */
  readonly position: Position
  /** From when on the journal is believed to hold all. */
  readonly journalMs: number
}

/** Fills the tiers of a plan that come from the journal, or from nowhere. Answers from when on the journal holds all. */
async function recountPlanned(
  options: StartOptions,
  segments: ReadonlyMap<number, number>,
  { tiers }: TierPlan,
  recounted: Recounted,
): Promise<number> {
  const { times } = options.tally
  for (const [tier, { source }] of tiers.entries()) {
    // What was counted before may be of times up to then.
    if (source === undefined) times.restoreFloor(tier, options.clock() + MAX_AHEAD_MS)
  }
  const only = [...tiers.keys()].filter(tier => tiers[tier]!.source === 'journal')
  if (only.length === 0) return recounted.journalMs
  const reachedMs = await recountJournal(options, segments, only, recounted)
  raiseFloors(options, only, reachedMs)
  return reachedMs
}

function raiseFloors({ tally: { times } }: StartOptions, tiers: readonly number[], floorMs: number): void {
  const saved = times.save()
  for (const tier of tiers) times.restoreFloor(tier, Math.max(floorMs, saved[tier]!.floorMs))
}

/**
 * Counts what the journal holds before a position by time, where only its totals are known: of a document. From when on that is all, is the
 * floor of every tier.
 */
export async function recountBefore(
  options: StartOptions,
  segments: ReadonlyMap<number, number>,
  position: Position,
): Promise<void> {
  const only = [...options.tally.times.save().keys()]
  const journalMs = await journalReach(options, segments, 0)
  const reachedMs = await recountJournal(options, segments, only, { resetAt: 0, position, journalMs })
  raiseFloors(options, only, reachedMs === NEVER ? options.clock() + MAX_AHEAD_MS : reachedMs)
}

/** From when on the journal from segment `resetAt` on holds all that was counted: -Infinity where it holds its beginning or a reset. */
async function journalReach(
  files: JournalFiles,
  segments: ReadonlyMap<number, number>,
  resetAt: number,
): Promise<number> {
  const first = [...segments.keys()].find(sequence => sequence >= resetAt)
  if (first === undefined) return NEVER
  const opened = await readOpening(files, first)
  const isFirst = opened === undefined ? first === 1 : opened.opening.previous.segment === 0
  if (isFirst || opened?.reset === true) return Number.NEGATIVE_INFINITY
  return opened === undefined ? NEVER : opened.nowMs + MAX_AHEAD_MS
}

/** Counts the journal up to a position into some tiers. Answers from when on it holds all: later than believed where it is damaged. */
async function recountJournal(
  options: StartOptions,
  segments: ReadonlyMap<number, number>,
  only: readonly number[],
  { resetAt, position, journalMs }: Recounted,
): Promise<number> {
  const { fileSystem, directory, idOptions } = options
  const { stretches, missing } = await extentFrom(options, segments, { segment: resetAt, offset: 0 }, position)
  const series = createSeries({ limit: MAX_SERIES, keepMs: idOptions.keepMs })
  let reachedMs = journalMs
  let lastMs = Number.NEGATIVE_INFINITY
  const lose = (): void => {
    reachedMs = Math.max(reachedMs, lastMs + MAX_AHEAD_MS)
  }
  let isFirst = true
  let lastSequence = 0
  for (const stretch of stretches.flatMap(one => before(one, position))) {
    let isGap = missing.some(({ segment }) => segment >= lastSequence && segment < stretch.sequence)
    lastSequence = stretch.sequence
    const result = await scan(fileSystem, segmentPath(directory, stretch.sequence), stretch, record => {
      lastMs = Math.max(lastMs, record.nowMs)
      if (isGap) lose()
      isGap = false
      // The document of an adoption does not say what its series counted, and nothing says it of what left before.
      if (isFirst && beginsLate(record)) series.forget(record.nowMs)
      isFirst = false
      reachedMs = Math.max(reachedMs, unknownBefore(record, series, journalMs))
      apply(record, options, series, only)
    })
    if (result.corrupt > 0 || (result.end < stretch.end && !isLastOf(stretch, stretches))) lose()
  }
  return reachedMs
}

const isLastOf = (stretch: Stretch, stretches: readonly Stretch[]): boolean =>
  stretch.sequence === stretches.at(-1)?.sequence

const beginsLate = (record: JournalRecord): boolean =>
  record.kind === 'opening' && (record.opening.adopted || record.opening.previous.segment > 0)

/** The part of a stretch before a position. */
function before(stretch: Stretch, { segment, offset }: Position): Stretch[] {
  if (isBefore({ segment, offset }, { segment: stretch.sequence, offset: stretch.start + 1 })) return []
  return [stretch.sequence === segment ? { ...stretch, end: Math.min(offset, stretch.end), bounded: true } : stretch]
}

/** What a series counted before the journal's beginning is not known: where its first point there adds to that, nothing before is whole. */
function unknownBefore(record: JournalRecord, series: Series, journalMs: number): number {
  let unknownMs = Number.NEGATIVE_INFINITY
  if (record.kind !== 'points' || journalMs === Number.NEGATIVE_INFINITY) return unknownMs
  for (const point of record.points) {
    if (!point.cumulative || point.startMs > series.forgottenMs || series.states.has(point.series)) continue
    unknownMs = Math.max(unknownMs, Math.min(point.timeMs, record.nowMs) + 1)
  }
  return unknownMs
}

/** Counts a record into some tiers of time: each line was counted once when it was written. */
function apply(record: JournalRecord, { tally }: StartOptions, series: Series, only: readonly number[]): void {
  const { nowMs } = record
  if (record.kind === 'attempt') tally.recount(record.attempt, record.at, nowMs, only)
  if (record.kind === 'reset') series.forget(nowMs)
  if (record.kind !== 'points') return
  const step = series.step(record.points, nowMs, true)
  series.take(step)
  for (const increment of step.increments) tally.recountIncrement(increment, nowMs, only)
}

function changeText(wanted: readonly TierOptions[], { plan, savedTiers }: RestoredSnapshot): string {
  const kept = plan.tiers.filter(({ spanMs }) => !wanted.some(tier => tier.spanMs === spanMs))
  const rebuilt = plan.tiers.filter(({ source }) => source === 'journal').map(({ floorMs }) => floorMs)
  return [
    `tiers changed: from ${tiersText(savedTiers)} to ${tiersText(wanted)}`,
    ...(rebuilt.length > 0 ? [`rebuilt from the journal ${backTo(Math.min(...rebuilt))}`] : []),
    ...(kept.length > 0 ? [`${tiersText(kept)} stays, because it reaches back further than the others`] : []),
  ].join('; ')
}

const backTo = (ms: number): string =>
  Number.isFinite(ms) ? `back to ${printTimestamp({ ms, local: false })}` : 'back to its beginning'

function tiersText(tiers: readonly Pick<TierSave, 'spanMs' | 'keepMs'>[]): string {
  const keepText = (ms: number): string => (ms === NEVER ? 'forever' : printDuration(ms))
  return tiers.map(({ spanMs, keepMs }) => `${printDuration(spanMs)}:${keepText(keepMs)}`).join(',')
}
