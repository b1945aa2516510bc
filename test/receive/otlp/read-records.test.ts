import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { extractLogs } from '../../../src/receive/otlp/extract.ts'
import { extractSpans } from '../../../src/receive/otlp/extract-spans.ts'
import type { Extracted } from '../../../src/receive/otlp/extractor.ts'
import { DEFAULT_MAPPING } from '../../../src/receive/otlp/mapping/default-mapping.ts'
import type { OtlpMapping } from '../../../src/receive/otlp/mapping/mapping.ts'
import { mergeMapping } from '../../../src/receive/otlp/mapping/table.ts'
import { OtlpDecodeError } from '../../../src/receive/otlp/protobuf/decode.ts'
import type { LogsRequest, TracesRequest } from '../../../src/receive/otlp/schema.ts'
import type { WholeRecord } from '../../../src/receive/otlp/telemetry-record.ts'
import { createTraceMemory } from '../../../src/receive/otlp/traces/trace-memory.ts'
import { holdsRecord, type RecordSignal } from '../../../src/receive/otlp/wrong-signal.ts'
import { capture, sendLogs, sendSpans, variedLogRecords, variedSpans } from './telemetry.ts'
import { decodeBody, PUBLISHED, REQUESTS } from './wire.ts'

/** One field of a message: it writes itself. */
type Write = (writer: BinaryWriter) => void
type Writes = fc.Arbitrary<Write>

const { Bit32, Bit64, LengthDelimited, StartGroup, EndGroup, Varint } = WireType

function message(fields: readonly Write[]): Buffer {
  const writer = new BinaryWriter()
  for (const write of fields) write(writer)
  return Buffer.from(writer.finish())
}

const held =
  (number: number, inner: Uint8Array): Write =>
  writer =>
    writer.tag(number, LengthDelimited).bytes(inner)
const text = (number: number, of: string): Write => held(number, Buffer.from(of))

// Any message, by the published table.

const NAMES = ['agent_name', 'model_name', 'variant', 'error_type', 'confidence', 'timestamp', 'event.name', 'success']
const SPAN_NAMES = ['gen_ai.agent.name', 'error.type', 'gen_ai.response.finish_reasons', 'gen_ai.usage.input_tokens']
const strings = fc.oneof(
  fc.constantFrom(...NAMES, ...SPAN_NAMES, 'exception', 'exception.type', 'agent.attempt', 'invoke_agent', 'chat'),
  fc.constantFrom('a', 'é', '🦊', '\ufeffa', 'say "hi"', 'back\\slash', '', '\u0001', 'true', '0.5', '7'),
  fc.constantFrom('x'.repeat(64), 'x'.repeat(65), 'x'.repeat(300), '2026-01-31T12:00:00.5+01:00'),
  fc.string({ unit: 'binary', maxLength: 6 }).map(of => of.toWellFormed()),
)
const bytes = fc.oneof(
  fc.constantFrom(new Uint8Array(0), new Uint8Array(8), new Uint8Array(16), new Uint8Array([1, 2, 3])),
  fc.uint8Array({ minLength: 8, maxLength: 8 }),
  fc.uint8Array({ minLength: 16, maxLength: 16 }),
)
const varints = fc.oneof(
  fc.constantFrom(0n, 1n, 2n, 127n, 128n, 2n ** 31n, 2n ** 32n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
)
const doubles = fc.oneof(fc.double(), fc.constantFrom(0, -0, 0.5, 1e-9, Number.NaN, Number.POSITIVE_INFINITY))
const nanos = fc.oneof(varints, fc.constant(1769860800123456789n))

/** To how many bytes a varint is padded. 11 are too many. */
const paddings = fc.oneof(
  { weight: 40, arbitrary: fc.constant(0) },
  { weight: 8, arbitrary: fc.constantFrom(3, 10) },
  { weight: 1, arbitrary: fc.constant(11) },
)

/** A varint, possibly longer than needed. */
function varint(writer: BinaryWriter, value: bigint, padding: number): void {
  const out: number[] = []
  for (let rest = value; rest > 0n || out.length === 0; rest >>= 7n) out.push(Number(rest & 0x7fn) | 0x80)
  while (out.length < padding) out.push(0x80)
  out.push(out.pop()! & 0x7f)
  writer.raw(new Uint8Array(out))
}

const ofWireType = {
  [Varint]: (number: number): Writes =>
    fc.tuple(varints, paddings).map(([value, padding]) => writer => {
      writer.tag(number, Varint)
      varint(writer, value, padding)
    }),
  [Bit64]: (number: number): Writes =>
    fc.oneof(
      nanos.map(
        (of): Write =>
          writer =>
            writer.tag(number, Bit64).fixed64(of),
      ),
      doubles.map(
        (of): Write =>
          writer =>
            writer.tag(number, Bit64).double(of),
      ),
    ),
  [Bit32]: (number: number): Writes => fc.nat().map(of => writer => writer.tag(number, Bit32).fixed32(of)),
  [LengthDelimited]: (number: number): Writes =>
    fc.oneof(
      bytes.map(of => held(number, of)),
      strings.map(of => text(number, of)),
    ),
}
const wireTypes = fc.constantFrom(Varint, Bit64, Bit32, LengthDelimited)

/** Fields of numbers or types that are not published, and groups. */
const odd: Writes = fc.oneof(
  fc.tuple(fc.integer({ min: 1, max: 40 }), wireTypes).chain(([number, type]) => ofWireType[type](number)),
  fc.constantFrom<Write>(
    writer => {
      writer.tag(50, StartGroup).tag(1, Varint).uint32(1).tag(50, EndGroup)
    },
    writer => {
      writer.tag(3, StartGroup).tag(4, StartGroup).tag(4, EndGroup).tag(3, EndGroup)
    },
    // A tag that is longer than needed.
    writer => {
      varint(writer, 99n << 3n, 5)
      varint(writer, 7n, 1)
    },
  ),
)

/** The type of a field, and how values of it are written. */
function fieldOf([number, declared]: readonly [number, string], depth: number): Writes {
  const type = declared.replace('repeated ', '')
  if (PUBLISHED[type] !== undefined)
    return depth > 6
      ? fc.constant(held(number, message([])))
      : anyOf(type, depth + 1, 3).map(all => held(number, message(all)))
  if (type === 'string') return strings.map(of => text(number, of))
  if (type === 'bytes') return bytes.map(of => held(number, of))
  if (type === 'double') return doubles.map(of => writer => writer.tag(number, Bit64).double(of))
  if (type.includes('fixed')) return ofWireType[type === 'fixed32' ? Bit32 : Bit64](number)
  return ofWireType[Varint](number)
}

/** Some fields of a message, which may come again, nearly all of them published ones. */
function anyOf(name: string, depth: number, maxLength: number): fc.Arbitrary<Write[]> {
  const published = fc.constantFrom(...Object.values(PUBLISHED[name]!)).chain(field => fieldOf(field, depth))
  return fc.array(fc.oneof({ weight: 40, arbitrary: published }, { weight: 1, arbitrary: odd }), { maxLength })
}

// Requests with attempts among any other fields.

const said = (number: number, key: string, value: Write): Write =>
  held(number, message([text(1, key), held(2, message([value]))]))
const saidText = (number: number, key: string, value: string): Write => said(number, key, text(1, value))

const RECORDS: Readonly<Record<RecordSignal, (agent: string) => readonly Write[]>> = {
  logs: agent => [
    saidText(6, 'agent_name', agent),
    saidText(6, 'model_name', 'm'),
    saidText(6, 'issue_type', 'i'),
    said(6, 'success', writer => writer.tag(2, Varint).bool(true)),
    said(6, 'time_seconds', writer => writer.tag(4, Bit64).double(1.5)),
    text(12, 'agent.attempt'),
  ],
  traces: agent => [
    held(1, Buffer.from(`trace-${agent}`.padEnd(16, '0')).subarray(0, 16)),
    held(2, Buffer.from(`s${agent}`.padEnd(8, '0')).subarray(0, 8)),
    writer => writer.tag(7, Bit64).fixed64(1769860800000000000n),
    writer => writer.tag(8, Bit64).fixed64(1769860801500000000n),
    saidText(9, 'gen_ai.operation.name', agent.length % 3 === 2 ? 'chat' : 'invoke_agent'),
    saidText(9, 'gen_ai.agent.name', agent),
    said(9, 'gen_ai.usage.output_tokens', writer => writer.tag(3, Varint).int64(70)),
  ],
}
const MESSAGES = { logs: 'LogRecord', traces: 'Span' } as const

function requestOf(signal: RecordSignal): fc.Arbitrary<Buffer> {
  const agents = fc.constantFrom('a', 'b', 'agent-number-001', 'é', 'say "hi"', '')
  const record = fc
    .tuple(agents, anyOf(MESSAGES[signal], 3, 5), fc.constantFrom(0, 0, 0, 1, 9))
    .chain(([agent, more, missing]) => {
      const all = [...RECORDS[signal](agent).slice(missing), ...more]
      return fc.oneof(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length }))
    })
    .map(fields => held(2, message(fields)))
  const inContainer = (parts: Writes, header: string, depth: number): Writes =>
    fc
      .tuple(fc.array(parts, { maxLength: 3 }), anyOf(header, depth, 3), fc.constantFrom(0, 1, 2), fc.nat(9))
      .map(([all, fields, at, isOdd]) => {
        const headers = isOdd === 0 ? [held(1, message(fields)), held(1, message([]))] : [held(1, message(fields))]
        return message([...all.slice(0, at), ...headers, ...all.slice(at), text(3, 'https://example.org/schema')])
      })
      .map(inner => held(depth === 2 ? 2 : 1, inner))
  const scope = inContainer(record, 'InstrumentationScope', 2)
  return fc.array(inContainer(scope, 'Resource', 1), { maxLength: 2 }).map(message)
}

const ODD_MAPPING = mergeMapping({
  'agent.attempt': {
    attempt: {
      agent_name: ['agent_name', 'resource:agent_name', 'record:body'],
      issue_type: [{ value: 'say "hi"' }],
      model_name: [{ join: ['model_name', 'record:event'] }],
      variant: ['variant', { from: 'record:trace_id', in: ['x'] }, 'record:span_id'],
      error_type: ['resource:error_type', 'record:event', 'record:scope'],
    },
  },
  invoke_agent: {
    when: { 'gen_ai.agent.name': { absent: false } },
    attempt: {
      issue_type: ['record:operation', 'record:kind', 'resource:agent_name', { value: 'i' }],
      session_id: ['record:parent_span_id', 'record:scope'],
      error_type: ['exception.type', 'record:error_type'],
    },
  },
})

type Result = Omit<Extracted, 'undo'> | 'refused'

function extracted(signal: RecordSignal, request: Buffer | object, mapping: OtlpMapping): Result {
  try {
    if (signal === 'logs') return extractLogs(request as Buffer | LogsRequest, mapping)
    const { undo, ...found } = extractSpans(request as Buffer | TracesRequest, mapping, createTraceMemory(), 0)
    return found
  } catch (error) {
    expect(error).toBeInstanceOf(OtlpDecodeError)
    return 'refused'
  }
}

/** What another parser finds in the bytes, and the reader of JSON makes of that. */
function expected(signal: RecordSignal, bytes: Buffer, mapping: OtlpMapping): Result {
  let json: object
  try {
    json = decodeBody(REQUESTS[signal], bytes)
  } catch {
    return 'refused'
  }
  const { resourceLogs, resourceSpans } = json as LogsRequest & TracesRequest
  const records = [
    ...(resourceLogs ?? []).flatMap(({ scopeLogs }) => (scopeLogs ?? []).flatMap(of => of.logRecords ?? [])),
    ...(resourceSpans ?? []).flatMap(({ scopeSpans }) => (scopeSpans ?? []).flatMap(of => of.spans ?? [])),
  ]
  const isOfSignal = records.length === 0 || records.some(record => holdsRecord(signal, record as WholeRecord))
  return isOfSignal ? extracted(signal, json, mapping) : 'refused'
}

describe.each([
  ['logs', 'the shipped mapping', DEFAULT_MAPPING],
  ['logs', 'a mapping of odd places', ODD_MAPPING],
  ['traces', 'the shipped mapping', DEFAULT_MAPPING],
  ['traces', 'a mapping of odd places', ODD_MAPPING],
] as const)('of %s in protobuf by %s', (signal, _, mapping) => {
  const requests = requestOf(signal)

  test('the same attempts are extracted as by another parser, in any form that the format allows', () => {
    let found = 0
    let attempts = 0
    const law = fc.property(requests, bytes => {
      const result = extracted(signal, bytes, mapping)
      expect(result).toEqual(expected(signal, bytes, mapping))
      if (result === 'refused') return
      found++
      attempts += result.attempts.length
    })
    fc.assert(law, { numRuns: 600 })
    expect(found).toBeGreaterThan(300)
    expect(attempts).toBeGreaterThan(200)
  })

  test('damaged bytes are refused, or extracted, as by another parser', () => {
    let refused = 0
    const change = fc.record({ at: fc.nat(), byte: fc.nat(255), cut: fc.boolean() })
    const law = fc.property(requests, change, (bytes, { at, byte, cut }) => {
      const damaged = Buffer.from(cut ? bytes.subarray(0, at % (bytes.length + 1)) : bytes)
      if (!cut && damaged.length > 0) damaged[at % damaged.length] = byte
      const result = extracted(signal, damaged, mapping)
      expect(result).toEqual(expected(signal, damaged, mapping))
      if (result === 'refused') refused++
    })
    fc.assert(law, { numRuns: 800 })
    expect(refused).toBeGreaterThan(200)
  })
})

test('the attempts of real exporters are those that another parser finds', async () => {
  const logs = await capture(url => sendLogs(url, 'protobuf', variedLogRecords()))
  const spans = await capture(url => sendSpans(url, 'protobuf', variedSpans()))
  for (const [signal, { body }] of [
    ['logs', logs],
    ['traces', spans],
  ] as const) {
    expect(extracted(signal, body, DEFAULT_MAPPING)).toEqual(expected(signal, body, DEFAULT_MAPPING))
    expect(extracted(signal, body, DEFAULT_MAPPING)).not.toBe('refused')
  }
})

const logsOf = (...records: readonly (readonly Write[])[]): Buffer =>
  message([held(1, message([held(2, message(records.map(fields => held(2, message(fields)))))]))])

test('a record whose last field exceeds it is refused', () => {
  const cut = message([...RECORDS.logs('a'), writer => writer.tag(1, Bit64).fixed64(1n)]).subarray(0, -4)
  const whole = message(RECORDS.logs('a'))
  const bytes = message([held(1, message([held(2, message([held(2, cut), held(2, whole)]))]))])
  expect(() => extractLogs(bytes, DEFAULT_MAPPING)).toThrow(OtlpDecodeError)
})

test('a name is read unchanged, also if it was an attribute name before', () => {
  const name = 'known and "quoted"'
  const bytes = logsOf([...RECORDS.logs(name), saidText(6, name, 'x'), writer => writer.tag(1, Bit64).fixed64(1n)])
  expect(extractLogs(bytes, DEFAULT_MAPPING).attempts).toMatchObject([{ agent_name: name }])
})

test('a request of 5 MB is read; one of too many fields is refused, and leaves no span behind', () => {
  const big = logsOf([...RECORDS.logs('a'), saidText(6, 'x', 'u'.repeat(5_000_000))])
  expect(extractLogs(big, DEFAULT_MAPPING).attempts).toHaveLength(1)
  const memory = createTraceMemory()
  const span = held(2, message([...RECORDS.traces('a')]))
  const many = message([held(1, message([held(2, message([span, held(2, Buffer.alloc(4_000_000, '\x78\x00'))]))]))])
  const one = message([held(1, message([held(2, message([span]))]))])
  const spans = (bytes: Buffer): Extracted => extractSpans(bytes, DEFAULT_MAPPING, memory, 0)
  expect(() => spans(many)).toThrow('send smaller batches')
  expect(spans(one).attempts).toHaveLength(1)
})

test('names are found in any order, with others in between, and more of them than are cached', () => {
  const others = Array.from({ length: 700 }, (_, i) => saidText(6, `other-${i}`, 'x'))
  const good = RECORDS.logs('a')
  const orders = [good, [...good].reverse(), [...others, ...good], good.flatMap(one => [...others, one])]
  const { attempts } = extractLogs(logsOf(...orders, ...orders), DEFAULT_MAPPING)
  expect(attempts).toHaveLength(8)
  expect(new Set(attempts.map(attempt => JSON.stringify(attempt))).size).toBe(1)
})
