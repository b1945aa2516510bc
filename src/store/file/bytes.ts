/** Numbers, texts and rows of numbers out of bytes: little-endian, but for whole rows, which stand as the machine holds them. */

const PIECE_BYTES = 256 * 1024

export interface ByteReader {
  word(): number
  double(): number
  text(): string
  doubles(count: number): Float64Array
  words(count: number): Uint32Array
  bytes(count: number): Uint8Array
  /** A row of `width` doubles, bits that say which are not zero before those, with zeros behind it up to `places`. */
  sparse(width: number, places?: number): Float64Array
  readonly left: number
}

/**
 * Reads bytes from the first to the last. Every method throws a RangeError beyond the end. Rows share pieces of memory with those
 * read before and after them: thousands of small ones would cost more to make than to read.
 */
export function createByteReader(source: Buffer): ByteReader {
  const view = new DataView(source.buffer, source.byteOffset, source.byteLength)
  let piece = new Uint8Array(0)
  let used = 0
  let at = 0

  /** Where the next `bytes` stand, which are read with this. */
  function take(bytes: number): number {
    if (bytes > source.length - at) throw new RangeError('ends too early')
    at += bytes
    return at - bytes
  }

  /** Where in `piece` there is room for so many bytes, at a place where doubles may stand. */
  function room(bytes: number): number {
    const start = Math.ceil(used / 8) * 8
    used = start + bytes
    if (used <= piece.length) return start
    piece = new Uint8Array(Math.max(PIECE_BYTES, bytes))
    used = bytes
    return 0
  }

  /** Where in `piece` the next `bytes` now stand. */
  function copy(bytes: number): number {
    const from = take(bytes)
    const start = room(bytes)
    piece.set(source.subarray(from, from + bytes), start)
    return start
  }

  function sparse(width: number, places = width): Float64Array {
    const mask = take(Math.ceil(width / 8))
    const start = room(places * 8)
    const row = new Float64Array(piece.buffer, start, places)
    for (let i = 0; i < width; i++) {
      if ((source[mask + (i >> 3)]! & (1 << (i & 7))) !== 0) row[i] = view.getFloat64(take(8), true)
    }
    return row
  }

  function text(): string {
    const bytes = view.getUint32(take(4), true)
    const from = take(bytes)
    return source.toString('utf8', from, from + bytes)
  }

  return {
    word: () => view.getUint32(take(4), true),
    double: () => view.getFloat64(take(8), true),
    text,
    sparse,
    doubles(count) {
      const start = copy(count * 8)
      return new Float64Array(piece.buffer, start, count)
    },
    words(count) {
      const start = copy(count * 4)
      return new Uint32Array(piece.buffer, start, count)
    },
    bytes(count) {
      const start = copy(count)
      return piece.subarray(start, start + count)
    },
    get left() {
      return source.length - at
    },
  }
}
