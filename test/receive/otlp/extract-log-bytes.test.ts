import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { extractLogs } from '../../../src/receive/otlp/extract.ts'
import type { Extracted } from '../../../src/receive/otlp/extractor.ts'
import { DEFAULT_MAPPING } from '../../../src/receive/otlp/mapping/default-mapping.ts'
import type { OtlpMapping } from '../../../src/receive/otlp/mapping/mapping.ts'
import { mergeMapping } from '../../../src/receive/otlp/mapping/table.ts'
import { decodeRequest, OtlpDecodeError } from '../../../src/receive/otlp/protobuf/decode.ts'
import { extractLogBytes } from '../../../src/receive/otlp/protobuf/extract-log-bytes.ts'
import type { LogsRequest } from '../../../src/receive/otlp/schema.ts'
import { capture, logRecords, sendLogs, variedLogRecords } from './telemetry.ts'

/** One field of a message: it writes itself. */
type Write = (writer: BinaryWriter) => void

const { Bit32, Bit64, LengthDelimited, Varint } = WireType
const message = (fields: readonly Write[]): Uint8Array => {
  const writer = new BinaryWriter()
  for (const write of fields) write(writer)
  return writer.finish()
}
const held =
  (number: number, inner: Uint8Array): Write =>
  w =>
    w.tag(number, LengthDelimited).bytes(inner)
const text = (number: number, of: string): Write => held(number, Buffer.from(of))

const names = fc.constantFrom('a', 'b', 'agent-number-001', 'gpt-x', 'é', '🦊', 'say "hi"', 'back\\slash', '', '\u0001')
const strings = fc.oneof(
  names,
  fc.string({ unit: 'binary', maxLength: 6 }).map(of => of.toWellFormed()),
  fc.constantFrom('x'.repeat(64), 'x'.repeat(65), 'x'.repeat(300), '2026-01-31T12:00:00.5+01:00', 'true', '0.5', '7'),
)
const stringValue = strings.map((of): Write => text(1, of))
const boolValue = fc.boolean().map(
  (of): Write =>
    w =>
      w.tag(2, Varint).bool(of),
)
const intValue = fc
  .oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.bigInt({ min: -300n, max: 2n ** 36n }))
  .map(
    (of): Write =>
      w =>
        w.tag(3, Varint).int64(of),
  )
const doubleValue = fc.oneof(fc.double(), fc.constantFrom(0, -0, 0.5, 1e-9, Number.NaN, Number.POSITIVE_INFINITY)).map(
  (of): Write =>
    w =>
      w.tag(4, Bit64).double(of),
)
const nested = fc.constantFrom<Write>(
  held(5, message([held(1, message([text(1, 'in a list')]))])),
  held(6, message([held(1, message([text(1, 'k'), held(2, message([text(1, 'v')]))]))])),
  w => w.tag(7, LengthDelimited).bytes(new Uint8Array([0xff])),
  w => w.tag(8, Varint).int32(5),
  w => w.tag(99, Varint).uint32(1),
)
const scalar = fc.oneof(stringValue, boolValue, intValue, doubleValue)
const anyValue = fc
  .oneof(
    { weight: 20, arbitrary: scalar.map(one => [one]) },
    { weight: 1, arbitrary: fc.array(fc.oneof(scalar, nested), { maxLength: 3 }) },
  )
  .map(message)

const keys = fc.oneof(
  fc.constantFrom('agent_name', 'model_name', 'variant', 'error_type', 'confidence', 'input_tokens', 'timestamp'),
  fc.constantFrom('event.name', 'not asked for', 'k'.repeat(65), '', 'schlüssel'),
)
const attribute = fc
  .oneof(
    { weight: 20, arbitrary: fc.tuple(keys, anyValue).map(([key, value]) => [text(1, key), held(2, value)]) },
    { weight: 1, arbitrary: fc.tuple(keys, anyValue).map(([key, value]) => [held(2, value), text(1, key)]) },
    { weight: 1, arbitrary: keys.map(key => [text(1, key)]) },
    { weight: 1, arbitrary: anyValue.map(value => [held(2, value)]) },
    {
      weight: 1,
      arbitrary: fc.tuple(keys, anyValue).map(([key, value]) => [text(1, key), held(2, value), text(3, 'x')]),
    },
  )
  .map((fields): Write => held(6, message(fields)))

const said = (key: string, value: Write): Write => held(6, message([text(1, key), held(2, message([value]))]))
const good = (agent: string): readonly Write[] => [
  said('agent_name', text(1, agent)),
  said('model_name', text(1, 'm')),
  said('issue_type', text(1, 'i')),
  said('success', w => w.tag(2, Varint).bool(true)),
  said('time_seconds', w => w.tag(4, Bit64).double(1.5)),
]
const nanos = fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.constant(1769860800123456789n))
const id = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.oneof(
    fc.uint8Array({ minLength: length, maxLength: length }),
    fc.constantFrom(new Uint8Array(0), new Uint8Array(length), new Uint8Array(3)),
  )
const usual = fc.oneof(
  nanos.map(
    (of): Write =>
      w =>
        w.tag(1, Bit64).fixed64(of),
  ),
  nanos.map(
    (of): Write =>
      w =>
        w.tag(11, Bit64).fixed64(of),
  ),
  fc.nat(24).map(
    (of): Write =>
      w =>
        w.tag(2, Varint).int32(of),
  ),
  fc.constant<Write>(text(3, 'INFO')),
  anyValue.map(value => held(5, value)),
  fc.nat(3).map(
    (of): Write =>
      w =>
        w.tag(7, Varint).uint32(of),
  ),
  fc.nat(1).map(
    (of): Write =>
      w =>
        w.tag(8, Bit32).fixed32(of),
  ),
  id(16).map(of => held(9, of)),
  id(8).map(of => held(10, of)),
  attribute,
)
const odd = fc.oneof(
  fc.constantFrom<Write>(text(3, 'WÄRNING'), text(12, ''), text(12, 'evént'), text(12, 'other.event')),
  fc.constantFrom<Write>(
    w => w.tag(2, Varint).int32(-1),
    w => w.tag(99, Varint).uint32(1),
    text(98, 'new'),
    text(1, 'x'),
  ),
)
const record = fc
  .tuple(names, fc.array(usual, { maxLength: 6 }), fc.array(odd, { maxLength: 1 }), fc.constantFrom(0, 0, 0, 0, 1, 2))
  .chain(([agent, more, odder, missing]) => {
    const event = missing === 2 ? said('event.name', text(1, 'agent.attempt')) : text(12, 'agent.attempt')
    const fields = [...good(agent).slice(missing === 1 ? 1 : 0), event]
    const all = [...fields, ...more, ...(odder.length > 0 && more.length === 6 ? odder : [])]
    return fc.oneof(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length }))
  })
  .map(fields => held(2, message(fields)))

const resource = fc.array(attribute, { maxLength: 2 }).map(attributes => {
  // The attributes of a resource have another number.
  const moved = attributes.map(write => {
    const bytes = message([write])
    return (w: BinaryWriter) => w.raw(new Uint8Array([0x0a, ...bytes.subarray(1)]))
  })
  return held(1, message(moved))
})
const scopeLogs = fc
  .tuple(fc.array(record, { maxLength: 4 }), fc.constantFrom<Write[]>([], [held(1, message([text(1, 'scope')]))]))
  .map(([records, scope]) => held(2, message([...scope, ...records])))
const resourceLogs = fc
  .tuple(
    fc.option(resource, { nil: undefined }),
    fc.array(scopeLogs, { maxLength: 2 }),
    fc.constantFrom(0, 0, 0, 0, 0, 1),
  )
  .map(([of, scopes, isLate]) => {
    const parts = of === undefined ? scopes : isLate === 1 ? [...scopes, of] : [of, ...scopes]
    return held(1, message([...parts, text(3, 'https://example.org/schema')]))
  })
const request = fc.array(resourceLogs, { maxLength: 2 }).map(all => Buffer.from(message(all)))

const ODD_MAPPING = mergeMapping({
  'agent.attempt': {
    attempt: {
      agent_name: ['agent_name', 'resource:agent_name', 'record:body'],
      issue_type: [{ value: 'say "hi"' }],
      model_name: [{ join: ['model_name', 'record:event'] }],
      variant: ['variant', { from: 'record:trace_id', in: ['x'] }, 'record:span_id'],
      error_type: ['resource:error_type', 'record:event'],
    },
  },
})

const decoded = (bytes: Buffer, mapping: OtlpMapping): Extracted =>
  extractLogs(decodeRequest('logs', 'protobuf', bytes) as LogsRequest, mapping)

describe.each([
  ['the shipped mapping', DEFAULT_MAPPING],
  ['a mapping of odd places', ODD_MAPPING],
])('what is found in the bytes by %s', (_, mapping) => {
  test('extracts the same as from the decoded request', () => {
    let found = 0
    let attempts = 0
    const law = fc.property(request, bytes => {
      const extracted = extractLogBytes(bytes, mapping)
      if (extracted === undefined) return
      found++
      attempts += extracted.attempts.length
      expect(extracted).toEqual(decoded(bytes, mapping))
    })
    fc.assert(law, { numRuns: 3000 })
    expect(found).toBeGreaterThan(1000)
    expect(attempts).toBeGreaterThan(500)
  })

  test('extracts nothing if the request cannot be decoded, for any changed or missing byte', () => {
    const change = fc.record({ at: fc.nat(), byte: fc.nat(255), cut: fc.boolean() })
    const law = fc.property(request, change, (bytes, { at, byte, cut }) => {
      const spoilt = Buffer.from(cut ? bytes.subarray(0, at % (bytes.length + 1)) : bytes)
      if (!cut && spoilt.length > 0) spoilt[at % spoilt.length] = byte
      const extracted = extractLogBytes(spoilt, mapping)
      if (extracted !== undefined) expect(extracted).toEqual(decoded(spoilt, mapping))
    })
    fc.assert(law, { numRuns: 5000 })
  })
})

test('extracts the attempts of a real exporter without decoding its request', async () => {
  for (const records of [variedLogRecords(), logRecords([{ attributes: { agent_name: 'a' } }])]) {
    const { body } = await capture(url => sendLogs(url, 'protobuf', records))
    expect(extractLogBytes(body, DEFAULT_MAPPING)).toEqual(decoded(body, DEFAULT_MAPPING))
  }
})

test('leaves a record to the decoder whose last field exceeds it', () => {
  const cut = message([...good('a'), text(12, 'agent.attempt'), w => w.tag(1, Bit64).fixed64(1n)]).slice(0, -4)
  const whole = message([...good('a'), text(12, 'agent.attempt')])
  const bytes = Buffer.from(message([held(1, message([held(2, message([held(2, cut), held(2, whole)]))]))]))
  expect(() => decodeRequest('logs', 'protobuf', bytes)).toThrow(OtlpDecodeError)
  expect(extractLogBytes(bytes, DEFAULT_MAPPING)).toBeUndefined()
})

test('does not cache a name that needs escapes, also if it was an attribute name before', () => {
  const name = 'known and "quoted"'
  const time: Write = w => w.tag(1, Bit64).fixed64(1769860800123456789n)
  const one = message([...good(name), said(name, text(1, 'x')), text(12, 'agent.attempt'), time])
  const bytes = Buffer.from(message([held(1, message([held(2, message([held(2, one)]))]))]))
  const expected = decoded(bytes, DEFAULT_MAPPING)
  expect(extractLogBytes(bytes, DEFAULT_MAPPING)).toEqual(expected)
  expect(expected.rawJson.pending).toBe('')
})

test('leaves a request to the decoder that may exceed the limit of fields', () => {
  const bytes = Buffer.from(message([held(1, message([held(2, message([text(3, 'u'.repeat(4_000_001))]))]))]))
  expect(extractLogBytes(bytes, DEFAULT_MAPPING)).toBeUndefined()
  expect(() => decodeRequest('logs', 'protobuf', bytes)).not.toThrow(OtlpDecodeError)
})

test('finds names in any order, with others in between, and more of them than it caches', () => {
  const others = Array.from({ length: 700 }, (_, i) => said(`other-${i}`, text(1, 'x')))
  const orders = [
    good('a'),
    [...good('a')].reverse(),
    [...others, ...good('a')],
    good('a').flatMap(one => [...others, one]),
  ]
  const records = [...orders, ...orders].map(fields => held(2, message([...fields, text(12, 'agent.attempt')])))
  const extracted = extractLogBytes(
    Buffer.from(message([held(1, message([held(2, message(records))]))])),
    DEFAULT_MAPPING,
  )
  expect(extracted?.attempts).toHaveLength(8)
  expect(new Set(extracted?.attempts.map(attempt => JSON.stringify(attempt))).size).toBe(1)
})
