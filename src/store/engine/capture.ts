/** Captures the state for a snapshot. */
import { crc32 } from 'node:zlib'
import type { FoldState, Limits } from '../../core/fold.ts'
import type { CapturedSnapshot, Position, TemporaryFile } from '../../core/log.ts'
import { createEventLoopYield } from '../../lib/event-loop.ts'
import { createAlternatingBlocks } from '../snapshot/block.ts'
import { encodeState } from '../snapshot/encode.ts'

/** The number of bytes that are read back at a time. */
const PIECE_BYTES = 512 * 1024

type Blocks = CapturedSnapshot['blocks']

/** The state, and its limits if they belong to the log. */
type CountedState = FoldState & { readonly limits: Limits | undefined }

/**
 * Captures the state and yields to the event loop in between. Nothing may be folded until it resolves. The temporary file must stay open while
 * the snapshot is read.
 */
export async function captureState(
  file: TemporaryFile,
  position: Position,
  state: CountedState,
): Promise<CapturedSnapshot> {
  const blocks = await writeBlocks(file, state)
  return { position, blocks, bytes: () => piecesOf(file, blocks) }
}

/** Encodes the next block while one is written. */
async function writeBlocks(file: TemporaryFile, state: CountedState): Promise<Blocks> {
  const blocks: { bytes: number; checksum: number }[] = []
  const pause = createEventLoopYield()
  let written = Promise.resolve()
  for (const block of encodeState(state, createAlternatingBlocks())) {
    if (block !== undefined) {
      blocks.push({ bytes: block.length, checksum: crc32(block) })
      await written
      written = file.write(block)
      // Avoids an unhandled rejection if encoding the next block throws before this is awaited.
      written.catch(() => undefined)
    }
    await pause()
  }
  await written
  return blocks
}

async function* piecesOf(file: TemporaryFile, blocks: Blocks): AsyncGenerator<Uint8Array> {
  const end = blocks.reduce((bytes, block) => bytes + block.bytes, 0)
  const memory = Buffer.allocUnsafeSlow(Math.min(PIECE_BYTES, end))
  for (let at = 0; at < end; at += PIECE_BYTES) {
    const length = Math.min(PIECE_BYTES, end - at)
    const piece = await file.read(at, length, memory)
    if (piece.length < length) throw new Error('the temporary file returned fewer bytes than were written')
    yield piece
  }
}
