/** Reads a stretch of a segment forwards, record by record, in bounded memory. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { FileSystem } from '../file-system.ts'
import { decodeLine, hasValidChecksum, type JournalRecord } from '../journal/record.ts'

/** A few milliseconds of work. */
const BLOCK_BYTES = 512 * 1024
/** If the end of a line is damaged, the line also contains the next one. That one is searched for in this many last bytes. */
const SALVAGE_BYTES = 64 * 1024
const LF = 0x0a
/** The minimum length of a line. */
const MIN_LINE_BYTES = 12
/** Longer than any opening record. */
const OPENING_BYTES = 1024

export interface ScanResult {
  /** Where the last valid line ends: the end of the stretch, or earlier if its end is torn. */
  readonly end: number
  /** Damaged lines, including those of which only the end is damaged. */
  readonly corrupt: number
  /** Records lost in damaged lines, as far as known. The opening record of a segment is not counted. */
  readonly lost: number
  /** Length in bytes of an incomplete last line, without the preallocated zeros after it. */
  readonly torn: number
}

/** How fast a stretch is read: the block size of a read, and a pause after each block. */
export interface Pace {
  readonly blockBytes: number
  pause(): Promise<unknown>
}

const AT_FULL_SPEED: Pace = { blockBytes: BLOCK_BYTES, pause: () => nextTurn() }

/** The records of one block of a stretch. */
export interface ScannedBlock {
  readonly records: readonly JournalRecord[]
  /** The position after its last record. */
  readonly end: number
  /** Damaged lines. */
  readonly corrupt: number
  /** Records lost in these lines. */
  readonly lost: number
}

/**
 * Calls `onRecord` for every record from `start` to `end` of the file, in order. Includes records that can be salvaged from damaged lines.
 */
export async function scan(
  fileSystem: FileSystem,
  path: string,
  stretch: ScannedStretch,
  onRecord: (record: JournalRecord) => void,
  pace: Pace = AT_FULL_SPEED,
): Promise<ScanResult> {
  const blocks = scanBlocks(fileSystem, path, stretch, pace)
  for (;;) {
    const next = await blocks.next()
    if (next.done === true) return next.value
    for (const record of next.value.records) onRecord(record)
  }
}

/** A part of a file. `bounded`: its end is known to be the end of a record. */
export interface ScannedStretch {
  readonly start: number
  readonly end: number
  readonly bounded: boolean
}

/** {@link scan} in blocks, so that the caller controls when to continue. */
export async function* scanBlocks(
  fileSystem: FileSystem,
  path: string,
  { start, end, bounded }: ScannedStretch,
  pace: Pace = AT_FULL_SPEED,
): AsyncGenerator<ScannedBlock, ScanResult> {
  const damage = { corrupt: 0, lost: 0 }
  let rest: Buffer = Buffer.alloc(0)
  let at = start
  function blockOf(
    bytes: Buffer,
    read: (onRecord: (record: JournalRecord) => void) => void,
    from: number,
  ): ScannedBlock {
    const { corrupt, lost } = damage
    const records: JournalRecord[] = []
    read(record => void records.push(record))
    return { records, end: from + bytes.length, corrupt: damage.corrupt - corrupt, lost: damage.lost - lost }
  }
  while (at < end) {
    const block = await fileSystem.read(path, at, Math.min(pace.blockBytes, end - at))
    if (block.length === 0) break
    const bytes = rest.length === 0 ? block : Buffer.concat([rest, block])
    const whole = bytes.lastIndexOf(LF) + 1
    const from = at - rest.length
    if (whole > 0) yield blockOf(bytes.subarray(0, whole), onRecord => readLines(bytes, whole, onRecord, damage), from)
    at += block.length
    rest = bytes.subarray(whole)
    await pace.pause()
  }
  const [restAt, restLength] = [at - rest.length, rest.length]
  const { end: length, torn } = bounded ? { end: restLength, torn: 0 } : openEnd(rest)
  if (length > 0)
    yield blockOf(rest.subarray(0, length), onRecord => countDamage(salvage(rest, 0, length, onRecord), damage), restAt)
  // The opening record of a segment does not count as lost.
  if (start === 0 && damage.corrupt > 0 && (await hasDamagedOpening(fileSystem, path, end)))
    damage.lost = Math.max(0, damage.lost - 1)
  return { end: restAt + length, ...damage, torn }
}

interface FoundDamage {
  corrupt: number
  lost: number
}

/** Counts a damaged line at least once, even if only its end is damaged. */
function countDamage(lost: number, damage: FoundDamage): void {
  damage.corrupt += Math.max(lost, 1)
  damage.lost += lost
}

/** Whether the first line of a file cannot be read. */
async function hasDamagedOpening(fileSystem: FileSystem, path: string, end: number): Promise<boolean> {
  const bytes = await fileSystem.read(path, 0, Math.min(OPENING_BYTES, end))
  const length = bytes.indexOf(LF)
  return decodeLine(bytes, 0, length < 0 ? bytes.length : length)?.kind !== 'opening'
}

/** Analyses the bytes after the last complete line. They are an incomplete line, or a line whose end is damaged, and preallocated zeros. */
function openEnd(rest: Buffer): { readonly end: number; readonly torn: number } {
  let used = rest.length
  while (used > 0 && rest[used - 1] === 0) used--
  if (hasValidChecksum(rest, 0, used - 1)) return { end: used, torn: 0 }
  if (used < rest.length && hasValidChecksum(rest, 0, used)) return { end: used + 1, torn: 0 }
  return { end: 0, torn: used }
}

/** Reads the lines of `bytes` up to `whole`, the end of a line. */
function readLines(bytes: Buffer, whole: number, onRecord: (record: JournalRecord) => void, damage: FoundDamage): void {
  for (let start = 0; start < whole; ) {
    const end = bytes.indexOf(LF, start)
    const record = decodeLine(bytes, start, end)
    if (record === undefined) countDamage(salvage(bytes, start, end, onRecord), damage)
    else onRecord(record)
    start = end + 1
  }
}

/**
 * Salvages the records of a damaged line. If the end of a line is damaged, it runs together with the next line. Returns the number of lost
 * records: 0 if only ends of lines are damaged. `onRecord` also receives the offset of the record in `bytes`.
 */
export function salvage(
  bytes: Buffer,
  start: number,
  end: number,
  onRecord: (record: JournalRecord, start: number) => void,
): number {
  const found: Salvaged[] = []
  const lost = collect(bytes, start, end, found)
  for (const one of found) onRecord(one.record, one.start)
  return lost
}

interface Salvaged {
  readonly record: JournalRecord
  readonly start: number
}

function collect(bytes: Buffer, start: number, end: number, found: Salvaged[]): number {
  const whole = decodeLine(bytes, start, end) ?? decodeLine(bytes, start, end - 1)
  if (whole !== undefined) {
    found.push({ record: whole, start })
    return 0
  }
  for (let at = Math.max(start + 1, end - SALVAGE_BYTES); at <= end - MIN_LINE_BYTES; at++) {
    if (bytes[at + 8] !== 0x20) continue
    const record = decodeLine(bytes, at, end) ?? decodeLine(bytes, at, end - 1)
    if (record === undefined) continue
    const lost = collect(bytes, start, at - 1, found)
    found.push({ record, start: at })
    return lost
  }
  return 1
}
