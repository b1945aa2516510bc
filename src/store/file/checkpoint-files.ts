/** Checkpoints on disk: `checkpoint-<sequence>.bin`, the two newest kept. */
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import type { IdWindow, IdWindowOptions } from '../../core/id-window.ts'
import type { Series } from '../../core/series.ts'
import type { Tally } from '../../core/tally.ts'
import { createByteWriter } from './bytes.ts'
import { type CheckpointState, decodeState, encodeState, type RestoredState } from './checkpoint.ts'
import { messageOf, NewerFormat } from './errors.ts'
import type { Position } from './position.ts'
import type { JournalFiles } from './segments.ts'
import { inSlices } from './slices.ts'

/**
 * The head of the file. Of every version: eight bytes of magic, the version, the checksum of these twelve bytes. Of this version
 * and the one before: a word that shows the machine's byte order, the checksum of the state, and the state's length as a double.
 */
const MAGIC = Buffer.from('AgntPerf')
const FORMAT = 2
const BYTE_ORDER = 0x01020304
const VERSIONED_BYTES = 16
const HEAD_BYTES = 32
/** The state begins with its position: two doubles. */
const POSITION_BYTES = 16
const SLICE_BYTES = 1024 * 1024
const NAME = /^checkpoint-(\d{20})\.bin$/

export function checkpointPath(directory: string, sequence: number): string {
  return join(directory, `checkpoint-${String(sequence).padStart(20, '0')}.bin`)
}

/** Sequence numbers of the checkpoints, oldest first. */
export async function listCheckpoints({ fileSystem, directory }: JournalFiles): Promise<number[]> {
  const names = await fileSystem.list(directory)
  const sequences = names.map(name => Number(NAME.exec(name)?.[1]))
  return sequences.filter(Number.isSafeInteger).sort((a, b) => a - b)
}

/** A copy of the state as it stands, made in slices: nothing may be counted until it resolves. */
export async function captureState(
  state: CheckpointState,
  tally: Tally,
  ids: IdWindow,
  series: Series,
): Promise<readonly Uint8Array[]> {
  const writer = createByteWriter()
  await inSlices(encodeState(writer, state, tally, ids, series))
  return writer.chunks()
}

/** Writes a captured state as a checkpoint; answers its size in bytes. */
export async function writeCheckpoint(
  { fileSystem, directory }: JournalFiles,
  sequence: number,
  chunks: readonly Uint8Array[],
): Promise<number> {
  const { checksum, length } = await inSlices(measure(chunks))
  const head = Buffer.alloc(HEAD_BYTES)
  MAGIC.copy(head)
  head.writeUInt32LE(FORMAT, 8)
  head.writeUInt32LE(crc32(head.subarray(0, 12)), 12)
  new Uint8Array(head.buffer, head.byteOffset + 16, 4).set(new Uint8Array(new Uint32Array([BYTE_ORDER]).buffer))
  head.writeUInt32LE(checksum, 20)
  head.writeDoubleLE(length, 24)
  await fileSystem.writeAtomically(checkpointPath(directory, sequence), [head, ...chunks])
  return HEAD_BYTES + length
}

function* slicesOf(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += SLICE_BYTES) yield bytes.subarray(at, at + SLICE_BYTES)
}

function* measure(chunks: Iterable<Uint8Array>): Generator<void, { checksum: number; length: number }> {
  let checksum = 0
  let length = 0
  for (const chunk of chunks) {
    checksum = crc32(chunk, checksum)
    length += chunk.length
    yield
  }
  return { checksum, length }
}

/** Throws {@link NewerFormat} where a newer version wrote the checkpoint; any other fault is left to {@link readCheckpoint}. */
export async function refuseNewerCheckpoint({ fileSystem, directory }: JournalFiles, sequence: number): Promise<void> {
  const path = checkpointPath(directory, sequence)
  const head = await fileSystem.read(path, 0, VERSIONED_BYTES)
  if (!hasOurHead(head)) return
  const format = head.readUInt32LE(8)
  if (format > FORMAT) throw new NewerFormat(path, format, FORMAT)
}

/** The position a checkpoint states, which is not checked to be whole; undefined where it is none. */
export async function peekPosition(
  { fileSystem, directory }: JournalFiles,
  sequence: number,
): Promise<Position | undefined> {
  const bytes = await fileSystem.read(checkpointPath(directory, sequence), 0, HEAD_BYTES + POSITION_BYTES)
  if (!hasOurHead(bytes) || bytes.length < HEAD_BYTES + POSITION_BYTES) return undefined
  return { segment: bytes.readDoubleLE(HEAD_BYTES), offset: bytes.readDoubleLE(HEAD_BYTES + 8) }
}

function hasOurHead(head: Buffer): boolean {
  if (head.length < VERSIONED_BYTES || !head.subarray(0, 8).equals(MAGIC)) return false
  return crc32(head.subarray(0, 12)) === head.readUInt32LE(12)
}

/** Reads a checkpoint into an empty tally and series; answers what is wrong where it cannot, and leaves them empty. */
export async function readCheckpoint(
  { fileSystem, directory }: JournalFiles,
  sequence: number,
  tally: Tally,
  series: Series,
  idOptions: Omit<IdWindowOptions, 'seed'>,
): Promise<RestoredState | string> {
  const path = checkpointPath(directory, sequence)
  const size = (await fileSystem.stat(path))?.size ?? 0
  const bytes = await fileSystem.read(path, 0, size)
  if (!hasOurHead(bytes) || size < HEAD_BYTES) return 'its head is damaged'
  if (new Uint32Array(new Uint8Array(bytes.subarray(16, 20)).buffer)[0] !== BYTE_ORDER) return 'of another byte order'
  const state = bytes.subarray(HEAD_BYTES)
  const length = bytes.readDoubleLE(24)
  if (state.length !== length) return `it holds ${state.length} bytes instead of ${length}`
  const { checksum } = await inSlices(measure(slicesOf(state)))
  if (checksum !== bytes.readUInt32LE(20)) return 'its checksum is wrong'
  try {
    return await inSlices(decodeState(state, tally, series, idOptions))
  } catch (error) {
    tally.clear()
    series.restore(Number.NEGATIVE_INFINITY, [])
    return messageOf(error)
  }
}
