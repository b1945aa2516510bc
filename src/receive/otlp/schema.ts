/** The schema of OTLP/JSON and of decoded protobuf, for the fields that are read here. Unknown fields are ignored, null means absent. */
import { z } from 'zod'

/** A field that may be left out, or null. */
export type Maybe<T> = T | null | undefined
/** A 64-bit integer: a decimal string, or a number as some senders write it. */
export type Int64 = string | number
/** A double: a number, or a string for NaN and the infinities. */
export type Double = number | string

/** A value of any kind. Only scalars are checked. */
export interface AnyValue {
  readonly stringValue?: Maybe<string>
  readonly boolValue?: Maybe<boolean>
  readonly intValue?: Maybe<Int64>
  readonly doubleValue?: Maybe<Double>
  readonly arrayValue?: unknown
  readonly kvlistValue?: unknown
  readonly bytesValue?: unknown
}

/** An attribute. */
export interface KeyValue {
  readonly key?: Maybe<string>
  readonly value?: Maybe<AnyValue>
}

/** The sender. */
export interface Resource {
  readonly attributes?: Maybe<KeyValue[]>
}

/** The instrumentation that made the records. */
export interface Scope {
  readonly name?: Maybe<string>
}

/** A log record, which is an event where it has a name. */
export interface LogRecord {
  readonly timeUnixNano?: Maybe<Int64>
  readonly observedTimeUnixNano?: Maybe<Int64>
  readonly body?: Maybe<AnyValue>
  readonly attributes?: Maybe<KeyValue[]>
  readonly traceId?: Maybe<string>
  readonly spanId?: Maybe<string>
  readonly eventName?: Maybe<string>
}

/** A span that has ended. */
export interface Span {
  readonly traceId?: Maybe<string>
  readonly spanId?: Maybe<string>
  readonly name?: Maybe<string>
  readonly startTimeUnixNano?: Maybe<Int64>
  readonly endTimeUnixNano?: Maybe<Int64>
  readonly attributes?: Maybe<KeyValue[]>
  readonly parentSpanId?: Maybe<string>
  readonly traceState?: Maybe<string>
  /** An enum: its number, or its name as some JSON senders write it. */
  readonly kind?: Maybe<number | string>
  readonly events?: Maybe<SpanEvent[]>
  readonly status?: Maybe<{ readonly code?: Maybe<number | string> }>
}

/** An event of a span, such as `exception`. */
export interface SpanEvent {
  readonly name?: Maybe<string>
  readonly attributes?: Maybe<KeyValue[]>
}

/** The log records of one sender. */
export interface ResourceLogs {
  readonly resource?: Maybe<Resource>
  readonly scopeLogs?: Maybe<{ readonly scope?: Maybe<Scope>; readonly logRecords?: Maybe<LogRecord[]> }[]>
}

/** The spans of one sender. */
export interface ResourceSpans {
  readonly resource?: Maybe<Resource>
  readonly scopeSpans?: Maybe<{ readonly scope?: Maybe<Scope>; readonly spans?: Maybe<Span[]> }[]>
}

/** ExportLogsServiceRequest. */
export interface LogsRequest {
  readonly resourceLogs?: Maybe<ResourceLogs[]>
}

/** ExportTraceServiceRequest. */
export interface TracesRequest {
  readonly resourceSpans?: Maybe<ResourceSpans[]>
}

const text = z.string().nullish()
const whole = z.number().refine(Number.isInteger, 'must be a whole number')
const hexId = z
  .string()
  .regex(/^(?:[0-9a-fA-F]{2})*$/, 'must be hex digits')
  .nullish()

/** As digits or a number, each in range. */
export const int64: z.ZodType<Maybe<Int64>> = z.union([z.string().regex(/^-?\d{1,20}$/), whole]).nullish()
/** Counts, and nanoseconds since the epoch. */
export const uint64: z.ZodType<Maybe<Int64>> = z
  .union([z.string().regex(/^\d{1,20}$/), whole.min(0).max(1e20)])
  .nullish()
/** A number, or the text of one that JSON cannot spell. */
export const double: z.ZodType<Maybe<Double>> = z.union([z.number(), z.string()]).nullish()

const anyValue = z
  .object({
    stringValue: text,
    boolValue: z.boolean().nullish(),
    intValue: int64,
    doubleValue: double,
    arrayValue: z.unknown().optional(),
    kvlistValue: z.unknown().optional(),
    bytesValue: z.unknown().optional(),
  })
  .nullish()

/** A list of attributes. */
export const attributes: z.ZodType<Maybe<KeyValue[]>> = z.array(z.object({ key: text, value: anyValue })).nullish()
/** A resource. */
export const resource: z.ZodType<Maybe<Resource>> = z.object({ attributes }).nullish()

const logRecord = z.object({
  timeUnixNano: uint64,
  observedTimeUnixNano: uint64,
  body: anyValue,
  attributes,
  traceId: hexId,
  spanId: hexId,
  eventName: text,
})
const scope = z.object({ name: text }).nullish()
const scopeLogs = z.array(z.object({ scope, logRecords: z.array(logRecord).nullish() })).nullish()

/** What `POST /v1/logs` takes. */
export const logsRequest: z.ZodType<LogsRequest> = z.object({
  resourceLogs: z.array(z.object({ resource, scopeLogs })).nullish(),
})

const enumeration = z.union([z.int(), z.string().regex(/^(?:STATUS_CODE|SPAN_KIND)_[A-Z]+$/)]).nullish()
const span = z.object({
  traceId: hexId,
  spanId: hexId,
  name: text,
  startTimeUnixNano: uint64,
  endTimeUnixNano: uint64,
  attributes,
  parentSpanId: hexId,
  traceState: text,
  kind: enumeration,
  events: z.array(z.object({ name: text, attributes })).nullish(),
  status: z.object({ code: enumeration }).nullish(),
})
const scopeSpans = z.array(z.object({ scope, spans: z.array(span).nullish() })).nullish()

/** What `POST /v1/traces` takes. */
export const tracesRequest: z.ZodType<TracesRequest> = z.object({
  resourceSpans: z.array(z.object({ resource, scopeSpans })).nullish(),
})
