import { describe, expect, onTestFinished, test } from 'vitest'
import { openReceiver, post, type Receiver } from './receiver.ts'

type Value = Record<string, unknown>

const required: readonly (readonly [string, Value])[] = [
  ['agent_name', { stringValue: 'a' }],
  ['model_name', { stringValue: 'm' }],
  ['issue_type', { stringValue: 'i' }],
  ['success', { boolValue: true }],
  ['time_seconds', { doubleValue: 1.5 }],
]

function attributes(...more: readonly (readonly [string, Value])[]): unknown {
  const names = new Map([...required, ...more])
  return [...names].map(([key, value]) => ({ key, value }))
}

function logs(record: object): string {
  return JSON.stringify({ resourceLogs: [{ scopeLogs: [{ logRecords: [record] }] }] })
}

async function receiver(): Promise<Receiver> {
  const opened = await openReceiver()
  onTestFinished(opened.close)
  return opened
}

async function take(record: object): Promise<Receiver> {
  const to = await receiver()
  expect((await post(to, 'logs', logs(record))).status).toBe(200)
  return to
}

describe('an attempt in OTLP/JSON is accepted', () => {
  test('with 64-bit integers as numbers and as strings', async () => {
    const record = {
      eventName: 'agent.attempt',
      timeUnixNano: 1769860800000000000,
      attributes: attributes(['input_tokens', { intValue: '12' }], ['output_tokens', { intValue: 34 }]),
    }
    const { kept } = await take(record)
    expect(kept).toMatchObject([{ input_tokens: 12, output_tokens: 34, timestamp: '2026-01-31T12:00:00.000Z' }])
  })

  test('by the attribute event.name if the sender does not support event names', async () => {
    const record = { attributes: attributes(['event.name', { stringValue: 'agent.attempt' }]) }
    expect((await take(record)).kept).toHaveLength(1)
  })

  test('with its observed time if it has no other, to the microsecond', async () => {
    const { kept } = await take({
      eventName: 'agent.attempt',
      timeUnixNano: '0',
      observedTimeUnixNano: '1769860800123456789',
      attributes: attributes(),
    })
    expect(kept).toMatchObject([{ timestamp: '2026-01-31T12:00:00.123456Z' }])
  })

  test('with its own timestamp before that of the record', async () => {
    const { kept } = await take({
      eventName: 'agent.attempt',
      timeUnixNano: '1769860800000000000',
      attributes: attributes(['timestamp', { stringValue: '2020-02-02T02:02:02Z' }]),
    })
    expect(kept).toMatchObject([{ timestamp: '2020-02-02T02:02:02Z' }])
  })

  test('without a timestamp if the record has no time', async () => {
    const { kept } = await take({ eventName: 'agent.attempt', attributes: attributes() })
    expect(kept[0]).not.toHaveProperty('timestamp')
  })

  test('beside unknown fields, unknown attributes, nulls and values of every other kind', async () => {
    const to = await take({
      eventName: 'agent.attempt',
      invented: { by: ['somebody'] },
      severityNumber: null,
      body: null,
      traceId: null,
      attributes: attributes(
        ['list', { arrayValue: { values: [{ intValue: 1 }] } }],
        ['map', { kvlistValue: { values: [] } }],
        ['bytes', { bytesValue: 'AA==' }],
        ['confidence', {}],
      ),
    })
    expect(to.kept).toEqual([{ agent_name: 'a', model_name: 'm', issue_type: 'i', success: true, time_seconds: 1.5 }])
  })

  test('with numbers and booleans as strings', async () => {
    const { kept } = await take({
      eventName: 'agent.attempt',
      attributes: attributes(
        ['time_seconds', { stringValue: '2.5' }],
        ['success', { stringValue: 'false' }],
        ['attempt_id', { intValue: '9007199254740993' }],
      ),
    })
    expect(kept).toMatchObject([{ time_seconds: 2.5, success: false, attempt_id: '9007199254740993' }])
  })

  test.each(['__proto__', 'constructor', 'a:b', '🦊', ' '])('under the unchanged name %j', async name => {
    const { kept } = await take({
      eventName: 'agent.attempt',
      attributes: attributes(['agent_name', { stringValue: name }], ['__proto__', { stringValue: 'x' }]),
    })
    expect(kept.map(attempt => attempt.agent_name)).toEqual([name])
  })
})

describe('an attempt in OTLP/JSON is rejected and reported', () => {
  test.each([
    ['a name with a lone surrogate', ['agent_name', { stringValue: '\ud800' }], 'lone surrogate'],
    ['a name with a control character', ['agent_name', { stringValue: 'a\nb' }], 'control characters'],
    ['a name that is a list', ['agent_name', { arrayValue: { values: [] } }], 'must be a string'],
    ['an empty name', ['agent_name', { stringValue: '' }], 'is required'],
    ['no number', ['time_seconds', { doubleValue: 'NaN' }], 'finite'],
    ['an endless time', ['time_seconds', { doubleValue: 'Infinity' }], 'finite'],
    ['half a token', ['input_tokens', { doubleValue: 0.5 }], 'whole number'],
    ['a time of day', ['timestamp', { stringValue: 'noon' }], 'RFC 3339'],
  ] as const)('%s', async (_, wrong, told) => {
    const to = await receiver()
    const answer = await post(to, 'logs', logs({ eventName: 'agent.attempt', attributes: attributes(wrong) }))
    expect(JSON.parse(answer.bytes.toString())).toEqual({
      partialSuccess: { rejectedLogRecords: '1', errorMessage: expect.stringContaining(told) },
    })
    expect(to.counts).toMatchObject({ accepted: 0, rejected: 1 })
  })
})

describe('a request is refused completely', () => {
  test.each([
    ['an enum by its name', 'traces', '{"resourceSpans":[{"scopeSpans":[{"spans":[{"status":{"code":"ERROR"}}]}]}]}'],
    ['an id that is not hex', 'traces', '{"resourceSpans":[{"scopeSpans":[{"spans":[{"spanId":"zz"}]}]}]}'],
    ['a time that is none', 'logs', '{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"soon"}]}]}]}'],
    ['a time out of all reach', 'logs', '{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":1e400}]}]}]}'],
    ['a list that is none', 'metrics', '{"resourceMetrics":{}}'],
    ['invalid UTF-8', 'logs', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
    ['UTF-16', 'logs', Buffer.from('{}', 'utf16le')],
  ])('for %s', async (_, signal, body) => {
    const to = await receiver()
    expect((await post(to, signal, body, { 'content-type': 'application/json' })).status).toBe(400)
  })

  test('but unlimited nesting in an unused field is ignored', async () => {
    const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`
    const to = await receiver()
    const record = JSON.stringify({
      eventName: 'agent.attempt',
      timeUnixNano: '1769860800000000000',
      traceId: '5b8efff798038103d269b633813fc60c',
      spanId: 'eee19b7ec3c1b174',
      attributes: attributes(['x', { arrayValue: 'deep' }]),
    })
    const other = '{"attributes":[{"key":"event.name","value":{"arrayValue":"deep"}}]}'
    const body = `{"resourceLogs":[{"scopeLogs":[{"logRecords":[${record},${other}]}]}]}`.replaceAll('"deep"', deep)
    expect((await post(to, 'logs', body)).status).toBe(200)
    expect(to.counts).toMatchObject({ accepted: 1, ignored: 1 })
  })
})

describe('a span in OTLP/JSON', () => {
  const attributesOf = (all: Record<string, Value>): unknown =>
    Object.entries({
      'gen_ai.operation.name': { stringValue: 'invoke_agent' },
      'gen_ai.agent.name': { stringValue: 'a' },
      'gen_ai.request.model': { stringValue: 'm' },
      ...all,
    }).map(([key, value]) => ({ key, value }))
  const span = (more: Record<string, Value>, fields: object = {}): object => ({
    traceId: '5B8EFFF798038103D269B633813FC60C',
    spanId: 'EEE19B7EC3C1B174',
    startTimeUnixNano: '1769860800000000000',
    endTimeUnixNano: '1769860801000000000',
    attributes: attributesOf(more),
    ...fields,
  })

  async function takeSpans(...all: readonly object[]): Promise<Receiver> {
    const to = await receiver()
    const body = JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: all }] }] })
    expect((await post(to, 'traces', body)).status).toBe(200)
    return to
  }

  test('has one identity, in capitals or not', async () => {
    const lower = { traceId: '5b8efff798038103d269b633813fc60c', spanId: 'eee19b7ec3c1b174' }
    const to = await takeSpans(span({}), span({}, lower))
    expect(to.counts).toMatchObject({ accepted: 1, duplicates: 1 })
    expect(to.kept).toMatchObject([{ attempt_id: `${lower.traceId}:${lower.spanId}` }])
  })

  test('without a valid id is recorded, and is never a duplicate', async () => {
    const to = await takeSpans(span({}, { traceId: '0'.repeat(32) }), span({}, { spanId: '' }))
    expect(to.counts).toMatchObject({ accepted: 2, duplicates: 0 })
  })

  test.each([
    ['cached tokens among the input tokens are counted apart', 1000, 800, 100, 100],
    ['all input tokens may be cached ones', 900, 800, 100, 0],
    ['more cached than input tokens show that they are apart already', 100, 800, 100, 100],
  ])('%s', async (_, input, read, written, apart) => {
    const to = await takeSpans(
      span({
        'gen_ai.usage.input_tokens': { intValue: input },
        'gen_ai.usage.output_tokens': { intValue: 7 },
        'gen_ai.usage.cache_read.input_tokens': { intValue: read },
        'gen_ai.usage.cache_creation.input_tokens': { intValue: written },
      }),
    )
    expect(to.kept).toMatchObject([
      { input_tokens: apart, output_tokens: 7, cache_read_tokens: read, cache_write_tokens: written },
    ])
  })

  test('is also read by older names', async () => {
    const to = await takeSpans(
      span({ 'gen_ai.usage.prompt_tokens': { intValue: 5 }, 'gen_ai.usage.completion_tokens': { intValue: 6 } }),
    )
    expect(to.kept).toMatchObject([{ input_tokens: 5, output_tokens: 6 }])
  })

  test.each([
    ['an error status', {}, { status: { code: 2 } }, false],
    ['an error type', { 'error.type': { stringValue: 'TimeoutError' } }, {}, false],
    ['an unset status', {}, { status: {} }, true],
    ['a status of OK', {}, { status: { code: 1 } }, true],
  ])('with %s: success is %4$s', async (_, more, fields, success) => {
    expect((await takeSpans(span(more, fields))).kept).toMatchObject([{ success }])
  })

  test('that ended before it began, or has not ended, is rejected', async () => {
    const to = await takeSpans(span({}, { endTimeUnixNano: '1769860799000000000' }), span({}, { endTimeUnixNano: '0' }))
    expect(to.counts).toMatchObject({ accepted: 0, rejected: 2 })
  })

  test('inside another one counts as well', async () => {
    const inner = span({}, { spanId: 'eee19b7ec3c1b175', parentSpanId: 'eee19b7ec3c1b174' })
    expect((await takeSpans(inner, span({}))).counts).toMatchObject({ accepted: 2 })
  })
})
