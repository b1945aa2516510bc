/** Numbers, texts and rows of numbers as bytes and back: little-endian, but for whole rows, which stand as the machine holds them. */

const CHUNK_BYTES = 256 * 1024
const PIECE_BYTES = 256 * 1024

export interface ByteWriter {
  word(value: number): void
  double(value: number): void
  text(value: string): void
  raw(values: Float64Array | Uint32Array | Uint8Array): void
  /** A row of doubles most of which are zero. */
  sparse(row: Float64Array): void
  /** All that was written. */
  chunks(): readonly Uint8Array[]
}

export function createByteWriter(): ByteWriter {
  const full: Uint8Array[] = []
  let chunk = Buffer.alloc(0)
  let view = new DataView(chunk.buffer)
  let at = 0

  function room(bytes: number): void {
    if (at + bytes <= chunk.length) return
    full.push(chunk.subarray(0, at))
    chunk = Buffer.allocUnsafeSlow(Math.max(CHUNK_BYTES, bytes))
    view = new DataView(chunk.buffer)
    at = 0
  }

  function word(value: number): void {
    room(4)
    view.setUint32(at, value, true)
    at += 4
  }

  return {
    word,
    double(value) {
      room(8)
      view.setFloat64(at, value, true)
      at += 8
    },
    text(value) {
      const bytes = Buffer.byteLength(value)
      word(bytes)
      room(bytes)
      at += chunk.write(value, at)
    },
    raw(values) {
      const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
      room(bytes.length)
      chunk.set(bytes, at)
      at += bytes.length
    },
    sparse(row) {
      const maskBytes = Math.ceil(row.length / 8)
      room(maskBytes + row.length * 8)
      const mask = at
      chunk.fill(0, mask, mask + maskBytes)
      at += maskBytes
      for (let i = 0; i < row.length; i++) {
        const value = row[i]!
        if (value === 0) continue
        chunk[mask + (i >> 3)]! |= 1 << (i & 7)
        view.setFloat64(at, value, true)
        at += 8
      }
    },
    chunks: () => [...full, chunk.subarray(0, at)],
  }
}

export interface ByteReader {
  word(): number
  double(): number
  text(): string
  doubles(count: number): Float64Array
  words(count: number): Uint32Array
  bytes(count: number): Uint8Array
  /** A row of `width` doubles that {@link ByteWriter.sparse} wrote, with zeros behind it up to `places`. */
  sparse(width: number, places?: number): Float64Array
  readonly left: number
}

/**
 * Reads what a {@link ByteWriter} wrote. Every method throws a RangeError beyond the end. Rows share pieces of memory with those
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
