/** Identities of records: the same for a record that is sent again, in either encoding. */
import { hash } from 'node:crypto'
import type { AnyValue, KeyValue, Maybe, Resource } from '../schema.ts'
import type { TelemetryRecord } from '../telemetry-record.ts'

/** The identity of a span. Undefined without both ids. */
export function spanIdentity({ traceId, spanId }: TelemetryRecord): string | undefined {
  return traceId === '' || spanId === '' ? undefined : `${traceId}:${spanId}`
}

/** The length of a digest in base64url: 132 bits, so that two of them never meet. */
const DIGEST_LENGTH = 22

/**
 * The identity of a log record: a digest of what a resend repeats, which is everything that it states, and its resource. Its place in the
 * batch is not part of it: a retry may send other batches. Two records that are equal to the last bit are one. Undefined without a time,
 * because then equal records are likely to be different ones.
 */
export function logRecordIdentity(record: TelemetryRecord): string | undefined {
  const { time, start, traceId, spanId, name, whole, origin } = record
  if (time === 0n && start === 0n) return undefined
  const times = [time, start].map(nanos => (nanos === 0n ? '' : String(nanos)))
  const stated = [times, [traceId, spanId], name, canonical(whole.body, 0), entriesOf(whole.attributes, 0)]
  const text = `${JSON.stringify(stated)}${resourceText(origin.resource)}`
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
