/** The parts of log records and spans that a mapping can name. Total: what is absent is undefined. */
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
import { idOf, isKnown, logRecordIdentity, spanIdentity } from './record-identity.ts'
import { createSpanEnd, type SpanOutcome } from './span-outcome.ts'

const logRecord: Parts<LogRecord> = attribute => {
  const eventName = attribute('event.name')
  return new Map<string, Lookup<LogRecord>>([
    ['event', context => eventOf(context.record, eventName(context))],
    ['scope', ({ scope }) => scope?.name || undefined],
    ['body', ({ record }) => scalarOf(record.body)],
    ['time', ({ record }) => timeOf(record.timeUnixNano) ?? timeOf(record.observedTimeUnixNano)],
    ['trace_id', ({ record }) => idOf(record.traceId, 32)],
    ['span_id', ({ record }) => idOf(record.spanId, 16)],
    ['id', context => logRecordIdentity(context)],
  ])
}

const span: Parts<Span> = attribute => {
  const { errorType, outcome } = createSpanEnd(attribute)
  return new Map<string, Lookup<Span>>([
    ['name', ({ record }) => record.name ?? undefined],
    ['operation', ({ record }) => record.name?.split(' ', 1)[0]],
    ['time', ({ record }) => timeOf(record.endTimeUnixNano)],
    ['duration_seconds', ({ record }) => durationOf(record)],
    ['success', context => SUCCESS[outcome(context)]],
    ['error_type', errorType],
    ['scope', ({ scope }) => scope?.name || undefined],
    ['kind', ({ record }) => kindOf(record.kind)],
    ['parent_span_id', ({ record }) => idOf(record.parentSpanId, 16)],
    ['trace_id', ({ record }) => idOf(record.traceId, 32)],
    ['span_id', ({ record }) => idOf(record.spanId, 16)],
    ['id', ({ record }) => spanIdentity(record)],
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

const SUCCESS: Readonly<Record<SpanOutcome, boolean | undefined>> = {
  success: true,
  failure: false,
  interrupted: undefined,
  aborted: undefined,
}

/** The kinds by their numbers in the protocol. */
const KINDS: readonly (string | undefined)[] = [undefined, 'internal', 'server', 'client', 'producer', 'consumer']

function kindOf(kind: Span['kind']): string | undefined {
  return typeof kind === 'string' ? kind.replace(/^SPAN_KIND_/, '').toLowerCase() : KINDS[kind ?? 0]
}

/** An event name that Rust's tracing writes where the program gave none: `event src/main.rs:20`. */
const CODE_LOCATION = /^event \S+:\d+$/

/** The name of an event: its field, unless that is a code location and the attribute `event.name` tells the real one. */
function eventOf(record: LogRecord, attribute: unknown): unknown {
  const { eventName } = record
  if (!eventName) return fullEventName(attribute, record)
  return attribute !== undefined && attribute !== '' && CODE_LOCATION.test(eventName) ? attribute : eventName
}

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
