/** JSON as it comes: what it states, and the words it states it in. */
import { isAscii, isUtf8 } from 'node:buffer'
import type { RawJson } from '../core/ports.ts'

/** What some editors put first. */
const BYTE_ORDER_MARK = Buffer.from('\ufeff')

/** How many bytes of a byte order mark stand at `start`. */
export function markLength(bytes: Buffer, start: number): number {
  const { length } = BYTE_ORDER_MARK
  if (bytes[start] !== BYTE_ORDER_MARK[0]) return 0
  return BYTE_ORDER_MARK.equals(bytes.subarray(start, start + length)) ? length : 0
}

/** The bytes behind a byte order mark, or all. */
export function withoutMark(bytes: Buffer): Buffer {
  const length = markLength(bytes, 0)
  return length === 0 ? bytes : bytes.subarray(length)
}

export type Parsed = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly detail: string }

/** The value that bytes state, or why they are no JSON. */
export function parseJson(bytes: Buffer): Parsed {
  if (isAscii(bytes)) return parseText(bytes.toString('latin1'))
  return isUtf8(bytes) ? parseText(bytes.toString()) : { ok: false, detail: 'it is not valid UTF-8' }
}

/** About so many bytes are parsed at once: a longer text is given memory of its own each time, and has left the cache when it is read. */
const PIECE_BYTES = 32 * 1024
const SEAM = Buffer.from('},{')

/**
 * As {@link parseJson}, of bytes that {@link hasPlainStrings}. A long array of objects is parsed piece by piece: without backslashes every
 * quote begins or ends a string, so in a piece that was cut inside a string or another array, quotes or brackets do not match.
 */
export function parsePlainJson(bytes: Buffer): Parsed {
  return parsePieces(bytes) ?? parseText(bytes.toString('latin1'))
}

/** Undefined where there is one piece only, or one that is no array by itself. */
function parsePieces(bytes: Buffer): Parsed | undefined {
  const items: unknown[] = []
  let start = 0
  for (let seam = bytes.indexOf(SEAM, PIECE_BYTES); seam >= 0; seam = bytes.indexOf(SEAM, start + PIECE_BYTES)) {
    if (!takeInto(items, `${start === 0 ? '' : '['}${bytes.toString('latin1', start, seam + 1)}]`)) return undefined
    start = seam + SEAM.length - 1
  }
  if (start === 0) return undefined
  return takeInto(items, `[${bytes.toString('latin1', start)}`) ? { ok: true, value: items } : undefined
}

function takeInto(items: unknown[], piece: string): boolean {
  const parsed = parseText(piece)
  if (!parsed.ok || !Array.isArray(parsed.value)) return false
  for (const item of parsed.value) items.push(item)
  return true
}

/** The value that a text states, or why it is no JSON: enough to find the place, and no more of it than that. */
export function parseText(text: string): Parsed {
  try {
    return { ok: true, value: JSON.parse(text) }
  } catch (error) {
    return { ok: false, detail: error instanceof Error ? firstLine(error.message) : 'it cannot be parsed' }
  }
}

/** V8 quotes some of the text: enough to find the place, cut so that an answer stays small. */
function firstLine(message: string): string {
  return (message.split('\n', 1)[0] ?? '').slice(0, 200).toWellFormed()
}

const BACKSLASH = 0x5c
const DELETE = 0x7f

/**
 * Whether the strings of JSON can hold nothing but printable ASCII: other control characters than DEL stand in JSON only as escapes. Looking
 * at all bytes once costs less than looking at the characters of each string.
 */
export function hasPlainStrings(bytes: Buffer): boolean {
  return isAscii(bytes) && !bytes.includes(BACKSLASH) && !bytes.includes(DELETE)
}

const OPENING_BRACE = 0x7b
const CLOSING_BRACE = 0x7d
const LINE_FEED = 0x0a

/**
 * Locates the JSON of each attempt in a body, so that the store copies it instead of serializing again; undefined where a name holds a
 * brace. Call it only for bodies in which every item is a valid attempt: attempts are flat, so that as many opening braces as attempts
 * means that each brace begins one.
 */
export function locateRawJson(bytes: Buffer, attempts: number): RawJson | undefined {
  const sources = new Array<Buffer | undefined>(attempts)
  const starts = new Array<number>(attempts)
  const ends = new Array<number>(attempts)
  const isOneLine = !bytes.includes(LINE_FEED)
  let count = 0
  for (let start = bytes.indexOf(OPENING_BRACE); start >= 0; count++) {
    if (count === attempts) return undefined
    const next = bytes.indexOf(OPENING_BRACE, start + 1)
    const end = endOf(bytes, next < 0 ? bytes.length : next)
    sources[count] = isOneLine || !bytes.subarray(start, end).includes(LINE_FEED) ? bytes : undefined
    starts[count] = start
    ends[count] = end
    start = next
  }
  return count === attempts ? { sources, starts, ends } : undefined
}

/** Behind the last closing brace before `limit`; of most attempts nothing but a comma stands between. */
function endOf(bytes: Buffer, limit: number): number {
  return bytes[limit - 2] === CLOSING_BRACE ? limit - 1 : bytes.lastIndexOf(CLOSING_BRACE, limit) + 1
}
