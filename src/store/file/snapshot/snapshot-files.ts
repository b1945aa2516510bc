/** Snapshot files: `snapshot-<sequence>.bin`. The two newest are kept. */
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import type { CapturedSnapshot } from '../../../core/log.ts'
import { NewerFormat } from '../errors.ts'
import type { JournalMark } from '../journal/mark.ts'
import type { JournalFiles } from '../journal/segments.ts'
import type { Pace } from '../recovery/scan.ts'
import {
  encodeFileHead,
  firstBlockOffset,
  readEntries,
  readFileHead,
  readFormat,
  SNAPSHOT_FORMAT,
  sizeFault,
} from './file-head.ts'

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

/** The position of a snapshot, which is not verified. Undefined if the file is not a snapshot. */
export async function peekMark(
  { fileSystem, directory }: JournalFiles,
  sequence: number,
): Promise<JournalMark | undefined> {
  return (await readFileHead(fileSystem, snapshotPath(directory, sequence)))?.mark
}

/**
 * Verifies all checksums of a snapshot without decoding it. Resolves with the fault, or undefined if there is none. Rejects if the file cannot
 * be read.
 */
export async function verifySnapshot(
  { fileSystem, directory }: JournalFiles,
  sequence: number,
  pace: Pace,
): Promise<string | undefined> {
  const path = snapshotPath(directory, sequence)
  const head = await readFileHead(fileSystem, path)
  if (head === undefined) return 'its head is damaged'
  // A snapshot of another format cannot be verified.
  if (head.format !== SNAPSHOT_FORMAT) return undefined
  const fault = await sizeFault(fileSystem, path, head)
  if (fault !== undefined) return fault
  const entries = await readEntries(fileSystem, path, head)
  if (entries === undefined) return 'its index is damaged'
  let at = firstBlockOffset(entries)
  for (const { bytes, checksum } of entries) {
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

/** The blocks of a snapshot, each one verified. Rejects if one is damaged. */
export async function* snapshotBlocks(
  { fileSystem, directory }: JournalFiles,
  sequence: number,
): AsyncGenerator<Uint8Array> {
  const path = snapshotPath(directory, sequence)
  const head = await readFileHead(fileSystem, path)
  const entries = head && (await readEntries(fileSystem, path, head))
  if (entries === undefined) throw new Error(`${path}: its head is damaged`)
  let at = firstBlockOffset(entries)
  for (const { bytes, checksum } of entries) {
    const block = await fileSystem.read(path, at, bytes)
    if (crc32(block) !== checksum) throw new Error(`${path}: its checksum is wrong`)
    at += block.length
    yield block
  }
}
