/** Reads the attributes of a log record from protobuf bytes: the values that the mapping needs go to their slots. */
import { scalarOf } from '../scalar.ts'
import type { KeyValue } from '../schema.ts'
import { decodeWithin, type Reading } from './decode.ts'
import type { Key, KeyOrder } from './key-order.ts'
import { isUnescapedText, knownName, learnName } from './known-names.ts'
import { contentEnd, integerEnd, type WireBytes } from './wire-bytes.ts'

/** The state of reading the attributes of a record. */
export interface AttributeBytes extends WireBytes {
  readonly reading: Reading
  readonly keys: KeyOrder
  /** The slots of the attributes that the mapping needs, by name. */
  readonly slots: ReadonlyMap<unknown, number>
  /** The values of the attributes, by slot. */
  readonly values: unknown[]
  /** Whether all strings among the values need no escapes in JSON. */
  isUnescaped: boolean
  /** The name of the attribute that was read last. */
  key: Key
}

/** The depth of log records in a request. */
export const RECORD_DEPTH = 3

const KEY = 0x0a
const VALUE = 0x12

/** Reads an attribute whose length is at `pos`. Returns where it ends, or -1. */
export function readAttribute(it: AttributeBytes, pos: number, recordEnd: number): number {
  const end = contentEnd(it, pos, recordEnd)
  const start = it.pos
  if (end < 0 || readSimpleAttribute(it, start, end) || readAnyAttribute(it, start, end)) return end
  return -1
}

/** Reads the common form of an attribute: a short name, and one scalar. */
function readSimpleAttribute(it: AttributeBytes, start: number, end: number): boolean {
  const { bytes } = it
  if (bytes[start] !== KEY) return false
  const nameEnd = contentEnd(it, start + 1, end)
  if (nameEnd < 0 || nameEnd === end || bytes[nameEnd] !== VALUE) return false
  const key = it.keys.find(bytes, it.pos, nameEnd - it.pos, it.key)
  if (key === undefined || contentEnd(it, nameEnd + 1, end) !== end) return false
  const value = scalarAt(it, it.pos, end, key)
  if (value === undefined) return false
  it.key = key
  // Of attributes of the same name the first counts.
  if (key.slot >= 0 && it.values[key.slot] === undefined) it.values[key.slot] = value
  return true
}

const STRING = 0x0a
const BOOL = 0x10
const INTEGER = 0x18
const DOUBLE = 0x21
const INTEGER_BYTES = 4

/** The scalar from `start` to `end`, or undefined where it is another one, or none. */
function scalarAt(it: AttributeBytes, start: number, end: number, { slot, isFresh }: Key): unknown {
  const { bytes } = it
  const tag = bytes[start]
  if (tag === STRING) {
    if (contentEnd(it, start + 1, end) !== end) return undefined
    if (slot < 0) return isUnescapedText(bytes, it.pos, end) ? '' : undefined
    return unescapedTextOf(it, it.pos, end, isFresh)
  }
  if (tag === DOUBLE) return end === start + 9 ? it.view.getFloat64(start + 1, true) : undefined
  if (tag === BOOL) return end === start + 2 && bytes[start + 1]! <= 1 ? bytes[start + 1] === 1 : undefined
  if (tag !== INTEGER || integerEnd(it, start + 1, end) !== end || end - start > INTEGER_BYTES + 1) return undefined
  return integerAt(bytes, start + 1, end)
}

function integerAt(bytes: Uint8Array, start: number, end: number): number {
  let value = 0
  for (let i = end - 1; i >= start; i--) value = (value << 7) | (bytes[i]! & 0x7f)
  return value
}

/** The string from `start` to `end`, or undefined where it needs escapes. Unless it `isFresh`, it is cached. */
export function unescapedTextOf(
  { bytes }: AttributeBytes,
  start: number,
  end: number,
  isFresh: boolean,
): string | undefined {
  const known = isFresh ? undefined : knownName(bytes, start, end - start)
  if (known !== undefined || !isUnescapedText(bytes, start, end)) return known
  const text = bytes.toString('latin1', start, end)
  return isFresh ? text : learnName(text)
}

/** Reads any other attribute; false where the request must be decoded. */
function readAnyAttribute(it: AttributeBytes, start: number, end: number): boolean {
  const attribute = decodeWithin(it.reading, 'KeyValue', start, end, RECORD_DEPTH + 1) as KeyValue | undefined
  if (attribute === undefined) return false
  const slot = it.slots.get(attribute.key)
  if (slot === undefined || it.values[slot] !== undefined) return true
  const value = scalarOf(attribute.value)
  it.values[slot] = value
  it.isUnescaped &&= typeof value !== 'string'
  // The first attribute of a name counts, also where its value is undefined, which a slot cannot hold: decode the request.
  return value !== undefined
}
