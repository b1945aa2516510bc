/** The parts of log records and spans that a mapping can name. Total: what is absent is undefined. */
import { printTimestamp } from '../../../core/attempt/timestamp.ts'
import { scalarOf } from '../scalar.ts'
import type { TelemetryRecord } from '../telemetry-record.ts'
import { type AttributeLookup, createAttributeLookup, type Lookup, type Parts } from './attribute-lookup.ts'
import { logRecordIdentity, spanIdentity } from './record-identity.ts'
import { createSpanEnd, type SpanOutcome } from './span-outcome.ts'

const logRecord: Parts = attribute => {
  const eventName = attribute('event.name')
  return new Map<string, Lookup>([
    ['event', record => eventOf(record, eventName(record))],
    ['scope', ({ origin }) => origin.scope || undefined],
    ['body', ({ whole }) => scalarOf(whole.body)],
    ['time', ({ time, start }) => timeOf(time) ?? timeOf(start)],
    ['trace_id', ({ traceId }) => traceId || undefined],
    ['span_id', ({ spanId }) => spanId || undefined],
    ['id', logRecordIdentity],
  ])
}

const span: Parts = attribute => {
  const { errorType, outcome } = createSpanEnd(attribute)
  return new Map<string, Lookup>([
    ['name', ({ name }) => name || undefined],
    ['operation', ({ name }) => name.split(' ', 1)[0] || undefined],
    ['time', ({ time }) => timeOf(time)],
    ['duration_seconds', durationOf],
    ['success', record => SUCCESS[outcome(record)]],
    ['error_type', errorType],
    ['scope', ({ origin }) => origin.scope || undefined],
    ['kind', kindOf],
    ['parent_span_id', ({ parentSpanId }) => parentSpanId || undefined],
    ['trace_id', ({ traceId }) => traceId || undefined],
    ['span_id', ({ spanId }) => spanId || undefined],
    ['id', spanIdentity],
  ])
}

/** The path of a log record in its request. It distinguishes records with the same content and time. */
export const logPosition = ({ origin: { i, j }, k }: TelemetryRecord): string =>
  `resourceLogs[${i}].scopeLogs[${j}].logRecords[${k}]`

/** The path of a span in its request. */
export const spanPosition = ({ origin: { i, j }, k }: TelemetryRecord): string =>
  `resourceSpans[${i}].scopeSpans[${j}].spans[${k}]`

/** Creates the lookups of log records. */
export const logRecordLookup = (): AttributeLookup => createAttributeLookup(logRecord)

/** Creates the lookups of spans. */
export const spanLookup = (): AttributeLookup => createAttributeLookup(span)

const SUCCESS: Readonly<Record<SpanOutcome, boolean | undefined>> = {
  success: true,
  failure: false,
  interrupted: undefined,
  aborted: undefined,
}

/** The kinds by their numbers in the protocol. */
const KINDS: readonly (string | undefined)[] = [undefined, 'internal', 'server', 'client', 'producer', 'consumer']

function kindOf({ kind }: TelemetryRecord): string | undefined {
  return typeof kind === 'string' ? kind.replace(/^SPAN_KIND_/, '').toLowerCase() : KINDS[kind]
}

/** An event name that Rust's tracing writes where the program gave none: `event src/main.rs:20`. */
const CODE_LOCATION = /^event \S+:\d+$/

/** The name of an event: its field, unless that is a code location and the attribute `event.name` tells the real one. */
function eventOf(record: TelemetryRecord, attribute: unknown): unknown {
  const { name } = record
  if (name === '') return fullEventName(attribute, record)
  return attribute !== undefined && attribute !== '' && CODE_LOCATION.test(name) ? attribute : name
}

/**
 * The event name of older senders, which state it in an attribute instead of its field. Claude Code writes the short name to the attribute
 * (`api_request`) and the full name to the body (`claude_code.api_request`).
 */
function fullEventName(name: unknown, record: TelemetryRecord): unknown {
  const text = typeof name === 'string' ? record.whole.body?.stringValue : undefined
  return text?.endsWith(`.${name}`) ? text : name
}

/** RFC 3339, to the microsecond; undefined where the record has no time. */
function timeOf(nanos: bigint): string | undefined {
  return nanos === 0n ? undefined : printTimestamp({ ms: Number(nanos / 1000n) / 1000, local: false })
}

function durationOf({ start, time }: TelemetryRecord): number | undefined {
  return start === 0n || time === 0n ? undefined : Number(time - start) / 1e9
}
