/** Bytes of an OTLP request -> the shape of OTLP/JSON. */
import { MESSAGES, type ScalarType } from './fields.ts'
import { mayHoldOriginalNames, renameFields } from './original-names.ts'
import {
  checkDepth,
  checkText,
  countField,
  FIXED32,
  FIXED64,
  LENGTH_DELIMITED,
  openWire,
  readEnd,
  readFixed,
  readTag,
  readText,
  readVarint,
  skip,
  VARINT,
  type Wire,
  WireError,
} from './wire.ts'

/** The three kinds of request. */
export type Signal = 'logs' | 'traces' | 'metrics'

/** The encoding of a request. */
export type Encoding = 'protobuf' | 'json'

/** The bytes are not an OTLP request, or exceed a limit. The message says why in one sentence. */
export class OtlpDecodeError extends Error {
  override readonly name = 'OtlpDecodeError'
}

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
    throw decodeError(signal, encoding, error)
  }
}

/** The error of a request that cannot be decoded for a reason. */
export function decodeError(signal: Signal, encoding: Encoding, cause: unknown): OtlpDecodeError {
  const reason = cause instanceof Error ? (cause.message.split('\n', 1)[0] ?? '').slice(0, 200).toWellFormed() : ''
  return new OtlpDecodeError(`the body is not an ${REQUESTS[signal]} in ${encoding}: ${reason}`, { cause })
}

function decodeJson(message: string, bytes: Buffer): unknown {
  const text = utf8.decode(bytes)
  const value: unknown = JSON.parse(text)
  return mayHoldOriginalNames(text) ? renameFields(message, value) : value
}

function decodeProtobuf(message: string, bytes: Buffer): unknown {
  const decoded = {}
  readFields(openWire(bytes), fieldsOf(message), bytes.length, 0, decoded)
  return decoded
}

/** A message as it is decoded. */
export type Message = Record<string, unknown>

interface Field {
  readonly name: string
  readonly repeated: boolean
  readonly wireType: number
  readonly isText: boolean
  /** Whether it is one of several of which a message holds one: the last of them counts. */
  readonly isChoice: boolean
  /** One of both: how a scalar is read, or the fields of a message. */
  readonly read: Read | undefined
  readonly message: Fields
}

/** The fields of a message, by their numbers. */
export type Fields = readonly (Field | undefined)[]

/** Reads fields up to `end` into a message. Without one it only checks them. */
export function readFields(it: Wire, fields: Fields, end: number, depth: number, message: Message | undefined): void {
  checkDepth(depth)
  while (it.pos < end) readField(it, fields, readTag(it), end, depth, message)
  checkEnd(it, end)
}

/** Checks that the last field of a message does not exceed it. */
export function checkEnd(it: Wire, end: number): void {
  if (it.pos !== end) throw new WireError('a field reaches beyond its message')
}

/** Reads a field, whose tag was read. Fields without a known number, and those of another type, are skipped. */
export function readField(
  it: Wire,
  fields: Fields,
  tag: number,
  end: number,
  depth: number,
  message: Message | undefined,
): void {
  const field = fields[tag >>> 3]
  const type = tag & 7
  if (field === undefined) skip(it, tag, end, depth)
  else if (type !== field.wireType) {
    if (field.repeated && type === LENGTH_DELIMITED) readPacked(it, field, end, message)
    else skip(it, tag, end, depth)
  } else if (field.read === undefined) readInner(it, field, end, depth, message)
  else if (message !== undefined) put(message, field, field.read(it, end))
  else if (field.isText) checkText(it, end)
  else skip(it, tag, end, depth)
}

function readInner(it: Wire, field: Field, end: number, depth: number, message: Message | undefined): void {
  const innerEnd = readEnd(it, end)
  // A message that is not repeated and comes again is merged with the one before.
  const before = field.repeated ? undefined : message?.[field.name]
  const inner = message && ((before ?? {}) as Message)
  readFields(it, field.message, innerEnd, depth + 1, inner)
  if (message !== undefined) put(message, field, inner)
}

function readPacked(it: Wire, field: Field, end: number, message: Message | undefined): void {
  const packedEnd = readEnd(it, end)
  while (it.pos < packedEnd) {
    countField(it)
    const value = field.read!(it, packedEnd)
    if (message !== undefined) put(message, field, value)
  }
  checkEnd(it, packedEnd)
}

function put(message: Message, { name, repeated, isChoice }: Field, value: unknown): void {
  if (isChoice) for (const other in message) if (other !== name) delete message[other]
  const list = repeated ? (message[name] as unknown[] | undefined) : undefined
  if (list !== undefined) list.push(value)
  else message[name] = repeated ? [value] : value
}

type Read = (it: Wire, end: number) => unknown

/** A signed integer of 64 bits, from its two halves: a number where a number can hold it, else its digits. */
export function integerOf({ low, high }: Wire): number | string {
  const number = (high | 0) * 2 ** 32 + low
  return Number.isSafeInteger(number) ? number : String(BigInt.asIntN(64, unsignedOf(low, high)))
}

const unsignedOf = (low: number, high: number): bigint => (BigInt(high) << 32n) | BigInt(low)

/** The spelling of a double in JSON, which has no number for these. */
function doubleOf(it: Wire): number | string {
  const value = it.view.getFloat64(readFixed(it, 8), true)
  return Number.isFinite(value) ? value : String(value)
}

function bytesOf(it: Wire, end: number, encoding: 'hex' | 'base64'): string {
  const stop = readEnd(it, end)
  const text = it.bytes.toString(encoding, it.pos, stop)
  it.pos = stop
  return text
}

/** Reads a varint, then converts it. */
const varint =
  (convert: (it: Wire) => unknown): Read =>
  it => {
    readVarint(it)
    return convert(it)
  }

const SCALARS: Readonly<Record<ScalarType, readonly [type: number, Read]>> = {
  string: [LENGTH_DELIMITED, readText],
  hex: [LENGTH_DELIMITED, (it, end) => bytesOf(it, end, 'hex')],
  base64: [LENGTH_DELIMITED, (it, end) => bytesOf(it, end, 'base64')],
  bool: [VARINT, varint(({ low, high }) => low !== 0 || high !== 0)],
  int32: [VARINT, varint(({ low }) => low | 0)],
  uint32: [VARINT, varint(({ low }) => low)],
  sint32: [VARINT, varint(({ low }) => (low >>> 1) ^ -(low & 1))],
  int64: [VARINT, varint(it => String(integerOf(it)))],
  uint64: [VARINT, varint(({ low, high }) => String(unsignedOf(low, high)))],
  fixed32: [FIXED32, it => it.view.getUint32(readFixed(it, 4), true)],
  fixed64: [FIXED64, it => String(it.view.getBigUint64(readFixed(it, 8), true))],
  sfixed64: [FIXED64, it => String(it.view.getBigInt64(readFixed(it, 8), true))],
  double: [FIXED64, doubleOf],
}

const MESSAGE_FIELDS: ReadonlyMap<string, Fields> = compileTable()

/** The fields of a message of the table. */
export function fieldsOf(message: string): Fields {
  return MESSAGE_FIELDS.get(message)!
}

function compileTable(): Map<string, Fields> {
  const compiled = new Map<string, Field[]>(Object.keys(MESSAGES).map(name => [name, []]))
  for (const [message, rows] of Object.entries(MESSAGES)) {
    for (const [number, [name, type, repeated]] of Object.entries(rows)) {
      const [wireType, read] = SCALARS[type as ScalarType] ?? [LENGTH_DELIMITED, undefined]
      compiled.get(message)![Number(number)] = {
        name,
        repeated: repeated !== undefined,
        wireType,
        isText: type === 'string',
        isChoice: message === 'AnyValue',
        read,
        message: compiled.get(type) ?? [],
      }
    }
  }
  return compiled
}
