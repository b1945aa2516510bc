/** The chain of segments from the oldest to the end of the journal, including segments that should exist and are missing. */
import { errorCode } from '../errors.ts'
import type { JournalState } from './journal.ts'
import type { Oldest } from './oldest.ts'
import type { Position } from './position.ts'
import { type JournalFiles, readOpening, segmentPath } from './segments.ts'

const LF = 0x0a
const CHUNK_BYTES = 64 * 1024

/** The statement of a segment's opening record about earlier segments. It never changes, so it is cached. */
export interface Link {
  readonly previous: Position
  /** Attempts in the journal before the segment. Undefined if the version that wrote it did not count them. */
  readonly records: number | undefined
}

export interface ChainOptions extends JournalFiles {
  readonly journal: JournalState
  /** The segment of the last reset. Earlier segments do not belong to the journal. */
  readonly resetAt: number
  /** Reads the current oldest segment, if another process may remove segments. By default that of `journal`. */
  readonly oldestNow?: () => Promise<Pick<Oldest, 'segment'>>
  /** The cache of links, by segment. */
  readonly links: Map<number, Link>
}

/** One segment of the chain, which may be missing. */
export interface Extent {
  readonly sequence: number
  /** Where it ends. Later bytes were never acknowledged. */
  readonly end: number
  /**
   * - `kept`: its opening record was read.
   * - `damaged`: its opening record cannot be read.
   * - `absent`: a later segment states that it existed.
   */
  readonly state: 'kept' | 'damaged' | 'absent'
  /** Attempts in the journal before it, and before its end. Undefined if no record states it. */
  readonly records: number | undefined
  readonly endRecords: number | undefined
}

export interface Chain {
  /** Oldest first. */
  readonly extents: readonly Extent[]
  readonly end: Position
  readonly records: number
  /** Attempts in the journal before the oldest segment of the chain. Undefined if no record states it. */
  readonly floorRecords: number | undefined
}

/** Follows the links from the current end of the journal backwards. */
export async function readChain(options: ChainOptions): Promise<Chain> {
  const { journal, resetAt, links } = options
  const { end, records, oldest } = journal
  const floor = Math.max(oldest.segment, resetAt, 1)
  for (const sequence of links.keys()) if (sequence < floor) links.delete(sequence)
  const extents: Extent[] = []
  let next: { readonly at: Position; readonly records: number | undefined } | undefined = { at: end, records }
  while (next !== undefined && next.at.segment >= floor) {
    const { segment: sequence, offset }: Position = next.at
    const link = await linkOf(options, sequence)
    const state = typeof link === 'string' ? link : 'kept'
    const own = typeof link === 'string' ? undefined : link.records
    extents.push({ sequence, end: offset, state, records: own, endRecords: next.records })
    next =
      typeof link === 'string'
        ? await olderThan(options, sequence, floor)
        : { at: link.previous, records: link.records }
  }
  // A reset restarts the count at 0.
  const floorRecords = resetAt > oldest.segment ? 0 : oldest.records
  return { extents: extents.reverse(), end, records, floorRecords }
}

async function linkOf(options: ChainOptions, sequence: number): Promise<Link | 'damaged' | 'absent'> {
  const known = options.links.get(sequence)
  if (known !== undefined) return known
  try {
    const opened = await readOpening(options, sequence)
    if (opened === undefined) return 'damaged'
    const { previous, records } = opened.opening
    const link = { previous, records }
    options.links.set(sequence, link)
    return link
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return 'absent'
    throw error
  }
}

/** The next older segment that exists, up to its last complete line. Used if no record names it. */
async function olderThan(
  options: ChainOptions,
  segment: number,
  floor: number,
): Promise<{ at: Position; records: undefined } | undefined> {
  const { fileSystem, directory, journal } = options
  const older = [...journal.segments.keys()].filter(one => one < segment && one >= floor).sort((a, b) => b - a)
  for (const sequence of older) {
    const path = segmentPath(directory, sequence)
    const stat = await fileSystem.stat(path)
    if (stat?.kind !== 'file') continue
    return { at: { segment: sequence, offset: await endOfLines(options, path, stat.size) }, records: undefined }
  }
  return undefined
}

async function endOfLines({ fileSystem }: JournalFiles, path: string, size: number): Promise<number> {
  for (let end = size; end > 0; ) {
    const start = Math.max(0, end - CHUNK_BYTES)
    const last = (await fileSystem.read(path, start, end - start)).lastIndexOf(LF)
    if (last >= 0) return start + last + 1
    end = start
  }
  return 0
}

/** Attempts that should exist and are missing. */
export interface Missing {
  records: number
  segments: number
  /** False if the number of lost attempts is unknown. Then `records` is a lower bound. */
  exact: boolean
}

/** Adds the difference between `expected` and `found` attempts. Does nothing if one is unknown. */
export function reconcile(missing: Missing, expected: number | undefined, found: number | undefined): void {
  if (expected === undefined || found === undefined) return
  missing.records += expected - found
  if (missing.records >= 0) return
  missing.records = 0
  if (missing.segments > 0) missing.exact = false
}
