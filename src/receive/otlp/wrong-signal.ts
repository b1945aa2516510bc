/** Refuses a body that is no telemetry of its path. Ignoring it would answer a wrongly configured sender with 200 permanently. */
import { OtlpDecodeError, type Signal } from './protobuf/decode.ts'
import type { WholeRecord } from './telemetry-record.ts'

const ROOTS: Readonly<Record<Signal, string>> = {
  logs: 'resourceLogs',
  traces: 'resourceSpans',
  metrics: 'resourceMetrics',
}
const SIGNALS: readonly Signal[] = ['logs', 'traces', 'metrics']

/** Throws an {@link OtlpDecodeError} if decoded JSON, as yet of any shape, is of another signal or of none. `{}` is the empty request. */
export function checkRoot(signal: Signal, decoded: unknown): void {
  if (typeof decoded !== 'object' || decoded === null || Array.isArray(decoded)) return
  const keys = Object.keys(decoded)
  if (keys.length === 0 || keys.includes(ROOTS[signal])) return
  const other = SIGNALS.find(one => keys.includes(ROOTS[one]))
  const held = keys.slice(0, 3).map(key => JSON.stringify(key.slice(0, 50)))
  const hint = other === undefined ? '' : `: send ${other} to /v1/${other}`
  throw new OtlpDecodeError(`the body has no "${ROOTS[signal]}", it has ${held.join(', ')}${hint}`)
}

/** The signals that consist of records. */
export type RecordSignal = 'logs' | 'traces'

/** What is wrong with a body in protobuf none of whose records {@link holdsRecord}. */
export const NOT_OF_SIGNAL: Readonly<Record<RecordSignal, string>> = {
  logs: 'no log record of the body holds anything: send spans to /v1/traces, metrics to /v1/metrics',
  traces: 'no span of the body has a trace id or a span id: send logs to /v1/logs, metrics to /v1/metrics',
}

/**
 * Whether a record in protobuf is of its signal. Protobuf has only field numbers: read as spans, log records and metrics have no ids of the
 * right length. Read as log records, spans and metrics have no time, and no name, attribute or text.
 */
export function holdsRecord(signal: RecordSignal, record: WholeRecord): boolean {
  const { traceId, spanId, timeUnixNano, observedTimeUnixNano, eventName, attributes, body } = record
  if (signal === 'traces') return traceId?.length === 32 || spanId?.length === 16
  const isStated = Boolean(timeUnixNano || observedTimeUnixNano || eventName || attributes)
  return isStated || body?.stringValue !== undefined
}
