/**
 * The format of a spool file: a line that names the log, then groups. A group is a line about it, and its records. Each line ends with the
 * CRC-32 of itself and of the records behind it.
 */
import { crc32 } from 'node:zlib'
import { derivedWriter } from '../engine/spool.ts'

/** The version of the format. */
export const SPOOL_VERSION = 1

/** The first line of a file. */
export interface FileHead {
  readonly spool_version: number
  /** The identity of the log that the groups are for. */
  readonly log: string
  /** The writer of the groups that were never sent to the log. Their numbers are 1, 2, 3 … within the file. */
  readonly writer: string
}

/** The line about a group. */
export interface GroupLine {
  readonly writer: string
  readonly number: number
  readonly attempts: number
  readonly reset: boolean
  /** When it was stored, in milliseconds since the epoch. */
  readonly at: number
  /** Length of its records. */
  readonly bytes: number
}

/** A group in a file. */
export interface Frame extends GroupLine {
  /** Where its records begin in the file. */
  readonly offset: number
}

export interface ParsedFile {
  readonly frames: readonly Frame[]
  /** Damaged parts with groups behind them. A part at the end was never acknowledged, and does not count. */
  readonly damaged: number
}

const LINE_FEED = 0x0a
/** A CRC in hexadecimal digits, and the space before it. */
const CRC_LENGTH = 9
/** Every line of the format begins so, and no line of records does. */
const LINE_START = '\n{'

export function encodeHead(head: FileHead): Buffer {
  return encodeLine(head, Buffer.alloc(0))
}

export function encodeGroup(line: Omit<GroupLine, 'bytes'>, records: Uint8Array): Buffer {
  return Buffer.concat([encodeLine({ ...line, bytes: records.length }, records), records])
}

function encodeLine(value: object, records: Uint8Array): Buffer {
  const json = Buffer.from(JSON.stringify(value))
  return Buffer.concat([json, Buffer.from(` ${digits(crc32(records, crc32(json)))}\n`)])
}

const digits = (crc: number): string => crc.toString(16).padStart(8, '0')

/** The first line of a file. Undefined if it is damaged or was never written whole. */
export function readHead(bytes: Buffer): FileHead | undefined {
  const first = lineAt(bytes, 0)
  return first !== undefined && isIntact(bytes, first, 0) ? (first.value as FileHead) : undefined
}

/** Parses the groups of a file. Bytes behind the last whole group, such as preallocated zeros, are ignored. */
export function parseFile(bytes: Buffer): ParsedFile {
  const head = readHead(bytes)
  const frames: Frame[] = []
  let damaged = 0
  for (let at = head === undefined ? 0 : bytes.indexOf(LINE_FEED) + 1; at < bytes.length; ) {
    const line = lineAt(bytes, at)
    const group = line?.value as GroupLine | undefined
    if (line !== undefined && typeof group?.bytes === 'number' && isIntact(bytes, line, group.bytes)) {
      frames.push({ ...group, offset: line.end })
      at = line.end + group.bytes
      continue
    }
    const next = bytes.indexOf(LINE_START, at)
    if (next < 0) break
    if (hasGroupAfter(bytes, next + 1)) damaged++
    at = next + 1
  }
  return { frames: renumbered(frames, head?.writer), damaged }
}

interface Line {
  readonly value: object
  readonly json: Buffer
  readonly crc: string
  /** Behind its line feed. */
  readonly end: number
}

function lineAt(bytes: Buffer, start: number): Line | undefined {
  const end = bytes.indexOf(LINE_FEED, start)
  if (end < start + CRC_LENGTH || bytes[start] !== LINE_START.charCodeAt(1)) return undefined
  const json = bytes.subarray(start, end - CRC_LENGTH)
  try {
    return { value: JSON.parse(json.toString()), json, crc: bytes.toString('latin1', end - 8, end), end: end + 1 }
  } catch {
    return undefined
  }
}

function isIntact(bytes: Buffer, { json, crc, end }: Line, length: number): boolean {
  if (end + length > bytes.length) return false
  return digits(crc32(bytes.subarray(end, end + length), crc32(json))) === crc
}

function hasGroupAfter(bytes: Buffer, start: number): boolean {
  for (let at = start; at > 0; at = bytes.indexOf(LINE_START, at) + 1) {
    const line = lineAt(bytes, at)
    const length = (line?.value as GroupLine | undefined)?.bytes
    if (line !== undefined && typeof length === 'number' && isIntact(bytes, line, length)) return true
  }
  return false
}

/**
 * Damage leaves a gap in the numbers of the file's writer, behind which a log accepts nothing of that writer. What follows the gap belongs to
 * another writer, which every process derives alike.
 */
function renumbered(frames: readonly Frame[], fileWriter: string | undefined): Frame[] {
  let writer = fileWriter
  let offset = 0
  let last = 0
  return frames.map(frame => {
    if (frame.writer !== fileWriter) return frame
    if (frame.number !== last + 1) {
      writer = derivedWriter(frame.writer, frame.number)
      offset = frame.number - 1
    }
    last = frame.number
    return { ...frame, writer: writer!, number: frame.number - offset }
  })
}
