/**
 * Memory in which records are encoded on their way to the log, used again and again: fresh memory for every request would cost more than what
 * is put into it. Records that are encoded one behind the other mostly stand so too, and leave in one write.
 */

const BLOCK_BYTES = 1024 * 1024
/** Blocks that wait to be used again. */
const SPARE_BLOCKS = 4

export interface Block {
  readonly bytes: Buffer
  /** Where free memory begins. */
  used: number
  /** How many calls hold some of it. */
  holders: number
}

export interface BufferPool {
  /** A block with at least `room` bytes free. The caller writes there, moves `used`, and releases it when its records are not needed any more. */
  hold(room: number): Block
  release(block: Block): void
  /** Bytes of all blocks that are held: a record of a few bytes holds its whole block. */
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
