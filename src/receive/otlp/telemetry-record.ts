/** A log record or span as the rules read it, from either encoding. */
import type { LogRecord, Maybe, Resource, Span } from './schema.ts'

/** Where records come from: `resourceLogs[i].scopeLogs[j]`, or the same of spans. */
export interface Origin {
  readonly resource: Maybe<Resource>
  /** The name of the instrumentation scope; empty if it has none. */
  readonly scope: string
  readonly i: number
  readonly j: number
}

/** A record in the shape of OTLP/JSON: a log record or a span. */
export type WholeRecord = LogRecord & Span

/** Finds the whole record, of which `from` and `to` tell where it is. */
export type DecodeRecord = (from: number, to: number) => WholeRecord

/** The parts that rules read of nearly every record. What they seldom need is in {@link whole}. */
export class TelemetryRecord {
  readonly origin: Origin
  /** Its index in its scope. */
  readonly k: number
  /** The values of its attributes by slot: a scalar, the scalars of a list, an empty object for anything else, or undefined. */
  readonly values: unknown[]
  /** The name of an event or span; empty if it has none. */
  name = ''
  /** Ids in lower-case hex; empty if absent, all zeros, or of another length. */
  traceId = ''
  spanId = ''
  parentSpanId = ''
  /** Of a span; empty if it has none. */
  traceState = ''
  /** The time of a log record, or the end of a span: nanoseconds since the epoch. 0 if it is unknown. */
  time = 0n
  /** The time at which a log record was observed, or the start of a span. */
  start = 0n
  /** Of a span, as {@link Span} has it. */
  kind: number | string = 0
  status: number | string = 0
  hasEvents = false
  private readonly decode: DecodeRecord
  private readonly from: number
  private readonly to: number
  private decoded: WholeRecord | undefined

  /** `decode` is called with `from` and `to` when the whole record is first needed. */
  constructor(origin: Origin, k: number, values: unknown[], decode: DecodeRecord, from: number, to: number) {
    this.origin = origin
    this.k = k
    this.values = values
    this.decode = decode
    this.from = from
    this.to = to
    this.decoded = undefined
  }

  /** All of the record, in the shape of OTLP/JSON. */
  get whole(): WholeRecord {
    this.decoded ??= this.decode(this.from, this.to)
    return this.decoded
  }

  /** The same record with the values of other attributes. */
  withValues(values: readonly unknown[]): TelemetryRecord {
    return Object.assign(Object.create(TelemetryRecord.prototype), this, { values })
  }
}
