/** Reads protobuf bytes by position. Functions return where something ends, or -1 where the request must be decoded. */

/** Bytes and a position. */
export interface WireBytes {
  readonly bytes: Buffer
  readonly view: DataView
  /** The start of the content whose end was computed last. */
  pos: number
}

const MORE = 0x80

/** The end of the content whose length is at `pos`; at most `end`. */
export function contentEnd(it: WireBytes, pos: number, end: number): number {
  const { bytes } = it
  let length = bytes[pos]!
  let start = pos + 1
  if (length >= MORE) {
    length = (length & 0x7f) | (bytes[start]! << 7)
    start++
    if (length >= MORE << 7) {
      length = (length & 0x3fff) | (bytes[start]! << 14)
      start++
      if (length >= MORE << 14) return -1
    }
  }
  it.pos = start
  return start + length <= end ? start + length : -1
}

/** The longest integer, in bytes. */
const MAX_INTEGER = 5

/** The end of the integer at `pos`; at most `end`. */
export function integerEnd({ bytes }: WireBytes, pos: number, end: number): number {
  const last = Math.min(end, pos + MAX_INTEGER)
  for (let at = pos; at < last; at++) if (bytes[at]! < MORE) return at + 1
  return -1
}
