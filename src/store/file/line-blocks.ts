/**
 * Memory in which lines are made on their way to the journal, used again and again: fresh memory for every request would cost more than
 * what is put into it. Lines that come one behind the other mostly stand so too, and leave in one write.
 */

const BLOCK_BYTES = 1024 * 1024
/** Blocks that wait to be used again. */
const SPARE_BLOCKS = 4

export interface Block {
  readonly bytes: Buffer
  /** Where free memory begins. */
  used: number
  /** How many hold some of it. */
  holders: number
}

export interface LineBlocks {
  /** A block with at least `room` bytes free; the caller writes there, moves `used`, and lets go when its lines are needed no more. */
  hold(room: number): Block
  letGo(block: Block): void
  /** Bytes of all blocks that are held: a line of a few bytes holds its whole block. */
  readonly heldBytes: number
}

export function createLineBlocks(): LineBlocks {
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
    letGo(block) {
      if (--block.holders > 0) return
      heldBytes -= block.bytes.length
      block.used = 0
      const isSpare = block !== current && block.bytes.length === BLOCK_BYTES
      if (isSpare && spare.length < SPARE_BLOCKS) spare.push(block)
    },
  }
}

const createBlock = (bytes: number): Block => ({ bytes: Buffer.allocUnsafeSlow(bytes), used: 0, holders: 0 })
