/** Merges the records that two owners stored at the same time into one journal. */
import type { LogRecord } from '../../../core/fold.ts'
import type { Logger } from '../../logger.ts'
import { planJson, pointsJson } from '../../record-json.ts'
import type { Journal } from '../journal/journal.ts'
import { type JournalRecord, recordLines } from '../journal/record.ts'
import { type JournalFiles, segmentPath } from '../journal/segments.ts'
import type { Fork } from './forks.ts'
import { scan } from './scan.ts'

/** The maximum number of forks that one segment names, because its first record must stay short. */
const MAX_FORKS_PER_SEGMENT = 16

export type ForkRecord = Extract<LogRecord, { kind: 'attempt' | 'points' | 'plan' }>

/** A fork, and its records that the journal does not have. */
export interface ReadFork extends Fork {
  readonly records: readonly ForkRecord[]
  /** The number of its other records. */
  readonly known: number
  /** Damaged lines. */
  readonly corrupt: number
}

/**
 * Reads forks in the order of the journal. Ignores a reset in a fork, because it would delete records that the other owner has acknowledged
 * since.
 */
export async function readForks(
  { fileSystem, directory }: JournalFiles,
  forks: readonly Fork[],
  isNew: (record: ForkRecord) => boolean,
): Promise<ReadFork[]> {
  const found: ReadFork[] = []
  for (const fork of forks) {
    const records: ForkRecord[] = []
    let known = 0
    const { end, corrupt } = await scan(fileSystem, segmentPath(directory, fork.sequence), fork, record => {
      if (!isForkRecord(record)) return
      if (isNew(record)) records.push(record)
      else known++
    })
    if (records.length + known + corrupt > 0) found.push({ ...fork, records, known, corrupt, end })
  }
  return found
}

function isForkRecord(record: JournalRecord): record is ForkRecord {
  return record.kind === 'attempt' || record.kind === 'points' || record.kind === 'plan'
}

/**
 * Appends the records of forks in segments that name them, so that no later start merges them again. The forks stay in the directory until they
 * expire.
 */
export async function mergeForks(
  { directory, journal, log }: Pick<JournalFiles, 'directory'> & { readonly journal: Journal; readonly log: Logger },
  forks: readonly ReadFork[],
): Promise<void> {
  for (let from = 0; from < forks.length; from += MAX_FORKS_PER_SEGMENT) {
    const some = forks.slice(from, from + MAX_FORKS_PER_SEGMENT)
    const records = some.flatMap(fork => fork.records)
    await journal.addSegment(Buffer.concat(records.map(lineOf)), {
      attempts: records.filter(({ kind }) => kind === 'attempt').length,
      merged: some.map(({ sequence, start, end }) => ({ segment: sequence, start, end })),
    })
    for (const { sequence, beside, records, known } of some) {
      log.error(
        'two processes wrote to the store at the same time, because its lock was removed: the records of both are kept',
        {
          path: segmentPath(directory, sequence),
          beside: segmentPath(directory, beside),
          records: records.length,
          known,
          merged_into: segmentPath(directory, journal.end.segment),
        },
      )
    }
  }
}

/** The line of a record, with its original times. */
function lineOf(record: ForkRecord): Buffer {
  return recordLines(record.nowMs, [textOf(record)], record.idMs)
}

function textOf(record: ForkRecord): string {
  if (record.kind === 'points') return pointsJson(record.points)
  return record.kind === 'plan' ? planJson(record) : JSON.stringify(record.attempt)
}
