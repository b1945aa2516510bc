/** Bytes of protobuf, read by position: for what every record pays for. Functions answer where something ends, or -1 where it is not plain. */

/** Bytes, and where the reader is in them. */
export interface WireBytes {
  readonly bytes: Buffer
  readonly view: DataView
  /** Where the content begins whose end was asked for last. */
  pos: number
}

const MORE = 0x80

/** Where the content ends whose length stands at `pos`; not beyond `end`. */
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

/** Bytes of an integer at the most: more of them are left to others. */
const MAX_INTEGER = 5

/** Where the integer ends that stands at `pos`; not beyond `end`. */
export function integerEnd({ bytes }: WireBytes, pos: number, end: number): number {
  const last = Math.min(end, pos + MAX_INTEGER)
  for (let at = pos; at < last; at++) if (bytes[at]! < MORE) return at + 1
  return -1
}
