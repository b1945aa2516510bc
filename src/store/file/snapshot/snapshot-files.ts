/** Snapshot files: `snapshot-<sequence>.bin`. The two newest are kept. */
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { type CapturedSnapshot, SnapshotDamaged } from '../../../core/log.ts'
import { NewerFormat } from '../errors.ts'
import type { JournalMark } from '../journal/mark.ts'
import type { JournalFiles } from '../journal/segments.ts'
import type { Pace } from '../recovery/scan.ts'
import {
  type BlockEntry,
  encodeFileHead,
  endOffset,
  firstBlockOffset,
  readEntries,
  readFileHead,
  readFormat,
  SNAPSHOT_FORMAT,
  sizeFault,
} from './file-head.ts'
import { type ReadBytes, readAhead } from './read-ahead.ts'

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

/** Captured state and its position in the journal. */
export interface MarkedSnapshot extends Omit<CapturedSnapshot, 'position'> {
  readonly mark: JournalMark
}

/** Writes captured state as a snapshot. Resolves with its size in bytes. */
export async function writeSnapshot(
  { fileSystem, directory }: JournalFiles,
  sequence: number,
  captured: MarkedSnapshot,
): Promise<number> {
  const { head, index, fileBytes } = encodeFileHead(captured.mark, captured.blocks)
  async function* bytes(): AsyncGenerator<Uint8Array> {
    yield head
    yield index
    yield* captured.bytes()
  }
  await fileSystem.writeAtomically(snapshotPath(directory, sequence), bytes())
  return fileBytes
}

/** Throws {@link NewerFormat} if a newer version wrote the snapshot. Other faults are reported when it is read. */
export async function refuseNewerSnapshot({ fileSystem, directory }: JournalFiles, sequence: number): Promise<void> {
  const path = snapshotPath(directory, sequence)
  const format = await readFormat(fileSystem, path)
  if (format !== undefined && format > SNAPSHOT_FORMAT) throw new NewerFormat(path, format, SNAPSHOT_FORMAT)
}

/** The position of a snapshot. Undefined if its index is damaged. */
export async function peekMark(files: JournalFiles, sequence: number): Promise<JournalMark | undefined> {
  const index = await readIndex(files, sequence)
  return typeof index === 'string' ? undefined : index.mark
}

/** The index of a snapshot. */
export interface SnapshotIndex {
  readonly mark: JournalMark
  readonly entries: readonly BlockEntry[]
}

/** Reads and verifies the index of a snapshot. Resolves with the fault as text if it is damaged. Rejects if it cannot be read. */
export async function readIndex(
  { fileSystem, directory }: JournalFiles,
  sequence: number,
): Promise<SnapshotIndex | string> {
  const path = snapshotPath(directory, sequence)
  const head = await readFileHead(fileSystem, path)
  if (head === undefined) return 'its head is damaged'
  if (!head.isOwnByteOrder) return 'of another byte order'
  if (head.format !== SNAPSHOT_FORMAT) return `its format is ${head.format}, which no release wrote`
  const fault = await sizeFault(fileSystem, path, head)
  if (fault !== undefined) return fault
  const entries = await readEntries(fileSystem, path, head)
  if (entries === undefined) return 'its index is damaged'
  const end = entries.reduce((at, { bytes }) => at + bytes, firstBlockOffset(entries))
  return end === endOffset(head) ? { mark: head.mark, entries } : 'its index is damaged'
}

/**
 * Verifies all checksums of a snapshot without decoding it. Resolves with the fault, or undefined if there is none. Rejects if the file cannot
 * be read.
 */
export async function verifySnapshot(files: JournalFiles, sequence: number, pace: Pace): Promise<string | undefined> {
  const { fileSystem, directory } = files
  const path = snapshotPath(directory, sequence)
  const index = await readIndex(files, sequence)
  if (typeof index === 'string') return index
  let at = firstBlockOffset(index.entries)
  for (const { bytes, checksum } of index.entries) {
    let sum = 0
    for (const end = at + bytes; at < end; ) {
      const part = await fileSystem.read(path, at, Math.min(pace.blockBytes, end - at))
      if (part.length === 0) break
      sum = crc32(part, sum)
      at += part.length
      await pace.pause()
    }
    if (sum !== checksum) return 'its checksum is wrong'
  }
  return undefined
}

/** The blocks of a snapshot. A block is valid until the next one is requested. Rejects with {@link SnapshotDamaged}. */
export async function* snapshotBlocks(files: JournalFiles, sequence: number): AsyncGenerator<Uint8Array> {
  const { fileSystem, directory } = files
  const path = snapshotPath(directory, sequence)
  const index = await readIndex(files, sequence)
  if (typeof index === 'string') throw new SnapshotDamaged(index)
  const { entries } = index
  const read: ReadBytes = (offset, bytes, into) => fileSystem.read(path, offset, bytes, into)
  let next = 0
  for await (const batch of readAhead(read, firstBlockOffset(entries), entries)) {
    for (const block of batch) {
      if (crc32(block) !== entries[next++]!.checksum) throw new SnapshotDamaged('its checksum is wrong')
      yield block
    }
  }
}
