/** Extracts the attempts of log records from protobuf bytes, at half the cost of decoding the request. */

import { createExtractor, type Extracted, type Extractor } from '../extractor.ts'
import type { OtlpMapping } from '../mapping/mapping.ts'
import { logPosition } from '../mapping/record.ts'
import { logRules } from '../mapping/rules.ts'
import { releasePages } from '../raw-json-pages.ts'
import type { LogRecord, Resource, Scope } from '../schema.ts'
import { beginReading, decodeWithin, MAX_FIELDS } from './decode.ts'
import type { KeyOrder } from './key-order.ts'
import { isUnescapedText } from './known-names.ts'
import { ReadRecord, type RecordBytes, readRecord } from './record-bytes.ts'
import { contentEnd } from './wire-bytes.ts'

/** A field takes at least two bytes: a body of this size cannot exceed the limit of fields. */
const MAX_BYTES = 2 * MAX_FIELDS
/** A field may be decoded twice: for validation, and where a rule needs the whole record. */
const DECODED = 2 * MAX_FIELDS

/**
 * What `extractLogs` finds in the decoded request; undefined where the bytes must be decoded, which may refuse them. Total.
 */
export function extractLogBytes(bytes: Buffer, mapping: OtlpMapping): Extracted | undefined {
  if (bytes.length > MAX_BYTES) return undefined
  const rules = logRules(mapping)
  const it = beginRecords(bytes, rules.keys, rules.attributes.slots)
  const walk: Walk = { it, record: new ReadRecord(it), extractor: createExtractor(rules, logPosition) }
  const { extracted } = walk.extractor
  if (walkRequest(walk)) return extracted
  releasePages(extracted.rawJson)
  return undefined
}

function beginRecords(bytes: Buffer, keys: KeyOrder, slots: ReadonlyMap<unknown, number>): RecordBytes {
  return {
    bytes,
    view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength),
    pos: 0,
    reading: beginReading(bytes, DECODED),
    keys,
    slots,
    values: new Array(slots.size).fill(undefined),
    isUnescaped: true,
    start: 0,
    end: 0,
    timeAt: 0,
    observedAt: 0,
    eventName: '',
    hasIds: false,
    hasBody: false,
    whole: undefined,
    key: keys.first,
  }
}

interface Walk {
  readonly it: RecordBytes
  readonly record: LogRecord
  readonly extractor: Extractor<LogRecord>
}

const RESOURCE_LOGS = 0x0a
const RESOURCE = 0x0a
const SCOPE_LOGS = 0x12
const SCOPE = 0x0a
const LOG_RECORD = 0x12
/** Of a resource and of a scope. */
const SCHEMA_URL = 0x1a

function walkRequest(walk: Walk): boolean {
  const { it } = walk
  const { bytes } = it
  const all = bytes.length
  for (let pos = 0, i = 0; pos < all; i++) {
    if (bytes[pos] !== RESOURCE_LOGS) return false
    const end = contentEnd(it, pos + 1, all)
    if (end < 0 || !walkResource(walk, it.pos, end, i)) return false
    pos = end
  }
  return true
}

function walkResource(walk: Walk, start: number, end: number, i: number): boolean {
  const { it } = walk
  let resource: Resource | undefined
  let j = 0
  for (let pos = start; pos < end; ) {
    const tag = it.bytes[pos]
    const partEnd = contentEnd(it, pos + 1, end)
    if (partEnd < 0) return false
    if (tag === SCOPE_LOGS) {
      if (!walkScope(walk, it.pos, partEnd, resource, i, j++)) return false
    } else if (tag === RESOURCE) {
      // Earlier records would have missed it.
      if (j > 0 || resource !== undefined) return false
      resource = decodeWithin(it.reading, 'Resource', it.pos, partEnd, 2)
      if (resource === undefined) return false
    } else if (tag !== SCHEMA_URL || !isUnescapedText(it.bytes, it.pos, partEnd)) return false
    pos = partEnd
  }
  return true
}

function walkScope(
  { it, record, extractor }: Walk,
  start: number,
  end: number,
  resource: Resource | undefined,
  i: number,
  j: number,
): boolean {
  let k = 0
  let scope: Scope | undefined
  for (let pos = start; pos < end; ) {
    const tag = it.bytes[pos]
    const partEnd = contentEnd(it, pos + 1, end)
    if (partEnd < 0) return false
    if (tag === LOG_RECORD) {
      if (!readRecord(it, it.pos, partEnd)) return false
      extractor.takeRecord({ record, resource, scope, i, j, k: k++, values: it.values, isUnescaped: it.isUnescaped })
    } else if (tag === SCOPE) {
      // Earlier records would have missed it.
      if (k > 0 || scope !== undefined) return false
      scope = decodeWithin(it.reading, 'InstrumentationScope', it.pos, partEnd, 3)
      if (scope === undefined) return false
    } else if (tag !== SCHEMA_URL || !isUnescapedText(it.bytes, it.pos, partEnd)) return false
    pos = partEnd
  }
  return true
}
