/**
 * The state as it stood, in a file without a name until it is a checkpoint: to hold all of it in memory would take as much as it does, and
 * to give that back would stop all else.
 */
import { crc32 } from 'node:zlib'
import { createEventLoopYield } from '../../lib/event-loop.ts'
import { createAlternatingBlocks } from '../snapshot/block.ts'
import { type Counted, encodeState } from '../snapshot/encode.ts'
import type { FileSystem, Scratch } from './file-system.ts'
import type { Position } from './position.ts'

/** What is read back in one go. */
const PIECE_BYTES = 512 * 1024

export interface CapturedState extends CheckpointState {
  readonly blocks: readonly BlockEntry[]
  /** All blocks, one behind the other, in pieces that stand until the next is asked for. */
  bytes(): AsyncGenerator<Uint8Array>
  /** It is needed no more. */
  close(): Promise<void>
}

export interface BlockEntry {
  readonly bytes: number
  readonly checksum: number
}

/** Where a snapshot stands in the journal. */
export interface CheckpointState {
  /** Everything in the journal before it is counted. */
  readonly position: Position
  /** Segments before it hold only what a reset has forgotten. */
  readonly resetAt: number
  /** Attempts that the journal held before the position. */
  readonly records: number
}

/** Takes down the state in slices: nothing may be counted until it resolves. Near `path` there must be room for all of it. */
export async function captureState(
  fileSystem: FileSystem,
  path: string,
  state: CheckpointState,
  counted: Counted,
): Promise<CapturedState> {
  const scratch = await fileSystem.scratch(path)
  try {
    const blocks = await writeBlocks(scratch, counted)
    return { ...state, blocks, bytes: () => piecesOf(scratch, blocks), close: () => scratch.close() }
  } catch (error) {
    await scratch.close()
    throw error
  }
}

/** While one is written the next is made. */
async function writeBlocks(scratch: Scratch, counted: Counted): Promise<BlockEntry[]> {
  const blocks: BlockEntry[] = []
  const pause = createEventLoopYield()
  let written = Promise.resolve()
  for (const block of encodeState(counted, createAlternatingBlocks())) {
    if (block !== undefined) {
      blocks.push({ bytes: block.length, checksum: crc32(block) })
      await written
      written = scratch.write(block)
      // It is awaited, unless making the next one throws.
      written.catch(() => undefined)
    }
    await pause()
  }
  await written
  return blocks
}

async function* piecesOf(scratch: Scratch, blocks: readonly BlockEntry[]): AsyncGenerator<Uint8Array> {
  const end = blocks.reduce((bytes, block) => bytes + block.bytes, 0)
  const memory = Buffer.allocUnsafeSlow(Math.min(PIECE_BYTES, end))
  for (let at = 0; at < end; at += PIECE_BYTES) {
    const piece = await scratch.read(at, Math.min(PIECE_BYTES, end - at), memory)
    if (piece.length < Math.min(PIECE_BYTES, end - at)) throw new Error('what was just written cannot be read back')
    yield piece
  }
}
