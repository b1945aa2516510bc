/** Blocks of a snapshot: concatenated columns of numbers in the byte order of the machine, each aligned to eight bytes. */
import { readSparse, writeSparse } from './sparse-row.ts'

type Column = Float64Array | Uint32Array | Uint8Array

export interface BlockWriter {
  double(value: number): void
  put(column: Column): void
  /** A sparse row: most of its numbers are zero. */
  row(row: Float64Array): void
  /** Everything written so far. */
  bytes(): Uint8Array
}

/** The number of doubles that a column of `bytes` needs. */
export const roomOf = (bytes: number): number => Math.ceil(bytes / 8)

/** Creates a block with a capacity of `room` doubles. */
export type NewBlock = (room: number) => BlockWriter

/** Blocks that alternate between two buffers. The bytes of a block stay valid until the second block after it is created. */
export function createAlternatingBlocks(): NewBlock {
  let [next, other] = [new ArrayBuffer(0), new ArrayBuffer(0)]
  return room => {
    const memory = next.byteLength >= room * 8 ? next : new ArrayBuffer(room * 8)
    ;[next, other] = [other, memory]
    return createBlock(room, memory)
  }
}

/** Creates a block in `memory`, whose previous content does not matter. Unused capacity costs nothing. */
export function createBlock(room: number, memory: ArrayBuffer = new ArrayBuffer(room * 8)): BlockWriter {
  const bytes = new Uint8Array(memory)
  const rows = { words: new Uint32Array(memory), doubles: new Float64Array(memory) }
  let at = 0
  return {
    double(value) {
      rows.doubles[at++] = value
    },
    put(column) {
      const end = at + roomOf(column.byteLength)
      if (end > at) rows.doubles[end - 1] = 0
      if (column instanceof Float64Array) rows.doubles.set(column, at)
      else if (column instanceof Uint32Array) rows.words.set(column, at * 2)
      else bytes.set(column, at * 8)
      at = end
    },
    row(row) {
      at = writeSparse(rows, at, row)
    },
    bytes: () => bytes.subarray(0, at * 8),
  }
}

/** Reads a block in the order in which it was written. The columns share memory with the block. Methods throw a RangeError at its end. */
export interface BlockReader {
  double(): number
  doubles(count: number): Float64Array
  words(count: number): Uint32Array
  bytes(count: number): Uint8Array
  /** Reads a row of `width` doubles into `into`, which may be longer. */
  row(width: number, into: Float64Array): void
}

export function createBlockReader(block: Uint8Array): BlockReader {
  const { buffer, byteOffset, length } = block.byteOffset % 8 === 0 ? block : block.slice()
  const doubles = new Float64Array(buffer, byteOffset, length >> 3)
  const rows = { doubles, words: new Uint32Array(buffer, byteOffset, doubles.length * 2) }
  let at = 0

  /** Advances by `count` doubles. Returns where they begin. */
  function take(count: number): number {
    if (!(count <= doubles.length - at)) throw new RangeError('ends too early')
    at += count
    return at - count
  }
  /** Advances by `bytes`. Returns their offset in the buffer. */
  const takeBytes = (bytes: number): number => byteOffset + 8 * take(roomOf(bytes))

  return {
    double: () => doubles[take(1)]!,
    doubles: count => new Float64Array(buffer, takeBytes(count * 8), count),
    words: count => new Uint32Array(buffer, takeBytes(count * 4), count),
    bytes: count => new Uint8Array(buffer, takeBytes(count), count),
    row(width, into) {
      at = readSparse(rows, at, width, into)
    },
  }
}
