/** Counts what the journal holds behind a position, and finds out what is wrong with it. Changes nothing on disk. */
import type { DedupWindowOptions } from '../../../core/aggregate/dedup-window.ts'
import type { Tally } from '../../../core/aggregate/tally.ts'
import {
  type AttemptRecord,
  apply,
  applyLimits,
  applyUncounted,
  type FoldState,
  type Limits,
  type PointsRecord,
} from '../../../core/fold.ts'
import { pointsJson } from '../../record-json.ts'
import { isBefore, type Position } from '../journal/position.ts'
import { type JournalRecord, recordLines } from '../journal/record.ts'
import { extentFrom, type JournalFiles, readOpening, type Stretch, segmentPath } from '../journal/segments.ts'
import type { Fork } from './forks.ts'
import { type ScanResult, scan } from './scan.ts'

export interface ReplayOptions extends JournalFiles {
  /** Sizes of the segments by sequence number. */
  readonly segments: ReadonlyMap<number, number>
  readonly from: Position
  /** What stands before it is counted already: only ids and series are taken in. */
  readonly countFrom: Position
  /** Attempts that the journal held before `from`. */
  readonly records: number
  /** The segment with the last reset that is counted already: forks of what it forgot do not count. */
  readonly resetAt?: number | undefined
  readonly state: FoldState
  /** The limits of the window in the settings. */
  readonly idOptions: Omit<DedupWindowOptions, 'seed'>
}

export interface ReplayResult {
  /** Where the journal ends: behind the last good record. */
  readonly end: Position
  /** Records that were counted. */
  readonly records: number
  /** Attempts that the journal holds before `end`, with those that damaged lines cost. */
  readonly total: number
  /** Segments that hold damaged lines, and how many. */
  readonly damaged: ReadonlyMap<number, number>
  /** Segments that end within a line, or in what was laid out: where the last line ends, and how many bytes of the next follow. */
  readonly torn: readonly (Position & { readonly bytes: number })[]
  readonly missing: readonly Position[]
  /** The segment that begins with the last reset: nothing before it counts. */
  readonly resetAt: number | undefined
  /** What another owner wrote at the same time. */
  readonly forks: readonly ReplayedFork[]
}

/** A fork that was read, in the order of the journal. */
export interface ReplayedFork extends Fork {
  /** Of each record in it, whether it was counted. */
  readonly isNew: readonly boolean[]
  /** Attempts and groups of points that were counted, and those that were known. */
  readonly records: number
  readonly known: number
  /** Attempts among those that were counted. */
  readonly attempts: number
}

export async function replay(options: ReplayOptions): Promise<ReplayResult> {
  const { fileSystem, directory, from } = options
  const { stretches, missing, forks } = await extentFrom(options, options.segments, from, options.countFrom)
  const first = options.segments.has(from.segment) ? await readOpening(options, from.segment) : undefined
  applyLimits(options.state, first?.opening.limits ?? untold(options))
  const damaged = new Map<number, number>()
  let records = 0
  let total = options.records
  let resetAt: number | undefined
  const torn: (Position & { bytes: number })[] = []
  let end = from
  for (const stretch of stretches.flatMap(part => splitAt(part, options.countFrom))) {
    const { sequence } = stretch
    const counts = !isBefore({ segment: sequence, offset: stretch.start }, options.countFrom)
    const result = await scan(fileSystem, segmentPath(directory, sequence), stretch, record => {
      if (fold(record, options, counts)) records++
      if (record.kind === 'reset') resetAt = sequence
      total = totalAfter(total, record)
    })
    total += result.lost
    if (result.corrupt > 0) damaged.set(sequence, (damaged.get(sequence) ?? 0) + result.corrupt)
    const reached = { segment: sequence, offset: result.end }
    if (result.end < stretch.end) torn.push({ ...reached, bytes: result.torn })
    if (result.end > 0 && isBefore(end, reached)) end = reached
  }
  // From here on within those of the settings: a merged segment names them.
  applyLimits(options.state, limitsOf({ ...options.state, ...options }))
  const replayed: ReplayedFork[] = []
  for (const fork of forks) {
    // A reset forgot it with all else.
    if (fork.sequence < (resetAt ?? options.resetAt ?? 0)) continue
    const { result, ...found } = await replayFork(fork, options)
    if (found.isNew.length === 0 && result.corrupt === 0) continue
    if (result.corrupt > 0) damaged.set(fork.sequence, (damaged.get(fork.sequence) ?? 0) + result.corrupt)
    records += found.records
    replayed.push({ ...fork, ...found, end: result.end })
  }
  return { end, records, total, damaged, torn, missing, resetAt, forks: replayed }
}

/** Counts what is new in a fork. A reset in it is left out: it would forget what the other owner acknowledged since. */
async function replayFork(
  fork: Fork,
  options: ReplayOptions,
): Promise<{ result: ScanResult } & Pick<ReplayedFork, 'isNew' | 'records' | 'attempts' | 'known'>> {
  const isNew: boolean[] = []
  const counts = { records: 0, attempts: 0, known: 0 }
  const path = segmentPath(options.directory, fork.sequence)
  const result = await scan(options.fileSystem, path, fork, record => {
    const isCounted = isKept(record) && fold(record, options, true)
    isNew.push(isCounted)
    if (isCounted) counts.records++
    else if (isKept(record)) counts.known++
    if (isCounted && record.kind === 'attempt') counts.attempts++
  })
  return { result, isNew, ...counts }
}

/** The lines of what is new in a fork, for a segment that the journal continues with. */
export async function linesOfFork({ fileSystem, directory }: JournalFiles, fork: ReplayedFork): Promise<Buffer[]> {
  const lines: Buffer[] = []
  let place = 0
  await scan(fileSystem, segmentPath(directory, fork.sequence), fork, record => {
    if (fork.isNew[place++] === true && isKept(record)) lines.push(lineOf(record))
  })
  return lines
}

function isKept(record: JournalRecord): record is AttemptRecord | PointsRecord {
  return record.kind === 'attempt' || record.kind === 'points'
}

/** The line of a record as it was kept before. */
function lineOf(record: AttemptRecord | PointsRecord): Buffer {
  const text = record.kind === 'points' ? pointsJson(record.points) : JSON.stringify(record.attempt)
  return recordLines(record.nowMs, [text], record.idMs)
}

/** How many attempts there are with a record behind `total` of them. Every segment says how many there should have been before it. */
function totalAfter(total: number, record: JournalRecord): number {
  if (record.kind === 'attempt') return total + 1
  if (record.kind === 'reset') return 0
  return record.kind === 'opening' ? (record.opening.records ?? total) : total
}

/** The limits of the settings. */
export function limitsOf({ tally, idOptions }: { readonly tally: Tally } & Pick<ReplayOptions, 'idOptions'>): Limits {
  const { maxKeys, maxArms } = tally.limits
  return { maxKeys, maxArms, idWindow: idOptions.limit, idWindowAgeMs: idOptions.keepMs }
}

/** Those that are taken for a segment of an earlier version: with lower ones than its own, keys would be folded that it counts on their own. */
function untold({ state, idOptions }: ReplayOptions): Limits {
  const limits = limitsOf({ tally: state.tally, idOptions })
  return { ...limits, maxKeys: Math.max(limits.maxKeys, 10_000), maxArms: Math.max(limits.maxArms, 1000) }
}

/** Folds a record of the journal; true where it counts. */
function fold(record: JournalRecord, options: ReplayOptions, counts: boolean): boolean {
  if (record.kind === 'opening') {
    applyLimits(options.state, record.opening.limits ?? untold(options))
    return false
  }
  if (counts) return apply(options.state, record) && record.kind !== 'reset'
  applyUncounted(options.state, record)
  return false
}

/** The parts of a stretch before and behind a position. */
function splitAt(stretch: Stretch, { segment, offset }: Position): Stretch[] {
  if (stretch.sequence !== segment || offset <= stretch.start || offset >= stretch.end) return [stretch]
  return [
    { ...stretch, end: offset, bounded: true },
    { ...stretch, start: offset },
  ]
}
