import { type DiagLogger, diag, ROOT_CONTEXT, trace } from '@opentelemetry/api'
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-proto'
import { BatchLogRecordProcessor, LoggerProvider } from '@opentelemetry/sdk-logs'
import { afterEach, describe, expect, onTestFinished, test } from 'vitest'
import { StoreUnavailable } from '../../../src/core/ports.ts'
import { collecting } from '../../instrument/collecting.ts'
import { setSpans, unsetTelemetry } from '../../instrument/telemetry.ts'
import { openReceiver, type Receiver, type ReceiverOptions } from './receiver.ts'
import {
  attemptMetrics,
  type Encoding,
  logRecords,
  sendLogs,
  sendMetrics,
  sendSpans,
  spans,
  variedMetrics,
} from './telemetry.ts'

const ENCODINGS: readonly Encoding[] = ['protobuf', 'json']
const names = { agent_name: 'fixer', model_name: 'llama3:8b', issue_type: 'lint' }
const good = { ...names, success: true, time_seconds: 1.5, confidence: 0.9 }
const agent = { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': 'planner', 'gen_ai.request.model': 'm' }

async function receiver(options?: ReceiverOptions): Promise<Receiver> {
  const opened = await openReceiver(options)
  onTestFinished(opened.close)
  return opened
}

/** The client's log messages of a minimum level. */
function clientLog(): string[] {
  const lines: string[] = []
  const note = (...words: unknown[]): void => {
    lines.push(words.join(' '))
  }
  const logger: DiagLogger = { error: note, warn: note, info: () => {}, debug: () => {}, verbose: () => {} }
  diag.setLogger(logger, { suppressOverrideMessage: true })
  return lines
}

afterEach(() => diag.disable())

describe.each(ENCODINGS)('requests of real exporters in %s', encoding => {
  test.each([false, true])('makes attempts of log records durable before it answers (gzip: %s)', async gzip => {
    const lines = clientLog()
    const to = await receiver()
    const attempts = [
      { ...good, attempt_id: '1', timestamp: '2026-01-31T12:00:00Z', input_tokens: 5, cost_usd: 0.25 },
      { ...names, agent_name: '__proto__', success: false, time_seconds: 3, attempt_id: '2', error_type: 'Timeout' },
    ]
    const records = [...logRecords(attempts), ...logRecords([{ some: 'thing' }], 'another.event')]
    expect(await sendLogs(to.url, encoding, records, { gzip })).toBe(0)
    expect(to.kept).toEqual([attempts[0], { ...attempts[1], timestamp: expect.stringMatching(/^20.*Z$/) }])
    expect(to.counts).toEqual({ accepted: 2, duplicates: 0, rejected: 0, ignored: 1, refused: [] })
    expect(to.requests[0]?.headers['content-encoding']).toBe(gzip ? 'gzip' : undefined)
    expect(lines).toEqual([])
  })

  test('keeps every span of an agent, and no other span', async () => {
    const lines = clientLog()
    const to = await receiver()
    const ended = spans([
      { attributes: { ...agent, 'agent.attempt.issue_type': 'lint', 'agent.attempt.confidence': 1 }, seconds: 2.25 },
      { attributes: { ...agent, 'gen_ai.agent.name': 'coder', 'error.type': 'E' }, failed: true },
      { name: 'chat', attributes: { 'gen_ai.operation.name': 'chat' } },
    ])
    expect(await sendSpans(to.url, encoding, ended)).toBe(0)
    const [first, second] = ended.map(span => span.spanContext())
    expect(to.kept).toEqual([
      {
        agent_name: 'planner',
        model_name: 'm',
        issue_type: 'lint',
        success: true,
        confidence: 1,
        time_seconds: 2.25,
        timestamp: '2026-01-31T12:00:02.250Z',
        attempt_id: `${first!.traceId}:${first!.spanId}`,
        trace_id: first!.traceId,
      },
      {
        agent_name: 'coder',
        model_name: 'm',
        issue_type: 'unknown',
        success: false,
        error_type: 'E',
        time_seconds: 1,
        timestamp: '2026-01-31T12:00:01.000Z',
        attempt_id: `${second!.traceId}:${second!.spanId}`,
        trace_id: second!.traceId,
      },
    ])
    expect(to.counts.ignored).toBe(1)
    expect(lines).toEqual([])
  })

  test('metrics are accepted and ignored, and their points counted', async () => {
    const lines = clientLog()
    const to = await receiver()
    expect(await sendMetrics(to.url, encoding, await variedMetrics())).toBe(0)
    expect(to.counts).toEqual({ accepted: 0, duplicates: 0, rejected: 0, ignored: 5, refused: [] })
    expect(lines).toEqual([])
  })

  test('enabled metrics count once, and other metrics are ignored', async () => {
    const lines = clientLog()
    const to = await receiver({ maxSeries: 100 })
    const counting = attemptMetrics()
    const exported = await counting([
      { agent_name: 'a', success: true },
      { agent_name: 'a', success: false },
      { agent_name: '__proto__', success: true },
    ])
    for (let n = 0; n < 2; n++) expect(await sendMetrics(to.url, encoding, exported)).toBe(0)
    expect(await sendMetrics(to.url, encoding, await counting([{ agent_name: 'a', success: true }]))).toBe(0)
    expect(await sendMetrics(to.url, encoding, await variedMetrics())).toBe(0)
    const told = to.increments.map(({ key, measure, values }) => [
      key.agent_name,
      'of' in measure && measure.of,
      ...values,
    ])
    expect(told).toEqual([
      ['a', 'success', 1],
      ['a', 'failure', 1],
      ['__proto__', 'success', 1],
      ['a', 'success', 1],
    ])
    expect(to.counts).toEqual({ accepted: 4, duplicates: 0, rejected: 0, ignored: 5, refused: [] })
    expect(lines).toEqual([])
  })

  test('keeps valid points beside invalid ones and beside those of too many series, and reports them', async () => {
    const lines = clientLog()
    const to = await receiver({ maxSeries: 1 })
    const exported = await attemptMetrics()([
      { agent_name: 'a', success: true },
      { agent_name: '', success: true },
      { agent_name: 'b', success: true },
    ])
    expect(await sendMetrics(to.url, encoding, exported)).toBe(0)
    expect(to.increments).toHaveLength(1)
    expect(to.counts).toMatchObject({ accepted: 1, rejected: 2 })
    expect(lines[0]).toContain('"rejectedDataPoints":')
    expect(lines[0]).toContain('a point of agent.attempts: agent_name must not be empty')
    expect(lines[0]).toContain('points of new series, of which there are 100000 already: 1')
  })

  test('metrics that a store cannot record are sent again, and count once', async () => {
    let failures = 1
    const to = await receiver({
      maxSeries: 100,
      beforeKeep() {
        if (failures-- > 0) throw new StoreUnavailable('not now', { retryAfterSeconds: 0.2 })
      },
    })
    expect(await sendMetrics(to.url, encoding, await attemptMetrics()([{ agent_name: 'a', success: true }]))).toBe(0)
    expect(to.requests.map(request => request.status)).toEqual([503, 200])
    expect(to.increments).toHaveLength(1)
  })

  test('an empty request is accepted without a log message', async () => {
    const lines = clientLog()
    const to = await receiver()
    expect(await sendLogs(to.url, encoding, [])).toBe(0)
    expect(await sendSpans(to.url, encoding, [])).toBe(0)
    expect(lines).toEqual([])
  })

  test('keeps valid attempts beside invalid ones, and names the invalid ones with reasons', async () => {
    const lines = clientLog()
    const to = await receiver()
    const { agent_name, ...nameless } = good
    const ids = { attempt_id: 'other' }
    const attempts = [good, nameless, { ...names, success: 'maybe', time_seconds: 1 }, { ...good, ...ids }]
    expect(await sendLogs(to.url, encoding, logRecords(attempts))).toBe(0)
    expect(to.kept).toHaveLength(2)
    expect(to.counts).toMatchObject({ accepted: 2, rejected: 2 })
    expect(lines).toHaveLength(1)
    expect(lines[0]).toContain('"rejectedLogRecords":')
    expect(lines[0]).toContain('resourceLogs[0].scopeLogs[0].logRecords[1]: agent_name is required')
    expect(lines[0]).toContain('logRecords[2]: success must be true or false, not a string')
  })

  test('keeps an attempt without its experiment if that has no variant, and counts the dropped field', async () => {
    const lines = clientLog()
    const to = await receiver()
    await sendLogs(to.url, encoding, logRecords([{ ...good, experiment: 'prompt' }]))
    expect(to.kept).toMatchObject([good])
    expect(to.kept[0]).not.toHaveProperty('experiment')
    expect(to.reasons).toEqual({ dropped: 1 })
    expect(lines).toEqual([])
  })

  test.each([
    ['failing', 503],
    ['overloaded', 429],
  ] as const)(
    'a store that is %s is answered with %d, and the client sends again: exactly once',
    async (reason, status) => {
      let failures = 1
      const to = await receiver({
        beforeKeep() {
          if (failures-- > 0) throw new StoreUnavailable('not now', { reason, retryAfterSeconds: 0.2 })
        },
      })
      const start = performance.now()
      expect(await sendLogs(to.url, encoding, logRecords([good]))).toBe(0)
      expect(performance.now() - start).toBeGreaterThan(900)
      expect(to.kept).toHaveLength(1)
      expect(to.requests.map(request => request.status)).toEqual([status, 200])
      expect(to.counts).toMatchObject({ accepted: 1, refused: [status] })
    },
  )
})

describe('the same attempt counts once', () => {
  test('a span that is sent again, in any encoding', async () => {
    const to = await receiver()
    const ended = spans([{ attributes: agent }])
    await sendSpans(to.url, 'protobuf', ended)
    await sendSpans(to.url, 'json', ended)
    expect(to.counts).toMatchObject({ accepted: 1, duplicates: 1 })
  })

  test('an attempt that the library delivers and that also arrives as a span', async () => {
    onTestFinished(unsetTelemetry)
    const ended = setSpans()
    const { instrumentation, attempts } = collecting()
    const usage = { input_tokens: 10, output_tokens: 2, cache_read_tokens: 30, cache_write_tokens: 4, cost_usd: 0.1 }
    await instrumentation.trackAttempt(
      { ...names, experiment: 'prompt', variant: 'short' },
      async () => ({ success: true, confidence: 0.8 }),
      () => usage,
    )
    await Promise.allSettled([instrumentation.trackAttempt(names, () => Promise.reject(new RangeError('far')))])
    const to = await receiver()
    await sendSpans(to.url, 'protobuf', [...ended.ended()])
    const untimed = { time_seconds: expect.any(Number), timestamp: expect.any(String) }
    expect(attempts).toHaveLength(2)
    expect(to.kept).toEqual(attempts.map(attempt => ({ ...attempt, ...untimed })))
    for (const [n, { time_seconds }] of attempts.entries()) {
      expect(to.kept[n]!.time_seconds).toBeCloseTo(time_seconds, 1)
    }
  })

  test('a span and a log record with the same attempt id', async () => {
    const to = await receiver()
    await sendSpans(to.url, 'protobuf', spans([{ attributes: { ...agent, 'agent.attempt.id': 'a-1' } }]))
    await sendLogs(to.url, 'json', logRecords([{ ...good, attempt_id: 'a-1' }]))
    expect(to.counts).toMatchObject({ accepted: 1, duplicates: 1 })
  })

  test.each(ENCODINGS)(
    'log records without an id that were emitted inside a span, if their batch is sent again (%s)',
    async encoding => {
      const to = await receiver()
      const within = trace.setSpanContext(ROOT_CONTEXT, {
        traceId: '0af7651916cd43dd8448eb211c80319c',
        spanId: 'b7ad6b7169203331',
        traceFlags: 1,
      })
      const records = logRecords(
        [1, 2, 3].map(time_seconds => ({ ...good, time_seconds })),
        'agent.attempt',
        within,
      )
      await sendLogs(to.url, encoding, records)
      expect(to.counts).toMatchObject({ accepted: 3, duplicates: 0 })
      await sendLogs(to.url, encoding, records)
      expect(to.counts).toMatchObject({ accepted: 3, duplicates: 3 })
    },
  )
})

test('a batching pipeline delivers a thousand attempts, each once', async () => {
  const to = await receiver()
  const exporter = new OTLPLogExporter({ url: `${to.url}logs` })
  const provider = new LoggerProvider({ processors: [new BatchLogRecordProcessor({ exporter, maxQueueSize: 2000 })] })
  const logger = provider.getLogger('coordinator')
  for (let n = 0; n < 1000; n++) {
    logger.emit({ eventName: 'agent.attempt', attributes: { ...good, attempt_id: `${n}` } })
  }
  await provider.shutdown()
  expect(new Set(to.kept.map(attempt => attempt.attempt_id)).size).toBe(1000)
  expect(to.counts).toMatchObject({ accepted: 1000, duplicates: 0 })
})
