/** The shared parts of both orders of a listing: the state of a page, reading a part of a segment, and adding the attempts of a line. */
import { matches } from '../../../core/aggregate/key-index.ts'
import type { AgentAttempt } from '../../../core/attempt/attempt.ts'
import type { Outcome } from '../../../core/fold.ts'
import type { AttemptQuery } from '../../../core/ports.ts'
import { withId } from '../../attempt-id.ts'
import { listedOutcome } from '../../listed-outcome.ts'
import { errorCode } from '../errors.ts'
import { salvage } from '../recovery/scan.ts'
import type { ChainOptions, Extent, Missing } from './extents.ts'
import { decodeLine, type JournalRecord } from './record.ts'
import { segmentPath } from './segments.ts'

/** One page reads about this many bytes at most. */
export const MAX_READ_BYTES: number = 8 * 1024 * 1024
export const CHUNK_BYTES: number = 256 * 1024
/** Lines that are parsed between two yields. */
export const LINES_PER_STEP = 20
export const LF = 0x0a

export interface ListingOptions extends ChainOptions {
  /** Called if a part of a segment is damaged or missing. */
  readonly onDamage: (sequence: number) => void
}

/** The state of a page while the journal is read for it. */
export interface ListingWalk {
  readonly options: ListingOptions
  readonly query: AttemptQuery
  readonly attempts: AgentAttempt[]
  readonly outcomes: Outcome[]
  readonly missing: Missing
  /** Bytes that may still be read. */
  leftBytes: number
}

export const isFull = ({ leftBytes, attempts, query }: ListingWalk): boolean =>
  leftBytes <= 0 || attempts.length >= query.limit

/** Complete lines, and their offset in the segment. */
export interface Chunk {
  readonly bytes: Buffer
  readonly offset: number
}

/**
 * The result of reading a part of a segment.
 * - `short`: the segment ends before the part.
 * - `removed`: retention removed the segment meanwhile.
 * - undefined: the segment is missing, which is counted already.
 */
export type ReadChunk = Chunk | 'short' | 'removed' | undefined

/** Reads a part of a segment. The results are those of {@link ReadChunk}. A short segment returns fewer bytes. */
export async function readPart(
  { options, missing }: ListingWalk,
  { sequence, state }: Extent,
  start: number,
  end: number,
): Promise<Buffer | 'removed' | undefined> {
  const { fileSystem, directory, journal } = options
  try {
    if (state !== 'absent') return await fileSystem.read(segmentPath(directory, sequence), start, end - start)
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error
  }
  const oldest = (await options.oldestNow?.()) ?? journal.oldest
  if (sequence < oldest.segment) return 'removed'
  if ((await fileSystem.stat(directory)) === undefined) throw new Error(`its directory is missing: ${directory}`)
  missing.segments++
  options.onDamage(sequence)
  return undefined
}

/** Counts a segment that is shorter than it should be. Resolves with its size. */
export async function countShortSegment({ options, missing }: ListingWalk, { sequence }: Extent): Promise<number> {
  missing.segments++
  options.onDamage(sequence)
  const { fileSystem, directory } = options
  return (await fileSystem.stat(segmentPath(directory, sequence)))?.size ?? 0
}

interface ListedRecord {
  readonly record: JournalRecord & { readonly kind: 'attempt' | 'outcome' }
  readonly segment: number
  readonly offset: number
}

/** The records of one line: more than one if a damaged line contains several. */
export interface ListedLine {
  /** Attempts and outcomes, in the order of the journal. */
  readonly records: ListedRecord[]
  /** Attempts in the line, including lost ones. */
  readonly passed: number
}

/**
 * Reads the line of a chunk from `start` to `end`, and counts its lost attempts. `isUncounted` is true if no record states how many
 * attempts precede the line.
 */
export function readLine(
  { missing, options }: ListingWalk,
  { sequence }: Extent,
  { bytes, offset }: Chunk,
  start: number,
  end: number,
  isUncounted: boolean,
): ListedLine {
  const records: ListedRecord[] = []
  let attempts = 0
  const add = (record: JournalRecord, at: number): void => {
    if (record.kind === 'attempt') attempts++
    if (record.kind === 'attempt' || record.kind === 'outcome')
      records.push({ record, segment: sequence, offset: offset + at })
  }
  const record = decodeLine(bytes, start, end)
  if (record !== undefined) {
    add(record, start)
    return { records, passed: attempts }
  }
  const damaged = salvage(bytes, start, end, add)
  // The opening record of a segment is not an attempt.
  const lost = offset + start === 0 ? Math.max(0, damaged - 1) : damaged
  missing.records += lost
  if (lost > 0 && isUncounted) missing.exact = false
  options.onDamage(sequence)
  return { records, passed: attempts + lost }
}

/** Adds an attempt to the page if it matches the query and the page is not full. Adds an outcome if the query wants it. */
export function addIfMatching(
  { query, attempts, outcomes }: ListingWalk,
  { record, segment, offset }: ListedRecord,
): void {
  const { attempt, at } = record
  const { range, withIds } = query
  const isInRange = range === undefined || (at.ms >= range.sinceMs && at.ms < range.untilMs)
  if (!isInRange || !matches(attempt, query) || attempts.length >= query.limit) return
  if (record.kind === 'outcome') {
    if (query.withOutcomes === true) outcomes.push(listedOutcome(record))
    return
  }
  attempts.push(withIds === true ? withId(attempt, `${segment}.${offset}`) : attempt)
}
