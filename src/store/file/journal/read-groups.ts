/** The journal behind a mark, as groups. Their bounds are those of what is read at once: the journal does not keep those of the writer. */
import type { LogRecord } from '../../../core/fold.ts'
import { type KeptGroup, LogDiverged, LogTruncated } from '../../../core/log.ts'
import { scan } from '../recovery/scan.ts'
import type { JournalState } from './journal.ts'
import { type JournalMark, printMark } from './mark.ts'
import { isSame } from './position.ts'
import { extentFrom, type JournalFiles, readOpening, segmentPath } from './segments.ts'

export interface ReadGroupsOptions extends JournalFiles {
  readonly journal: JournalState
}

/** One group a segment. Throws {@link LogTruncated} where the segment of the mark has expired, {@link LogDiverged} where it ends before the mark. */
export async function* readGroups(options: ReadGroupsOptions, after: JournalMark): AsyncGenerator<KeptGroup> {
  const { fileSystem, directory, journal } = options
  const { segments, end, oldest } = journal
  if (isSame(after, end)) return
  if (after.segment < oldest.segment && after.segment > 0)
    throw new LogTruncated(`segment ${after.segment} has expired`)
  const { stretches, missing } = await extentFrom(options, segments, after, after)
  if (missing.length > 0) throw new LogDiverged(`segment ${missing[0]!.segment} is missing or shorter than it was`)
  let { records: total, resetAt } = after
  let before = printMark(after)
  for (const stretch of stretches) {
    const records: LogRecord[] = []
    const bounded = stretch.sequence === end.segment ? { ...stretch, end: end.offset, bounded: true } : stretch
    const { lost } = await scan(fileSystem, segmentPath(directory, stretch.sequence), bounded, record => {
      if (record.kind === 'attempt') total++
      if (record.kind === 'reset') [total, resetAt] = [0, stretch.sequence]
      if (record.kind === 'opening') {
        const { nowMs, idMs, opening } = record
        total = opening.records ?? total
        if (opening.limits !== undefined) records.push({ kind: 'limits', nowMs, idMs, limits: opening.limits })
      } else records.push(record)
    })
    total += lost
    const position = printMark({ segment: stretch.sequence, offset: bounded.end, records: total, resetAt })
    const opened = await readOpening(options, stretch.sequence)
    yield { position, after: before, writer: opened?.opening.owner ?? '', number: undefined, records }
    before = position
  }
}
