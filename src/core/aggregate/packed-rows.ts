/**
 * Rows of doubles most of which are zero, packed side by side: bits that say which places of a row are not zero, 64 places to a double,
 * and then what stands in those. The form is part of the checkpoint's format.
 */

/** Two views of one piece of memory. Where a row stands is counted in doubles. */
export interface PackedRows {
  readonly words: Uint32Array
  readonly doubles: Float64Array
}

const maskLength = (width: number): number => Math.ceil(width / 64)

/** The most doubles that a packed row of `width` doubles can take. */
export const packedRoom = (width: number): number => maskLength(width) + width

/** Packs `row` in at `at`, where there is room for it; answers where the next one may stand. */
export function packRow({ words, doubles }: PackedRows, at: number, row: Float64Array): number {
  const width = row.length
  let to = at + maskLength(width)
  for (let word = 2 * at, from = 0; word < 2 * (at + maskLength(width)); word++, from += 32) {
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

/** Puts the row of `width` doubles that stands at `at` into `row`, which may be longer. */
export function unpackRow({ words, doubles }: PackedRows, at: number, width: number, row: Float64Array): void {
  row.fill(0)
  const maskEnd = 2 * (at + maskLength(width))
  let next = at + maskLength(width)
  for (let word = 2 * at, from = 31; word < maskEnd; word++, from += 32) {
    for (let bits = words[word]! | 0; bits !== 0; bits &= bits - 1) {
      row[from - Math.clz32(bits & -bits)] = doubles[next++]!
    }
  }
}

/** Where the row behind the one at `at` stands; NaN where that one does not end before the memory does. */
export function packedEnd({ words, doubles }: PackedRows, at: number, width: number): number {
  const maskEnd = at + maskLength(width)
  let end = maskEnd
  for (let word = 2 * at; word < 2 * maskEnd; word++) end += onesIn(words[word]!)
  return end <= doubles.length ? end : Number.NaN
}

/** How many bits are 1 (H. S. Warren, Hacker's Delight, 5-1). */
function onesIn(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555)
  const fours = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333)
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}
