/** The segment files of a journal, and where each one ends. */
import { join } from 'node:path'
import { NewerFormat } from '../errors.ts'
import type { FileSystem } from '../file-system.ts'
import { type Fork, findForks, type Openings } from '../recovery/forks.ts'
import { isBefore, type Position } from './position.ts'
import { decodeLine, JOURNAL_FORMAT, type Opening } from './record.ts'

/** Longer than any opening record. */
const OPENING_BYTES = 4096
/** Forks are searched for in this many segments before the position from which the journal is read. */
const SEARCHED_SEGMENTS = 256
/** Segments that are opened concurrently. */
const OPENED_AT_ONCE = 32
const LF = 0x0a
const NAME = /^(\d{20})\.ndjson$/

/** The directory of a journal. */
export interface JournalFiles {
  readonly fileSystem: FileSystem
  readonly directory: string
}

export function segmentPath(directory: string, sequence: number): string {
  return join(directory, `${String(sequence).padStart(20, '0')}.ndjson`)
}

/** Sizes in bytes of the segments, by sequence number, oldest first. */
export async function listSegments({ fileSystem, directory }: JournalFiles): Promise<Map<number, number>> {
  const names = [...(await fileSystem.list(directory))].filter(name => sequenceOf(name) > 0).sort()
  // Concurrently: a journal may have a hundred segments, and each call goes through the thread pool.
  const stats = await Promise.all(names.map(name => fileSystem.stat(join(directory, name))))
  const sizes = new Map<number, number>()
  for (const [i, name] of names.entries()) {
    const stat = stats[i]
    if (stat?.kind === 'file') sizes.set(sequenceOf(name), stat.size)
  }
  return sizes
}

/** The sequence number of the segment with a file name. 0 for any other name. */
function sequenceOf(name: string): number {
  const sequence = Number(NAME.exec(name)?.[1])
  return Number.isSafeInteger(sequence) ? sequence : 0
}

export interface OpenedSegment {
  readonly opening: Opening
  readonly nowMs: number
  /** The length of the opening's line. */
  readonly bytes: number
  /** Whether a reset is the next record. Then no earlier segment counts. */
  readonly reset: boolean
}

/** The opening record of a segment. Undefined if it is damaged. Throws {@link NewerFormat}, and ENOENT if the segment is missing. */
export async function readOpening(
  { fileSystem, directory }: JournalFiles,
  sequence: number,
): Promise<OpenedSegment | undefined> {
  const path = segmentPath(directory, sequence)
  const bytes = await fileSystem.read(path, 0, OPENING_BYTES)
  const end = bytes.indexOf(LF)
  const record = end < 0 ? undefined : decodeLine(bytes, 0, end)
  if (record?.kind !== 'opening') return undefined
  if (record.opening.format > JOURNAL_FORMAT) throw new NewerFormat(path, record.opening.format, JOURNAL_FORMAT)
  const second = bytes.indexOf(LF, end + 1)
  const next = second < 0 ? undefined : decodeLine(bytes, end + 1, second)
  return { opening: record.opening, nowMs: record.nowMs, bytes: end + 1, reset: next?.kind === 'reset' }
}

/** The opening records of segments. */
export async function readOpenings(files: JournalFiles, sizes: ReadonlyMap<number, number>): Promise<Openings> {
  const openings = new Map<number, OpenedSegment | undefined>()
  const sequences = [...sizes.keys()]
  for (let from = 0; from < sequences.length; from += OPENED_AT_ONCE) {
    const some = sequences.slice(from, from + OPENED_AT_ONCE)
    const opened = await Promise.all(some.map(sequence => readOpening(files, sequence)))
    for (const [i, sequence] of some.entries()) openings.set(sequence, opened[i])
  }
  return openings
}

/** A part of a segment that belongs to the journal. */
export interface Stretch {
  readonly sequence: number
  readonly start: number
  readonly end: number
  /** Whether a later segment states this end. Otherwise the last line may be torn. */
  readonly bounded: boolean
}

export interface JournalExtent {
  /** Oldest first. */
  readonly stretches: readonly Stretch[]
  /** Positions up to which the journal should exist, as later segments state, and does not. */
  readonly missing: readonly Position[]
  /** Segments that two owners wrote at the same time and that are not in `stretches`. */
  readonly forks: readonly Fork[]
  /** The first records of the segments from `from` on, and of some before it. */
  readonly openings: Openings
}

/**
 * The parts of the journal from `from` on. Every segment states where the one before it ended, which excludes the remains of a failed write.
 * `covered` is the position up to which everything is counted already. Of two forks, the one that contains `covered` is the journal.
 */
export async function extentFrom(
  files: JournalFiles,
  sizes: ReadonlyMap<number, number>,
  from: Position,
  covered: Position,
): Promise<JournalExtent> {
  const searched = [...sizes].filter(([sequence]) => sequence >= from.segment - SEARCHED_SEGMENTS)
  const openings = await readOpenings(files, new Map(searched))
  const { head, forks } = findForks(new Map(searched), openings, covered)
  const stretches: Stretch[] = []
  const missing: Position[] = []
  // The end of the remaining segments, as stated by the segments visited so far (newest first).
  let limit: Position | undefined
  for (const [sequence, size] of [...sizes].reverse()) {
    if (sequence < from.segment) break
    if (sequence > head) continue
    if (limit !== undefined && limit.segment < sequence) continue
    const bounded = limit?.segment === sequence
    const end = bounded ? Math.min(limit!.offset, size) : size
    if (limit !== undefined && (limit.segment > sequence || limit.offset > size)) missing.push(limit)
    stretches.push({ sequence, start: sequence === from.segment ? from.offset : 0, end, bounded })
    limit = openings.get(sequence)?.opening.previous
  }
  if (limit !== undefined && isBefore(from, limit) && !sizes.has(limit.segment)) missing.push(limit)
  return { stretches: stretches.reverse(), missing, forks, openings }
}
