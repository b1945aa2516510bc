/** Reads a stretch of a segment forwards, record by record, in bounded memory. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { FileSystem } from './file-system.ts'
import { decodeLine, hasValidChecksum, type JournalRecord } from './record.ts'

/** A few milliseconds of work. */
const BLOCK_BYTES = 512 * 1024
/** A damaged line may hold a whole one behind it when its own end is what was damaged: looked for this far back. */
const SALVAGE_BYTES = 64 * 1024
const LF = 0x0a
/** The shortest thing that could be a line. */
const SHORTEST = 12

export interface ScanResult {
  /** Where the last good line ends: the stretch's end, or less where its end is torn. */
  readonly end: number
  /** Damaged lines that cost a record, or only their own end. */
  readonly corrupt: number
  /** Bytes of a line that has no end, without zeros that were laid out behind it. */
  readonly torn: number
}

/** Calls `onRecord` for every record from `start` to `end` of the file, in order. What a damaged line still holds is read. */
export async function scan(
  fileSystem: FileSystem,
  path: string,
  { start, end, bounded }: { start: number; end: number; bounded: boolean },
  onRecord: (record: JournalRecord) => void,
): Promise<ScanResult> {
  let corrupt = 0
  let rest: Buffer = Buffer.alloc(0)
  let at = start
  while (at < end) {
    const block = await fileSystem.read(path, at, Math.min(BLOCK_BYTES, end - at))
    if (block.length === 0) break
    at += block.length
    const bytes = rest.length === 0 ? block : Buffer.concat([rest, block])
    const whole = bytes.lastIndexOf(LF) + 1
    corrupt += readLines(bytes, whole, onRecord)
    rest = bytes.subarray(whole)
    await nextTurn()
  }
  if (rest.length === 0) return { end: at, corrupt, torn: 0 }
  if (bounded) return { end: at, corrupt: corrupt + salvage(rest, 0, rest.length, onRecord), torn: 0 }
  const { end: length, torn } = openEnd(rest)
  const lost = length === 0 ? 0 : salvage(rest, 0, length, onRecord)
  return { end: at - rest.length + length, corrupt: corrupt + lost, torn }
}

/**
 * What stands behind the last line that has an end: one that was being written, or one whose end is damaged, which counts up to there;
 * and zeros that were laid out.
 */
function openEnd(rest: Buffer): { readonly end: number; readonly torn: number } {
  let used = rest.length
  while (used > 0 && rest[used - 1] === 0) used--
  if (hasValidChecksum(rest, 0, used - 1)) return { end: used, torn: 0 }
  if (used < rest.length && hasValidChecksum(rest, 0, used)) return { end: used + 1, torn: 0 }
  return { end: 0, torn: used }
}

/** Reads the lines of `bytes` up to `whole`, which ends one; answers how many were damaged. */
function readLines(bytes: Buffer, whole: number, onRecord: (record: JournalRecord) => void): number {
  let corrupt = 0
  for (let start = 0; start < whole; ) {
    const end = bytes.indexOf(LF, start)
    const record = decodeLine(bytes, start, end)
    if (record === undefined) corrupt += salvage(bytes, start, end, onRecord)
    else onRecord(record)
    start = end + 1
  }
  return corrupt
}

/** Reads what a damaged line still holds: lines run together when the end of one was damaged. Answers how much was damaged, at least 1. */
export function salvage(bytes: Buffer, start: number, end: number, onRecord: (record: JournalRecord) => void): number {
  const found: JournalRecord[] = []
  const lost = collect(bytes, start, end, found)
  for (const record of found) onRecord(record)
  return Math.max(lost, 1)
}

function collect(bytes: Buffer, start: number, end: number, found: JournalRecord[]): number {
  const whole = decodeLine(bytes, start, end) ?? decodeLine(bytes, start, end - 1)
  if (whole !== undefined) {
    found.push(whole)
    return 0
  }
  for (let at = Math.max(start + 1, end - SALVAGE_BYTES); at <= end - SHORTEST; at++) {
    if (bytes[at + 8] !== 0x20) continue
    const record = decodeLine(bytes, at, end) ?? decodeLine(bytes, at, end - 1)
    if (record === undefined) continue
    const lost = collect(bytes, start, at - 1, found)
    found.push(record)
    return lost
  }
  return 1
}
