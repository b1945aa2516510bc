import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseTimestamp, printTimestamp } from '../../../src/core/attempt/timestamp.ts'
import { extractLogs } from '../../../src/receive/otlp/extract.ts'
import type { Extracted } from '../../../src/receive/otlp/extractor.ts'
import { DEFAULT_MAPPING } from '../../../src/receive/otlp/mapping/default-mapping.ts'
import type { OtlpMapping } from '../../../src/receive/otlp/mapping/mapping.ts'
import { mergeMapping } from '../../../src/receive/otlp/mapping/table.ts'
import type { KeyValue, LogRecord, LogsRequest } from '../../../src/receive/otlp/schema.ts'

const good: readonly KeyValue[] = [
  { key: 'agent_name', value: { stringValue: 'a' } },
  { key: 'model_name', value: { stringValue: 'm' } },
  { key: 'issue_type', value: { stringValue: 'i' } },
  { key: 'success', value: { boolValue: true } },
  { key: 'time_seconds', value: { doubleValue: 1.5 } },
]

function extract(records: readonly LogRecord[], mapping: OtlpMapping = DEFAULT_MAPPING): Extracted {
  const request: LogsRequest = { resourceLogs: [{ scopeLogs: [{ logRecords: [...records] }] }] }
  return extractLogs(request, mapping)
}

const attempt = (more: readonly KeyValue[] = [], fields: Partial<LogRecord> = {}): LogRecord => ({
  eventName: 'agent.attempt',
  attributes: [...more, ...good],
  ...fields,
})

test('a record states task, session and trace by their names; without a stated trace that of the record counts', () => {
  const traced = { traceId: '0AF7651916CD43DD8448EB211C80319C', spanId: 'eee19b7ec3c1b174' }
  const text = (key: string, stringValue: string): KeyValue => ({ key, value: { stringValue } })
  const { attempts } = extract([
    attempt([text('task_id', 't-1'), text('session_id', 's-1')], traced),
    attempt([text('trace_id', 'stated')], traced),
  ])
  expect(attempts).toMatchObject([
    { task_id: 't-1', session_id: 's-1', trace_id: '0af7651916cd43dd8448eb211c80319c' },
    { trace_id: 'stated' },
  ])
})

describe('the time of a record', () => {
  test('is truncated to the microsecond for any 64-bit value, as text and as a number', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 1n, max: 2n ** 64n - 1n }), nanos => {
        const exactly = (of: bigint): string => printTimestamp({ ms: Number(of / 1000n) / 1000, local: false })
        const { attempts } = extract([
          attempt([], { timeUnixNano: String(nanos) }),
          attempt([], { timeUnixNano: String(nanos).padStart(20, '0') }),
          attempt([], { timeUnixNano: Number(nanos) }),
        ])
        expect(attempts.map(({ timestamp }) => timestamp)).toEqual([
          exactly(nanos),
          exactly(nanos),
          exactly(BigInt(Number(nanos))),
        ])
      }),
    )
  })

  test('is returned as one parsed timestamp per attempt', () => {
    const stated: KeyValue = { key: 'timestamp', value: { stringValue: '2026-01-31T12:00:00.5+01:00' } }
    const bad: KeyValue = { key: 'agent_name', value: { intValue: 'x' } }
    const { attempts, instants } = extract([
      attempt([stated]),
      attempt([bad, { key: 'success', value: { stringValue: 'perhaps' } }]),
      attempt([], { timeUnixNano: '1769860800123456789' }),
      attempt(),
    ])
    expect(instants).toEqual(attempts.map(({ timestamp }) => timestamp && parseTimestamp(timestamp)))
    expect(instants).toEqual([
      { ms: Date.UTC(2026, 0, 31, 11, 0, 0, 500), local: false, offsetMinutes: 60 },
      { ms: 1769860800123.456, local: false },
      undefined,
    ])
  })
})

describe('attributes', () => {
  test('of the same name: the first one counts, also if it has no value', () => {
    const { attempts } = extract([
      attempt([
        { key: 'agent_name', value: { stringValue: 'first' } },
        { key: 'variant', value: null },
        { key: 'variant', value: { stringValue: 'second' } },
      ]),
    ])
    expect(attempts).toEqual([
      { agent_name: 'first', model_name: 'm', issue_type: 'i', success: true, time_seconds: 1.5 },
    ])
  })

  test('that two rules use are found for both, record by record', () => {
    const mapping = mergeMapping({
      'agent.attempt': { when: { kind: ['attempt'] } },
      other: {
        signal: 'logs',
        when: { kind: ['other'] },
        attempt: { ...DEFAULT_MAPPING['agent.attempt']!.attempt, agent_name: ['model_name'], error_type: ['kind'] },
      },
    })
    const of = (kind: string): LogRecord => attempt([{ key: 'kind', value: { stringValue: kind } }])
    const { attempts, ignored } = extract([of('attempt'), of('other'), of('third'), of('attempt')], mapping)
    expect(attempts.map(({ agent_name, error_type }) => [agent_name, error_type])).toEqual([
      ['a', undefined],
      ['m', 'other'],
      ['a', undefined],
    ])
    expect(ignored).toBe(1)
  })
})

test('applies the mapping of each request', () => {
  const off = mergeMapping({ 'agent.attempt': { enabled: false } })
  const counts = [DEFAULT_MAPPING, off, DEFAULT_MAPPING].map(mapping => extract([attempt()], mapping).attempts.length)
  expect(counts).toEqual([1, 0, 1])
})

test('writes the fields of an attempt in the same order for any order of the rule and of the attributes', () => {
  const { attempt: fields, ...rule } = DEFAULT_MAPPING['agent.attempt']!
  const turned = Object.fromEntries(Object.entries(fields).reverse())
  const mapping = { 'agent.attempt': { ...rule, attempt: turned } }
  const record = attempt([{ key: 'confidence', value: { doubleValue: 0.5 } }])
  const turnedRecord = { ...record, attributes: [...record.attributes!].reverse() }
  expect(Object.keys(extract([turnedRecord], mapping).attempts[0]!)).toEqual(
    Object.keys(extract([record]).attempts[0]!),
  )
})
