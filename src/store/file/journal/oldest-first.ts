/** Lists attempts from the oldest to the newest. A listing ends where the journal ended when its first page was read. */
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
export async function walkOldestFirst(
  walk: ListingWalk,
  chain: Chain,
  cursor: ListingCursor | undefined,
): Promise<ListingCursor | undefined> {
  const stop: Mark = cursor?.stop ?? { ...chain.end, records: chain.records }
  const extents = chain.extents.filter(({ sequence }) => sequence <= stop.segment)
  const first = extents[0]
  if (first === undefined) return undefined
  let at: Mark = cursor?.at ?? { segment: first.sequence, offset: 0, records: chain.floorRecords }
  let i = extents.findIndex(({ sequence }) => sequence >= at.segment)
  // Segments that retention removed since the previous page are not missing.
  if (i >= 0 && extents[i]!.sequence > at.segment) at = { segment: extents[i]!.sequence, offset: 0, records: undefined }
  for (; i >= 0 && i < extents.length; i++) {
    const extent = extents[i]!
    if (at.segment !== extent.sequence) at = { segment: extent.sequence, offset: 0, records: at.records }
    if (at.offset === 0 && extent.state === 'kept') at = enterSegment(walk, extent, at, extents[i - 1])
    const end = extent.sequence === stop.segment ? Math.min(stop.offset, extent.end) : extent.end
    const reached = await walkSegment(walk, extent, at, end)
    if (reached.isFull) return { at: reached.at, stop }
    at = reached.at
  }
  const before = walk.missing.records
  reconcile(walk.missing, stop.records, at.records)
  if (walk.missing.records > before) walk.options.onDamage(extents.at(-1)!.sequence)
  return undefined
}

/** Adds the attempts of a segment up to `end`, until the page is full. */
async function walkSegment(
  walk: ListingWalk,
  extent: Extent,
  from: Mark,
  end: number,
): Promise<{ readonly at: Mark; readonly isFull: boolean }> {
  let at = from
  while (at.offset < end) {
    if (isFull(walk)) return { at, isFull: true }
    const chunk = await readFrom(walk, extent, at.offset, end)
    if (chunk === 'short') await countShortSegment(walk, extent)
    if (at.records === undefined && (chunk === 'short' || chunk === undefined)) walk.missing.exact = false
    if (chunk === 'removed') at = { ...at, records: undefined }
    if (typeof chunk !== 'object') break
    at = await runYielding(addFromStart(walk, extent, chunk, at.records), walk.query.signal)
  }
  return { at, isFull: false }
}

/** Compares, at the beginning of a segment, the number of attempts it states with the number read so far. */
function enterSegment(walk: ListingWalk, extent: Extent, at: Mark, previous: Extent | undefined): Mark {
  const before = walk.missing.records
  reconcile(walk.missing, extent.records, at.records)
  if (walk.missing.records > before) walk.options.onDamage((previous ?? extent).sequence)
  if (extent.records === undefined && walk.missing.segments > 0) walk.missing.exact = false
  return { ...at, records: extent.records }
}

/** Reads complete lines from `start` on. Bytes without LF before `end` count as a line too. */
async function readFrom(walk: ListingWalk, extent: Extent, start: number, end: number): Promise<ReadChunk> {
  for (let length = CHUNK_BYTES; ; length *= 4) {
    const to = Math.min(end, start + length)
    const bytes = await readPart(walk, extent, start, to)
    if (typeof bytes === 'string' || bytes === undefined) return bytes
    if (bytes.length === 0) return 'short'
    const isLast = to === end || bytes.length < to - start
    const complete = isLast ? bytes.length : bytes.lastIndexOf(LF) + 1
    if (complete === 0) continue
    walk.leftBytes -= complete
    return { bytes: bytes.subarray(0, complete), offset: start }
  }
}

/** Adds the attempts of a chunk from its first line on, until the page is full. Returns the position reached. */
function* addFromStart(walk: ListingWalk, extent: Extent, chunk: Chunk, known: number | undefined): Steps<Mark> {
  const { bytes, offset } = chunk
  let start = 0
  let lines = 0
  let records = known
  while (start < bytes.length && walk.attempts.length < walk.query.limit) {
    const lf = bytes.indexOf(LF, start)
    const end = lf < 0 ? bytes.length : lf
    const line = readLine(walk, extent, chunk, start, end, records === undefined)
    for (const one of line.records) addIfMatching(walk, one)
    if (records !== undefined) records += line.passed
    start = lf < 0 ? end : end + 1
    if (++lines % LINES_PER_STEP === 0) yield
  }
  return { segment: extent.sequence, offset: offset + start, records }
}
