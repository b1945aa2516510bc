/** The segments that belong to the journal, from its oldest to its end, with those that should be there and are not. */
import { errorCode } from '../errors.ts'
import type { JournalState } from './journal.ts'
import type { Oldest } from './oldest.ts'
import type { Position } from './position.ts'
import { type JournalFiles, readOpening, segmentPath } from './segments.ts'

const LF = 0x0a
const CHUNK_BYTES = 64 * 1024

/** What a segment's first record says of those before it. It never changes, so it is read once. */
export interface Link {
  readonly previous: Position
  /** Attempts that the journal held before the segment; undefined where the version that wrote it did not count them. */
  readonly records: number | undefined
}

export interface ChainOptions extends JournalFiles {
  readonly journal: JournalState
  /** Nothing before this segment belongs to it: a reset has forgotten it. */
  readonly resetAt: number
  /** Reads again which segment is the oldest, where another process may have removed some; the journal's own unless given. */
  readonly oldestNow?: () => Promise<Pick<Oldest, 'segment'>>
  /** What was read of first records up to now, by segment. */
  readonly links: Map<number, Link>
}

/** One segment, or what should be one. */
export interface Extent {
  readonly sequence: number
  /** Where it ends: what stands behind that was never acknowledged. */
  readonly end: number
  /**
   * - `kept`: it was there when its first record was read;
   * - `damaged`: its first record cannot be read;
   * - `absent`: a later segment says that it was there.
   */
  readonly state: 'kept' | 'damaged' | 'absent'
  /** Attempts that the journal held before it, and before its end, where anything says so. */
  readonly records: number | undefined
  readonly endRecords: number | undefined
}

export interface Chain {
  /** Oldest first. */
  readonly extents: readonly Extent[]
  readonly end: Position
  readonly records: number
  /** Attempts that the journal held before the oldest segment that should be there; undefined where nothing says so. */
  readonly floorRecords: number | undefined
}

/** Follows the journal from its end back, as it is at the time of the call. */
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
  // With a reset attempts are counted from 0 again.
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

/** The next older segment that is there, where nothing says which one it is or where it ended: behind its last whole line. */
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

/** Attempts that should be there and are not, as far as it is known. */
export interface Missing {
  records: number
  segments: number
  /** False where nothing says how many attempts were lost with damaged or missing segments: then `records` are the least. */
  exact: boolean
}

/** Takes down that `expected` attempts should have been passed where `found` were. Undefined where that is not known. */
export function reconcile(missing: Missing, expected: number | undefined, found: number | undefined): void {
  if (expected === undefined || found === undefined) return
  missing.records += expected - found
  if (missing.records >= 0) return
  missing.records = 0
  if (missing.segments > 0) missing.exact = false
}
