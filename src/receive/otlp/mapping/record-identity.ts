/** Identities of records: the same for a record that is sent again, in either encoding. */
import { hash } from 'node:crypto'
import type { AnyValue, Int64, KeyValue, LogRecord, Maybe, Resource, Span } from '../schema.ts'
import type { RecordContext } from './attribute-lookup.ts'

const ZERO = 0x30

/** An id in lower case, so that all senders spell it alike; undefined where it is all zeros or has another length. */
export function idOf(id: Maybe<string>, digits: number): string | undefined {
  if (id?.length !== digits) return undefined
  // The first digit nearly always tells that it is not all zeros.
  return id.charCodeAt(0) !== ZERO || /[^0]/.test(id) ? id.toLowerCase() : undefined
}

/** Whether a time is stated. Protobuf cannot tell an absent time from 0. */
export function isKnown(nanos: Maybe<Int64>): nanos is Int64 {
  if (typeof nanos === 'string') return nanos.charCodeAt(0) !== ZERO || Number(nanos) !== 0
  return nanos !== null && nanos !== undefined && nanos !== 0
}

/** The identity of a span. Undefined without both ids. */
export function spanIdentity({ traceId, spanId }: Pick<Span, 'traceId' | 'spanId'>): string | undefined {
  const [trace, span] = [idOf(traceId, 32), idOf(spanId, 16)]
  return trace === undefined || span === undefined ? undefined : `${trace}:${span}`
}

/** The length of a digest in base64url: 132 bits, so that two of them never meet. */
const DIGEST_LENGTH = 22

/**
 * The identity of a log record: a digest of what a resend repeats, which is everything that it states, and its resource. Its place in the
 * batch is not part of it: a retry may send other batches. Two records that are equal to the last bit are one. Undefined without a time,
 * because then equal records are likely to be different ones.
 */
export function logRecordIdentity({ record, resource }: RecordContext<LogRecord>): string | undefined {
  const times = [record.timeUnixNano, record.observedTimeUnixNano].map(nanos =>
    isKnown(nanos) ? String(BigInt(nanos)) : '',
  )
  if (times.join('') === '') return undefined
  const ids = [idOf(record.traceId, 32) ?? '', idOf(record.spanId, 16) ?? '']
  const stated = [times, ids, record.eventName ?? '', canonical(record.body, 0), entriesOf(record.attributes, 0)]
  const text = `${JSON.stringify(stated)}${resourceText(resource)}`
  return `event:${hash('sha256', text, 'base64url').slice(0, DIGEST_LENGTH)}`
}

/** The text of each resource, which all of its records share. */
const resourceTexts = new WeakMap<Resource, string>()

function resourceText(resource: Maybe<Resource>): string {
  if (!resource) return '[]'
  const text = resourceTexts.get(resource) ?? JSON.stringify(entriesOf(resource.attributes, 0))
  resourceTexts.set(resource, text)
  return text
}

/** Nested values below this depth are not distinguished. JSON may be nested without limit, and a recursion may not. */
const MAX_DEPTH = 32

function entriesOf(attributes: unknown, depth: number): unknown {
  if (!Array.isArray(attributes)) return []
  return attributes.map((attribute: Maybe<KeyValue>) => [attribute?.key ?? '', canonical(attribute?.value, depth + 1)])
}

/** A value in a form that both encodings share: whole numbers as digits, and lists and maps with their contents. */
function canonical(value: Maybe<AnyValue>, depth: number): unknown {
  if (value === null || value === undefined || depth > MAX_DEPTH) return null
  const { stringValue, boolValue, intValue, doubleValue, arrayValue, kvlistValue, bytesValue } = value
  if (intValue !== null && intValue !== undefined) return ['i', String(intValue)]
  if (doubleValue !== null && doubleValue !== undefined) return ['d', String(Number(doubleValue))]
  if (arrayValue) return ['l', listOf(arrayValue).map(one => canonical(one as AnyValue, depth + 1))]
  if (kvlistValue) return ['m', entriesOf(listOf(kvlistValue), depth)]
  return stringValue ?? boolValue ?? (typeof bytesValue === 'string' ? ['b', bytesValue] : null)
}

function listOf(list: unknown): readonly unknown[] {
  const { values } = list as { readonly values?: unknown }
  return Array.isArray(values) ? values : []
}
