/** Reads the journal after a mark, as groups of the log. A group is a block of a segment: the journal does not store the writer's groups. */
import type { LimitsRecord, LogRecord } from '../../../core/fold.ts'
import { type KeptGroup, LogDiverged, type LogReach, LogTruncated } from '../../../core/log.ts'
import { scanBlocks } from '../recovery/scan.ts'
import type { JournalState } from './journal.ts'
import { FIRST_MARK, type JournalMark, printMark } from './mark.ts'
import { isBefore, isSame } from './position.ts'
import type { JournalRecord, OpeningRecord } from './record.ts'
import { extentFrom, type JournalFiles, readOpening, type Stretch, segmentPath } from './segments.ts'

export interface ReadGroupsOptions extends JournalFiles {
  readonly journal: JournalState
}

/** Throws {@link LogTruncated} if the segment of the mark has expired, {@link LogDiverged} if the journal ends before the mark. */
export async function* readGroups(
  options: ReadGroupsOptions,
  after: JournalMark,
  until?: JournalMark,
): AsyncGenerator<KeptGroup> {
  const { journal } = options
  const { segments, end, oldest } = journal
  if (isSame(after, end)) return
  if (after.segment < oldest.segment && after.segment > 0)
    throw new LogTruncated(`segment ${after.segment} has expired`)
  const { stretches, missing } = await extentFrom(options, segments, after, after)
  if (missing.length > 0) throw new LogDiverged(`segment ${missing[0]!.segment} is missing or shorter than it was`)
  let before = after
  const last = until !== undefined && isBefore(until, end) ? until : end
  for (const stretch of stretches) {
    const bounded = endingAt(stretch, last)
    if (bounded.start >= bounded.end) continue
    for await (const group of groupsOf(options, bounded, before)) {
      yield group.kept
      before = group.end
    }
  }
}

/** The part of a stretch before a position. */
function endingAt(stretch: Stretch, { segment, offset }: JournalMark | JournalState['end']): Stretch {
  if (stretch.sequence > segment) return { ...stretch, end: stretch.start }
  if (stretch.sequence < segment) return stretch
  return { ...stretch, end: Math.min(offset, stretch.end), bounded: true }
}

interface ReadGroup {
  readonly kept: KeptGroup
  readonly end: JournalMark
}

async function* groupsOf(options: ReadGroupsOptions, stretch: Stretch, after: JournalMark): AsyncGenerator<ReadGroup> {
  const { fileSystem, directory } = options
  const { sequence, start } = stretch
  const opened = await readOpening(options, sequence)
  const writer = opened?.opening.owner ?? ''
  // Records in the middle of a segment are counted with the limits that its beginning states.
  let limits = start > 0 && opened !== undefined ? limitsOf({ ...opened, idMs: opened.nowMs }) : undefined
  let { records: total, resetAt } = after
  let before = printMark(after)
  for await (const block of scanBlocks(fileSystem, segmentPath(directory, sequence), stretch)) {
    const records: LogRecord[] = limits === undefined ? [] : [limits]
    limits = undefined
    for (const record of block.records) {
      if (record.kind === 'reset') resetAt = sequence
      total = totalAfter(total, record)
      if (record.kind !== 'opening') records.push(record)
      else {
        const changed = limitsOf(record)
        if (changed !== undefined) records.push(changed)
      }
    }
    total += block.lost
    const end = { segment: sequence, offset: block.end, records: total, resetAt }
    const position = printMark(end)
    const kept = { position, after: before, writer, number: undefined, records, isDamaged: block.isDamaged }
    yield { kept, end }
    before = position
  }
}

function limitsOf({ opening, nowMs, idMs }: Omit<OpeningRecord, 'kind'>): LimitsRecord | undefined {
  return opening.limits && { kind: 'limits', nowMs, idMs, limits: opening.limits }
}

/** The number of attempts up to a record. Every segment states how many there should be before it. */
export function totalAfter(total: number, record: JournalRecord): number {
  if (record.kind === 'attempt') return total + 1
  if (record.kind === 'reset') return 0
  return record.kind === 'opening' ? (record.opening.records ?? total) : total
}

/** The part of the journal that is still stored since the last reset, which began segment `resetAt`. */
export async function reachOf(files: JournalFiles, segments: Iterable<number>, resetAt: number): Promise<LogReach> {
  const first = Math.min(...[...segments].filter(sequence => sequence >= resetAt))
  if (first === Number.POSITIVE_INFINITY)
    return { position: printMark({ ...FIRST_MARK, resetAt }), completeMs: Number.POSITIVE_INFINITY }
  const opened = await readOpening(files, first)
  const isWhole = opened === undefined ? first === 1 : opened.reset || opened.opening.previous.segment === 0
  const records = opened?.opening.records ?? 0
  return {
    position: printMark({ segment: first, offset: 0, records, resetAt }),
    completeMs: isWhole ? Number.NEGATIVE_INFINITY : (opened?.nowMs ?? Number.POSITIVE_INFINITY),
  }
}
