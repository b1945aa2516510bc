/** The parts of log records and spans that a mapping can name. Total: what is absent is undefined. */
import { hash } from 'node:crypto'
import { printTimestamp } from '../../../core/attempt/timestamp.ts'
import { scalarOf } from '../scalar.ts'
import type { Int64, LogRecord, Maybe, Span } from '../schema.ts'
import {
  type AttributeLookup,
  createAttributeLookup,
  type Lookup,
  type Parts,
  type RecordContext,
} from './attribute-lookup.ts'

const ERROR_STATUS = 2

const logRecord: Parts<LogRecord> = attribute => {
  const eventName = attribute('event.name')
  return new Map<string, Lookup<LogRecord>>([
    ['event', context => context.record.eventName || fullEventName(eventName(context), context.record)],
    ['body', ({ record }) => scalarOf(record.body)],
    ['time', ({ record }) => timeOf(record.timeUnixNano) ?? timeOf(record.observedTimeUnixNano)],
    ['trace_id', ({ record }) => idOf(record.traceId, 32)],
    ['span_id', ({ record }) => idOf(record.spanId, 16)],
    ['id', context => logRecordId(context)],
  ])
}

const span: Parts<Span> = attribute => {
  const errorType = attribute('error.type')
  return new Map<string, Lookup<Span>>([
    ['name', ({ record }) => record.name ?? undefined],
    ['operation', ({ record }) => record.name?.split(' ', 1)[0]],
    ['time', ({ record }) => timeOf(record.endTimeUnixNano)],
    ['duration_seconds', ({ record }) => durationOf(record)],
    ['success', context => context.record.status?.code !== ERROR_STATUS && !errorType(context)],
    ['trace_id', ({ record }) => idOf(record.traceId, 32)],
    ['span_id', ({ record }) => idOf(record.spanId, 16)],
    ['id', ({ record }) => spanId(record)],
  ])
}

/** The path of a log record in its request. It distinguishes records with the same content and time. */
export const logPosition = ({ i, j, k }: RecordContext<LogRecord>): string =>
  `resourceLogs[${i}].scopeLogs[${j}].logRecords[${k}]`

/** The path of a span in its request. */
export const spanPosition = ({ i, j, k }: RecordContext<Span>): string =>
  `resourceSpans[${i}].scopeSpans[${j}].spans[${k}]`

/** Creates the lookups of log records. */
export const logRecordLookup = (): AttributeLookup<LogRecord> => createAttributeLookup(logRecord)

/** Creates the lookups of spans. */
export const spanLookup = (): AttributeLookup<Span> => createAttributeLookup(span)

/**
 * The event name of older senders, which state it in an attribute instead of its field. Claude Code writes the short name to the attribute
 * (`api_request`) and the full name to the body (`claude_code.api_request`).
 */
function fullEventName(name: unknown, { body }: LogRecord): unknown {
  const text = typeof name === 'string' ? body?.stringValue : undefined
  return text?.endsWith(`.${name}`) ? text : name
}

/** RFC 3339, to the microsecond; undefined where the record has no time. */
function timeOf(nanos: Maybe<Int64>): string | undefined {
  if (!isKnown(nanos)) return undefined
  // Cut decimal digits: a number cannot hold nanoseconds, and a bigint costs more.
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

/** An id in lower case, so that all senders spell it alike; undefined where it is all zeros or has another length. */
function idOf(id: Maybe<string>, digits: number): string | undefined {
  return id?.length === digits && /[^0]/.test(id) ? id.toLowerCase() : undefined
}

function spanId({ traceId, spanId }: Pick<Span, 'traceId' | 'spanId'>): string | undefined {
  const [trace, span] = [idOf(traceId, 32), idOf(spanId, 16)]
  return trace === undefined || span === undefined ? undefined : `${trace}:${span}`
}

/**
 * The identity of a log record: its span, and a digest of its content, time and position. The span alone is not enough, because it may hold
 * many records. The same batch sent again counts once, and no two attempts become one. Undefined outside of a span, or without a time.
 */
function logRecordId(context: RecordContext<LogRecord>): string | undefined {
  const { record } = context
  const span = spanId(record)
  if (span === undefined || !isKnown(record.timeUnixNano)) return undefined
  const said = record.attributes?.map(({ key, value }) => [key, scalarOf(value)])
  return `${span}:${hash('sha256', JSON.stringify([record.timeUnixNano, logPosition(context), said]), 'base64url').slice(0, 22)}`
}
