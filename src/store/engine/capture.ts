/** State on its way into a snapshot. */
import { crc32 } from 'node:zlib'
import type { FoldState, Limits } from '../../core/fold.ts'
import type { CapturedSnapshot, Position, TemporaryFile } from '../../core/log.ts'
import { createEventLoopYield } from '../../lib/event-loop.ts'
import { createAlternatingBlocks } from '../snapshot/block.ts'
import { encodeState } from '../snapshot/encode.ts'

/** What is read back in one go. */
const PIECE_BYTES = 512 * 1024

type Blocks = CapturedSnapshot['blocks']

/** The state, and its limits if they belong to the log. */
type CountedState = FoldState & { readonly limits: Limits | undefined }

/** Captures the state in slices: nothing may be folded until it resolves. The temporary file must stay open while the snapshot is read. */
export async function captureState(
  file: TemporaryFile,
  position: Position,
  state: CountedState,
): Promise<CapturedSnapshot> {
  const blocks = await writeBlocks(file, state)
  return { position, blocks, bytes: () => piecesOf(file, blocks) }
}

/** While one is written the next is made. */
async function writeBlocks(file: TemporaryFile, state: CountedState): Promise<Blocks> {
  const blocks: { bytes: number; checksum: number }[] = []
  const pause = createEventLoopYield()
  let written = Promise.resolve()
  for (const block of encodeState(state, createAlternatingBlocks())) {
    if (block !== undefined) {
      blocks.push({ bytes: block.length, checksum: crc32(block) })
      await written
      written = file.write(block)
      // It is awaited, unless making the next one throws.
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
    if (piece.length < length) throw new Error('what was just written cannot be read back')
    yield piece
  }
}
