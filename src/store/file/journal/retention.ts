/** Retention of single attempts, by their own timestamps and not by the time of receipt. */
import type { AttemptQuery } from '../../../core/ports.ts'
import { errorCode } from '../errors.ts'
import { scan } from '../recovery/scan.ts'
import { type JournalFiles, readOpening, segmentPath } from './segments.ts'

export interface Retention {
  readonly maxAgeMs: number
  readonly maxBytes: number
}

const DAY_MS = 86_400_000
const LF = 0x0a
/** Read first from a segment: in most cases its end contains an attempt that is recent enough. */
const TAIL_BYTES = 64 * 1024

/** Restricts a query to attempts within the retention age. */
export function withinRetention(query: AttemptQuery, { maxAgeMs }: Retention, nowMs: number): AttemptQuery {
  const { sinceMs = Number.NEGATIVE_INFINITY, untilMs = Number.POSITIVE_INFINITY } = query.range ?? {}
  return { ...query, range: { sinceMs: Math.max(sinceMs, nowMs - maxAgeMs), untilMs } }
}

export interface Expiry {
  /** Whether all attempts in a segment of `bytes` are older than `cutoffMs`. A segment without attempts has the age of its opening. */
  isExpired(sequence: number, bytes: number, cutoffMs: number): Promise<boolean>
  /** Whether a segment has records and is old enough to be closed, so that it can expire as a whole. */
  isToBeClosed(sequence: number, bytes: number, nowMs: number): Promise<boolean>
}

export function createExpiry(files: JournalFiles, { maxAgeMs }: Retention): Expiry {
  /** A cache of one segment suffices: only the oldest is read, and it only changes while it is the newest too. */
  let known = { sequence: 0, bytes: 0, newestMs: 0 }

  async function newestIn(sequence: number, bytes: number, cutoffMs: number): Promise<number> {
    if (known.sequence === sequence && known.bytes === bytes) return known.newestMs
    const opened = await readOpening(files, sequence)
    const start = bytes > TAIL_BYTES ? await lineAfter(files, sequence, bytes - TAIL_BYTES) : bytes
    const tailMs = await newestBetween(files, sequence, start, bytes)
    if (tailMs >= cutoffMs) return tailMs
    const newestMs = Math.max(tailMs, await newestBetween(files, sequence, 0, start))
    known = {
      sequence,
      bytes,
      newestMs: newestMs === Number.NEGATIVE_INFINITY ? (opened?.nowMs ?? newestMs) : newestMs,
    }
    return known.newestMs
  }

  return {
    async isExpired(sequence, bytes, cutoffMs) {
      try {
        return (await newestIn(sequence, bytes, cutoffMs)) < cutoffMs
      } catch (error) {
        if (errorCode(error) === 'ENOENT') return true
        throw error
      }
    },
    async isToBeClosed(sequence, bytes, nowMs) {
      if (bytes === 0) return false
      // The next write reports a segment that cannot be read.
      const opened = await readOpening(files, sequence).catch(() => undefined)
      if (opened === undefined || bytes <= opened.bytes) return false
      return nowMs - opened.nowMs > Math.min(DAY_MS, maxAgeMs / 10)
    },
  }
}

/** The offset of the first line that begins after `offset`. */
async function lineAfter({ fileSystem, directory }: JournalFiles, sequence: number, offset: number): Promise<number> {
  const bytes = await fileSystem.read(segmentPath(directory, sequence), offset, TAIL_BYTES)
  return offset + bytes.indexOf(LF) + 1
}

/** The latest timestamp of an attempt, or time of receipt of points. -Infinity if there are none. */
async function newestBetween(
  { fileSystem, directory }: JournalFiles,
  sequence: number,
  start: number,
  end: number,
): Promise<number> {
  let newestMs = Number.NEGATIVE_INFINITY
  await scan(fileSystem, segmentPath(directory, sequence), { start, end, bounded: true }, record => {
    if (record.kind === 'attempt') newestMs = Math.max(newestMs, record.at.ms)
    if (record.kind === 'points') newestMs = Math.max(newestMs, record.nowMs)
  })
  return newestMs
}
