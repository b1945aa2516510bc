/** Bytes of an OTLP request -> the shape of OTLP/JSON, so that one schema serves both encodings. */
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'
import { MESSAGES, type ScalarType } from './fields.ts'
import { knownName, learnName } from './known-names.ts'
import { mayHoldOriginalNames, renameFields } from './original-names.ts'

/** The three kinds of request. */
export type Signal = 'logs' | 'traces' | 'metrics'

/** The encoding of a request. */
export type Encoding = 'protobuf' | 'json'

/** The bytes are not an OTLP request, or exceed a limit. The message says why in one sentence. */
export class OtlpDecodeError extends Error {
  override readonly name = 'OtlpDecodeError'
}

/** Messages inside messages. Protobuf's own parsers stop there too. */
const MAX_DEPTH = 100
/** Fields of one request: half a million attributes. It bounds the memory that empty fields of two bytes can take. */
export const MAX_FIELDS = 2_000_000

const REQUESTS: Readonly<Record<Signal, string>> = {
  logs: 'ExportLogsServiceRequest',
  traces: 'ExportTraceServiceRequest',
  metrics: 'ExportMetricsServiceRequest',
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

/**
 * Decodes a request: names in lowerCamelCase, 64-bit integers as decimal strings (in JSON as sent), trace and span ids in hex. No bytes are
 * the empty request. Throws an {@link OtlpDecodeError} and nothing else.
 */
export function decodeRequest(signal: Signal, encoding: Encoding, bytes: Buffer): unknown {
  if (bytes.length === 0) return {}
  try {
    return encoding === 'json' ? decodeJson(REQUESTS[signal], bytes) : decodeProtobuf(REQUESTS[signal], bytes)
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split('\n', 1)[0] ?? '').slice(0, 200).toWellFormed() : ''
    throw new OtlpDecodeError(`the body is not an ${REQUESTS[signal]} in ${encoding}: ${reason}`, { cause: error })
  }
}

function decodeJson(message: string, bytes: Buffer): unknown {
  const text = utf8.decode(bytes)
  const value: unknown = JSON.parse(text)
  return mayHoldOriginalNames(text) ? renameFields(message, value) : value
}

function decodeProtobuf(message: string, bytes: Buffer): Record<string, unknown> {
  return readMessage(beginReading(bytes, MAX_FIELDS), PLANS.get(message)!, bytes.length, 0)
}

/** Starts reading bytes, with a limit of fields. */
export function beginReading(bytes: Buffer, fieldsLeft: number): Reading {
  return { reader: new BinaryReader(bytes), bytes, fieldsLeft }
}

/** Decodes the message of a kind from `start` to `end`, at a depth; undefined where it is not one. Never throws. */
export function decodeWithin(
  reading: Reading,
  message: string,
  start: number,
  end: number,
  depth: number,
): Record<string, unknown> | undefined {
  try {
    reading.reader.pos = start
    return readMessage(reading, PLANS.get(message)!, end, depth)
  } catch {
    return undefined
  }
}

/** The state of reading bytes. */
export interface Reading {
  readonly reader: BinaryReader
  /** What it reads. */
  readonly bytes: Buffer
  fieldsLeft: number
}

type Read = (reading: Reading) => unknown

interface Field {
  readonly name: string
  readonly repeated: boolean
  readonly wireType: WireType
  /** One of both: how a scalar is read, or the fields of a message. */
  readonly read: Read | undefined
  readonly message: Plan
}

/** The fields of a message by their numbers. */
type Plan = Field[]

function readMessage(reading: Reading, plan: Plan, end: number, depth: number): Record<string, unknown> {
  if (depth > MAX_DEPTH) throw new RangeError(`messages are nested deeper than ${MAX_DEPTH}`)
  const { reader } = reading
  const message: Record<string, unknown> = {}
  while (reader.pos < end) {
    countField(reading)
    const [number, wireType] = reader.tag()
    const field = plan[number]
    if (field === undefined) reader.skip(wireType, number)
    else if (wireType === field.wireType) put(message, field, readOne(reading, field, end, depth))
    else if (field.repeated && wireType === WireType.LengthDelimited) readPacked(reading, field, end, message)
    else reader.skip(wireType, number)
  }
  if (reader.pos !== end) throw new RangeError('a field reaches beyond its message')
  return message
}

function readOne(reading: Reading, field: Field, end: number, depth: number): unknown {
  if (field.read !== undefined) return field.read(reading)
  return readMessage(reading, field.message, endOf(reading.reader, end), depth + 1)
}

function readPacked(reading: Reading, field: Field, end: number, message: Record<string, unknown>): void {
  const packedEnd = endOf(reading.reader, end)
  while (reading.reader.pos < packedEnd) {
    countField(reading)
    put(message, field, field.read!(reading))
  }
  if (reading.reader.pos !== packedEnd) throw new RangeError('a number reaches beyond its list')
}

function countField(reading: Reading): void {
  if (--reading.fieldsLeft < 0) throw new RangeError(`it holds more than ${MAX_FIELDS} fields: send smaller batches`)
}

function endOf(reader: BinaryReader, end: number): number {
  const length = reader.uint32()
  const inner = reader.pos + length
  if (inner > end) throw new RangeError('it ends early')
  return inner
}

function put(message: Record<string, unknown>, { name, repeated }: Field, value: unknown): void {
  const list = repeated ? (message[name] as unknown[] | undefined) : undefined
  if (list !== undefined) list.push(value)
  else setField(message, name, repeated ? [value] : value)
}

/** Attributes are nearly all there is of a request, and under a name that is written out a value is stored at a quarter of the cost. */
function setField(message: Record<string, unknown>, name: string, value: unknown): void {
  if (name === 'key') message.key = value
  else if (name === 'value') message.value = value
  else if (name === 'stringValue') message.stringValue = value
  else if (name === 'boolValue') message.boolValue = value
  else if (name === 'intValue') message.intValue = value
  else if (name === 'doubleValue') message.doubleValue = value
  else message[name] = value
}

/** The spelling of a double in JSON, which has no number for these. */
function doubleOf({ reader }: Reading): number | string {
  const value = reader.double()
  return Number.isFinite(value) ? value : String(value)
}

/** Strictly: two names must not become one by both turning into U+FFFD. */
const textOf = ({ reader }: Reading): string => reader.string(true)

const bytesOf = ({ reader }: Reading): Buffer => reader.bytes() as Buffer

/** Names come again with every record. One that is known is no new text, which would have to be hashed to be looked up. */
function nameOf(reading: Reading): string {
  const { reader, bytes } = reading
  const start = reader.pos
  const length = reader.uint32()
  const name = knownName(bytes, reader.pos, length)
  if (name !== undefined) {
    reader.pos += length
    return name
  }
  reader.pos = start
  return learnName(textOf(reading))
}

const SCALARS: Readonly<Record<ScalarType, readonly [WireType, Read]>> = {
  string: [WireType.LengthDelimited, textOf],
  name: [WireType.LengthDelimited, nameOf],
  hex: [WireType.LengthDelimited, reading => bytesOf(reading).toString('hex')],
  base64: [WireType.LengthDelimited, reading => bytesOf(reading).toString('base64')],
  bool: [WireType.Varint, ({ reader }) => reader.bool()],
  int32: [WireType.Varint, ({ reader }) => reader.int32()],
  uint32: [WireType.Varint, ({ reader }) => reader.uint32()],
  sint32: [WireType.Varint, ({ reader }) => reader.sint32()],
  int64: [WireType.Varint, ({ reader }) => String(reader.int64())],
  uint64: [WireType.Varint, ({ reader }) => String(reader.uint64())],
  fixed32: [WireType.Bit32, ({ reader }) => reader.fixed32()],
  fixed64: [WireType.Bit64, ({ reader }) => String(reader.fixed64())],
  sfixed64: [WireType.Bit64, ({ reader }) => String(reader.sfixed64())],
  double: [WireType.Bit64, doubleOf],
}

const PLANS: ReadonlyMap<string, Plan> = plansOf()

function plansOf(): Map<string, Plan> {
  const plans = new Map<string, Plan>(Object.keys(MESSAGES).map(name => [name, []]))
  for (const [message, rows] of Object.entries(MESSAGES)) {
    for (const [number, [name, type, repeated]] of Object.entries(rows)) {
      const [wireType, read] = SCALARS[type as ScalarType] ?? [WireType.LengthDelimited, undefined]
      const inner = read === undefined ? plans.get(type)! : []
      plans.get(message)![Number(number)] = { name, repeated: repeated !== undefined, wireType, read, message: inner }
    }
  }
  return plans
}
