/**
 * Sparse encoding of rows of doubles, most of which are zero. A bitmap of the indexes that are not zero (64 per double) precedes the values
 * at these indexes.
 */

/** Two views of the same buffer. Positions count doubles. */
export interface SparseRows {
  readonly words: Uint32Array
  readonly doubles: Float64Array
}

const bitmapLength = (width: number): number => Math.ceil(width / 64)

/** The maximum number of doubles of an encoded row of `width` doubles. */
export const sparseRoom = (width: number): number => bitmapLength(width) + width

/** Writes `row` at `at`, which must have {@link sparseRoom}. Returns its end. */
export function writeSparse({ words, doubles }: SparseRows, at: number, row: Float64Array): number {
  const width = row.length
  let to = at + bitmapLength(width)
  for (let word = 2 * at, from = 0; word < 2 * (at + bitmapLength(width)); word++, from += 32) {
    let bits = 0
    for (let i = from; i < width && i < from + 32; i++) {
      const value = row[i]!
      if (value === 0) continue
      bits |= 1 << i
      doubles[to++] = value
    }
    words[word] = bits
  }
  return to
}

/** Reads the row of `width` doubles at `at` into `row`, which may be longer. Returns its end. Throws a RangeError at the end of the buffer. */
export function readSparse({ words, doubles }: SparseRows, at: number, width: number, row: Float64Array): number {
  row.fill(0)
  const bitmapEnd = at + bitmapLength(width)
  if (bitmapEnd > doubles.length) throw new RangeError('ends too early')
  let next = bitmapEnd
  for (let word = 2 * at, from = 31; word < 2 * bitmapEnd; word++, from += 32) {
    for (let bits = words[word]! | 0; bits !== 0; bits &= bits - 1) {
      row[from - Math.clz32(bits & -bits)] = doubles[next++]!
    }
  }
  if (!(next <= doubles.length)) throw new RangeError('ends too early')
  return next
}
