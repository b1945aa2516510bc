/** Snapshots on disk: `snapshot-<sequence>.bin`, the two newest kept. */
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { type CapturedSnapshot, SnapshotDamaged } from '../../../core/log.ts'
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
const FORMAT = 4
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

/** Throws {@link NewerFormat} where a newer version wrote the snapshot; any other fault is left to {@link readIndex}. */
export async function refuseNewerSnapshot({ fileSystem, directory }: JournalFiles, sequence: number): Promise<void> {
  const path = snapshotPath(directory, sequence)
  const head = await fileSystem.read(path, 0, VERSIONED_BYTES)
  if (!hasOurHead(head)) return
  const format = head.readUInt32LE(8)
  if (format > FORMAT) throw new NewerFormat(path, format, FORMAT)
}

/** The position of a snapshot. Undefined if its index is damaged. */
export async function peekMark(files: JournalFiles, sequence: number): Promise<JournalMark | undefined> {
  const index = await readIndex(files, sequence)
  return typeof index === 'string' ? undefined : index.mark
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

/** The index of a snapshot. */
export interface SnapshotIndex {
  readonly mark: JournalMark
  /** Where the first block begins. */
  readonly start: number
  readonly lengths: readonly number[]
  readonly checksums: readonly number[]
}

/** Reads the index of a snapshot, which is checked. Returns what is wrong with it, as text. Rejects if it cannot be read. */
export async function readIndex(
  { fileSystem, directory }: JournalFiles,
  sequence: number,
): Promise<SnapshotIndex | string> {
  const path = snapshotPath(directory, sequence)
  const size = (await fileSystem.stat(path))?.size ?? 0
  const head = await fileSystem.read(path, 0, HEAD_BYTES + INDEX_BYTES)
  if (!hasOurHead(head) || head.length < HEAD_BYTES + INDEX_BYTES) return 'its head is damaged'
  if (new Uint32Array(new Uint8Array(head.subarray(16, 20)).buffer)[0] !== BYTE_ORDER) return 'of another byte order'
  if (head.readUInt32LE(8) !== FORMAT) return `its format is ${head.readUInt32LE(8)}, which no release wrote`
  const length = head.readDoubleLE(24)
  if (size !== HEAD_BYTES + length) return `it holds ${size - HEAD_BYTES} bytes instead of ${length}`
  const count = head.readDoubleLE(HEAD_BYTES + POSITION_BYTES)
  if (!Number.isSafeInteger(count) || count * ENTRY_BYTES > length) return 'its index is damaged'
  const index = await fileSystem.read(path, HEAD_BYTES, INDEX_BYTES + count * ENTRY_BYTES)
  if (crc32(index) !== head.readUInt32LE(20)) return 'its index is damaged'
  const entry = (block: number): number => INDEX_BYTES + block * ENTRY_BYTES
  const lengths = Array.from({ length: count }, (_, block) => index.readUInt32LE(entry(block)))
  const checksums = Array.from({ length: count }, (_, block) => index.readUInt32LE(entry(block) + 4))
  const start = HEAD_BYTES + index.length
  const end = lengths.reduce((at, bytes) => at + bytes, start)
  if (end !== HEAD_BYTES + length) return 'its index is damaged'
  return { mark: markIn(head), start, lengths, checksums }
}

/**
 * Verifies the checksums of a snapshot. Returns what is wrong with it, as text, or undefined. Rejects if it cannot be read.
 */
export async function verifySnapshot(files: JournalFiles, sequence: number, pace: Pace): Promise<string | undefined> {
  const { fileSystem, directory } = files
  const path = snapshotPath(directory, sequence)
  const index = await readIndex(files, sequence)
  if (typeof index === 'string') return index
  let at = index.start
  for (const [block, bytes] of index.lengths.entries()) {
    let sum = 0
    for (let from = at; from < at + bytes; from += pace.blockBytes) {
      sum = crc32(await fileSystem.read(path, from, Math.min(pace.blockBytes, at + bytes - from)), sum)
      await pace.pause()
    }
    if (sum !== index.checksums[block]) return 'its checksum is wrong'
    at += bytes
  }
  return undefined
}

/** The blocks of a snapshot. A block is valid until the next one is requested. Rejects with {@link SnapshotDamaged}. */
export async function* snapshotBlocks(files: JournalFiles, sequence: number): AsyncGenerator<Uint8Array> {
  const { fileSystem, directory } = files
  const path = snapshotPath(directory, sequence)
  const index = await readIndex(files, sequence)
  if (typeof index === 'string') throw new SnapshotDamaged(index)
  const read: Read = (offset, bytes, into) => fileSystem.read(path, offset, bytes, into)
  let number = 0
  for await (const piece of piecesFrom(read, index.start, index.lengths)) {
    for (const block of piece) {
      if (crc32(block) !== index.checksums[number++]) throw new SnapshotDamaged('its checksum is wrong')
      yield block
    }
  }
}

type Read = (offset: number, length: number, into?: Buffer) => Promise<Buffer>

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
