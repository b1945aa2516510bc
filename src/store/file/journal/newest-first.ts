/** Lists attempts from the newest to the oldest. */
import type { Steps } from '../../../core/steps.ts'
import { runYielding } from '../../../lib/event-loop.ts'
import type { ListingCursor, Mark } from './cursor.ts'
import { type Chain, type Extent, reconcile } from './extents.ts'
import {
  addIfMatching,
  CHUNK_BYTES,
  type Chunk,
  countShortSegment,
  isFull,
  LF,
  LINES_PER_STEP,
  type ListingWalk,
  type ReadChunk,
  readLine,
  readPart,
} from './listing-walk.ts'

/** Fills the page. Resolves with the position where it ends. Undefined if there are no more attempts. */
export async function walkNewestFirst(
  walk: ListingWalk,
  chain: Chain,
  cursor: ListingCursor | undefined,
): Promise<ListingCursor | undefined> {
  const { extents } = chain
  let at: Mark = cursor?.at ?? { ...chain.end, records: chain.records }
  let i = extents.findLastIndex(({ sequence }) => sequence <= at.segment)
  if (i >= 0 && extents[i]!.sequence < at.segment) at = endOf(extents[i]!)
  for (;;) {
    const extent = extents[i]
    if (extent === undefined) return undefined
    if (isFull(walk)) return { at }
    const chunk = at.offset === 0 ? undefined : await readBefore(walk, extent, at.offset)
    if (chunk === 'removed') return undefined
    if (at.records === undefined && at.offset > 0 && (chunk === undefined || chunk === 'short'))
      walk.missing.exact = false
    if (chunk === undefined) {
      const records = leaveSegment(walk, chain, extent, at.records)
      const older = extents[--i]
      if (older !== undefined) at = { ...endOf(older), records: older.endRecords ?? records }
    } else if (chunk === 'short') at = { ...at, offset: await countShortSegment(walk, extent) }
    else at = await runYielding(addFromEnd(walk, extent, chunk, at.records), walk.query.signal)
  }
}

const endOf = ({ sequence, end, endRecords }: Extent): Mark => ({ segment: sequence, offset: end, records: endRecords })

/**
 * Compares, at the beginning of a segment, the expected number of older attempts with the number that the segment states. Returns the
 * number of older attempts, undefined if unknown.
 */
function leaveSegment(
  walk: ListingWalk,
  chain: Chain,
  extent: Extent,
  records: number | undefined,
): number | undefined {
  const before = walk.missing.records
  const isOldest = extent === chain.extents[0]
  const isUnknown = extent.state !== 'kept'
  const stated = extent.records ?? (isOldest && isUnknown ? chain.floorRecords : undefined)
  reconcile(walk.missing, records, stated)
  if (walk.missing.records > before) walk.options.onDamage(extent.sequence)
  if (stated === undefined && (!isUnknown || isOldest) && walk.missing.segments > 0) walk.missing.exact = false
  return stated ?? (isUnknown ? records : undefined)
}

/** Reads complete lines that end at `end`: at least one, so a long line needs several tries. */
async function readBefore(walk: ListingWalk, extent: Extent, end: number): Promise<ReadChunk> {
  for (let length = CHUNK_BYTES; ; length *= 4) {
    const offset = Math.max(0, end - length)
    const bytes = await readPart(walk, extent, offset, end)
    if (typeof bytes === 'string' || bytes === undefined) return bytes
    if (bytes.length < end - offset) return 'short'
    const first = offset === 0 ? 0 : bytes.indexOf(LF) + 1
    if (offset === 0 || (first > 0 && first < bytes.length)) {
      walk.leftBytes -= bytes.length - first
      return { bytes: bytes.subarray(first), offset: offset + first }
    }
  }
}

/** Adds the attempts of a chunk from its last line back, until the page is full. Returns the position reached. */
function* addFromEnd(walk: ListingWalk, extent: Extent, chunk: Chunk, known: number | undefined): Steps<Mark> {
  const { bytes, offset } = chunk
  let end = bytes.length
  let lines = 0
  let records = known
  while (end > 0 && walk.attempts.length < walk.query.limit) {
    const lineEnd = bytes[end - 1] === LF ? end - 1 : end
    const start = lineEnd === 0 ? 0 : bytes.lastIndexOf(LF, lineEnd - 1) + 1
    const line = readLine(walk, extent, chunk, start, lineEnd, records === undefined)
    for (const one of line.records.reverse()) addIfMatching(walk, one)
    if (records !== undefined) records = Math.max(0, records - line.passed)
    end = start
    if (++lines % LINES_PER_STEP === 0) yield
  }
  return { segment: extent.sequence, offset: offset + end, records }
}
