import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { extractLogs, extractSpans } from '../../../src/receive/otlp/extract.ts'
import { matchesLogsRequest, matchesTracesRequest } from '../../../src/receive/otlp/fast-validation.ts'
import { DEFAULT_MAPPING } from '../../../src/receive/otlp/mapping/default-mapping.ts'
import { decodeRequest } from '../../../src/receive/otlp/protobuf/decode.ts'
import { logsRequest, tracesRequest } from '../../../src/receive/otlp/schema.ts'
import { capture, type Encoding, sendLogs, sendSpans, variedLogRecords, variedSpans } from './telemetry.ts'

const ENCODINGS: readonly Encoding[] = ['protobuf', 'json']

describe.each(ENCODINGS)('matches requests of real exporters in %s', encoding => {
  test('logs', async () => {
    const { body } = await capture(url => sendLogs(url, encoding, variedLogRecords()))
    const request = decodeRequest('logs', encoding, body)
    // These write nanoseconds as text, as the protocol has it.
    expect(matchesLogsRequest(request)).toBe(true)
  })

  test('spans', async () => {
    const { body } = await capture(url => sendSpans(url, encoding, variedSpans()))
    expect(matchesTracesRequest(decodeRequest('traces', encoding, body))).toBe(true)
  })
})

/** What stands in a field: what may, and what may not. */
const hostile = fc.oneof(
  fc.constantFrom(undefined, null, '', 'a', 'ab', 'AB12', '-1', '7', '1e3', true, Number.NaN, Number.POSITIVE_INFINITY),
  fc.constantFrom(-1, 0.5, 2, 2 ** 53, 1e20, 1e21, [], {}, [[]], [null], ['a']),
  fc.constantFrom('9'.repeat(20), '9'.repeat(21), `-${'9'.repeat(20)}`, `-${'9'.repeat(21)}`, '-0', '0f', '0fg'),
)

/** A message of these fields, nearly all of them valid, or no message at all. */
function messageOf(fields: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<unknown> {
  const each = Object.fromEntries(
    Object.entries(fields).map(([name, valid]) => [
      name,
      fc.oneof({ weight: 30, arbitrary: valid }, { weight: 1, arbitrary: hostile }),
    ]),
  )
  const message = fc.record(each, { requiredKeys: [] }).map(it => ({ ...it, unknown: [it] }))
  return fc.oneof({ weight: 60, arbitrary: message }, { weight: 1, arbitrary: hostile })
}

const listOf = (item: fc.Arbitrary<unknown>): fc.Arbitrary<unknown[]> => fc.array(item, { maxLength: 3 })
const text = fc.constantFrom('agent_name', 'agent.attempt', 'gen_ai.agent.name', 'x')
const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String)
const int64 = fc.oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String), fc.maxSafeInteger())
const double = fc.oneof(fc.double(), fc.constantFrom('NaN', 'Infinity'))
const hexId = fc.constantFrom('', 'eee19b7ec3c1b174', 'EEE19B7EC3C1B174')
const anyValue = messageOf({ stringValue: text, boolValue: fc.boolean(), intValue: int64, doubleValue: double })
const attributes = listOf(messageOf({ key: text, value: anyValue }))
const resource = messageOf({ attributes })
const logRecord = messageOf({
  timeUnixNano: uint64,
  observedTimeUnixNano: uint64,
  body: anyValue,
  attributes,
  traceId: hexId,
  spanId: hexId,
  eventName: text,
})
const span = messageOf({
  traceId: hexId,
  spanId: hexId,
  name: text,
  startTimeUnixNano: uint64,
  endTimeUnixNano: uint64,
  attributes,
  status: messageOf({ code: fc.nat(2) }),
})
const logs = messageOf({
  resourceLogs: listOf(messageOf({ resource, scopeLogs: listOf(messageOf({ logRecords: listOf(logRecord) })) })),
})
const traces = messageOf({
  resourceSpans: listOf(messageOf({ resource, scopeSpans: listOf(messageOf({ spans: listOf(span) })) })),
})

describe('matches only requests that the schema accepts unchanged', () => {
  const ran = { numRuns: 5000 }

  test('logs', () => {
    let plain = 0
    const law = fc.property(logs, request => {
      if (!matchesLogsRequest(request)) return
      plain++
      expect(extractLogs(request, DEFAULT_MAPPING)).toEqual(extractLogs(logsRequest.parse(request), DEFAULT_MAPPING))
    })
    fc.assert(law, ran)
    expect(plain).toBeGreaterThan(500)
    expect(plain).toBeLessThan(4900)
  })

  test('spans', () => {
    let plain = 0
    const law = fc.property(traces, request => {
      if (!matchesTracesRequest(request)) return
      plain++
      expect(extractSpans(request, DEFAULT_MAPPING)).toEqual(
        extractSpans(tracesRequest.parse(request), DEFAULT_MAPPING),
      )
    })
    fc.assert(law, ran)
    expect(plain).toBeGreaterThan(500)
    expect(plain).toBeLessThan(4900)
  })
})
