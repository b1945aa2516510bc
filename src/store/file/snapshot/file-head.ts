/**
 * The head and the index of a snapshot file. The head is, in every format: eight bytes of magic, the format version, and the checksum of
 * these twelve bytes. In this format, a word for the byte order, the checksum of the index, and the length of everything after the head (a
 * double) follow. The index contains the position in the journal, the number of blocks, and the length and checksum of each block. A reader
 * verifies each block before it decodes it.
 */
import { crc32 } from 'node:zlib'
import type { CapturedSnapshot } from '../../../core/log.ts'
import type { FileSystem } from '../file-system.ts'
import type { JournalMark } from '../journal/mark.ts'

const MAGIC = Buffer.from('AgntPerf')
export const SNAPSHOT_FORMAT = 7
const BYTE_ORDER = 0x01020304
const VERSIONED_BYTES = 16
const HEAD_BYTES = 32
/** Four doubles: segment, offset, attempts before it, segment of the last reset. */
const POSITION_BYTES = 32
/** The part of the index before the blocks. */
const INDEX_BYTES = POSITION_BYTES + 8
/** A block in the index: length and checksum, a word each. */
const ENTRY_BYTES = 8

export type BlockEntry = CapturedSnapshot['blocks'][number]

/** The head of a file, whose checksum was correct, and the fixed part of the index. */
export interface FileHead {
  readonly format: number
  readonly isOwnByteOrder: boolean
  readonly indexChecksum: number
  /** Bytes after the head. */
  readonly bytes: number
  /** Not verified before {@link readEntries} has checked the index. */
  readonly mark: JournalMark
  readonly blocks: number
}

/** The head and the index of a new file, and the size of the file. */
export function encodeFileHead(
  { segment, offset, records, resetAt }: JournalMark,
  blocks: readonly BlockEntry[],
): { readonly head: Buffer; readonly index: Buffer; readonly fileBytes: number } {
  const index = Buffer.alloc(INDEX_BYTES + blocks.length * ENTRY_BYTES)
  for (const [i, value] of [segment, offset, records, resetAt, blocks.length].entries())
    index.writeDoubleLE(value, i * 8)
  let bytes = index.length
  for (const [i, block] of blocks.entries()) {
    index.writeUInt32LE(block.bytes, INDEX_BYTES + i * ENTRY_BYTES)
    index.writeUInt32LE(block.checksum, INDEX_BYTES + i * ENTRY_BYTES + 4)
    bytes += block.bytes
  }
  const head = Buffer.alloc(HEAD_BYTES)
  MAGIC.copy(head)
  head.writeUInt32LE(SNAPSHOT_FORMAT, 8)
  head.writeUInt32LE(crc32(head.subarray(0, 12)), 12)
  head.set(new Uint8Array(new Uint32Array([BYTE_ORDER]).buffer), 16)
  head.writeUInt32LE(crc32(index), 20)
  head.writeDoubleLE(bytes, 24)
  return { head, index, fileBytes: HEAD_BYTES + bytes }
}

/** The format version of a snapshot file, of any format. Undefined if it is not a snapshot or its head is damaged. */
export async function readFormat(fileSystem: FileSystem, path: string): Promise<number | undefined> {
  return formatOf(await fileSystem.read(path, 0, VERSIONED_BYTES))
}

/** The head of a file. Undefined if it is not a snapshot or its head is damaged. The content of another format means nothing. */
export async function readFileHead(fileSystem: FileSystem, path: string): Promise<FileHead | undefined> {
  const bytes = await fileSystem.read(path, 0, HEAD_BYTES + INDEX_BYTES)
  const format = formatOf(bytes)
  if (format === undefined || bytes.length < HEAD_BYTES + INDEX_BYTES) return undefined
  const [segment, offset, records, resetAt, blocks] = [0, 8, 16, 24, 32].map(at =>
    bytes.readDoubleLE(HEAD_BYTES + at),
  ) as [number, number, number, number, number]
  return {
    format,
    isOwnByteOrder: new Uint32Array(new Uint8Array(bytes.subarray(16, 20)).buffer)[0] === BYTE_ORDER,
    indexChecksum: bytes.readUInt32LE(20),
    bytes: bytes.readDoubleLE(24),
    mark: { segment, offset, records, resetAt },
    blocks,
  }
}

function formatOf(head: Buffer): number | undefined {
  if (head.length < VERSIONED_BYTES || !head.subarray(0, 8).equals(MAGIC)) return undefined
  return crc32(head.subarray(0, 12)) === head.readUInt32LE(12) ? head.readUInt32LE(8) : undefined
}

/** The fault of a file whose size is not the one in its head. Undefined if it is. */
export async function sizeFault(
  fileSystem: FileSystem,
  path: string,
  { bytes }: FileHead,
): Promise<string | undefined> {
  const size = (await fileSystem.stat(path))?.size ?? 0
  return size === HEAD_BYTES + bytes ? undefined : `it holds ${size - HEAD_BYTES} bytes instead of ${bytes}`
}

/** The blocks of a file, in order. Undefined if the index is damaged. */
export async function readEntries(
  fileSystem: FileSystem,
  path: string,
  { blocks, bytes, indexChecksum }: FileHead,
): Promise<readonly BlockEntry[] | undefined> {
  if (!Number.isSafeInteger(blocks) || blocks < 0 || blocks * ENTRY_BYTES > bytes) return undefined
  const index = await fileSystem.read(path, HEAD_BYTES, INDEX_BYTES + blocks * ENTRY_BYTES)
  if (crc32(index) !== indexChecksum) return undefined
  return Array.from({ length: blocks }, (_, block) => {
    const at = INDEX_BYTES + block * ENTRY_BYTES
    return { bytes: index.readUInt32LE(at), checksum: index.readUInt32LE(at + 4) }
  })
}

/** The offset of the first block. */
export function firstBlockOffset(entries: readonly BlockEntry[]): number {
  return HEAD_BYTES + INDEX_BYTES + entries.length * ENTRY_BYTES
}

/** The offset of the end of the file. */
export function endOffset({ bytes }: FileHead): number {
  return HEAD_BYTES + bytes
}
