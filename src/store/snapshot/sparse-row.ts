/**
 * Rows of doubles most of which are zero, in sparse form: a bitmap of the places that are not zero, 64 places to a double, and then the
 * values of those places.
 */

/** Two views of one piece of memory. Positions count doubles. */
export interface SparseRows {
  readonly words: Uint32Array
  readonly doubles: Float64Array
}

const bitmapLength = (width: number): number => Math.ceil(width / 64)

/** The most doubles that a sparse row of `width` doubles can take. */
export const sparseRoom = (width: number): number => bitmapLength(width) + width

/** Writes `row` at `at`, where there must be room for it; answers where it ends. */
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

/** Reads the row of `width` doubles at `at` into `row`, which may be longer; answers where it ends. Throws a RangeError beyond the end. */
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
