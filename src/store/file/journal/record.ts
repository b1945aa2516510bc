/**
 * The format of a journal record: the line `crc32 SP time SP json LF`. The checksum covers everything between it and the LF, in eight
 * lower-case hex digits. The time is the time of receipt, in milliseconds since the epoch. If ids age by another clock, the signed difference
 * of that clock follows: `1772366400000-90000000`. A replay then has the same duplicates as the writer.
 * The JSON is a record of the log, or opens a segment.
 */

import type { Limits, LogRecord, RecordTimes } from '../../../core/fold.ts'
import { NewerRecord } from '../../../core/log.ts'
import { limitsOfJson, readRecord } from '../../record-json.ts'
import { checksum } from './checksum.ts'
import { ORIGIN, type Position } from './position.ts'

/**
 * The version of the journal's format. Version 2 added points of metrics, version 3 outcomes and alerts, version 4 plans of experiments,
 * version 5 baselines and the versions of records.
 */
export const JOURNAL_FORMAT = 5

/** The first record of every segment. */
export interface Opening {
  readonly format: number
  /** Where the journal ended when the segment began. Later bytes of an earlier segment were never acknowledged. */
  readonly previous: Position
  /** The segment is a group of an adopted document. */
  readonly adoption?: AdoptedGroup | undefined
  /** The random name of the process that wrote the segment. Empty in segments of versions without it. */
  readonly owner: string
  /** Parts of segments that another owner wrote at the same time. Their records follow in this segment. */
  readonly merged?: readonly MergedPart[] | undefined
  /**
   * Attempts in the journal before the segment, since its beginning or the last reset. Undefined in segments of versions that did not count
   * them.
   */
  readonly records: number | undefined
  /** The limits with which the segment was counted. A replay uses the same ones. Undefined in segments of earlier versions. */
  readonly limits?: Limits | undefined
}

/** A group that another writer than the owner of the segment appended. */
export interface AdoptedGroup {
  readonly writer: string
  readonly number: number
}

/** A part of a segment, in bytes. */
export interface MergedPart {
  readonly segment: number
  readonly start: number
  readonly end: number
}

/** The first record of a segment. It is not a record of the log. */
export interface OpeningRecord extends RecordTimes {
  readonly kind: 'opening'
  readonly opening: Opening
}

export type JournalRecord = LogRecord | OpeningRecord

const LF = 0x0a
const SPACE = 0x20
/** A time of receipt, and the difference of the other clock. */
const TIMES = /^(-?\d+(?:\.\d+)?)([+-]\d+(?:\.\d+)?)$/
/** Bytes of the checksum and the space after it. */
const CHECKSUM_LENGTH = 9
const BLANK_CHECKSUM = '00000000 '
const HEX = Buffer.from('0123456789abcdef')

/** UTF-8 needs at most three bytes for a UTF-16 unit. */
const BYTES_PER_UNIT = 3

/** The bytes before the JSON, which are the same in all lines with the same times. */
export interface LineHead {
  /** With zeros instead of the checksum. */
  readonly bytes: Uint8Array
  /** The checksum of the bytes after it. */
  readonly sum: number
}

export function lineHead(nowMs: number, idMs: number = nowMs): LineHead {
  const skewMs = idMs - nowMs
  const skew = skewMs === 0 ? '' : skewMs > 0 ? `+${skewMs}` : skewMs
  const bytes = Buffer.from(`${BLANK_CHECKSUM}${nowMs}${skew} `)
  return { bytes, sum: checksum(bytes, CHECKSUM_LENGTH, bytes.length) }
}

/** The maximum length of a line in bytes. */
export function maxLineBytes(head: LineHead, text: Uint8Array | string): number {
  return head.bytes.length + (typeof text === 'string' ? BYTES_PER_UNIT : 1) * text.length + 1
}

/** Writes the line of a JSON text without LF at `start`. Returns the end of the line. */
export function putLine(bytes: Buffer, start: number, head: LineHead, text: Uint8Array | string): number {
  bytes.set(head.bytes, start)
  const textStart = start + head.bytes.length
  let end = textStart
  if (typeof text === 'string') end += bytes.write(text, end)
  else {
    bytes.set(text, end)
    end += text.length
  }
  return sealLine(bytes, start, end, head)
}

/** Completes a line whose head and text are at `start` to `end`. Returns the end of the line. */
export function sealLine(bytes: Uint8Array, start: number, end: number, head: LineHead): number {
  bytes[end] = LF
  putChecksum(bytes, start, checksum(bytes, start + head.bytes.length, end, head.sum))
  return end + 1
}

/** The concatenated lines of texts with the same times. */
export function recordLines(nowMs: number, texts: readonly (Uint8Array | string)[], idMs: number = nowMs): Buffer {
  const head = lineHead(nowMs, idMs)
  const bytes = Buffer.allocUnsafe(texts.reduce((sum, text) => sum + maxLineBytes(head, text), 0))
  let end = 0
  for (const text of texts) end = putLine(bytes, end, head, text)
  return bytes.subarray(0, end)
}

function putChecksum(bytes: Uint8Array, start: number, sum: number): void {
  let rest = sum
  for (let digit = start + 7; digit >= start; digit--) {
    bytes[digit] = HEX[rest & 15]!
    rest >>>= 4
  }
}

export function openingLine(nowMs: number, { format, previous, adoption, ...more }: Opening): Buffer {
  const { owner, merged, records, limits } = more
  const opening = { segment: { format, previous, adoption, owner, merged, records, limits } }
  return recordLines(nowMs, [JSON.stringify(opening)])
}

/** The record of the line from `start` to `end`, without its LF. Undefined if the line is damaged. Throws {@link NewerRecord}. */
export function decodeLine(bytes: Buffer, start: number, end: number): JournalRecord | undefined {
  if (!hasValidChecksum(bytes, start, end)) return undefined
  const space = bytes.indexOf(SPACE, start + CHECKSUM_LENGTH)
  if (space < 0 || space >= end) return undefined
  const times = readTimes(bytes.toString('latin1', start + CHECKSUM_LENGTH, space))
  if (times === undefined) return undefined
  try {
    return recordOf(times, JSON.parse(bytes.toString('utf8', space + 1, end)))
  } catch (error) {
    if (error instanceof NewerRecord) throw error
    return undefined
  }
}

function readTimes(text: string): RecordTimes | undefined {
  const nowMs = Number(text)
  if (Number.isFinite(nowMs)) return { nowMs, idMs: nowMs }
  const found = TIMES.exec(text)
  return found === null ? undefined : { nowMs: Number(found[1]), idMs: Number(found[1]) + Number(found[2]) }
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
  return stated === checksum(bytes, start + CHECKSUM_LENGTH, end)
}

/** The record of a JSON value whose checksum was correct. Undefined if the kind of record is unknown. */
function recordOf(times: RecordTimes, value: Record<string, unknown>): JournalRecord | undefined {
  const record = readRecord(times, value)
  if (record !== undefined) return record
  const opening = value.segment as Partial<Opening> | undefined
  if (typeof opening?.format !== 'number') return undefined
  // A newer format may lack all fields except `format`.
  const { format, previous = ORIGIN, adoption, owner = '', merged = [], records, limits } = opening
  const more = { adoption, owner, merged, records, limits: limits && limitsOfJson(limits) }
  return { ...times, kind: 'opening', opening: { format, previous, ...more } }
}
