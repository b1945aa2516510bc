/** Rows of numbers and texts as bytes and back. Doubles are copied as the machine holds them. */

const CHUNK_BYTES = 256 * 1024

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
      const mask = Math.ceil(row.length / 8)
      room(mask + row.length * 8)
      const start = at
      chunk.fill(0, start, start + mask)
      at += mask
      for (let i = 0; i < row.length; i++) {
        const value = row[i]!
        // Zero, but not minus zero: what comes back is the same to the last bit.
        if (value === 0 && 1 / value > 0) continue
        chunk[start + (i >> 3)]! |= 1 << (i & 7)
        at = chunk.writeDoubleLE(value, at)
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
  /** Reads a sparse row into one that holds zeros. */
  sparse(row: Float64Array): Float64Array
  readonly left: number
}

/** Reads what a {@link ByteWriter} wrote. Every method throws a RangeError beyond the end. */
export function createByteReader(source: Buffer): ByteReader {
  let at = 0

  function take(bytes: number): Buffer {
    if (bytes > source.length - at) throw new RangeError('ends too early')
    at += bytes
    return source.subarray(at - bytes, at)
  }
  function copy<T extends Float64Array | Uint32Array | Uint8Array>(into: T): T {
    new Uint8Array(into.buffer, into.byteOffset, into.byteLength).set(take(into.byteLength))
    return into
  }
  function word(): number {
    const value = source.readUInt32LE(at)
    at += 4
    return value
  }
  /** A count is checked against what is there before anything is made of it. */
  function within(count: number, width: number): number {
    if (count * width > source.length - at) throw new RangeError('ends too early')
    return count
  }

  return {
    word,
    double() {
      const value = source.readDoubleLE(at)
      at += 8
      return value
    },
    text: () => take(word()).toString(),
    doubles: count => copy(new Float64Array(within(count, 8))),
    words: count => copy(new Uint32Array(within(count, 4))),
    bytes: count => copy(new Uint8Array(within(count, 1))),
    sparse(row) {
      const mask = take(Math.ceil(row.length / 8))
      for (let i = 0; i < row.length; i++) {
        if ((mask[i >> 3]! & (1 << (i & 7))) === 0) continue
        row[i] = source.readDoubleLE(at)
        at += 8
      }
      return row
    },
    get left() {
      return source.length - at
    },
  }
}
