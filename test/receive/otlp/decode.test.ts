import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeRequest, OtlpDecodeError, type Signal } from '../../../src/receive/otlp/protobuf/decode.ts'
import {
  capture,
  type Encoding,
  sendLogs,
  sendMetrics,
  sendSpans,
  variedLogRecords,
  variedMetrics,
  variedSpans,
} from './telemetry.ts'
import { camel, jsonWithin, PUBLISHED, pathTo, REQUESTS, SAMPLES, within } from './wire.ts'

const SIGNALS = ['logs', 'traces', 'metrics'] as const
const logRecord = pathTo('LogRecord', REQUESTS.logs)!

function signalOf(message: string): Signal {
  return SIGNALS.find(signal => pathTo(message, REQUESTS[signal]) !== undefined)!
}

const published = Object.entries(PUBLISHED).flatMap(([message, fields]) =>
  Object.entries(fields).map(([field, [number, type]]) => ({
    message,
    field,
    number,
    type: type.replace('repeated ', ''),
    repeated: type.startsWith('repeated '),
  })),
)

describe('every published field is read under its number and in its JSON form', () => {
  test.each(published)('$message.$field = $number', ({ message, field, number, type, repeated }) => {
    const signal = signalOf(message)
    const path = pathTo(message, REQUESTS[signal])!
    const sample = SAMPLES[/(^|_)(trace|span)_id$/.test(field) ? 'id' : type]
    const writer = new BinaryWriter()
    if (sample === undefined) writer.tag(number, WireType.LengthDelimited).bytes(new Uint8Array())
    else sample.write(writer, number)
    const value = sample === undefined ? {} : sample.json
    expect(decodeRequest(signal, 'protobuf', within(path, writer.finish()))).toEqual(
      jsonWithin(path, { [camel(field)]: repeated ? [value] : value }),
    )
  })

  test('names of attributes are read unchanged, in any order', () => {
    const name = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 100 }).map(text => text.toWellFormed()),
      fc.string({ unit: fc.constantFrom('a', 'b', '.'), minLength: 8, maxLength: 12 }),
    )
    fc.assert(
      fc.property(fc.array(name, { minLength: 100, maxLength: 200 }), names => {
        const writer = new BinaryWriter()
        for (const text of [...names, ...names.toReversed()]) {
          writer.tag(6, WireType.LengthDelimited).fork().tag(1, WireType.LengthDelimited).string(text).join()
        }
        const read = [...names, ...names.toReversed()].map(key => ({ key }))
        expect(decodeRequest('logs', 'protobuf', within(logRecord, writer.finish()))).toEqual(
          jsonWithin(logRecord, { attributes: read }),
        )
      }),
    )
  })

  test('lists of numbers are read packed and one by one', () => {
    const path = pathTo('HistogramDataPoint', REQUESTS.metrics)!
    const writer = new BinaryWriter().tag(6, WireType.LengthDelimited).fork().fixed64(1).fixed64(2).join()
    writer.tag(6, WireType.Bit64).fixed64(3).tag(7, WireType.LengthDelimited).fork().double(0.5).double(1).join()
    expect(decodeRequest('metrics', 'protobuf', within(path, writer.finish()))).toEqual(
      jsonWithin(path, { bucketCounts: ['1', '2', '3'], explicitBounds: [0.5, 1] }),
    )
  })

  test('doubles without a JSON number are written as in the JSON mapping of protobuf', () => {
    const path = pathTo('NumberDataPoint', REQUESTS.metrics)!
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      const writer = new BinaryWriter().tag(4, WireType.Bit64).double(value)
      const decoded = decodeRequest('metrics', 'protobuf', within(path, writer.finish()))
      expect(decoded).toEqual(jsonWithin(path, { asDouble: String(value) }))
    }
  })

  test('fields of no published number, and of another wire type, are skipped', () => {
    const writer = new BinaryWriter().tag(4, WireType.Varint).uint32(1).tag(99, WireType.Bit64).double(1)
    writer
      .tag(98, WireType.LengthDelimited)
      .string('new')
      .tag(97, WireType.StartGroup)
      .tag(1, WireType.Bit32)
      .fixed32(1)
    writer
      .tag(97, WireType.EndGroup)
      .tag(3, WireType.Varint)
      .uint32(7)
      .tag(12, WireType.LengthDelimited)
      .string('known')
    expect(decodeRequest('logs', 'protobuf', within(logRecord, writer.finish()))).toEqual(
      jsonWithin(logRecord, { eventName: 'known' }),
    )
  })
})

describe('requests of real exporters decode to the same in protobuf and JSON', () => {
  test('logs', async () => {
    const records = variedLogRecords()
    await same('logs', (url, encoding) => sendLogs(url, encoding, records))
  })

  test('spans', async () => {
    const spans = variedSpans()
    await same('traces', (url, encoding) => sendSpans(url, encoding, spans))
  })

  test('metrics', async () => {
    const metrics = await variedMetrics()
    await same('metrics', (url, encoding) => sendMetrics(url, encoding, metrics))
  })

  async function same(signal: Signal, send: (url: string, encoding: Encoding) => Promise<number>): Promise<void> {
    const [protobuf, json] = [await capture(url => send(url, 'protobuf')), await capture(url => send(url, 'json'))]
    const decoded = canonical(decodeRequest(signal, 'protobuf', protobuf.body))
    expect(decoded).toEqual(canonical(decodeRequest(signal, 'json', json.body)))
    expect(JSON.stringify(decoded).length).toBeGreaterThan(500)
  }
})

/** Fields that may be set to their default: one of several, or optional. */
const CHOSEN = new Set([
  'stringValue',
  'boolValue',
  'intValue',
  'doubleValue',
  'asDouble',
  'asInt',
  'sum',
  'min',
  'max',
])
const INT64 = new Set(['intValue', 'asInt', 'count', 'zeroCount'])

/** JSON as protobuf's own mapping writes it: defaults left out, 64-bit integers as strings. */
function canonical(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) return value.map(item => (key === 'bucketCounts' ? String(item) : canonical(item)))
  if (typeof value !== 'object' || value === null) return INT64.has(key) ? String(value) : value
  const fields = Object.entries(value).map(([name, field]) => [name, canonical(field, name)] as const)
  const kept = fields.filter(([name, field]) => CHOSEN.has(name) || !isDefault(field))
  return Object.fromEntries(kept)
}

function isDefault(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.keys(value).length === 0
  return !value || value === '0'
}

describe('invalid bytes are refused quickly with one kind of error', () => {
  test('no bytes are the empty request, in either encoding', () => {
    for (const signal of SIGNALS) {
      expect(decodeRequest(signal, 'protobuf', Buffer.alloc(0))).toEqual({})
      expect(decodeRequest(signal, 'json', Buffer.alloc(0))).toEqual({})
    }
  })

  test('random bytes are decoded or refused', () => {
    fc.assert(
      fc.property(fc.constantFrom(...SIGNALS), fc.uint8Array({ maxLength: 300 }), (signal, bytes) => {
        decodeOrRefuse(signal, Buffer.from(bytes))
        // Also after a valid prefix, where more code runs.
        decodeOrRefuse(signal, within(pathTo('KeyValue', REQUESTS[signal])!, bytes))
      }),
      { numRuns: 5000 },
    )
  })

  test.each(SIGNALS)('real %s with any byte changed are decoded or refused', async signal => {
    const body = await realBody(signal)
    fc.assert(
      fc.property(fc.nat(body.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const changed = Buffer.from(body)
        changed[at] = changed[at]! ^ change
        decodeOrRefuse(signal, changed)
      }),
      { numRuns: 3000 },
    )
  })

  test.each(SIGNALS)('real %s cut off at any byte are refused', async signal => {
    const body = await realBody(signal)
    for (let length = 1; length < body.length; length++) {
      expect(() => decodeRequest(signal, 'protobuf', body.subarray(0, length))).toThrow(OtlpDecodeError)
    }
  })

  test('messages nested too deep are refused, and those with usual nesting are not', () => {
    const inner = pathTo('AnyValue', REQUESTS.logs)!
    // From the inside out, and joined once: to copy the inner levels into every outer one would take seconds.
    const nested = (levels: number): Buffer => {
      const parts = [new BinaryWriter().tag(1, WireType.LengthDelimited).string('deep').finish()]
      let bytes = parts[0]!.length
      for (let level = 0; level < levels; level++) {
        for (const field of [1, 5]) {
          const head = new BinaryWriter().tag(field, WireType.LengthDelimited).uint32(bytes).finish()
          parts.push(head)
          bytes += head.length
        }
      }
      return within(inner, Buffer.concat(parts.reverse()))
    }
    expect(() => decodeRequest('logs', 'protobuf', nested(40))).not.toThrow()
    expect(() => decodeRequest('logs', 'protobuf', nested(60))).toThrow('nested deeper than 100')
    expect(() => decodeRequest('logs', 'protobuf', nested(20_000))).toThrow(OtlpDecodeError)
  })

  test('groups nested too deep are refused', () => {
    const writer = new BinaryWriter()
    for (let level = 0; level < 100_000; level++) writer.tag(99, WireType.StartGroup)
    expect(() => decodeRequest('logs', 'protobuf', Buffer.from(writer.finish()))).toThrow(OtlpDecodeError)
  })

  test.each([0x7f, 0xffff, 0x7fffffff, 0xffffffff])('a length of %d without bytes after it is refused', length => {
    for (const path of [[], logRecord, pathTo('KeyValue', REQUESTS.logs)!]) {
      const writer = new BinaryWriter().tag(1, WireType.LengthDelimited).uint32(length)
      expect(() => decodeRequest('logs', 'protobuf', within(path, writer.finish()))).toThrow(OtlpDecodeError)
    }
  })

  test('an inner length beyond its message is refused, although bytes follow', () => {
    const bytes = Buffer.from([0x0a, 0x02, 0x12, 0x04, 0x0a, 0x00, 0x0a, 0x00])
    expect(() => decodeRequest('logs', 'protobuf', bytes)).toThrow('ends early')
  })

  test('a name in bytes that are not UTF-8 is refused, and never becomes U+FFFD', () => {
    const writer = new BinaryWriter().tag(12, WireType.LengthDelimited).bytes(new Uint8Array([0x61, 0xff]))
    expect(() => decodeRequest('logs', 'protobuf', within(logRecord, writer.finish()))).toThrow(OtlpDecodeError)
    expect(() => decodeRequest('logs', 'json', Buffer.from([0x22, 0xff, 0x22]))).toThrow(OtlpDecodeError)
  })

  test('such a name is refused also after a valid name with the same characters', () => {
    const path = pathTo('KeyValue', REQUESTS.logs)!
    const key = (bytes: Uint8Array): Buffer =>
      within(path, new BinaryWriter().tag(1, WireType.LengthDelimited).bytes(bytes).finish())
    expect(() => decodeRequest('logs', 'protobuf', key(Buffer.from('é')))).not.toThrow()
    expect(() => decodeRequest('logs', 'protobuf', key(Buffer.from('é', 'latin1')))).toThrow(OtlpDecodeError)
  })

  test.each([
    ['messages', (fields: number) => Buffer.alloc(2 * fields, Buffer.from([0x0a, 0x00]))],
    ['unknown fields', (fields: number) => Buffer.alloc(2 * fields, Buffer.from([0x78, 0x00]))],
    ['packed numbers', packedNumbers],
  ])(
    'a body of too many tiny %s is refused with little more work than the largest one that is accepted',
    (_, bodyOf) => {
      const [accepted, refused] = [bodyOf(1_990_000), bodyOf(5_000_000)]
      const acceptedMs = cpuMs(() => void decodeRequest('metrics', 'protobuf', accepted))
      const refusedMs = cpuMs(() =>
        expect(() => decodeRequest('metrics', 'protobuf', refused)).toThrow('send smaller batches'),
      )
      // 50 ms are much less than a body of 5 MB takes without a limit, and more than the clock of the CPU time is off.
      expect(refusedMs).toBeLessThan(3 * acceptedMs + 50)
    },
  )
})

/** The CPU time of this process during the work, in milliseconds. Unlike the time on the clock, it does not depend on other processes. */
function cpuMs(work: () => void): number {
  const before = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}

function packedNumbers(count: number): Buffer {
  const path = pathTo('Buckets', REQUESTS.metrics)!
  const writer = new BinaryWriter().tag(2, WireType.LengthDelimited).bytes(new Uint8Array(count).fill(1))
  return within(path, writer.finish())
}

async function realBody(signal: Signal): Promise<Buffer> {
  if (signal === 'logs') return (await capture(url => sendLogs(url, 'protobuf', variedLogRecords()))).body
  if (signal === 'traces') return (await capture(url => sendSpans(url, 'protobuf', variedSpans()))).body
  const metrics = await variedMetrics()
  return (await capture(url => sendMetrics(url, 'protobuf', metrics))).body
}

function decodeOrRefuse(signal: Signal, bytes: Buffer): void {
  try {
    decodeRequest(signal, 'protobuf', bytes)
  } catch (error) {
    expect(error).toBeInstanceOf(OtlpDecodeError)
  }
}
