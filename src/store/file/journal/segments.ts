/** The segments of a journal as they lie in its directory, and where each one ends. */
import { join } from 'node:path'
import { NewerFormat } from '../errors.ts'
import type { FileSystem } from '../file-system.ts'
import { type Fork, findForks, type Openings } from '../recovery/forks.ts'
import { isBefore, type Position } from './position.ts'
import { decodeLine, JOURNAL_FORMAT, type Opening } from './record.ts'

/** Longer than any first record. */
const OPENING_BYTES = 4096
/** Forks are looked for in so many segments before the place where the journal is read from. */
const SEARCHED_SEGMENTS = 256
/** How many segments are opened at a time. */
const OPENED_AT_ONCE = 32
const LF = 0x0a
const NAME = /^(\d{20})\.ndjson$/

/** One directory of a journal. */
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
  // Together: a journal may have a hundred, and each question goes through another thread.
  const stats = await Promise.all(names.map(name => fileSystem.stat(join(directory, name))))
  const sizes = new Map<number, number>()
  for (const [i, name] of names.entries()) {
    const stat = stats[i]
    if (stat?.kind === 'file') sizes.set(sequenceOf(name), stat.size)
  }
  return sizes
}

/** The sequence number of a segment of that name; 0 for any other name. */
function sequenceOf(name: string): number {
  const sequence = Number(NAME.exec(name)?.[1])
  return Number.isSafeInteger(sequence) ? sequence : 0
}

export interface OpenedSegment {
  readonly opening: Opening
  readonly nowMs: number
  /** The length of the opening's line. */
  readonly bytes: number
  /** Whether a reset follows at once: then nothing before this segment counts. */
  readonly reset: boolean
}

/** The first record of a segment; undefined where it is damaged or not there. Throws {@link NewerFormat}. */
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

/** The first records of the segments. */
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
  /** Whether a later segment says that this one ended here; else its end may be torn. */
  readonly bounded: boolean
}

export interface JournalExtent {
  /** Oldest first. */
  readonly stretches: readonly Stretch[]
  /** What later segments speak of and is not there: positions where the journal should have ended. */
  readonly missing: readonly Position[]
  /** What two owners wrote at the same time, as far as it is not in `stretches`. */
  readonly forks: readonly Fork[]
  /** The first records of the segments from `from` on, and of some before it. */
  readonly openings: Openings
}

/**
 * What belongs to the journal from `from` on. Every segment says where the one before it ended, so what a failed write may have
 * left behind that is not in it. `covered` is the place up to which everything is counted: it stands on the line that is followed.
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
  // Where the segments seen so far, newest first, say that the rest ended.
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
