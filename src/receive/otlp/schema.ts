/** The schema of OTLP/JSON, which decoded protobuf has too: as deep as what is read here. Unknown fields are ignored, null is absent. */
import { z } from 'zod'
import * as leaves from './leaves.ts'
import { field, leaf, list, message } from './leaves.ts'

/** A field that may be left out, or null. */
export type Maybe<T> = T | null | undefined
/** A 64-bit integer: a decimal string, or a number as some senders write it. */
export type Int64 = string | number
/** A double: a number, or a string for NaN and the infinities. */
export type Double = number | string

/** A value of any kind; one that is no scalar stays as it is. */
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

/** Who sent it. */
export interface Resource {
  readonly attributes?: Maybe<KeyValue[]>
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
  readonly status?: Maybe<{ readonly code?: Maybe<number> }>
}

/** The log records of one sender. */
export interface ResourceLogs {
  readonly resource?: Maybe<Resource>
  readonly scopeLogs?: Maybe<{ readonly logRecords?: Maybe<LogRecord[]> }[]>
}

/** The spans of one sender. */
export interface ResourceSpans {
  readonly resource?: Maybe<Resource>
  readonly scopeSpans?: Maybe<{ readonly spans?: Maybe<Span[]> }[]>
}

/** ExportLogsServiceRequest. */
export interface LogsRequest {
  readonly resourceLogs?: Maybe<ResourceLogs[]>
}

/** ExportTraceServiceRequest. */
export interface TracesRequest {
  readonly resourceSpans?: Maybe<ResourceSpans[]>
}

/** As digits or a number, each in range. */
export const int64: z.ZodType<Maybe<Int64>> = leaf(leaves.int64)
/** Counts, and nanoseconds since the epoch. */
export const uint64: z.ZodType<Maybe<Int64>> = leaf(leaves.uint64)
/** A number, or the text of one that JSON cannot spell. */
export const double: z.ZodType<Maybe<Double>> = leaf(leaves.double)
/** A list of attributes. */
export const attributes: z.ZodType<Maybe<KeyValue[]>> = leaf(leaves.attributes)
/** A resource. */
export const resource: z.ZodType<Maybe<Resource>> = z.object({ attributes }).nullish()

const logRecord = message(
  it =>
    field('timeUnixNano', leaves.uint64, it.timeUnixNano) ??
    field('observedTimeUnixNano', leaves.uint64, it.observedTimeUnixNano) ??
    field('body', leaves.anyValue, it.body) ??
    field('attributes', leaves.attributes, it.attributes) ??
    field('traceId', leaves.hex, it.traceId) ??
    field('spanId', leaves.hex, it.spanId) ??
    field('eventName', leaves.text, it.eventName),
)
const logRecords = leaf<LogRecord[]>(list(logRecord))

/** What `POST /v1/logs` takes. */
export const logsRequest: z.ZodType<LogsRequest> = z.object({
  resourceLogs: z.array(z.object({ resource, scopeLogs: z.array(z.object({ logRecords })).nullish() })).nullish(),
})

const status = message(it => field('code', leaves.int32, it.code))
const span = message(
  it =>
    field('traceId', leaves.hex, it.traceId) ??
    field('spanId', leaves.hex, it.spanId) ??
    field('name', leaves.text, it.name) ??
    field('startTimeUnixNano', leaves.uint64, it.startTimeUnixNano) ??
    field('endTimeUnixNano', leaves.uint64, it.endTimeUnixNano) ??
    field('attributes', leaves.attributes, it.attributes) ??
    field('status', status, it.status),
)
const spans = leaf<Span[]>(list(span))

/** What `POST /v1/traces` takes. */
export const tracesRequest: z.ZodType<TracesRequest> = z.object({
  resourceSpans: z.array(z.object({ resource, scopeSpans: z.array(z.object({ spans })).nullish() })).nullish(),
})
