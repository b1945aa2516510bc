/** Reads the journal after a mark, as groups of the log. A group is a block of a segment: the journal does not store the writer's groups. */
import type { LimitsRecord, LogRecord } from '../../../core/fold.ts'
import { type KeptGroup, type LogReach, LogTruncated } from '../../../core/log.ts'
import { scanBlocks } from '../recovery/scan.ts'
import type { JournalState } from './journal.ts'
import { FIRST_MARK, type JournalMark, printMark } from './mark.ts'
import { isBefore, isSame, type Position } from './position.ts'
import type { JournalRecord, OpeningRecord } from './record.ts'
import { extentFrom, type JournalFiles, readOpening, type Stretch, segmentPath } from './segments.ts'

export interface ReadGroupsOptions extends JournalFiles {
  readonly journal: Pick<JournalState, 'segments' | 'oldest'>
  /** The end of the journal. */
  readonly end: JournalMark
  readonly report: ReadReport
}

/** Receives the damage that a read finds. */
export interface ReadReport {
  /** A segment contains damaged lines. */
  damaged(sequence: number, lines: number): Promise<void>
  /** The journal should have ended here, and the segment is missing or shorter. */
  missing(position: Position): void
}

/** Throws {@link LogTruncated} if the segment of the mark has expired. */
export async function* readGroups(
  options: ReadGroupsOptions,
  after: JournalMark,
  until?: JournalMark,
): AsyncGenerator<KeptGroup> {
  const { journal, end, report } = options
  if (after.segment < journal.oldest.segment && after.segment > 0)
    throw new LogTruncated(`segment ${after.segment} has expired`)
  const last = until !== undefined && isBefore(until, end) ? until : end
  let before = after
  if (!isSame(after, last)) {
    const { stretches, missing } = await extentFrom(options, journal.segments, after, after)
    for (const one of missing) report.missing(one)
    for (const stretch of stretches.map(one => endingAt(one, last))) {
      if (stretch.start >= stretch.end) continue
      // Records before this stretch are missing.
      const isGap = missing.some(({ segment }) => segment >= before.segment && segment < stretch.sequence)
      for await (const group of groupsOf(options, stretch, before, isGap)) {
        yield group.kept
        before = group.end
      }
    }
  }
  const [position, reached] = [printMark(end), printMark(before)]
  // The end may be beyond the last record, for example if the last segment is missing.
  if (until === undefined && position !== reached)
    yield { position, after: reached, writer: '', number: undefined, records: [] }
}

/** The part of a stretch before a position. */
function endingAt(stretch: Stretch, { segment, offset }: Position): Stretch {
  if (stretch.sequence > segment) return { ...stretch, end: stretch.start }
  if (stretch.sequence < segment) return stretch
  return { ...stretch, end: Math.min(offset, stretch.end), bounded: true }
}

interface ReadGroup {
  readonly kept: KeptGroup
  readonly end: JournalMark
}

async function* groupsOf(
  options: ReadGroupsOptions,
  stretch: Stretch,
  after: JournalMark,
  isGap: boolean,
): AsyncGenerator<ReadGroup> {
  const { fileSystem, directory, report } = options
  const { sequence, start } = stretch
  const opened = await readOpening(options, sequence)
  const writer = opened?.opening.adoption?.writer ?? opened?.opening.owner ?? ''
  // Records in the middle of a segment are counted with the limits that its beginning states.
  let limits = start > 0 && opened !== undefined ? limitsOf({ ...opened, idMs: opened.nowMs }) : undefined
  let { records: total, resetAt } = after
  let before = printMark(after)
  let corrupt = isGap ? 1 : 0
  let corruptInSegment = 0
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
    corrupt += block.corrupt
    corruptInSegment += block.corrupt
    const end = { segment: sequence, offset: block.end, records: total, resetAt }
    const position = printMark(end)
    const kept = { position, after: before, writer, number: undefined, records, isDamaged: corrupt > 0 }
    yield { kept, end }
    before = position
    corrupt = 0
  }
  if (corruptInSegment > 0) await report.damaged(sequence, corruptInSegment)
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

export interface ReachOptions extends JournalFiles {
  readonly segments: Iterable<number>
  /** The segment that the last reset began. */
  readonly resetAt: number
  /** Nothing was ever stored. */
  readonly isNew: boolean
}

/** The part of the journal that is still stored since the last reset. */
export async function reachOf({ segments, resetAt, isNew, ...files }: ReachOptions): Promise<LogReach> {
  const first = Math.min(...[...segments].filter(sequence => sequence >= resetAt))
  if (first === Number.POSITIVE_INFINITY)
    return {
      position: printMark({ ...FIRST_MARK, resetAt }),
      completeMs: isNew ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY,
    }
  const opened = await readOpening(files, first)
  const isWhole = opened === undefined ? first === 1 : opened.reset || opened.opening.previous.segment === 0
  const records = opened?.opening.records ?? 0
  return {
    position: printMark({ segment: first, offset: 0, records, resetAt }),
    completeMs: isWhole ? Number.NEGATIVE_INFINITY : (opened?.nowMs ?? Number.POSITIVE_INFINITY),
  }
}
