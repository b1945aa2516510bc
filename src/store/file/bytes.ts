/** Rows of numbers and texts as bytes and back. Doubles are copied as the machine holds them. */

const CHUNK_BYTES = 256 * 1024
const PIECE_BYTES = 64 * 1024
/** Doubles in the widest sparse row. */
const WIDEST_ROW = 1024

/** How many bits of a byte are set. */
const BITS = Uint8Array.from({ length: 256 }, (_, byte) => byte.toString(2).replaceAll('0', '').length)

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
  let chunk = Buffer.allocUnsafe(CHUNK_BYTES)
  let at = 0
  // A row on its way: its doubles that are not zero, and one bit for each of them.
  const packed = new Float64Array(WIDEST_ROW)
  const packedView = new Uint8Array(packed.buffer)
  const packedBytes = new Uint8Array(Math.ceil(WIDEST_ROW / 8))

  function room(bytes: number): void {
    if (at + bytes <= chunk.length) return
    full.push(chunk.subarray(0, at))
    chunk = Buffer.allocUnsafe(Math.max(CHUNK_BYTES, bytes))
    at = 0
  }

  function word(value: number): void {
    room(4)
    at = chunk.writeUInt32LE(value, at)
  }

  return {
    word,
    double(value) {
      room(8)
      at = chunk.writeDoubleLE(value, at)
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
      const mask = packedBytes.subarray(0, maskBytes)
      mask.fill(0)
      let count = 0
      for (let i = 0; i < row.length; i++) {
        const value = row[i]!
        // Zero, but not minus zero: what comes back is the same to the last bit.
        if (value === 0 && 1 / value > 0) continue
        mask[i >> 3]! |= 1 << (i & 7)
        packed[count++] = value
      }
      room(maskBytes + count * 8)
      chunk.set(mask, at)
      chunk.set(packedView.subarray(0, count * 8), at + maskBytes)
      at += maskBytes + count * 8
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
  /** A row of `width` doubles that {@link ByteWriter.sparse} wrote. */
  sparse(width: number): Float64Array
  readonly left: number
}

/**
 * Reads what a {@link ByteWriter} wrote. Every method throws a RangeError beyond the end. Rows share pieces of memory with those
 * read before and after them: thousands of small ones would cost more to make than to read.
 */
export function createByteReader(source: Buffer): ByteReader {
  const packed = new Float64Array(WIDEST_ROW)
  const packedView = new Uint8Array(packed.buffer)
  let piece = new ArrayBuffer(0)
  let used = 0
  let at = 0

  function take(bytes: number): Buffer {
    if (bytes > source.length - at) throw new RangeError('ends too early')
    at += bytes
    return source.subarray(at - bytes, at)
  }

  /** Where in `piece` there is room for so many bytes, eight of which stand together. */
  function room(bytes: number): number {
    const start = Math.ceil(used / 8) * 8
    used = start + bytes
    if (used <= piece.byteLength) return start
    piece = new ArrayBuffer(Math.max(PIECE_BYTES, bytes))
    used = bytes
    return 0
  }

  function doubles(count: number): Float64Array {
    const bytes = take(count * 8)
    const start = room(bytes.length)
    new Uint8Array(piece, start, bytes.length).set(bytes)
    return new Float64Array(piece, start, count)
  }

  function word(): number {
    const value = source.readUInt32LE(at)
    at += 4
    return value
  }

  return {
    word,
    double() {
      const value = source.readDoubleLE(at)
      at += 8
      return value
    },
    text: () => take(word()).toString(),
    doubles,
    words(count) {
      const bytes = take(count * 4)
      const values = new Uint32Array(count)
      new Uint8Array(values.buffer).set(bytes)
      return values
    },
    bytes(count) {
      const bytes = take(count)
      const start = room(count)
      const values = new Uint8Array(piece, start, count)
      values.set(bytes)
      return values
    },
    sparse(width) {
      const mask = take(Math.ceil(width / 8))
      let count = 0
      for (const byte of mask) count += BITS[byte]!
      packedView.set(take(count * 8))
      const start = room(width * 8)
      const row = new Float64Array(piece, start, width)
      let next = 0
      for (let i = 0; i < width; i++) {
        if ((mask[i >> 3]! & (1 << (i & 7))) !== 0) row[i] = packed[next++]!
      }
      return row
    },
    get left() {
      return source.length - at
    },
  }
}
