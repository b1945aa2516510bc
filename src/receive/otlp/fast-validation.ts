/**
 * Fast-path validation of decoded requests, at a sixth of the cost of the schema and without a copy. A request that matches here matches
 * its schema. Another request may still match the schema, which accepts nulls and says what is wrong.
 */
import type { LogsRequest, TracesRequest } from './schema.ts'

type Is = (value: unknown) => boolean

/** Log records. Total. */
export function matchesLogsRequest(request: unknown): request is LogsRequest {
  return isMessage(request) && isList(request.resourceLogs, isResourceLogs)
}

/** Spans. Total. */
export function matchesTracesRequest(request: unknown): request is TracesRequest {
  return isMessage(request) && isList(request.resourceSpans, isResourceSpans)
}

const isResourceLogs: Is = it => isMessage(it) && isResource(it.resource) && isList(it.scopeLogs, isScopeLogs)
const isScopeLogs: Is = it => isMessage(it) && isScope(it.scope) && isList(it.logRecords, isLogRecord)
const isResourceSpans: Is = it => isMessage(it) && isResource(it.resource) && isList(it.scopeSpans, isScopeSpans)
const isScopeSpans: Is = it => isMessage(it) && isScope(it.scope) && isList(it.spans, isSpan)
const isResource: Is = it => it === undefined || (isMessage(it) && isAttributes(it.attributes))

const isScope: Is = it => it === undefined || (isMessage(it) && isText(it.name))

const isLogRecord: Is = it =>
  isMessage(it) &&
  isUint64(it.timeUnixNano) &&
  isUint64(it.observedTimeUnixNano) &&
  isAnyValue(it.body) &&
  isAttributes(it.attributes) &&
  isHex(it.traceId) &&
  isHex(it.spanId) &&
  isText(it.eventName)

const isSpan: Is = it =>
  isMessage(it) &&
  isHex(it.traceId) &&
  isHex(it.spanId) &&
  isText(it.name) &&
  isUint64(it.startTimeUnixNano) &&
  isUint64(it.endTimeUnixNano) &&
  isAttributes(it.attributes) &&
  isHex(it.parentSpanId) &&
  isText(it.traceState) &&
  isEnum(it.kind) &&
  isList(it.events, isEvent) &&
  (it.status === undefined || (isMessage(it.status) && isEnum(it.status.code)))

const isEvent: Is = it => isMessage(it) && isText(it.name) && isAttributes(it.attributes)
const isAttribute: Is = it => isMessage(it) && isText(it.key) && isAnyValue(it.value)
const isAttributes: Is = it => isList(it, isAttribute)

function isAnyValue(it: unknown): boolean {
  if (it === undefined) return true
  return (
    isMessage(it) && isText(it.stringValue) && isBool(it.boolValue) && isInt64(it.intValue) && isDouble(it.doubleValue)
  )
}

function isList(value: unknown, is: Is): boolean {
  return value === undefined || (Array.isArray(value) && value.every(is))
}

function isMessage(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const isText: Is = value => value === undefined || typeof value === 'string'
const isBool: Is = value => value === undefined || typeof value === 'boolean'
const isEnum: Is = value => value === undefined || Number.isSafeInteger(value)
const isDouble: Is = value => value === undefined || Number.isFinite(value) || typeof value === 'string'
const isInt64: Is = value => value === undefined || Number.isSafeInteger(value) || isMatch(value, /^-?\d{1,20}$/)
const isUint64: Is = value => value === undefined || isMatch(value, /^\d{1,20}$/)
const isHex: Is = value => value === undefined || isMatch(value, /^(?:[0-9a-fA-F]{2})*$/)
const isMatch = (value: unknown, form: RegExp): boolean => typeof value === 'string' && form.test(value)
