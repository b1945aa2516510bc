/** Parses JSON bodies, and locates the attempts in them. */
import { isAscii, isUtf8 } from 'node:buffer'
import type { RawJson } from '../core/ports.ts'

/** Some editors write it at the start of a file. */
const BYTE_ORDER_MARK = Buffer.from('\ufeff')

/** The length of the byte order mark at `start`. 0 if there is none. */
export function markLength(bytes: Buffer, start: number): number {
  const { length } = BYTE_ORDER_MARK
  if (bytes[start] !== BYTE_ORDER_MARK[0]) return 0
  return BYTE_ORDER_MARK.equals(bytes.subarray(start, start + length)) ? length : 0
}

/** The bytes after the byte order mark, where there is one. */
export function withoutMark(bytes: Buffer): Buffer {
  const length = markLength(bytes, 0)
  return length === 0 ? bytes : bytes.subarray(length)
}

export type Parsed = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly detail: string }

/** Parses bytes. `detail` says why they are not JSON. */
export function parseJson(bytes: Buffer): Parsed {
  if (isAscii(bytes)) return parseText(bytes.toString('latin1'))
  return isUtf8(bytes) ? parseText(bytes.toString()) : { ok: false, detail: 'it is not valid UTF-8' }
}

/** Parses a text. `detail` says why it is not JSON, and quotes a few characters of it. */
export function parseText(text: string): Parsed {
  try {
    return { ok: true, value: JSON.parse(text) }
  } catch (error) {
    return { ok: false, detail: error instanceof Error ? firstLine(error.message) : 'it cannot be parsed' }
  }
}

/** V8 quotes some of the text. Cut the message, so that an answer stays small. */
function firstLine(message: string): string {
  return (message.split('\n', 1)[0] ?? '').slice(0, 200).toWellFormed()
}

const BACKSLASH = 0x5c
const DELETE = 0x7f

/**
 * Whether every string in valid JSON is printable ASCII. Control characters other than DEL need escapes in JSON. One look at all bytes costs
 * less than a look at the characters of each string.
 */
export function hasAsciiStrings(bytes: Buffer): boolean {
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

/** The end of the last closing brace before `limit`. Mostly only a comma stands in between. */
function endOf(bytes: Buffer, limit: number): number {
  return bytes[limit - 2] === CLOSING_BRACE ? limit - 1 : bytes.lastIndexOf(CLOSING_BRACE, limit) + 1
}
