/**
 * Lists kept attempts by reading the journal, backwards or forwards. Nothing is held in memory for it. Every record that is passed is
 * checked, and so is every step from one segment to the next: what should be there and is not is said in the page.
 */
import { createHash } from 'node:crypto'
import { matches } from '../../../core/aggregate/key-index.ts'
import type { AgentAttempt } from '../../../core/attempt/attempt.ts'
import { type AttemptPage, type AttemptQuery, StoreUnavailable } from '../../../core/ports.ts'
import type { Steps } from '../../../core/steps.ts'
import { runYielding } from '../../../lib/event-loop.ts'
import { messageOf } from '../../messages.ts'
import { errorCode } from '../errors.ts'
import { salvage } from '../recovery/scan.ts'
import { type ListingCursor, type Mark, printCursor, readCursor } from './cursor.ts'
import { type Chain, type ChainOptions, type Extent, type Missing, readChain, reconcile } from './extents.ts'
import { isBefore } from './position.ts'
import { decodeLine, type JournalRecord } from './record.ts'
import { segmentPath } from './segments.ts'

/** What one call reads at most, about. */
const SCANNED_BYTES = 8 * 1024 * 1024
const CHUNK_BYTES = 256 * 1024
/** Lines that are parsed between two pauses. */
const LINES_AT_ONCE = 20
const LF = 0x0a

export interface ListingOptions extends ChainOptions {
  /** Called where something of a segment is damaged or missing. */
  readonly onDamage: (sequence: number) => void
}

/** What a call gathers while it passes records. */
interface Walk {
  readonly options: ListingOptions
  readonly query: AttemptQuery
  readonly attempts: AgentAttempt[]
  readonly missing: Missing
  /** Bytes that may still be read. */
  left: number
}

/** One page. Throws a RangeError where the cursor is none, and {@link StoreUnavailable} where the journal cannot be read. */
export async function listAttempts(options: ListingOptions, query: AttemptQuery): Promise<AttemptPage> {
  const missing: Missing = { records: 0, segments: 0, exact: true }
  const walk: Walk = { options, query, attempts: [], missing, left: SCANNED_BYTES }
  const cursor = query.cursor === undefined ? undefined : readCursor(query.cursor, query.order ?? 'newest')
  if (cursor !== undefined && isBefore(options.journal.end, cursor.at)) {
    throw new RangeError('is not a cursor that a page ended with')
  }
  try {
    const chain = await readChain(options)
    const next = query.order === 'oldest' ? await forwards(walk, chain, cursor) : await backwards(walk, chain, cursor)
    const isMissing = missing.records > 0 || missing.segments > 0
    return {
      attempts: walk.attempts,
      next_cursor: next === undefined ? null : printCursor(next),
      ...(isMissing && { missing }),
    }
  } catch (error) {
    query.signal?.throwIfAborted()
    throw new StoreUnavailable(`the journal cannot be read: ${messageOf(error)}`, { cause: error })
  }
}

const hasRoom = ({ left, attempts, query }: Walk): boolean => left > 0 && attempts.length < query.limit

/** Answers where the page ended; undefined where there is no more. */
async function backwards(
  walk: Walk,
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
    if (!hasRoom(walk)) return { at }
    const chunk = at.offset === 0 ? undefined : await readBackwards(walk, extent, at.offset)
    if (chunk === 'removed') return undefined
    if (at.records === undefined && at.offset > 0 && (chunk === undefined || chunk === 'short'))
      walk.missing.exact = false
    if (chunk === undefined) {
      const records = crossBackwards(walk, chain, extent, at.records)
      const below = extents[--i]
      if (below !== undefined) at = { ...endOf(below), records: below.endRecords ?? records }
    } else if (chunk === 'short') at = { ...at, offset: await shorten(walk, extent) }
    else at = await runYielding(takeBackwards(walk, extent, chunk, at.records), walk.query.signal)
  }
}

const endOf = ({ sequence, end, endRecords }: Extent): Mark => ({ segment: sequence, offset: end, records: endRecords })

/** At a segment's first byte: `records` attempts should stand before it. Answers how many do. */
function crossBackwards(walk: Walk, chain: Chain, extent: Extent, records: number | undefined): number | undefined {
  const before = walk.missing.records
  const isLowest = extent === chain.extents[0]
  const isUnknown = extent.state !== 'kept'
  const stated = extent.records ?? (isLowest && isUnknown ? chain.floorRecords : undefined)
  reconcile(walk.missing, records, stated)
  if (walk.missing.records > before) walk.options.onDamage(extent.sequence)
  if (stated === undefined && (!isUnknown || isLowest) && walk.missing.segments > 0) walk.missing.exact = false
  return stated ?? (isUnknown ? records : undefined)
}

/** Whole lines, and where they begin. */
interface Chunk {
  readonly bytes: Buffer
  readonly offset: number
}

type Read = Chunk | 'short' | 'removed' | undefined

/** Whole lines that end at `end`; undefined where the segment is missing, which is noted. */
async function readBackwards(walk: Walk, extent: Extent, end: number): Promise<Read> {
  for (let length = CHUNK_BYTES; ; length *= 4) {
    const offset = Math.max(0, end - length)
    const bytes = await readPart(walk, extent, offset, end)
    if (typeof bytes === 'string' || bytes === undefined) return bytes
    if (bytes.length < end - offset) return 'short'
    const first = offset === 0 ? 0 : bytes.indexOf(LF) + 1
    if (offset === 0 || (first > 0 && first < bytes.length)) {
      walk.left -= bytes.length - first
      return { bytes: bytes.subarray(first), offset: offset + first }
    }
  }
}

async function readPart(
  { options, missing }: Walk,
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
  // The oldest segments leave while they are listed.
  const oldest = (await options.oldestNow?.()) ?? journal.oldest
  if (sequence < oldest.segment) return 'removed'
  if ((await fileSystem.stat(directory)) === undefined) throw new Error(`its directory is gone: ${directory}`)
  missing.segments++
  options.onDamage(sequence)
  return undefined
}

/** Where the lines of a segment end that is shorter than it should be. */
async function shorten({ options, missing }: Walk, extent: Extent): Promise<number> {
  missing.segments++
  options.onDamage(extent.sequence)
  const { fileSystem, directory } = options
  return (await fileSystem.stat(segmentPath(directory, extent.sequence)))?.size ?? 0
}

/** Takes what is asked for from the last line back, until there is enough. */
function* takeBackwards(walk: Walk, extent: Extent, { bytes, offset }: Chunk, known: number | undefined): Steps<Mark> {
  let end = bytes.length
  let lines = 0
  let records = known
  while (end > 0 && walk.attempts.length < walk.query.limit) {
    const terminated = bytes[end - 1] === LF ? end - 1 : end
    const start = terminated === 0 ? 0 : bytes.lastIndexOf(LF, terminated - 1) + 1
    const line = readLine(walk, extent, { bytes, offset }, start, terminated, records === undefined)
    for (const one of line.attempts.reverse()) take(walk, one)
    if (records !== undefined) records = Math.max(0, records - line.passed)
    end = start
    if (++lines % LINES_AT_ONCE === 0) yield
  }
  return { segment: extent.sequence, offset: offset + end, records }
}

/** Answers where the page ended; undefined where there is no more. It ends with what was kept when the first page was read. */
async function forwards(
  walk: Walk,
  chain: Chain,
  cursor: ListingCursor | undefined,
): Promise<ListingCursor | undefined> {
  const stop: Mark = cursor?.stop ?? { ...chain.end, records: chain.records }
  const extents = chain.extents.filter(({ sequence }) => sequence <= stop.segment)
  const first = extents[0]
  if (first === undefined) return undefined
  let at: Mark = cursor?.at ?? { segment: first.sequence, offset: 0, records: chain.floorRecords }
  let i = extents.findIndex(({ sequence }) => sequence >= at.segment)
  // What retention has removed since the page before is not missing.
  if (i >= 0 && extents[i]!.sequence > at.segment) at = { segment: extents[i]!.sequence, offset: 0, records: undefined }
  for (; i >= 0 && i < extents.length; i++) {
    const extent = extents[i]!
    if (at.segment !== extent.sequence) at = { segment: extent.sequence, offset: 0, records: at.records }
    if (at.offset === 0 && extent.state === 'kept') at = crossForwards(walk, extent, at, extents[i - 1])
    const end = extent.sequence === stop.segment ? Math.min(stop.offset, extent.end) : extent.end
    while (at.offset < end) {
      if (!hasRoom(walk)) return { at, stop }
      const chunk = await readForwards(walk, extent, at.offset, end)
      const isShort = typeof chunk === 'object' && chunk.bytes.length === 0
      if (isShort) await shorten(walk, extent)
      if (at.records === undefined && (isShort || chunk === undefined)) walk.missing.exact = false
      if (chunk === 'removed') at = { ...at, records: undefined }
      if (isShort || typeof chunk !== 'object') break
      at = await runYielding(takeForwards(walk, extent, chunk, at.records), walk.query.signal)
    }
  }
  const before = walk.missing.records
  reconcile(walk.missing, stop.records, at.records)
  if (walk.missing.records > before) walk.options.onDamage(extents.at(-1)!.sequence)
  return undefined
}

/** At a segment's first byte: it says how many attempts should have been passed. */
function crossForwards(walk: Walk, extent: Extent, at: Mark, behind: Extent | undefined): Mark {
  const before = walk.missing.records
  reconcile(walk.missing, extent.records, at.records)
  if (walk.missing.records > before) walk.options.onDamage((behind ?? extent).sequence)
  if (extent.records === undefined && walk.missing.segments > 0) walk.missing.exact = false
  return { ...at, records: extent.records }
}

/** Whole lines from `start` on; what stands before `end` and has no end there is a line too. Empty where the file ends before. */
async function readForwards(walk: Walk, extent: Extent, start: number, end: number): Promise<Read> {
  for (let length = CHUNK_BYTES; ; length *= 4) {
    const to = Math.min(end, start + length)
    const bytes = await readPart(walk, extent, start, to)
    if (typeof bytes === 'string' || bytes === undefined) return bytes
    const isLast = to === end || bytes.length < to - start
    const whole = isLast ? bytes.length : bytes.lastIndexOf(LF) + 1
    if (!isLast && whole === 0) continue
    walk.left -= whole
    return { bytes: bytes.subarray(0, whole), offset: start }
  }
}

function* takeForwards(walk: Walk, extent: Extent, { bytes, offset }: Chunk, known: number | undefined): Steps<Mark> {
  let start = 0
  let lines = 0
  let records = known
  while (start < bytes.length && walk.attempts.length < walk.query.limit) {
    const found = bytes.indexOf(LF, start)
    const end = found < 0 ? bytes.length : found
    const line = readLine(walk, extent, { bytes, offset }, start, end, records === undefined)
    for (const one of line.attempts) take(walk, one)
    if (records !== undefined) records += line.passed
    start = found < 0 ? end : end + 1
    if (++lines % LINES_AT_ONCE === 0) yield
  }
  return { segment: extent.sequence, offset: offset + start, records }
}

interface Listed {
  readonly record: JournalRecord & { readonly kind: 'attempt' }
  readonly segment: number
  /** Where its line begins. */
  readonly offset: number
}

/** The attempts of one line, in their order, and how many it held with those that were lost. More than one where it is damaged. */
function readLine(
  { missing, options }: Walk,
  { sequence }: Extent,
  { bytes, offset }: Chunk,
  start: number,
  end: number,
  isUncounted: boolean,
): { attempts: Listed[]; passed: number } {
  const attempts: Listed[] = []
  const add = (record: JournalRecord, at: number): void => {
    if (record.kind === 'attempt') attempts.push({ record, segment: sequence, offset: offset + at })
  }
  const record = decodeLine(bytes, start, end)
  if (record !== undefined) add(record, start)
  else {
    const found = salvage(bytes, start, end, add)
    // The first line says what the segment is, and is no attempt.
    const lost = offset + start === 0 ? Math.max(0, found - 1) : found
    missing.records += lost
    if (lost > 0 && isUncounted) missing.exact = false
    options.onDamage(sequence)
    return { attempts, passed: attempts.length + lost }
  }
  return { attempts, passed: attempts.length }
}

/** Takes an attempt that is asked for, where there is room for it. */
function take({ query, attempts }: Walk, { record: { attempt, at }, segment, offset }: Listed): void {
  const { range, withIds } = query
  const isInRange = range === undefined || (at.ms >= range.sinceMs && at.ms < range.untilMs)
  if (!isInRange || !matches(attempt, query) || attempts.length >= query.limit) return
  attempts.push(withIds === true ? withId(attempt, `${segment}.${offset}`) : attempt)
}

/** The attempt with an id: its own, or one made of what it says and of its place. Two that say the same stand at different places. */
export function withId(attempt: AgentAttempt, place: string): AgentAttempt {
  if (attempt.attempt_id !== undefined) return attempt
  const hash = createHash('sha256')
    .update(`${place} ${JSON.stringify(attempt)}`)
    .digest('hex')
    .slice(0, 32)
  return { ...attempt, attempt_id: `kept:${hash}` }
}
