/**
 * Recovers the end of the journal when a file log opens. Reads files and changes none, so that a failed start leaves them as they were.
 * Folding is the engine's part.
 */
import type { Limits } from '../../../core/fold.ts'
import type { Clock } from '../../../core/ports.ts'
import type { Logger } from '../../logger.ts'
import { type FoundDocument, inspectFound } from '../found-document.ts'
import type { JournalMark } from '../journal/mark.ts'
import { isBefore, isSame, ORIGIN, type Position } from '../journal/position.ts'
import { totalAfter } from '../journal/read-groups.ts'
import {
  extentFrom,
  type JournalFiles,
  listSegments,
  readOpening,
  type Stretch,
  segmentPath,
} from '../journal/segments.ts'
import { listSnapshots, readIndex, refuseNewerSnapshot } from '../snapshot/snapshot-files.ts'
import type { Fork, Openings } from './forks.ts'
import { scan } from './scan.ts'

export interface StartOptions extends JournalFiles {
  /** The document's path. */
  readonly path: string
  readonly clock: Clock
  /** A random name of this opening of the store. */
  readonly owner: string
  /** The limits of the settings. */
  readonly limits: Limits
  readonly log: Logger
}

/** The state of the files at a start. */
export interface RecoveredJournal {
  /** Sizes by sequence number, oldest first. */
  readonly segments: Map<number, number>
  /** Snapshots with a valid index, newest first. */
  readonly snapshots: readonly { readonly sequence: number; readonly mark: JournalMark }[]
  readonly lastSnapshot: number
  readonly damagedSnapshots: readonly { readonly sequence: number; readonly reason: string }[]
  /** The position after the last valid record. */
  readonly end: Position
  /** Attempts before the end since the last reset, including those lost by damage. */
  readonly records: number
  /** The segment that the last reset began. 0 without a reset. */
  readonly resetAt: number
  /** Segments that end within a record: the end of their last complete record, and the length of the incomplete one. */
  readonly torn: readonly TornEnd[]
  /** The records that another owner wrote at the same time. */
  readonly forks: readonly Fork[]
  /** The latest group of each writer that adopted a document. */
  readonly adopted: Map<string, number>
  /** Whether nothing but groups of an adopted document was ever stored. */
  readonly hasOnlyAdopted: boolean
}

export interface TornEnd extends Position {
  readonly bytes: number
}

/** A larger document that states it is this program's own is not verified before the store is open. */
const TRUSTED_BYTES = 4 * 1024 * 1024

/**
 * Inspects the document at the path. A large one that states it is this program's own is not verified yet. Throws NewerFormat if a newer
 * version wrote the newest file of any kind.
 */
export async function refuseNewer(
  options: Pick<StartOptions, 'fileSystem' | 'path' | 'directory'>,
  { known, hasJournal = true }: { readonly known?: FoundDocument | undefined; readonly hasJournal?: boolean } = {},
): Promise<FoundDocument> {
  const document = await inspectFound(options.fileSystem, options.path, { trustedBytes: TRUSTED_BYTES, known })
  if (!hasJournal) return document
  for (const sequence of await listSnapshots(options)) await refuseNewerSnapshot(options, sequence)
  const newest = [...(await listSegments(options)).keys()].at(-1)
  if (newest !== undefined) await readOpening(options, newest)
  return document
}

/**
 * Reads only the part that the newest snapshot does not cover. Segments whose end and counts are stated by later opening records are not
 * read.
 */
export async function recoverJournal(files: JournalFiles, document: FoundDocument): Promise<RecoveredJournal> {
  const segments = await listSegments(files)
  const { snapshots, ...indexes } = await readIndexes(files)
  const newest = snapshots[0]?.mark
  const from: Position = newest ?? ORIGIN
  const { openings, ...extent } = await extentFrom(files, segments, from, from)
  const isWhole = newest !== undefined || reachesBack(openings)
  const covered = isWhole || document.kind !== 'ours' ? from : document.position
  const { stretches, forks } = isSame(covered, from) ? extent : await extentFrom(files, segments, from, covered)
  const resets = stretches.filter(({ sequence, start }) => start === 0 && openings.get(sequence)?.reset === true)
  const resetAt = resets.at(-1)?.sequence ?? newest?.resetAt ?? 0
  const tail = await readTail(files, stretches, openings, { ...from, records: newest?.records ?? 0 })
  const adopted = new Map<string, number>()
  for (const opened of openings.values()) {
    const group = opened?.opening.adoption
    if (group !== undefined) adopted.set(group.writer, Math.max(group.number, adopted.get(group.writer) ?? 0))
  }
  return {
    segments,
    snapshots,
    ...indexes,
    ...tail,
    end: isBefore(tail.end, covered) ? { segment: covered.segment, offset: covered.offset } : tail.end,
    resetAt,
    forks: forks.filter(({ sequence }) => sequence >= resetAt),
    adopted,
    hasOnlyAdopted: snapshots.length === 0 && indexes.damagedSnapshots.length === 0 && isAdopted(openings),
  }
}

/** A segment with an unreadable opening record may never have been acknowledged. */
function isAdopted(openings: Openings): boolean {
  const [first, ...rest] = openings.values()
  if (openings.size === 0) return true
  return (
    first?.opening.adoption !== undefined && rest.every(one => one === undefined || one.opening.adoption !== undefined)
  )
}

async function readIndexes(
  files: JournalFiles,
): Promise<Pick<RecoveredJournal, 'snapshots' | 'lastSnapshot' | 'damagedSnapshots'>> {
  const snapshots: { sequence: number; mark: JournalMark }[] = []
  const damagedSnapshots: { sequence: number; reason: string }[] = []
  const sequences = await listSnapshots(files)
  for (const sequence of sequences.toReversed()) {
    const index = await readIndex(files, sequence)
    if (typeof index === 'string') damagedSnapshots.push({ sequence, reason: index })
    else snapshots.push({ sequence, mark: index.mark })
  }
  return { snapshots, damagedSnapshots, lastSnapshot: sequences.at(-1) ?? 0 }
}

/** Whether the journal contains everything that was ever counted, or everything since a reset. */
function reachesBack(openings: Openings): boolean {
  for (const [sequence, opened] of openings) {
    if (opened?.reset === true) return true
    if (opened === undefined ? sequence === 1 : opened.opening.previous.segment === 0) return true
  }
  return false
}

/** Finds the end of each segment whose end no later segment states, and counts the attempts up to the end. */
async function readTail(
  { fileSystem, directory }: JournalFiles,
  stretches: readonly Stretch[],
  openings: Openings,
  start: Position & { readonly records: number },
): Promise<Pick<RecoveredJournal, 'end' | 'records' | 'torn'>> {
  const torn: TornEnd[] = []
  let end: Position = { segment: start.segment, offset: start.offset }
  let records = start.records
  const lastCounted = stretches.findLastIndex(
    one => one.start === 0 && openings.get(one.sequence)?.opening.records !== undefined,
  )
  for (const [i, stretch] of stretches.entries()) {
    const { sequence, bounded } = stretch
    let reached = stretch.end
    if (!bounded || i >= lastCounted) {
      const result = await scan(fileSystem, segmentPath(directory, sequence), stretch, record => {
        records = totalAfter(records, record)
      })
      records += result.lost
      reached = result.end
      if (result.end < stretch.end) torn.push({ segment: sequence, offset: result.end, bytes: result.torn })
    }
    if (reached > 0 && isBefore(end, { segment: sequence, offset: reached }))
      end = { segment: sequence, offset: reached }
  }
  return { end, records, torn }
}
