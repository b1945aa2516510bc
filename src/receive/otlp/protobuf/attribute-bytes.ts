/** The attributes of a log record in protobuf: what is asked for goes from the bytes to its slots. */
import { scalarOf } from '../scalar.ts'
import type { KeyValue } from '../schema.ts'
import { decodeWithin, type Reading } from './decode.ts'
import type { Key, KeyOrder } from './key-order.ts'
import { isPlainText, knownName, learnName } from './known-names.ts'
import { contentEnd, integerEnd, type WireBytes } from './wire-bytes.ts'

/** What is read of the attributes of a record. */
export interface AttributeBytes extends WireBytes {
  readonly reading: Reading
  readonly keys: KeyOrder
  /** The slots of attributes that are asked for, by name. */
  readonly slots: ReadonlyMap<unknown, number>
  /** What the attributes of the record hold, by their slots. */
  readonly values: unknown[]
  /** Whether all texts among them are plain. */
  isPlain: boolean
  /** The name of the attribute that was read last. */
  key: Key
}

/** How deep in a request its log records are. */
export const RECORD_DEPTH = 3

const KEY = 0x0a
const VALUE = 0x12

/** Reads an attribute whose length stands at `pos`; answers where it ends, or -1. */
export function readAttribute(it: AttributeBytes, pos: number, recordEnd: number): number {
  const end = contentEnd(it, pos, recordEnd)
  const start = it.pos
  if (end < 0 || readPlainAttribute(it, start, end) || readAnyAttribute(it, start, end)) return end
  return -1
}

/** An attribute as nearly all are: a short name, and one scalar. */
function readPlainAttribute(it: AttributeBytes, start: number, end: number): boolean {
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
    if (slot < 0) return isPlainText(bytes, it.pos, end) ? '' : undefined
    return plainTextOf(it, it.pos, end, isFresh)
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

/** The text from `start` to `end`, or undefined where it is not plain. One that is not fresh is remembered. */
export function plainTextOf(
  { bytes }: AttributeBytes,
  start: number,
  end: number,
  isFresh: boolean,
): string | undefined {
  const known = isFresh ? undefined : knownName(bytes, start, end - start)
  if (known !== undefined || !isPlainText(bytes, start, end)) return known
  const text = bytes.toString('latin1', start, end)
  return isFresh ? text : learnName(text)
}

/** Any other attribute; false where there is no telling what it holds. */
function readAnyAttribute(it: AttributeBytes, start: number, end: number): boolean {
  const attribute = decodeWithin(it.reading, 'KeyValue', start, end, RECORD_DEPTH + 1) as KeyValue | undefined
  if (attribute === undefined) return false
  const slot = it.slots.get(attribute.key)
  if (slot === undefined || it.values[slot] !== undefined) return true
  const value = scalarOf(attribute.value)
  it.values[slot] = value
  it.isPlain &&= typeof value !== 'string'
  // Nothing would have to be told from nothing yet, since the first counts.
  return value !== undefined
}
