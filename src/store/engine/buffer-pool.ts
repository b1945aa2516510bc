/**
 * A pool of buffers in which records are encoded before they are appended. Allocating memory for every request would cost more than
 * encoding. Records that are encoded one after the other are usually adjacent, so that one write appends them.
 */

const BLOCK_BYTES = 1024 * 1024
/** The maximum number of unused blocks that are kept. */
const SPARE_BLOCKS = 4

export interface Block {
  readonly bytes: Buffer
  /** The offset of the first free byte. */
  used: number
  /** The number of calls whose records are in the block. */
  holders: number
}

export interface BufferPool {
  /**
   * A block with at least `room` free bytes. The caller writes its records, advances `used`, and releases the block when the records are no
   * longer needed.
   */
  hold(room: number): Block
  release(block: Block): void
  /** The size of all blocks in use. A record of a few bytes keeps its whole block in use. */
  readonly heldBytes: number
}

export function createBufferPool(): BufferPool {
  const spare: Block[] = []
  let current = createBlock(BLOCK_BYTES)
  let heldBytes = 0

  function blockFor(room: number): Block {
    if (room > BLOCK_BYTES) return createBlock(room)
    if (current.used + room > BLOCK_BYTES) current = spare.pop() ?? createBlock(BLOCK_BYTES)
    return current
  }

  return {
    hold(room) {
      const block = blockFor(room)
      if (block.holders++ === 0) heldBytes += block.bytes.length
      return block
    },
    get heldBytes() {
      return heldBytes
    },
    release(block) {
      if (--block.holders > 0) return
      heldBytes -= block.bytes.length
      block.used = 0
      const isSpare = block !== current && block.bytes.length === BLOCK_BYTES
      if (isSpare && spare.length < SPARE_BLOCKS) spare.push(block)
    },
  }
}

const createBlock = (bytes: number): Block => ({ bytes: Buffer.allocUnsafeSlow(bytes), used: 0, holders: 0 })
