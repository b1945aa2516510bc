/** Looking up the places of a mapping in log records and spans. Total: what is not there is undefined. */
import { hash } from 'node:crypto'
import { printTimestamp } from '../../core/timestamp.ts'
import type { OtlpPlace } from './mapping.ts'
import type { AnyValue, Int64, KeyValue, LogRecord, Maybe, Resource, Span } from './schema.ts'

/** A log record or span that is looked into. */
export interface Seen<R> {
  readonly record: R
  readonly resource: Maybe<Resource>
  /** The record's place in its request. It tells it from one that says the same at the same time. */
  readonly position: () => string
  /** The values of its attributes by their slots, as soon as one was asked for. */
  values: readonly unknown[] | undefined
}

/** What a record holds at a place: a scalar, undefined, or an empty object for anything else. */
export type Lookup<R> = (seen: Seen<R>) => unknown

/** Makes the places of one kind of record ready to be looked up, once for many records. */
export type Places<R> = (place: OtlpPlace) => Lookup<R>

type Parts<R> = ReadonlyMap<string, Lookup<R>>

const ERROR_STATUS = 2

const LOG_RECORD: Parts<LogRecord> = new Map<string, Lookup<LogRecord>>([
  ['event', ({ record }) => eventOf(record)],
  ['body', ({ record }) => scalarOf(record.body)],
  ['time', ({ record }) => timeOf(record.timeUnixNano) ?? timeOf(record.observedTimeUnixNano)],
  ['trace_id', ({ record }) => idOf(record.traceId, 32)],
  ['span_id', ({ record }) => idOf(record.spanId, 16)],
  ['id', ({ record, position }) => logRecordId(record, position)],
])

const SPAN: Parts<Span> = new Map<string, Lookup<Span>>([
  ['name', ({ record }) => record.name ?? undefined],
  ['operation', ({ record }) => record.name?.split(' ', 1)[0]],
  ['time', ({ record }) => timeOf(record.endTimeUnixNano)],
  ['duration_seconds', ({ record }) => durationOf(record)],
  ['success', ({ record }) => record.status?.code !== ERROR_STATUS && !attributeOf(record.attributes, 'error.type')],
  ['trace_id', ({ record }) => idOf(record.traceId, 32)],
  ['span_id', ({ record }) => idOf(record.spanId, 16)],
  ['id', ({ record }) => spanId(record)],
])

/** The places of log records. */
export const logRecordPlaces = (): Places<LogRecord> => createPlaces(LOG_RECORD)

/** The places of spans. */
export const spanPlaces = (): Places<Span> => createPlaces(SPAN)

/** Each attribute that is asked for has a slot, so that one pass over a record's attributes finds all of them. */
function createPlaces<R extends { readonly attributes?: Maybe<KeyValue[]> }>(parts: Parts<R>): Places<R> {
  const slots = new Map<unknown, number>()
  const empty: unknown[] = []
  return place => {
    if (place.startsWith('record:')) return parts.get(place.slice(7)) ?? (() => undefined)
    if (place.startsWith('resource:')) {
      const key = place.slice(9)
      return ({ resource }) => attributeOf(resource?.attributes, key)
    }
    const slot = slots.get(place) ?? empty.push(undefined) - 1
    slots.set(place, slot)
    return seen => {
      seen.values ??= fill(empty.slice(), slots, seen.record.attributes ?? [])
      return seen.values[slot]
    }
  }
}

/** Puts values into their slots; of attributes of the same name the first counts. */
function fill(values: unknown[], slots: ReadonlyMap<unknown, number>, attributes: readonly KeyValue[]): unknown[] {
  for (let i = attributes.length - 1; i >= 0; i--) {
    const { key, value } = attributes[i]!
    const slot = slots.get(key)
    if (slot !== undefined) values[slot] = scalarOf(value)
  }
  return values
}

function attributeOf(attributes: Maybe<KeyValue[]>, key: string): unknown {
  return scalarOf(attributes?.find(attribute => attribute.key === key)?.value)
}

/** A scalar, undefined where there is none, or an empty object for lists, maps and bytes. */
export function scalarOf(value: Maybe<AnyValue>): unknown {
  if (value === null || value === undefined) return undefined
  const { stringValue, boolValue, intValue, doubleValue, arrayValue, kvlistValue, bytesValue } = value
  if (intValue !== null && intValue !== undefined) return integerOf(intValue)
  if (doubleValue !== null && doubleValue !== undefined) return Number(doubleValue)
  return stringValue ?? boolValue ?? ((arrayValue ?? kvlistValue ?? bytesValue) ? NO_SCALAR : undefined)
}

/** In place of lists, maps and bytes: no field takes one, and nobody shall walk through what may be nested without end. */
const NO_SCALAR: object = Object.freeze({})

/** A number where a number can hold it, else its digits. */
function integerOf(value: Int64): number | string {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

/**
 * The name of an event: its own field, or the attribute that older senders put it in. Claude Code leaves the attribute bare
 * (`api_request`) and puts the whole name (`claude_code.api_request`) into the body.
 */
function eventOf({ eventName, attributes, body }: LogRecord): unknown {
  if (eventName) return eventName
  const name = attributeOf(attributes, 'event.name')
  const text = body?.stringValue
  return typeof name === 'string' && text?.endsWith(`.${name}`) ? text : name
}

/** RFC 3339, to the microsecond; undefined where the sender left the time open. */
function timeOf(nanos: Maybe<Int64>): string | undefined {
  if (!isKnown(nanos)) return undefined
  // In decimal digits, because a number cannot hold nanoseconds, and a big one costs more.
  const digits = typeof nanos === 'string' ? nanos : String(BigInt(nanos))
  return printTimestamp({ ms: Number(digits.slice(0, -3)) / 1000, local: false })
}

function durationOf({ startTimeUnixNano: start, endTimeUnixNano: end }: Span): number | undefined {
  if (!isKnown(start) || !isKnown(end)) return undefined
  return Number(BigInt(end) - BigInt(start)) / 1e9
}

function isKnown(nanos: Maybe<Int64>): nanos is Int64 {
  return nanos !== null && nanos !== undefined && Number(nanos) !== 0
}

/** An id in lower case, so that both encodings and all senders spell it alike; undefined for one of zeros or of another length. */
function idOf(id: Maybe<string>, digits: number): string | undefined {
  return id?.length === digits && /[^0]/.test(id) ? id.toLowerCase() : undefined
}

function spanId({ traceId, spanId }: Pick<Span, 'traceId' | 'spanId'>): string | undefined {
  const [trace, span] = [idOf(traceId, 32), idOf(spanId, 16)]
  return trace === undefined || span === undefined ? undefined : `${trace}:${span}`
}

/**
 * A span may hold many log records, so its id alone would make them one. With a digest of what the record says, when, and where in
 * its batch, the same batch sent again counts once, and no two attempts become one. Undefined outside of a span, or without a time.
 */
function logRecordId(record: LogRecord, position: () => string): string | undefined {
  const span = spanId(record)
  if (span === undefined || !isKnown(record.timeUnixNano)) return undefined
  const said = record.attributes?.map(({ key, value }) => [key, scalarOf(value)])
  return `${span}:${hash('sha256', JSON.stringify([record.timeUnixNano, position(), said]), 'base64url').slice(0, 22)}`
}
