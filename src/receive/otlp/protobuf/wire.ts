/** Reads the protobuf wire format. Every function throws a {@link WireError} where the bytes are damaged. Source: protobuf.dev, "Encoding". */
import { isUtf8 } from 'node:buffer'
import { knownName, learnName } from './known-names.ts'

/** The bytes are not a message, or exceed a limit. The message says why. */
export class WireError extends Error {
  override readonly name = 'WireError'
}

/** A position in the bytes of a message. */
export interface Wire {
  readonly bytes: Buffer
  readonly view: DataView
  pos: number
  /** How many more fields may follow. */
  fieldsLeft: number
  /** The two halves of the last varint. Both are unsigned. */
  low: number
  high: number
}

/** Messages inside messages. Protobuf's own parsers stop there too. */
export const MAX_DEPTH = 100
/** Fields of one request: half a million attributes. It bounds the memory that empty fields of two bytes can take. */
const MAX_FIELDS = 2_000_000

/** The types of fields on the wire. */
export const VARINT = 0
export const FIXED64 = 1
export const LENGTH_DELIMITED = 2
const GROUP_START = 3
const GROUP_END = 4
export const FIXED32 = 5

/** Starts to read. */
export function openWire(bytes: Buffer): Wire {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return { bytes, view, pos: 0, fieldsLeft: MAX_FIELDS, low: 0, high: 0 }
}

/** Reads the tag of a field: its number times eight, and its type. */
export function readTag(it: Wire): number {
  countField(it)
  const start = it.pos
  const tag = readUint32(it)
  if (it.pos - start > 1 && (it.high !== 0 || it.pos - start > 5))
    throw new WireError('the number of a field is too large')
  return tag
}

/** Limits the number of fields. */
export function countField(it: Wire): void {
  if (--it.fieldsLeft < 0) throw new WireError(`it holds more than ${MAX_FIELDS} fields: send smaller batches`)
}

/** The low 32 bits of a varint. */
export function readUint32(it: Wire): number {
  const first = it.bytes[it.pos]!
  if (first < 0x80) {
    it.pos++
    return first
  }
  readVarint(it)
  return it.low
}

/** Reads a varint of up to 64 bits into `low` and `high`. */
export function readVarint(it: Wire): void {
  const { bytes } = it
  let low = 0
  let high = 0
  for (let shift = 0; shift < 70 && it.pos < bytes.length; shift += 7) {
    const byte = bytes[it.pos++]!
    const bits = byte & 0x7f
    if (shift < 28) low |= bits << shift
    else if (shift > 28) high |= bits << (shift - 32)
    else {
      low |= bits << 28
      high = bits >> 4
    }
    if (byte >= 0x80) continue
    it.low = low >>> 0
    it.high = high >>> 0
    return
  }
  throw new WireError('an integer does not end')
}

/** Reads a length. Returns where the content ends that follows, at most `end`. */
export function readEnd(it: Wire, end: number): number {
  const length = readUint32(it)
  if (it.pos + length > end) throw new WireError('it ends early')
  return it.pos + length
}

/** Passes over a number of bytes. Returns where they start. */
export function readFixed(it: Wire, size: number): number {
  const start = it.pos
  it.pos += size
  if (it.pos > it.bytes.length) throw new WireError('it ends early')
  return start
}

/** Reads text strictly: two names must not become one by both turning into U+FFFD. */
export function readText(it: Wire, end: number): string {
  const stop = readEnd(it, end)
  const start = it.pos
  it.pos = stop
  return textAt(it, start, stop)
}

/** The text from `start` to `end`. */
export function textAt(it: Wire, start: number, end: number): string {
  const { bytes } = it
  const known = knownName(bytes, start, end - start)
  if (known !== undefined) return known
  if (isShortAscii(bytes, start, end)) return learnName(bytes.toString('latin1', start, end))
  checkUtf8(bytes, start, end)
  return bytes.toString('utf8', start, end)
}

/** Passes over text. */
export function checkText(it: Wire, end: number): void {
  const stop = readEnd(it, end)
  checkUtf8(it.bytes, it.pos, stop)
  it.pos = stop
}

/** Up to this length a look at each byte costs less than a call of Node. */
const SHORT = 64

function isShortAscii(bytes: Buffer, start: number, end: number): boolean {
  if (end - start > SHORT) return false
  for (let at = start; at < end; at++) if (bytes[at]! >= 0x80) return false
  return true
}

function checkUtf8(bytes: Buffer, start: number, end: number): void {
  if (isShortAscii(bytes, start, end) || isUtf8(bytes.subarray(start, end))) return
  throw new WireError('it holds text that is not UTF-8')
}

/** Passes over a field, which must end at `end` at the latest. */
export function skip(it: Wire, tag: number, end: number, depth: number): void {
  if (tag < 8) throw new WireError('a field has no number')
  const type = tag & 7
  if (type === VARINT) readVarint(it)
  else if (type === LENGTH_DELIMITED) it.pos = readEnd(it, end)
  else if (type === FIXED64 || type === FIXED32) readFixed(it, type === FIXED64 ? 8 : 4)
  else if (type === GROUP_START) skipGroup(it, tag >>> 3, end, depth + 1)
  else throw new WireError(`a field has the type ${type}`)
}

function skipGroup(it: Wire, number: number, end: number, depth: number): void {
  checkDepth(depth)
  while (it.pos < end) {
    const tag = readTag(it)
    if ((tag & 7) !== GROUP_END) skip(it, tag, end, depth)
    else if (tag >>> 3 === number) return
    else throw new WireError('a group ends as another one')
  }
  throw new WireError('a group does not end')
}

/** Limits the nesting of messages and groups. */
export function checkDepth(depth: number): void {
  if (depth > MAX_DEPTH) throw new WireError(`messages are nested deeper than ${MAX_DEPTH}`)
}
