/** Looking up the places of a mapping in one log record or span. Total: what is not there is undefined. */
import { hash } from 'node:crypto'
import { printTimestamp } from '../../core/timestamp.ts'
import type { OtlpPlace } from './mapping.ts'
import type { AnyValue, Int64, KeyValue, LogRecord, Maybe, Resource, Span } from './schema.ts'

/** What a record holds at a place: a scalar, undefined, or an empty object for anything else. */
export type Lookup = (place: OtlpPlace) => unknown

const ERROR_STATUS = 2

/** The places of a log record. `position` is the record's place in its request, which tells it from one that says the same at the same time. */
export function logRecordLookup(record: LogRecord, resource: Maybe<Resource>, position: string): Lookup {
  return lookup(record.attributes, resource, part => {
    switch (part) {
      case 'event':
        return eventOf(record)
      case 'body':
        return scalarOf(record.body)
      case 'time':
        return timeOf(record.timeUnixNano) ?? timeOf(record.observedTimeUnixNano)
      case 'trace_id':
        return idOf(record.traceId, 32)
      case 'span_id':
        return idOf(record.spanId, 16)
      case 'id':
        return logRecordId(record, position)
      default:
        return undefined
    }
  })
}

/** The places of a span. */
export function spanLookup(span: Span, resource: Maybe<Resource>): Lookup {
  return lookup(span.attributes, resource, part => {
    switch (part) {
      case 'name':
        return span.name ?? undefined
      case 'operation':
        return span.name?.split(' ', 1)[0]
      case 'time':
        return timeOf(span.endTimeUnixNano)
      case 'duration_seconds':
        return durationOf(span)
      case 'success':
        return span.status?.code !== ERROR_STATUS && !attributeOf(span.attributes, 'error.type')
      case 'trace_id':
        return idOf(span.traceId, 32)
      case 'span_id':
        return idOf(span.spanId, 16)
      case 'id':
        return spanId(span)
      default:
        return undefined
    }
  })
}

function lookup(attributes: Maybe<KeyValue[]>, resource: Maybe<Resource>, part: (name: string) => unknown): Lookup {
  return place => {
    if (place.startsWith('record:')) return part(place.slice(7))
    if (place.startsWith('resource:')) return attributeOf(resource?.attributes, place.slice(9))
    return attributeOf(attributes, place)
  }
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
  return printTimestamp({ ms: Number(BigInt(nanos) / 1000n) / 1000, local: false })
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
function logRecordId(record: LogRecord, position: string): string | undefined {
  const span = spanId(record)
  if (span === undefined || !isKnown(record.timeUnixNano)) return undefined
  const said = record.attributes?.map(({ key, value }) => [key, scalarOf(value)])
  return `${span}:${hash('sha256', JSON.stringify([record.timeUnixNano, position, said]), 'base64url').slice(0, 22)}`
}
