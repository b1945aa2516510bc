/**
 * A record of the journal and its line: `crc32 SP time SP json LF`. The checksum is that of all between it and the line's end, in
 * eight lower-case hex digits; the time is that of receipt, in milliseconds since the epoch, so that counting the same lines again
 * gives the same answers. The JSON is an attempt, or says what else happened.
 */
import { crc32 } from 'node:zlib'
import type { AgentAttempt } from '../../core/attempt.ts'
import { type Instant, parseTimestamp } from '../../core/timestamp.ts'
import { ORIGIN, type Position } from './position.ts'

/** The version of the journal's format. */
export const JOURNAL_FORMAT = 1

/** The first record of every segment. */
export interface Opening {
  readonly format: number
  /** Where the journal ended when the segment began. What stands behind that in an earlier segment was never acknowledged. */
  readonly previous: Position
  /** The segment holds attempts that a document was adopted with: they are listed, and counted in the first checkpoint. */
  readonly adopted: boolean
}

export type JournalRecord =
  | { readonly kind: 'attempt'; readonly nowMs: number; readonly attempt: AgentAttempt; readonly at: Instant }
  | { readonly kind: 'opening'; readonly nowMs: number; readonly opening: Opening }
  | { readonly kind: 'reset'; readonly nowMs: number }

const LF = 0x0a
const SPACE = 0x20
/** Eight digits and a space. */
const CHECKSUM_LENGTH = 9
const BLANK_CHECKSUM = '00000000 '
const HEX = Buffer.from('0123456789abcdef')

/** A line without its checksum yet: many of them become bytes at once in {@link sealLines}. */
export function blankLine(nowMs: number, json: string): string {
  return `${BLANK_CHECKSUM}${nowMs} ${json}\n`
}

/** The bytes of lines that {@link blankLine} made, one behind the other, each with its checksum. */
export function sealLines(lines: string): Buffer {
  const bytes = Buffer.from(lines)
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.indexOf(LF, start)
    let sum = crc32(bytes.subarray(start + CHECKSUM_LENGTH, end))
    for (let digit = 7; digit >= 0; digit--) {
      bytes[start + digit] = HEX[sum & 15]!
      sum >>>= 4
    }
    start = end + 1
  }
  return bytes
}

export function openingLine(nowMs: number, { format, previous, adopted }: Opening): Buffer {
  return sealLines(blankLine(nowMs, JSON.stringify({ segment: { format, previous, ...(adopted && { adopted }) } })))
}

export function resetLine(nowMs: number): Buffer {
  return sealLines(blankLine(nowMs, JSON.stringify({ reset: true })))
}

/** The record of the line from `start` to `end` (without its LF), or undefined where it is damaged. */
export function decodeLine(bytes: Buffer, start: number, end: number): JournalRecord | undefined {
  if (!hasValidChecksum(bytes, start, end)) return undefined
  const space = bytes.indexOf(SPACE, start + CHECKSUM_LENGTH)
  if (space < 0 || space >= end) return undefined
  const nowMs = Number(bytes.toString('latin1', start + CHECKSUM_LENGTH, space))
  if (!Number.isFinite(nowMs)) return undefined
  try {
    return recordOf(nowMs, JSON.parse(bytes.toString('utf8', space + 1, end)))
  } catch {
    return undefined
  }
}

export function hasValidChecksum(bytes: Buffer, start: number, end: number): boolean {
  if (end - start <= CHECKSUM_LENGTH || bytes[start + 8] !== SPACE) return false
  let stated = 0
  for (let i = start; i < start + 8; i++) {
    const byte = bytes[i]!
    const digit = byte >= 0x30 && byte <= 0x39 ? byte - 0x30 : byte >= 0x61 && byte <= 0x66 ? byte - 0x57 : -1
    if (digit < 0) return false
    stated = stated * 16 + digit
  }
  return stated === crc32(bytes.subarray(start + CHECKSUM_LENGTH, end))
}

/** What the JSON of a line says. Its checksum was right, so it is what was written; anything unknown is no record. */
function recordOf(nowMs: number, value: Record<string, unknown>): JournalRecord | undefined {
  if (typeof value.timestamp === 'string' && typeof value.agent_name === 'string') {
    const at = parseTimestamp(value.timestamp)
    return at && { kind: 'attempt', nowMs, attempt: value as unknown as AgentAttempt, at }
  }
  if (value.reset === true) return { kind: 'reset', nowMs }
  const opening = value.segment as Partial<Opening> | undefined
  if (typeof opening?.format !== 'number') return undefined
  // Of a newer format nothing but that is known.
  const { format, previous = ORIGIN, adopted = false } = opening
  return { kind: 'opening', nowMs, opening: { format, previous, adopted } }
}
