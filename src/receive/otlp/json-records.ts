/** Reads the log records or spans of a request in OTLP/JSON that its schema accepts. */
import { type RecordAttributes, valuesOf } from './mapping/attribute-lookup.ts'
import type { Int64, LogRecord, LogsRequest, Maybe, Span, TracesRequest } from './schema.ts'
import { type Origin, TelemetryRecord } from './telemetry-record.ts'

type Visit = (record: TelemetryRecord) => void

/** Reads the log records one after the other. */
export function readJsonLogs({ resourceLogs }: LogsRequest, attributes: RecordAttributes, visit: Visit): void {
  for (const [i, { resource, scopeLogs }] of (resourceLogs ?? []).entries()) {
    for (const [j, { scope, logRecords }] of (scopeLogs ?? []).entries()) {
      const origin = { resource, scope: scope?.name ?? '', i, j }
      for (const [k, json] of (logRecords ?? []).entries()) {
        const record = recordOf(json, origin, k, attributes)
        record.name = json.eventName ?? ''
        record.time = nanosOf(json.timeUnixNano)
        record.start = nanosOf(json.observedTimeUnixNano)
        visit(record)
      }
    }
  }
}

/** Reads the spans one after the other. */
export function readJsonSpans({ resourceSpans }: TracesRequest, attributes: RecordAttributes, visit: Visit): void {
  for (const [i, { resource, scopeSpans }] of (resourceSpans ?? []).entries()) {
    for (const [j, { scope, spans }] of (scopeSpans ?? []).entries()) {
      const origin = { resource, scope: scope?.name ?? '', i, j }
      for (const [k, json] of (spans ?? []).entries()) {
        const record = recordOf(json, origin, k, attributes)
        record.parentSpanId = idOf(json.parentSpanId, 16)
        record.traceState = json.traceState ?? ''
        record.name = json.name ?? ''
        record.time = nanosOf(json.endTimeUnixNano)
        record.start = nanosOf(json.startTimeUnixNano)
        record.kind = json.kind ?? 0
        record.status = json.status?.code ?? 0
        record.hasEvents = (json.events ?? []).length > 0
        visit(record)
      }
    }
  }
}

function recordOf(json: LogRecord | Span, origin: Origin, k: number, attributes: RecordAttributes): TelemetryRecord {
  const record = new TelemetryRecord(origin, k, valuesOf(json.attributes, attributes), () => json, 0, 0)
  record.traceId = idOf(json.traceId, 32)
  record.spanId = idOf(json.spanId, 16)
  return record
}

/** An id in lower case, so that all senders spell it alike; empty where it is all zeros or has another length. */
function idOf(id: Maybe<string>, digits: number): string {
  return id?.length === digits && /[^0]/.test(id) ? id.toLowerCase() : ''
}

const nanosOf = (nanos: Maybe<Int64>): bigint => BigInt(nanos ?? 0)
