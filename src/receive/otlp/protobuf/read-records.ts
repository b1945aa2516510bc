/**
 * Reads the log records or spans of a request from protobuf bytes. Every field of the table is checked; what no rule needs is not kept.
 * Longer than 250 lines because requests, records and attributes are read by functions that share one position in the bytes.
 */
import type { RecordAttributes } from '../mapping/attribute-lookup.ts'
import { scalarOf } from '../scalar.ts'
import type { AnyValue, Resource, Scope } from '../schema.ts'
import { type Origin, TelemetryRecord, type WholeRecord } from '../telemetry-record.ts'
import { holdsRecord, NOT_OF_SIGNAL, type RecordSignal } from '../wrong-signal.ts'
import {
  checkEnd,
  decodeError,
  type Fields,
  fieldsOf,
  integerOf,
  type Message,
  OtlpDecodeError,
  readField,
  readFields,
} from './decode.ts'
import type { Key, KeyOrder } from './key-order.ts'
import {
  LENGTH_DELIMITED,
  openWire,
  readEnd,
  readFixed,
  readTag,
  readText,
  readVarint,
  type Wire,
  WireError,
} from './wire.ts'

/** The state of reading a request. */
interface Reading extends Wire {
  readonly keys: KeyOrder
  /** The name of the attribute that was read last. */
  key: Key
  /** The slots of attributes of a record that have no value. */
  readonly valueless: number[]
}

/**
 * Reads the records one after the other. Throws an {@link OtlpDecodeError} where the bytes are damaged or of another signal, which may be
 * known only after some records.
 */
export function readRecords(
  signal: RecordSignal,
  bytes: Buffer,
  { keys, createValues }: RecordAttributes,
  visit: (record: TelemetryRecord) => void,
): void {
  const { request, takes } = KINDS[signal]
  const resource = request[RESOURCES]!.message
  const scope = resource[SCOPES]!.message
  const fields = scope[RECORDS]!.message
  const it: Reading = { ...openWire(bytes), keys, key: keys.first, valueless: [] }

  const decode = (start: number, end: number): WholeRecord =>
    decodeAgain(openWire(bytes), fields, start, end, RECORD_DEPTH)

  function readOne(origin: Origin, k: number, start: number, end: number): void {
    const record = new TelemetryRecord(origin, k, createValues(), decode, start, end)
    it.pos = start
    it.key = keys.first
    it.valueless.length = 0
    takeFields(it, takes, fields, record, end, RECORD_DEPTH)
    isOfSignal ||= holdsRecord(signal, record.whole)
    visit(record)
  }

  let count = 0
  let isOfSignal = false
  try {
    for (const [i, resourceAt] of readParts(it, request, RESOURCES, [0, bytes.length], 0).parts.entries()) {
      const { header, parts: scopes } = readParts(it, resource, SCOPES, resourceAt, 1)
      for (const [j, scopeAt] of scopes.entries()) {
        const inner = readParts(it, scope, RECORDS, scopeAt, 2)
        const origin = { resource: header.resource, scope: inner.header.scope?.name ?? '', i, j }
        for (const [k, [start, end]] of inner.parts.entries()) readOne(origin, k, start, end)
        count += inner.parts.length
      }
    }
  } catch (error) {
    throw error instanceof WireError ? decodeError(signal, 'protobuf', error) : error
  }
  if (count > 0 && !isOfSignal) throw new OtlpDecodeError(NOT_OF_SIGNAL[signal])
}

/** Where a message starts and ends. */
type Range = readonly [start: number, end: number]

interface Parts {
  readonly header: { readonly resource?: Resource; readonly scope?: Scope }
  readonly parts: readonly Range[]
}

/** The parts of a message: the fields of a number. The others are its header, and hold for all of them wherever they stand. */
function readParts(it: Reading, fields: Fields, number: number, [start, end]: Range, depth: number): Parts {
  const header = {}
  const parts: Range[] = []
  const partTag = (number << 3) | LENGTH_DELIMITED
  it.pos = start
  while (it.pos < end) {
    const tag = readTag(it)
    if (tag === partTag) {
      const stop = readEnd(it, end)
      parts.push([it.pos, stop])
      it.pos = stop
    } else readField(it, fields, tag, end, depth, header)
  }
  checkEnd(it, end)
  return { header, parts }
}

/** Takes the value of a field, which ends at `end` at the latest. */
type Take = (it: Reading, record: TelemetryRecord, end: number) => void

/** By tag. */
type Takes = readonly (Take | undefined)[]

/** The depth of records in a request. */
const RECORD_DEPTH = 3

function takeFields(
  it: Reading,
  takes: Takes,
  fields: Fields,
  record: TelemetryRecord,
  end: number,
  depth: number,
): void {
  while (it.pos < end) {
    const tag = readTag(it)
    const take = takes[tag]
    if (take === undefined) readField(it, fields, tag, end, depth, undefined)
    else take(it, record, end)
  }
  checkEnd(it, end)
}

const KEY_VALUE = fieldsOf('KeyValue')
const ANY_VALUE = fieldsOf('AnyValue')
const KEY = tagOf('KeyValue', 'key')
const VALUE = tagOf('KeyValue', 'value')
const STRING = tagOf('AnyValue', 'stringValue')
const BOOL = tagOf('AnyValue', 'boolValue')
const INTEGER = tagOf('AnyValue', 'intValue')
const DOUBLE = tagOf('AnyValue', 'doubleValue')

/** Reads an attribute into its slot. */
function readAttribute(it: Reading, { values }: TelemetryRecord, recordEnd: number): void {
  const end = readEnd(it, recordEnd)
  let key: Key | undefined
  let value: unknown
  const start = it.pos
  let count = 0
  while (it.pos < end) {
    const tag = readTag(it)
    if (tag === KEY || tag === VALUE) count++
    if (tag === KEY) key = readKey(it, end)
    else if (tag !== VALUE) readField(it, KEY_VALUE, tag, end, RECORD_DEPTH + 1, undefined)
    else {
      const stop = readEnd(it, end)
      if (key === undefined || key.slot >= 0) value = readValue(it, stop)
      else readFields(it, ANY_VALUE, stop, RECORD_DEPTH + 2, undefined)
    }
  }
  checkEnd(it, end)
  if (key === undefined) return
  it.key = key
  // The last name counts, which may be another than that of before, and values are merged.
  if (count > 2) value = scalarOf(decodeAgain(it, KEY_VALUE, start, end, RECORD_DEPTH + 1).value as AnyValue)
  // Of attributes of the same name the first counts, also where it has no value.
  if (key.slot < 0 || values[key.slot] !== undefined || it.valueless.includes(key.slot)) return
  if (value === undefined) it.valueless.push(key.slot)
  else values[key.slot] = value
}

function readKey(it: Reading, end: number): Key {
  const stop = readEnd(it, end)
  const start = it.pos
  it.pos = stop
  return it.keys.find(it, start, stop, it.key)
}

/** Reads an AnyValue as `scalarOf` in scalar.ts has it. Nearly all are one scalar. */
function readValue(it: Reading, end: number): unknown {
  const start = it.pos
  if (start === end) return undefined
  const value = readScalar(it, readTag(it), end)
  if (value !== undefined && it.pos === end) return value
  return scalarOf(decodeAgain(it, ANY_VALUE, start, end, RECORD_DEPTH + 2))
}

function decodeAgain(it: Wire, fields: Fields, start: number, end: number, depth: number): Message {
  const message = {}
  it.pos = start
  readFields(it, fields, end, depth, message)
  return message
}

function readScalar(it: Reading, tag: number, end: number): unknown {
  if (tag === STRING) return readText(it, end)
  if (tag === DOUBLE) return it.view.getFloat64(readFixed(it, 8), true)
  if (tag !== BOOL && tag !== INTEGER) return undefined
  readVarint(it)
  return tag === INTEGER ? integerOf(it) : it.low !== 0 || it.high !== 0
}

/** An id of `length` bytes in hex; empty for one of another length, and for zeros. */
function readId(it: Reading, end: number, length: number): string {
  const stop = readEnd(it, end)
  const start = it.pos
  it.pos = stop
  if (stop - start !== length) return ''
  for (let at = start; at < stop; at++) if (it.bytes[at] !== 0) return it.bytes.toString('hex', start, stop)
  return ''
}

const readTime = (it: Reading): bigint => it.view.getBigUint64(readFixed(it, 8), true)

function readEnum(it: Reading): number {
  readVarint(it)
  return it.low | 0
}

/** What is read of a log record and of a span, by the names of the table. */
const RECORD_TAKES: Readonly<Record<string, Take>> = {
  attributes: readAttribute,
  traceId(it, record, end) {
    record.traceId = readId(it, end, 16)
  },
  spanId(it, record, end) {
    record.spanId = readId(it, end, 8)
  },
  parentSpanId(it, record, end) {
    record.parentSpanId = readId(it, end, 8)
  },
  traceState(it, record, end) {
    record.traceState = readText(it, end)
  },
  name: takeName,
  eventName: takeName,
  timeUnixNano: takeTime,
  endTimeUnixNano: takeTime,
  observedTimeUnixNano: takeStart,
  startTimeUnixNano: takeStart,
  kind(it, record) {
    record.kind = readEnum(it)
  },
  events(it, record, end) {
    record.hasEvents = true
    readFields(it, EVENT, readEnd(it, end), RECORD_DEPTH + 1, undefined)
  },
  status(it, record, end) {
    takeFields(it, STATUS_TAKES, STATUS, record, readEnd(it, end), RECORD_DEPTH + 1)
  },
}

function takeName(it: Reading, record: TelemetryRecord, end: number): void {
  record.name = readText(it, end)
}

function takeTime(it: Reading, record: TelemetryRecord): void {
  record.time = readTime(it)
}

function takeStart(it: Reading, record: TelemetryRecord): void {
  record.start = readTime(it)
}

const EVENT = fieldsOf('Event')
const STATUS = fieldsOf('Status')
const STATUS_TAKES = takesOf('Status', {
  code(it, record) {
    record.status = readEnum(it)
  },
})

function takesOf(message: string, takes: Readonly<Record<string, Take>>): Takes {
  const byTag: (Take | undefined)[] = []
  for (const field of fieldsOf(message)) if (field !== undefined) byTag[tagOf(message, field.name)] = takes[field.name]
  return byTag
}

/** A kind of record. Requests of both kinds have the same structure. */
const KINDS: Readonly<Record<RecordSignal, { readonly request: Fields; readonly takes: Takes }>> = {
  logs: { request: fieldsOf('ExportLogsServiceRequest'), takes: takesOf('LogRecord', RECORD_TAKES) },
  traces: { request: fieldsOf('ExportTraceServiceRequest'), takes: takesOf('Span', RECORD_TAKES) },
}
/** The numbers of the resources in a request, of the scopes in a resource, and of the records in a scope. */
const RESOURCES = 1
const SCOPES = 2
const RECORDS = 2

/** The tag of a field, by the names of the table. */
function tagOf(message: string, name: string): number {
  const fields = fieldsOf(message)
  const number = fields.findIndex(field => field?.name === name)
  return (number << 3) | fields[number]!.wireType
}
