/** Lists kept attempts, newest first, by reading the journal backwards. Nothing is held in memory for it. */
import type { AgentAttempt } from '../../core/attempt.ts'
import { type AttemptPage, type AttemptQuery, StoreUnavailable } from '../../core/ports.ts'
import { matches } from '../../core/tally.ts'
import { errorCode, messageOf } from './errors.ts'
import type { Journal } from './journal.ts'
import { isBefore, type Position } from './position.ts'
import { decodeLine, type JournalRecord } from './record.ts'
import { salvage } from './scan.ts'
import { type JournalFiles, readOpening, segmentPath } from './segments.ts'

/** What one call reads at most, about. */
const SCANNED_BYTES = 8 * 1024 * 1024
const CHUNK_BYTES = 256 * 1024
const LF = 0x0a

export interface ListingOptions extends JournalFiles {
  readonly journal: Journal
  /** Nothing before this segment is shown: a reset has forgotten it. */
  readonly resetAt: number
}

/** One page. Throws a RangeError where the cursor is none, and {@link StoreUnavailable} where the journal cannot be read. */
export async function listAttempts(options: ListingOptions, query: AttemptQuery): Promise<AttemptPage> {
  const { journal } = options
  const attempts: AgentAttempt[] = []
  let end: Position | undefined = query.cursor === undefined ? journal.end : readCursor(query.cursor, journal.end)
  let left = SCANNED_BYTES
  try {
    while (left > 0 && attempts.length < query.limit) {
      if (end.offset === 0) end = await previous(options, end.segment)
      if (end === undefined || end.segment < Math.max(options.resetAt, 1)) return { attempts, next_cursor: null }
      const chunk = await readBackwards(options, end)
      left -= chunk.bytes.length
      end = { segment: end.segment, offset: chunk.offset + take(chunk.bytes, query, attempts) }
    }
  } catch (error) {
    // The oldest segments leave while they are listed.
    if (errorCode(error) === 'ENOENT') return { attempts, next_cursor: null }
    throw new StoreUnavailable(`the journal cannot be read: ${messageOf(error)}`, { cause: error })
  }
  return { attempts, next_cursor: printCursor(end) }
}

/** Where the journal ended when a segment began: what stands behind that in an older one was never acknowledged. */
async function previous(options: ListingOptions, segment: number): Promise<Position | undefined> {
  if (segment === 0) return undefined
  const opened = await readOpening(options, segment)
  if (opened !== undefined) return opened.opening.previous
  const older = [...options.journal.segments].filter(([sequence]) => sequence < segment).at(-1)
  return older && { segment: older[0], offset: older[1] }
}

/** Whole lines that end at `end`, and where they begin. */
async function readBackwards(
  { fileSystem, directory }: ListingOptions,
  { segment, offset: end }: Position,
): Promise<{ readonly bytes: Buffer; readonly offset: number }> {
  const path = segmentPath(directory, segment)
  for (let length = CHUNK_BYTES; ; length *= 4) {
    const offset = Math.max(0, end - length)
    const bytes = await fileSystem.read(path, offset, end - offset)
    if (offset === 0) return { bytes, offset }
    const first = bytes.indexOf(LF) + 1
    if (first > 0 && first < bytes.length) return { bytes: bytes.subarray(first), offset: offset + first }
  }
}

/** Takes what is asked for from the last line back, until there is enough; answers where the last line that was read begins. */
function take(bytes: Buffer, query: AttemptQuery, attempts: AgentAttempt[]): number {
  let end = bytes.length
  while (end > 0 && attempts.length < query.limit) {
    const terminated = bytes[end - 1] === LF ? end - 1 : end
    const start = terminated === 0 ? 0 : bytes.lastIndexOf(LF, terminated - 1) + 1
    for (const record of recordsOf(bytes, start, terminated)) {
      if (record.kind === 'attempt' && isAskedFor(record, query) && attempts.length < query.limit) {
        attempts.push(record.attempt)
      }
    }
    end = start
  }
  return end
}

/** Newest first; one, where the line is not damaged. */
function recordsOf(bytes: Buffer, start: number, end: number): JournalRecord[] {
  const record = decodeLine(bytes, start, end)
  if (record !== undefined) return [record]
  const records: JournalRecord[] = []
  salvage(bytes, start, end, one => records.unshift(one))
  return records
}

function isAskedFor({ attempt, at }: JournalRecord & { kind: 'attempt' }, query: AttemptQuery): boolean {
  const { range } = query
  return matches(attempt, query) && (range === undefined || (at.ms >= range.sinceMs && at.ms < range.untilMs))
}

function printCursor({ segment, offset }: Position): string {
  return Buffer.from(`${segment}.${offset}`).toString('base64url')
}

function readCursor(cursor: string, end: Position): Position {
  const found = /^(\d{1,15})\.(\d{1,15})$/.exec(Buffer.from(cursor, 'base64url').toString('latin1'))
  const position = { segment: Number(found?.[1]), offset: Number(found?.[2]) }
  if (found === null || printCursor(position) !== cursor || isBefore(end, position)) {
    throw new RangeError('is not a cursor that a page ended with')
  }
  return position
}
