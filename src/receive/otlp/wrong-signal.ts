/** Refuses a body that is no telemetry of its path. Ignoring it would answer a wrongly configured sender with 200 permanently. */
import { type Encoding, OtlpDecodeError, type Signal } from './protobuf/decode.ts'
import type { LogRecord, LogsRequest, TracesRequest } from './schema.ts'

const ROOTS: Readonly<Record<Signal, string>> = {
  logs: 'resourceLogs',
  traces: 'resourceSpans',
  metrics: 'resourceMetrics',
}
const SIGNALS: readonly Signal[] = ['logs', 'traces', 'metrics']

/** Throws an {@link OtlpDecodeError} if a decoded body, as yet of any shape, is of another signal or of none. */
export function checkSignal(signal: Signal, encoding: Encoding, decoded: unknown): void {
  if (encoding === 'json') checkRoot(signal, decoded)
  else if (signal === 'traces') checkSpans(decoded as TracesRequest)
  else if (signal === 'logs') checkLogRecords(decoded as LogsRequest)
}

/** JSON names what it holds. `{}` is the empty request. */
function checkRoot(signal: Signal, decoded: unknown): void {
  if (typeof decoded !== 'object' || decoded === null || Array.isArray(decoded)) return
  const keys = Object.keys(decoded)
  if (keys.length === 0 || keys.includes(ROOTS[signal])) return
  const other = SIGNALS.find(one => keys.includes(ROOTS[one]))
  const held = keys.slice(0, 3).map(key => JSON.stringify(key.slice(0, 50)))
  const hint = other === undefined ? '' : `: send ${other} to /v1/${other}`
  throw new OtlpDecodeError(`the body has no "${ROOTS[signal]}", it has ${held.join(', ')}${hint}`)
}

/** Protobuf has only field numbers. Decoded as spans, log records and metrics have no ids of the right length. */
function checkSpans({ resourceSpans }: TracesRequest): void {
  let hasSpans = false
  for (const { scopeSpans } of resourceSpans ?? []) {
    for (const { spans } of scopeSpans ?? []) {
      if (spans?.some(({ traceId, spanId }) => traceId?.length === 32 || spanId?.length === 16)) return
      hasSpans ||= spans !== undefined
    }
  }
  if (!hasSpans) return
  throw new OtlpDecodeError(
    'no span of the body has a trace id or a span id: send logs to /v1/logs, metrics to /v1/metrics',
  )
}

/** Decoded as log records, spans and metrics have no time, and no name, attribute or text. */
function checkLogRecords({ resourceLogs }: LogsRequest): void {
  let hasRecords = false
  for (const { scopeLogs } of resourceLogs ?? []) {
    for (const { logRecords } of scopeLogs ?? []) {
      if (logRecords?.some(holdsAnything)) return
      hasRecords ||= logRecords !== undefined
    }
  }
  if (!hasRecords) return
  throw new OtlpDecodeError(
    'no log record of the body holds anything: send spans to /v1/traces, metrics to /v1/metrics',
  )
}

const holdsAnything = ({ timeUnixNano, observedTimeUnixNano, eventName, attributes, body }: LogRecord): boolean =>
  Boolean(timeUnixNano || observedTimeUnixNano || eventName || attributes) || body?.stringValue !== undefined
