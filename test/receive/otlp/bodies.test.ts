import { describe, expect, onTestFinished, test } from 'vitest'
import { openReceiver, post, type Receiver } from './receiver.ts'
import { attributesOf, requestOf, run } from './spans.ts'
import { encodeJson, REQUESTS } from './wire.ts'

async function receiver(): Promise<Receiver> {
  const to = await openReceiver()
  onTestFinished(to.close)
  return to
}

const spans = requestOf([run(1, 'fixer')])
const logRecord = {
  timeUnixNano: '1769860800000000000',
  severityNumber: 9,
  body: { stringValue: 'text' },
  attributes: attributesOf({ a: 'b' }),
}
const logs = { resourceLogs: [{ resource: {}, scopeLogs: [{ logRecords: [logRecord] }] }] }
const metric = { name: 'agent.attempts', unit: '1', sum: { dataPoints: [{ asInt: '1', timeUnixNano: '1' }] } }
const metrics = { resourceMetrics: [{ scopeMetrics: [{ metrics: [metric] }] }] }

describe('a body that is not understood is refused, with what is wrong', () => {
  test.each([
    ['logs at /v1/traces', 'traces', logs, 'it has "resourceLogs": send logs to /v1/logs'],
    ['traces at /v1/logs', 'logs', spans, 'it has "resourceSpans": send traces to /v1/traces'],
    ['metrics at /v1/traces', 'traces', metrics, 'send metrics to /v1/metrics'],
    ['logs at /v1/metrics', 'metrics', logs, 'send logs to /v1/logs'],
    ['a list of spans', 'traces', { spans: [] }, 'the body has no "resourceSpans", it has "spans"'],
  ] as const)('in JSON: %s', async (_, signal, body, told) => {
    const answer = await post(await receiver(), signal, JSON.stringify(body))
    expect(answer.status).toBe(400)
    expect(JSON.parse(answer.bytes.toString()).message).toContain(told)
  })

  test.each([
    ['logs at /v1/traces', 'traces', encodeJson(REQUESTS.logs, logs)],
    ['metrics at /v1/traces', 'traces', encodeJson(REQUESTS.metrics, metrics)],
    ['traces at /v1/logs', 'logs', encodeJson(REQUESTS.traces, spans)],
    ['metrics at /v1/logs', 'logs', encodeJson(REQUESTS.metrics, metrics)],
  ] as const)('in protobuf: %s', async (_, signal, body) => {
    const to = await receiver()
    expect((await post(to, signal, body)).status).toBe(400)
    expect(to.counts).toMatchObject({ accepted: 0, ignored: 0 })
  })

  test('but telemetry of the path of which nothing is an attempt is accepted', async () => {
    const to = await receiver()
    expect((await post(to, 'logs', encodeJson(REQUESTS.logs, logs))).status).toBe(200)
    expect((await post(to, 'logs', JSON.stringify(logs))).status).toBe(200)
    expect(to.counts).toMatchObject({ accepted: 0, ignored: 2 })
  })
})

describe('JSON with the names of the protobuf fields', () => {
  const snake = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(snake)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [key.replace(/[A-Z]/g, of => `_${of.toLowerCase()}`), snake(inner)]),
    )
  }

  test('is read as spans and as log records', async () => {
    const to = await receiver()
    const attempt = {
      timeUnixNano: '1769860800000000000',
      eventName: 'agent.attempt',
      attributes: attributesOf({ agent_name: 'a', success: false, time_seconds: 1, error_type: 'E' }),
    }
    const body = { resourceLogs: [{ scopeLogs: [{ logRecords: [attempt] }] }] }
    expect((await post(to, 'traces', JSON.stringify(snake(spans)))).status).toBe(200)
    expect((await post(to, 'logs', JSON.stringify(snake(body)))).status).toBe(200)
    expect(to.kept).toMatchObject([
      { agent_name: 'fixer', success: true, time_seconds: 1, timestamp: '2026-01-31T12:00:01.000Z' },
      { agent_name: 'a', success: false, error_type: 'E', model_name: 'unknown', issue_type: 'unknown' },
    ])
  })

  test('leaves the keys of attributes alone, and takes enums by their names', async () => {
    const to = await receiver()
    const named = requestOf([
      run(1, 'fixer', undefined, {
        attributes: { start_time_unix_nano: 'x', 'session.id': '"span_id": 1' },
        fields: { status: { code: 'STATUS_CODE_ERROR' }, kind: 'SPAN_KIND_CLIENT' },
      }),
    ])
    expect((await post(to, 'traces', JSON.stringify(snake(named)))).status).toBe(200)
    expect(to.kept).toMatchObject([{ success: false, session_id: '"span_id": 1' }])
  })
})
