/** The parts of log records and spans that a mapping can name. Total: what is not there is undefined. */
import { hash } from 'node:crypto'
import { printTimestamp } from '../../../core/attempt/timestamp.ts'
import { scalarOf } from '../scalar.ts'
import type { Int64, LogRecord, Maybe, Span } from '../schema.ts'
import { createPlaces, type Lookup, type Parts, type Places, type Seen } from './places.ts'

const ERROR_STATUS = 2

const logRecord: Parts<LogRecord> = attribute => {
  const eventName = attribute('event.name')
  return new Map<string, Lookup<LogRecord>>([
    ['event', seen => seen.record.eventName || wholeName(eventName(seen), seen.record)],
    ['body', ({ record }) => scalarOf(record.body)],
    ['time', ({ record }) => timeOf(record.timeUnixNano) ?? timeOf(record.observedTimeUnixNano)],
    ['trace_id', ({ record }) => idOf(record.traceId, 32)],
    ['span_id', ({ record }) => idOf(record.spanId, 16)],
    ['id', seen => logRecordId(seen)],
  ])
}

const span: Parts<Span> = attribute => {
  const errorType = attribute('error.type')
  return new Map<string, Lookup<Span>>([
    ['name', ({ record }) => record.name ?? undefined],
    ['operation', ({ record }) => record.name?.split(' ', 1)[0]],
    ['time', ({ record }) => timeOf(record.endTimeUnixNano)],
    ['duration_seconds', ({ record }) => durationOf(record)],
    ['success', seen => seen.record.status?.code !== ERROR_STATUS && !errorType(seen)],
    ['trace_id', ({ record }) => idOf(record.traceId, 32)],
    ['span_id', ({ record }) => idOf(record.spanId, 16)],
    ['id', ({ record }) => spanId(record)],
  ])
}

/** Where a log record stands in its request, for people. It tells it from one that says the same at the same time. */
export const logPosition = ({ i, j, k }: Seen<LogRecord>): string =>
  `resourceLogs[${i}].scopeLogs[${j}].logRecords[${k}]`

/** Where a span stands in its request, for people. */
export const spanPosition = ({ i, j, k }: Seen<Span>): string => `resourceSpans[${i}].scopeSpans[${j}].spans[${k}]`

/** The places of log records. */
export const logRecordPlaces = (): Places<LogRecord> => createPlaces(logRecord)

/** The places of spans. */
export const spanPlaces = (): Places<Span> => createPlaces(span)

/**
 * The name of an event that has it not in its own field, but in the attribute that older senders put it in. Claude Code leaves the attribute
 * bare (`api_request`) and puts the whole name (`claude_code.api_request`) into the body.
 */
function wholeName(name: unknown, { body }: LogRecord): unknown {
  const text = typeof name === 'string' ? body?.stringValue : undefined
  return text?.endsWith(`.${name}`) ? text : name
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
function logRecordId(seen: Seen<LogRecord>): string | undefined {
  const { record } = seen
  const span = spanId(record)
  if (span === undefined || !isKnown(record.timeUnixNano)) return undefined
  const said = record.attributes?.map(({ key, value }) => [key, scalarOf(value)])
  return `${span}:${hash('sha256', JSON.stringify([record.timeUnixNano, logPosition(seen), said]), 'base64url').slice(0, 22)}`
}
