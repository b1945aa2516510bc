/** Snapshots on disk: `snapshot-<sequence>.bin`, the two newest kept. */
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import type { DedupWindowOptions } from '../../../core/aggregate/dedup-window.ts'
import type { Series } from '../../../core/aggregate/series.ts'
import type { Tally } from '../../../core/aggregate/tally.ts'
import type { CapturedSnapshot } from '../../../core/log.ts'
import { messageOf } from '../../messages.ts'
import { decodeState, type PlanTiers, type RestoredState, type StateDecoder } from '../../snapshot/decode.ts'
import { NewerFormat } from '../errors.ts'
import type { JournalMark } from '../journal/mark.ts'
import type { JournalFiles } from '../journal/segments.ts'
import type { Pace } from '../recovery/scan.ts'

/**
 * The head of the file. In every format: eight bytes of magic, the format, the checksum of these twelve bytes. In this format: a
 * word that shows the machine's byte order, the checksum of the index, and the length of everything behind the head as a double.
 * The index behind the head holds the position, the number of blocks, and the length and checksum of each block. So a reader
 * verifies each block before it decodes it.
 */
const MAGIC = Buffer.from('AgntPerf')
const FORMAT = 5
const BYTE_ORDER = 0x01020304
const VERSIONED_BYTES = 16
const HEAD_BYTES = 32
/** Four doubles: segment, offset, attempts before it, segment of the last reset. */
const POSITION_BYTES = 32
/** What stands before the blocks in the index. */
const INDEX_BYTES = POSITION_BYTES + 8
/** A word each: length and checksum of a block. */
const ENTRY_BYTES = 8
/** What is read in one go: each one opens the file and waits for another thread. */
const PIECE_BYTES = 2 * 1024 * 1024
const NAME = /^snapshot-(\d{20})\.bin$/

export function snapshotPath(directory: string, sequence: number): string {
  return join(directory, `snapshot-${String(sequence).padStart(20, '0')}.bin`)
}

/** Sequence numbers of the snapshots, oldest first. */
export async function listSnapshots({ fileSystem, directory }: JournalFiles): Promise<number[]> {
  const names = await fileSystem.list(directory)
  const sequences = names.map(name => Number(NAME.exec(name)?.[1]))
  return sequences.filter(Number.isSafeInteger).sort((a, b) => a - b)
}

/** A captured state and its place in the journal. */
export interface MarkedSnapshot extends Omit<CapturedSnapshot, 'position'> {
  readonly mark: JournalMark
}

/** Writes a captured state as a snapshot; answers its size in bytes. */
export async function writeSnapshot(
  { fileSystem, directory }: JournalFiles,
  sequence: number,
  captured: MarkedSnapshot,
): Promise<number> {
  const { mark, blocks } = captured
  const index = Buffer.alloc(INDEX_BYTES + blocks.length * ENTRY_BYTES)
  index.writeDoubleLE(mark.segment, 0)
  index.writeDoubleLE(mark.offset, 8)
  index.writeDoubleLE(mark.records, 16)
  index.writeDoubleLE(mark.resetAt, 24)
  index.writeDoubleLE(blocks.length, POSITION_BYTES)
  let length = index.length
  for (const [i, { checksum, bytes }] of blocks.entries()) {
    index.writeUInt32LE(bytes, INDEX_BYTES + i * ENTRY_BYTES)
    index.writeUInt32LE(checksum, INDEX_BYTES + i * ENTRY_BYTES + 4)
    length += bytes
  }
  const head = Buffer.alloc(HEAD_BYTES)
  MAGIC.copy(head)
  head.writeUInt32LE(FORMAT, 8)
  head.writeUInt32LE(crc32(head.subarray(0, 12)), 12)
  new Uint8Array(head.buffer, head.byteOffset + 16, 4).set(new Uint8Array(new Uint32Array([BYTE_ORDER]).buffer))
  head.writeUInt32LE(crc32(index), 20)
  head.writeDoubleLE(length, 24)
  async function* bytes(): AsyncGenerator<Uint8Array> {
    yield head
    yield index
    yield* captured.bytes()
  }
  await fileSystem.writeAtomically(snapshotPath(directory, sequence), bytes())
  return HEAD_BYTES + length
}

/** What a snapshot holds, besides what went into the tally and the series. */
export interface RestoredSnapshot extends Omit<RestoredState, 'resetAt' | 'records'> {
  readonly position: JournalMark
}

/** Throws {@link NewerFormat} where a newer version wrote the snapshot; any other fault is left to {@link readSnapshot}. */
export async function refuseNewerSnapshot({ fileSystem, directory }: JournalFiles, sequence: number): Promise<void> {
  const path = snapshotPath(directory, sequence)
  const head = await fileSystem.read(path, 0, VERSIONED_BYTES)
  if (!hasOurHead(head)) return
  const format = head.readUInt32LE(8)
  if (format > FORMAT) throw new NewerFormat(path, format, FORMAT)
}

/** The place that a snapshot states, which is not checked to be whole; undefined where it is none. */
export async function peekMark(
  { fileSystem, directory }: JournalFiles,
  sequence: number,
): Promise<JournalMark | undefined> {
  const bytes = await fileSystem.read(snapshotPath(directory, sequence), 0, HEAD_BYTES + POSITION_BYTES)
  if (!hasOurHead(bytes) || bytes.length < HEAD_BYTES + POSITION_BYTES) return undefined
  return markIn(bytes)
}

function markIn(bytes: Buffer): JournalMark {
  const [segment, offset, records, resetAt] = [0, 8, 16, 24].map(at => bytes.readDoubleLE(HEAD_BYTES + at)) as [
    number,
    number,
    number,
    number,
  ]
  return { segment, offset, records, resetAt }
}

function hasOurHead(head: Buffer): boolean {
  if (head.length < VERSIONED_BYTES || !head.subarray(0, 8).equals(MAGIC)) return false
  return crc32(head.subarray(0, 12)) === head.readUInt32LE(12)
}

/** Reads a snapshot into an empty tally and series; answers what is wrong where it cannot, and leaves them empty. */
export async function readSnapshot(
  { fileSystem, directory }: JournalFiles,
  sequence: number,
  tally: Tally,
  series: Series,
  idOptions: Omit<DedupWindowOptions, 'seed'>,
  planned: PlanTiers,
): Promise<RestoredSnapshot | string> {
  const path = snapshotPath(directory, sequence)
  const size = (await fileSystem.stat(path))?.size ?? 0
  const head = await fileSystem.read(path, 0, HEAD_BYTES + INDEX_BYTES)
  if (!hasOurHead(head) || head.length < HEAD_BYTES + INDEX_BYTES) return 'its head is damaged'
  if (new Uint32Array(new Uint8Array(head.subarray(16, 20)).buffer)[0] !== BYTE_ORDER) return 'of another byte order'
  if (head.readUInt32LE(8) !== FORMAT) return `its format is ${head.readUInt32LE(8)}, which no release wrote`
  const length = head.readDoubleLE(24)
  if (size !== HEAD_BYTES + length) return `it holds ${size - HEAD_BYTES} bytes instead of ${length}`
  const read: Read = (offset, bytes, into) => fileSystem.read(path, offset, bytes, into)
  const restored = await readBlocks(read, head, decodeState(tally, series, idOptions, planned))
  if (typeof restored !== 'string') return { ...restored, position: markIn(head) }
  clearRestored(tally, series)
  return restored
}

/**
 * Whether a snapshot is what was written, without making anything of it: answers what is wrong with it, or undefined. Rejects where it cannot be
 * read.
 */
export async function verifySnapshot(
  { fileSystem, directory }: JournalFiles,
  sequence: number,
  pace: Pace,
): Promise<string | undefined> {
  const path = snapshotPath(directory, sequence)
  const size = (await fileSystem.stat(path))?.size ?? 0
  const head = await fileSystem.read(path, 0, HEAD_BYTES + INDEX_BYTES)
  if (!hasOurHead(head) || head.length < HEAD_BYTES + INDEX_BYTES) return 'its head is damaged'
  // A snapshot of another format cannot be verified.
  if (head.readUInt32LE(8) !== FORMAT) return undefined
  const length = head.readDoubleLE(24)
  if (size !== HEAD_BYTES + length) return `it holds ${size - HEAD_BYTES} bytes instead of ${length}`
  const sumOf = async (from: number, bytes: number): Promise<number> => {
    let sum = 0
    for (let at = from; at < from + bytes; at += pace.blockBytes) {
      sum = crc32(await fileSystem.read(path, at, Math.min(pace.blockBytes, from + bytes - at)), sum)
      await pace.pause()
    }
    return sum
  }
  const count = head.readDoubleLE(HEAD_BYTES + POSITION_BYTES)
  if (!Number.isSafeInteger(count) || count * ENTRY_BYTES > length) return 'its index is damaged'
  const index = await fileSystem.read(path, HEAD_BYTES, INDEX_BYTES + count * ENTRY_BYTES)
  if (crc32(index) !== head.readUInt32LE(20)) return 'its index is damaged'
  let at = HEAD_BYTES + index.length
  for (let entry = INDEX_BYTES; entry < index.length; entry += ENTRY_BYTES) {
    const bytes = index.readUInt32LE(entry)
    if ((await sumOf(at, bytes)) !== index.readUInt32LE(entry + 4)) return 'its checksum is wrong'
    at += bytes
  }
  return undefined
}

/** The blocks of a snapshot, each checked to be whole. Rejects where one is not. */
export async function* snapshotBlocks(
  { fileSystem, directory }: JournalFiles,
  sequence: number,
): AsyncGenerator<Uint8Array> {
  const path = snapshotPath(directory, sequence)
  const head = await fileSystem.read(path, 0, HEAD_BYTES + INDEX_BYTES)
  const count =
    hasOurHead(head) && head.length === HEAD_BYTES + INDEX_BYTES ? head.readDoubleLE(HEAD_BYTES + POSITION_BYTES) : -1
  const index = count < 0 ? head : await fileSystem.read(path, HEAD_BYTES, INDEX_BYTES + count * ENTRY_BYTES)
  if (count < 0 || crc32(index) !== head.readUInt32LE(20)) throw new Error(`${path}: its head is damaged`)
  let at = HEAD_BYTES + index.length
  for (let entry = INDEX_BYTES; entry < index.length; entry += ENTRY_BYTES) {
    const block = await fileSystem.read(path, at, index.readUInt32LE(entry))
    if (crc32(block) !== index.readUInt32LE(entry + 4)) throw new Error(`${path}: its checksum is wrong`)
    at += block.length
    yield block
  }
}

/** Makes a tally and series empty again that a snapshot was read into. */
export function clearRestored(tally: Tally, series: Series): void {
  tally.clear()
  tally.times.reshape(tally.wantedTiers)
  series.restore(Number.NEGATIVE_INFINITY, [])
}

type Read = (offset: number, length: number, into?: Buffer) => Promise<Buffer>

/** Rejects where a block cannot be read, which does not say that it is damaged. */
async function readBlocks(read: Read, head: Buffer, decoder: StateDecoder): Promise<RestoredState | string> {
  const count = head.readDoubleLE(HEAD_BYTES + POSITION_BYTES)
  if (!Number.isSafeInteger(count) || count * ENTRY_BYTES > head.readDoubleLE(24)) return 'its index is damaged'
  const index = await read(HEAD_BYTES, INDEX_BYTES + count * ENTRY_BYTES)
  if (crc32(index) !== head.readUInt32LE(20)) return 'its index is damaged'
  const lengths = Array.from({ length: count }, (_, block) => index.readUInt32LE(INDEX_BYTES + block * ENTRY_BYTES))
  let at = HEAD_BYTES + index.length
  let entry = INDEX_BYTES
  let step = decoder.next()
  for await (const piece of piecesFrom(read, at, lengths)) {
    for (const block of piece) {
      if (crc32(block) !== index.readUInt32LE(entry + 4)) return 'its checksum is wrong'
      if (step.done === true) break
      entry += ENTRY_BYTES
      at += block.length
      try {
        step = decoder.next(block)
      } catch (error) {
        return messageOf(error)
      }
    }
  }
  if (step.done !== true) return 'it ends too early'
  return at === HEAD_BYTES + head.readDoubleLE(24) ? step.value : 'it goes on behind its end'
}

/**
 * The blocks from `at` on, as many at a time as are read in one go. The next ones are read while some are decoded, into two buffers by turns:
 * a fresh one each time would have the garbage collector run again and again during a start. A block stays valid until the next piece.
 */
async function* piecesFrom(read: Read, at: number, lengths: readonly number[]): AsyncGenerator<Buffer[]> {
  const pieces = inPieces(lengths)
  const most = pieces.reduce((bytes, piece) => Math.max(bytes, piece.bytes), 0)
  const buffers = [Buffer.allocUnsafeSlow(most), Buffer.allocUnsafeSlow(most)] as const
  let from = at
  const readNext = (piece: number): Promise<Buffer> => {
    const { bytes } = pieces[piece]!
    const reading = read(from, bytes, buffers[piece % 2])
    from += bytes
    // It is awaited, unless an earlier block was damaged.
    reading.catch(() => undefined)
    return reading
  }
  let coming = pieces.length > 0 ? readNext(0) : undefined
  for (const [i, { lengths }] of pieces.entries()) {
    const bytes = await coming!
    coming = i + 1 < pieces.length ? readNext(i + 1) : undefined
    let end = 0
    yield lengths.map(length => {
      end += length
      return bytes.subarray(end - length, end)
    })
  }
}

/** Blocks that are read in one go. */
interface Piece {
  bytes: number
  readonly lengths: number[]
}

function inPieces(lengths: readonly number[]): Piece[] {
  const pieces: Piece[] = []
  for (const length of lengths) {
    const last = pieces.at(-1)
    if (last === undefined || last.bytes + length > PIECE_BYTES) pieces.push({ bytes: length, lengths: [length] })
    else {
      last.bytes += length
      last.lengths.push(length)
    }
  }
  return pieces
}
