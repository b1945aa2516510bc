/** A protobuf writer and reader for tests, with the published field numbers and not with those of the decoder. */
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import published from '../../fixtures/otlp/field-numbers.json' with { type: 'json' }

/** Message -> field as the protocol spells it -> its number and type. */
export const PUBLISHED: Readonly<Record<string, Readonly<Record<string, readonly [number, string]>>>> =
  published as unknown as Record<string, Record<string, [number, string]>>

export const REQUESTS = {
  logs: 'ExportLogsServiceRequest',
  traces: 'ExportTraceServiceRequest',
  metrics: 'ExportMetricsServiceRequest',
} as const

/** A value of a type on the wire, and as OTLP/JSON spells it. */
export const SAMPLES: Readonly<Record<string, { write(writer: BinaryWriter, number: number): void; json: unknown }>> = {
  string: { write: (w, n) => w.tag(n, WireType.LengthDelimited).string('é'), json: 'é' },
  bool: { write: (w, n) => w.tag(n, WireType.Varint).bool(true), json: true },
  enum: { write: (w, n) => w.tag(n, WireType.Varint).int32(2), json: 2 },
  int32: { write: (w, n) => w.tag(n, WireType.Varint).int32(-5), json: -5 },
  uint32: { write: (w, n) => w.tag(n, WireType.Varint).uint32(4294967295), json: 4294967295 },
  sint32: { write: (w, n) => w.tag(n, WireType.Varint).sint32(-3), json: -3 },
  int64: { write: (w, n) => w.tag(n, WireType.Varint).int64('-9007199254740993'), json: '-9007199254740993' },
  uint64: { write: (w, n) => w.tag(n, WireType.Varint).uint64('18446744073709551615'), json: '18446744073709551615' },
  fixed32: { write: (w, n) => w.tag(n, WireType.Bit32).fixed32(257), json: 257 },
  fixed64: { write: (w, n) => w.tag(n, WireType.Bit64).fixed64('18446744073709551615'), json: '18446744073709551615' },
  sfixed64: { write: (w, n) => w.tag(n, WireType.Bit64).sfixed64('-9007199254740993'), json: '-9007199254740993' },
  double: { write: (w, n) => w.tag(n, WireType.Bit64).double(0.1), json: 0.1 },
  bytes: { write: (w, n) => w.tag(n, WireType.LengthDelimited).bytes(new Uint8Array([0xab, 0xcd])), json: 'q80=' },
  id: { write: (w, n) => w.tag(n, WireType.LengthDelimited).bytes(new Uint8Array([0xab, 0xcd])), json: 'abcd' },
}

/** One step from a message into a nested one. */
export interface Step {
  readonly number: number
  readonly name: string
  readonly repeated: boolean
}

/** The steps from a request to a message. Undefined if the request cannot contain it. */
export function pathTo(message: string, from: string, seen: readonly string[] = []): readonly Step[] | undefined {
  if (message === from) return []
  if (seen.includes(from)) return undefined
  for (const [name, [number, type]] of Object.entries(PUBLISHED[from] ?? {})) {
    const rest = pathTo(message, type.replace('repeated ', ''), [...seen, from])
    if (rest !== undefined) return [{ number, name: camel(name), repeated: type.startsWith('repeated ') }, ...rest]
  }
  return undefined
}

/** A request whose message at the end of the path is `inner`. */
export function within(path: readonly Step[], inner: Uint8Array): Buffer {
  const bytes = path.reduceRight(
    (held, { number }) => new BinaryWriter().tag(number, WireType.LengthDelimited).bytes(held).finish(),
    inner,
  )
  return Buffer.from(bytes)
}

/** The same in OTLP/JSON. */
export function jsonWithin(path: readonly Step[], inner: unknown): unknown {
  return path.reduceRight((held, { name, repeated }) => ({ [name]: repeated ? [held] : held }), inner)
}

/** `time_unix_nano` -> `timeUnixNano`. */
export function camel(name: string): string {
  return name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase())
}

/** A message in OTLP/JSON -> its protobuf form. Ids are hex, other bytes base64. */
export function encodeJson(message: string, json: Readonly<Record<string, unknown>>): Buffer {
  const writer = new BinaryWriter()
  for (const [name, [number, declared]] of Object.entries(PUBLISHED[message]!)) {
    const value = json[camel(name)]
    if (value === undefined || value === null) continue
    const type = declared.replace('repeated ', '')
    for (const one of declared === type ? [value] : (value as unknown[])) encodeValue(writer, number, name, type, one)
  }
  return Buffer.from(writer.finish())
}

function encodeValue(writer: BinaryWriter, number: number, name: string, type: string, value: unknown): void {
  if (PUBLISHED[type] !== undefined) {
    const inner = encodeJson(type, value as Record<string, unknown>)
    writer.tag(number, WireType.LengthDelimited).bytes(inner)
  } else if (type === 'bytes') {
    const bytes = Buffer.from(value as string, name.endsWith('_id') ? 'hex' : 'base64')
    writer.tag(number, WireType.LengthDelimited).bytes(bytes)
  } else if (type === 'string') writer.tag(number, WireType.LengthDelimited).string(value as string)
  else if (type === 'double') writer.tag(number, WireType.Bit64).double(Number(value))
  else if (type === 'fixed64') writer.tag(number, WireType.Bit64).fixed64(String(value))
  else if (type === 'fixed32') writer.tag(number, WireType.Bit32).fixed32(Number(value))
  else if (type === 'bool') writer.tag(number, WireType.Varint).bool(value as boolean)
  else writer.tag(number, WireType.Varint).int64(String(value))
}

/**
 * A message in protobuf -> OTLP/JSON, by another parser than that of the product. Of a field that comes again the last value counts, and
 * messages are merged. Throws where the bytes are damaged.
 */
export function decodeBody(message: string, bytes: Uint8Array): Record<string, unknown> {
  return readMessage(new BinaryReader(bytes), message, bytes.length, {})
}

type Json = Record<string, unknown>

function readMessage(reader: BinaryReader, message: string, end: number, into: Json): Json {
  while (reader.pos < end) {
    const [number, wireType] = reader.tag()
    const [name, [, declared]] = Object.entries(PUBLISHED[message]!).find(([, [of]]) => of === number) ?? ['', [0, '']]
    const type = declared.replace('repeated ', '')
    const known = type === '' ? undefined : PUBLISHED[type] === undefined ? WIRE_TYPES[type] : WireType.LengthDelimited
    if (wireType === known) put(into, message, camel(name), declared, readOne(reader, name, type, end, into))
    else if (known !== undefined && declared !== type && wireType === WireType.LengthDelimited) {
      const packedEnd = endOf(reader, end)
      while (reader.pos < packedEnd)
        put(into, message, camel(name), declared, readOne(reader, name, type, packedEnd, into))
      if (reader.pos !== packedEnd) throw new Error('a number exceeds its list')
    } else skip(reader, number, wireType)
  }
  if (reader.pos !== end) throw new Error('a field exceeds its message')
  return into
}

/** As the parser does it, except that it takes a varint of any length. */
function skip(reader: BinaryReader, number: number, wireType: WireType): void {
  if (wireType === WireType.Varint) reader.uint64()
  else if (wireType !== WireType.StartGroup) reader.skip(wireType, number)
  else {
    for (
      let [inner, type] = reader.tag();
      type !== WireType.EndGroup || inner !== number;
      [inner, type] = reader.tag()
    ) {
      if (type === WireType.EndGroup) throw new Error('a group ends as another one')
      skip(reader, inner, type)
    }
  }
}

function readOne(reader: BinaryReader, name: string, type: string, end: number, into: Json): unknown {
  if (PUBLISHED[type] === undefined) return SCALARS[/(^|_)(trace|span)_id$/.test(name) ? 'id' : type]!(reader)
  const before = into[camel(name)]
  const innerEnd = endOf(reader, end)
  return readMessage(reader, type, innerEnd, Array.isArray(before) ? {} : ((before ?? {}) as Json))
}

function put(into: Json, message: string, name: string, declared: string, value: unknown): void {
  // A value holds one of its fields.
  if (message === 'AnyValue') for (const other of Object.keys(into)) if (other !== name) delete into[other]
  if (declared.startsWith('repeated ')) into[name] = [...((into[name] ?? []) as unknown[]), value]
  else into[name] = value
}

function endOf(reader: BinaryReader, end: number): number {
  const length = reader.uint32()
  if (reader.pos + length > end) throw new Error('a message ends early')
  return reader.pos + length
}

const { Varint, Bit32, Bit64, LengthDelimited } = WireType
const WIRE_TYPES: Readonly<Record<string, WireType>> = {
  ...{
    string: LengthDelimited,
    bytes: LengthDelimited,
    double: Bit64,
    fixed64: Bit64,
    sfixed64: Bit64,
    fixed32: Bit32,
  },
  ...{ bool: Varint, enum: Varint, int32: Varint, uint32: Varint, sint32: Varint, int64: Varint, uint64: Varint },
}
const SCALARS: Readonly<Record<string, (reader: BinaryReader) => unknown>> = {
  string: reader => reader.string(true),
  bytes: reader => Buffer.from(reader.bytes()).toString('base64'),
  id: reader => Buffer.from(reader.bytes()).toString('hex'),
  double(reader) {
    const value = reader.double()
    return Number.isFinite(value) ? value : String(value)
  },
  bool: reader => reader.bool(),
  enum: reader => reader.int32(),
  int32: reader => reader.int32(),
  uint32: reader => reader.uint32(),
  sint32: reader => reader.sint32(),
  fixed32: reader => reader.fixed32(),
  int64: reader => String(reader.int64()),
  uint64: reader => String(reader.uint64()),
  fixed64: reader => String(reader.fixed64()),
  sfixed64: reader => String(reader.sfixed64()),
}
