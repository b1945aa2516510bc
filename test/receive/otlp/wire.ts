/** A protobuf writer for tests: messages as lists of fields, with the published field numbers and not with those of the decoder. */
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

/** Protobuf -> OTLP/JSON, by the published field numbers. Numbers in packed lists are not read: no request of spans or log records has them. */
export function decodeBody(message: string, bytes: Uint8Array): Record<string, unknown> {
  const reader = new BinaryReader(bytes)
  const fields = new Map(
    Object.entries(PUBLISHED[message]!).map(([name, [number, type]]) => [number, [name, type] as const]),
  )
  const json: Record<string, unknown> = {}
  while (reader.pos < bytes.length) {
    const [number, wireType] = reader.tag()
    const [name, declared] = fields.get(number) ?? []
    if (name === undefined || declared === undefined) {
      reader.skip(wireType, number)
      continue
    }
    const type = declared.replace('repeated ', '')
    const value = decodeValue(reader, name, type)
    if (declared === type) json[camel(name)] = value
    else json[camel(name)] = [...((json[camel(name)] as unknown[]) ?? []), value]
  }
  return json
}

function decodeValue(reader: BinaryReader, name: string, type: string): unknown {
  if (PUBLISHED[type] !== undefined) return decodeBody(type, reader.bytes())
  switch (type) {
    case 'bytes':
      return Buffer.from(reader.bytes()).toString(name.endsWith('_id') ? 'hex' : 'base64')
    case 'string':
      return reader.string()
    case 'double':
      return reader.double()
    case 'bool':
      return reader.bool()
    case 'fixed64':
      return String(reader.fixed64())
    case 'sfixed64':
      return String(reader.sfixed64())
    case 'int64':
      return String(reader.int64())
    case 'uint64':
      return String(reader.uint64())
    case 'fixed32':
      return reader.fixed32()
    default:
      return reader.int32()
  }
}
