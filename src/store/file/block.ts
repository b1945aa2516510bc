/** Blocks of a checkpoint: columns of numbers one behind the other, as the machine holds them, each where a double may stand. */
import { type PackedRows, packedEnd, packRow } from '../../core/aggregate/packed-rows.ts'

type Column = Float64Array | Uint32Array | Uint8Array

export interface BlockWriter {
  double(value: number): void
  put(column: Column): void
  /** A row most of which is zero. */
  row(row: Float64Array): void
  /** All that was put in. */
  bytes(): Uint8Array
}

/** How many doubles' room a column takes. */
export const roomOf = (bytes: number): number => Math.ceil(bytes / 8)

/** Makes a block with room for so many doubles. */
export type NewBlock = (room: number) => BlockWriter

/** Blocks that take turns in two pieces of memory: what is in one stands until the next but one is made. */
export function createBlocksInTurns(): NewBlock {
  let [next, other] = [new ArrayBuffer(0), new ArrayBuffer(0)]
  return room => {
    const memory = next.byteLength >= room * 8 ? next : new ArrayBuffer(room * 8)
    ;[next, other] = [other, memory]
    return createBlock(room, memory)
  }
}

/** What is not used of the room costs nothing. The memory may hold anything. */
export function createBlock(room: number, memory: ArrayBuffer = new ArrayBuffer(room * 8)): BlockWriter {
  const bytes = new Uint8Array(memory)
  const packed = { words: new Uint32Array(memory), doubles: new Float64Array(memory) }
  let at = 0
  return {
    double(value) {
      packed.doubles[at++] = value
    },
    put(column) {
      const end = at + roomOf(column.byteLength)
      if (end > at) packed.doubles[end - 1] = 0
      if (column instanceof Float64Array) packed.doubles.set(column, at)
      else if (column instanceof Uint32Array) packed.words.set(column, at * 2)
      else bytes.set(column, at * 8)
      at = end
    },
    row(row) {
      at = packRow(packed, at, row)
    },
    bytes: () => bytes.subarray(0, at * 8),
  }
}

/** Rows as they stand in a block, and where each of them begins. */
export interface BlockRows extends PackedRows {
  readonly starts: readonly number[]
}

/** Reads a block in the order it was written. What it answers is of the block's own memory. Throws a RangeError beyond the end. */
export interface BlockReader {
  double(): number
  doubles(count: number): Float64Array
  words(count: number): Uint32Array
  bytes(count: number): Uint8Array
  /** So many rows of `width` doubles. */
  rows(count: number, width: number): BlockRows
}

export function createBlockReader(block: Uint8Array): BlockReader {
  const { buffer, byteOffset, length } = block.byteOffset % 8 === 0 ? block : block.slice()
  const all = new Float64Array(buffer, byteOffset, length >> 3)
  let at = 0

  /** Where the next `count` doubles stand, which are read with this. */
  function take(count: number): number {
    if (!(count <= all.length - at)) throw new RangeError('ends too early')
    at += count
    return at - count
  }
  /** The byte of the buffer where the next `bytes` stand. */
  const takeBytes = (bytes: number): number => byteOffset + 8 * take(roomOf(bytes))

  return {
    double: () => all[take(1)]!,
    doubles: count => new Float64Array(buffer, takeBytes(count * 8), count),
    words: count => new Uint32Array(buffer, takeBytes(count * 4), count),
    bytes: count => new Uint8Array(buffer, takeBytes(count), count),
    rows(count, width) {
      const doubles = all.subarray(at)
      const words = new Uint32Array(doubles.buffer, doubles.byteOffset, doubles.length * 2)
      const rest = { words, doubles }
      const starts = new Array<number>(count)
      let end = 0
      for (let row = 0; row < count; row++) {
        starts[row] = end
        end = packedEnd(rest, end, width)
      }
      take(end)
      return { words: words.subarray(0, end * 2), doubles: doubles.subarray(0, end), starts }
    },
  }
}
