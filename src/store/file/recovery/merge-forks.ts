/** Merges the records that two owners stored at the same time into one journal. */
import type { LogRecord } from '../../../core/fold.ts'
import type { Logger } from '../../logger.ts'
import { alertJson, outcomeJson, planJson, pointsJson } from '../../record-json.ts'
import type { Journal } from '../journal/journal.ts'
import { recordLines } from '../journal/record.ts'
import { type JournalFiles, segmentPath } from '../journal/segments.ts'
import type { Fork } from './forks.ts'
import { scan } from './scan.ts'

/** The maximum number of forks that one segment names, because its first record must stay short. */
const MAX_FORKS_PER_SEGMENT = 16

/** A record that a fork may add to the journal. */
export type ForkRecord = Exclude<LogRecord, { kind: 'reset' | 'limits' | 'baseline' | 'copy' }>

/** `contrary`: the journal states something else, which came later or which others have seen. */
export type Novelty = 'new' | 'known' | 'contrary'

/** A fork, and its records that the journal does not have. */
export interface ReadFork extends Fork {
  readonly records: readonly ForkRecord[]
  /** The number of its other records. */
  readonly known: number
  /** Records that are not merged: contrary plans, and resets, which would delete what the other owner acknowledged since. */
  readonly leftOut: number
  /** Damaged lines. */
  readonly corrupt: number
}

/** Reads forks in the order of the journal. */
export async function readForks(
  { fileSystem, directory }: JournalFiles,
  forks: readonly Fork[],
  noveltyOf: (record: ForkRecord) => Novelty,
): Promise<ReadFork[]> {
  const found: ReadFork[] = []
  for (const fork of forks) {
    const records: ForkRecord[] = []
    const counts = { known: 0, leftOut: 0 }
    const { end, corrupt } = await scan(fileSystem, segmentPath(directory, fork.sequence), fork, record => {
      if (record.kind === 'opening' || record.kind === 'limits' || record.kind === 'copy') return
      const novelty = record.kind === 'reset' || record.kind === 'baseline' ? 'contrary' : noveltyOf(record)
      if (novelty === 'new') records.push(record as ForkRecord)
      else counts[novelty === 'known' ? 'known' : 'leftOut']++
    })
    if (records.length + counts.known + counts.leftOut + corrupt > 0)
      found.push({ ...fork, records, ...counts, corrupt, end })
  }
  return found
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
    for (const { sequence, beside, records, known, leftOut } of some) {
      log.error(
        'two processes wrote to the store at the same time, because its lock was removed: the records of both are kept',
        {
          path: segmentPath(directory, sequence),
          beside: segmentPath(directory, beside),
          records: records.length,
          known,
          ...(leftOut > 0 && { left_out: leftOut }),
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
  switch (record.kind) {
    case 'attempt':
      return JSON.stringify(record.attempt)
    case 'points':
      return pointsJson(record.points)
    case 'outcome':
      return outcomeJson(record)
    case 'alert':
      return alertJson(record)
    case 'plan':
      return planJson(record)
  }
}
