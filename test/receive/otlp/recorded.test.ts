import { readFileSync } from 'node:fs'
import { expect, onTestFinished, test } from 'vitest'
import { mergeMapping, type OtlpTable } from '../../../src/receive/otlp/mapping/table.ts'
import { openReceiver, post, type Receiver } from './receiver.ts'

/** Recorded requests of other programs, with the rules of a table. The notes next to the recordings give details. */
async function take(recording: string, headers: Record<string, string> = {}, table: OtlpTable = {}): Promise<Receiver> {
  const to = await openReceiver({ mapping: mergeMapping(table) })
  onTestFinished(to.close)
  const body = readFileSync(new URL(`../../fixtures/otlp/${recording}.bin`, import.meta.url))
  const answer = await post(to, recording.split('-').at(-1)!, body, headers)
  expect([answer.status, answer.bytes.length > 0]).toEqual([200, to.counts.rejected > 0])
  return to
}

test('log records of the Python SDK are attempts, except the one without an attempt', async () => {
  const names = { agent_name: 'fixer-日本', model_name: 'llama3:8b', issue_type: 'lint' }
  const to = await take('python-logs')
  expect(to.kept).toEqual([
    {
      ...names,
      success: true,
      confidence: 0.9,
      time_seconds: 12.5,
      timestamp: '2026-01-31T12:00:00.000Z',
      attempt_id: 'python-1',
      input_tokens: 1200,
    },
    {
      ...names,
      success: false,
      confidence: 1,
      time_seconds: 3,
      timestamp: '2026-01-31T12:00:01.000Z',
      attempt_id: 'python-2',
      error_type: 'TimeoutError',
    },
  ])
  expect(to.counts.ignored).toBe(1)
})

test('spans of the Python SDK for an agent and the agent it called are attempts, and its chat span is not', async () => {
  const to = await take('python-traces', { 'content-encoding': 'gzip' })
  const trace = 'd896069e888086c0a9b71c856e825038'
  expect(to.kept).toEqual([
    {
      agent_name: 'coder',
      model_name: 'gpt-6',
      issue_type: 'unknown',
      success: false,
      error_type: 'RateLimitError',
      time_seconds: 1,
      timestamp: '2026-01-31T12:00:02.000Z',
      attempt_id: `${trace}:53b800968208d9c0`,
      trace_id: trace,
    },
    {
      agent_name: 'planner',
      model_name: 'claude-sonnet-5',
      issue_type: 'refactor',
      success: true,
      confidence: 0.75,
      time_seconds: 4.5,
      timestamp: '2026-01-31T12:00:04.500Z',
      attempt_id: `${trace}:ee020707519907c1`,
      trace_id: trace,
      input_tokens: 200,
      output_tokens: 50,
      cache_read_tokens: 800,
    },
  ])
  expect(to.counts.ignored).toBe(1)
})

test('log records and spans of the Go SDK are attempts', async () => {
  expect((await take('go-logs')).kept).toEqual([
    {
      agent_name: 'gopher',
      model_name: 'gpt-6',
      issue_type: 'race',
      success: false,
      time_seconds: 7,
      timestamp: '2026-01-31T12:00:00.000Z',
      attempt_id: 'go-1',
      cost_usd: 0.25,
    },
  ])
  expect((await take('go-traces')).kept).toEqual([
    {
      agent_name: 'gopher',
      model_name: 'gpt-6',
      issue_type: 'unknown',
      success: false,
      time_seconds: 1.5,
      timestamp: '2026-01-31T12:00:01.500Z',
      attempt_id: 'f26819ac5eb5d9c001c0108a704403f8:1742aa872d6b04bb',
      trace_id: 'f26819ac5eb5d9c001c0108a704403f8',
      input_tokens: 10,
    },
  ])
})

test('metrics of both SDKs are accepted and ignored', async () => {
  expect((await take('python-metrics')).counts).toMatchObject({ accepted: 0, rejected: 0, ignored: 3 })
  expect((await take('go-metrics')).counts).toMatchObject({ accepted: 0, rejected: 0, ignored: 1 })
})

test('requests of Claude Code count if they are enabled: an answered and a refused one', async () => {
  const enabled = { 'claude-code': { enabled: true } }
  const answered = await take('claude-code-logs', {}, enabled)
  expect(answered.kept).toEqual([
    {
      agent_name: 'claude-code',
      model_name: 'claude-opus-4-8',
      issue_type: 'unknown',
      success: true,
      time_seconds: 0.016,
      timestamp: '2026-11-22T20:39:04.588Z',
      attempt_id: 'req_011Recorded1',
      session_id: '00000000-0000-4000-8000-000000000001',
      input_tokens: 1200,
      output_tokens: 25,
      cache_read_tokens: 4000,
      cache_write_tokens: 300,
      cost_usd: 0.010499999999999999,
    },
  ])
  expect(answered.counts).toMatchObject({ rejected: 0, ignored: 2 })
  const refused = await take('claude-code-failed-logs', {}, enabled)
  expect(refused.kept).toEqual([
    {
      agent_name: 'claude-code',
      model_name: 'claude-opus-4-8[1m]',
      issue_type: 'unknown',
      success: false,
      error_type: '400',
      time_seconds: 0.035,
      timestamp: '2026-11-22T20:39:34.293Z',
      attempt_id: 'req_011RecordedFailure',
      session_id: '00000000-0000-4000-8000-000000000002',
    },
  ])
  expect(refused.counts).toMatchObject({ rejected: 0, ignored: 1 })
})

test('telemetry of Claude Code is no attempt unless it is enabled, including its metrics', async () => {
  for (const recording of ['claude-code-logs', 'claude-code-failed-logs', 'claude-code-metrics']) {
    const { kept, counts } = await take(recording)
    expect([kept, counts.rejected, counts.ignored > 0]).toEqual([[], 0, true])
  }
})

test('each run of a Pydantic AI agent from OpenLIT is one attempt if it is enabled', async () => {
  const recording = 'openlit-pydantic-ai-traces'
  expect((await take(recording)).counts).toMatchObject({ accepted: 0, rejected: 0, ignored: 13 })
  const { kept, counts } = await take(recording, {}, { 'openlit-pydantic-ai': { enabled: true } })
  expect(kept).toEqual([
    {
      agent_name: 'Fixer',
      model_name: 'test-model',
      issue_type: 'unknown',
      success: true,
      time_seconds: expect.closeTo(0.019, 3),
      timestamp: '2026-11-22T20:45:13.710120Z',
      attempt_id: 'ec5ebe8d28fb78c139f65429575609a8:d55dc4069d76cfe2',
      trace_id: 'ec5ebe8d28fb78c139f65429575609a8',
      input_tokens: 55,
      output_tokens: 4,
    },
    {
      agent_name: 'Breaker',
      model_name: 'broken-model',
      issue_type: 'unknown',
      success: false,
      error_type: 'RuntimeError',
      time_seconds: expect.any(Number),
      timestamp: expect.stringMatching(/^2026-11-22T20:45:13/),
      attempt_id: '7fba91b152e370d713362ff14a63d452:2267c61d46e95131',
      trace_id: '7fba91b152e370d713362ff14a63d452',
    },
  ])
  expect(counts).toMatchObject({ rejected: 0, ignored: 11 })
})

test('runs of OpenAI agents from OpenLIT are attempts with an unknown model, and spans without an agent are ignored', async () => {
  const { kept, counts, reasons } = await take('openlit-openai-agents-traces')
  const common = { model_name: 'unknown', issue_type: 'unknown', time_seconds: expect.any(Number) }
  expect(kept).toEqual([
    {
      ...common,
      agent_name: 'Fixer',
      success: true,
      timestamp: '2026-11-22T20:46:37.424604Z',
      attempt_id: '04e936750738dd75cd1f1ad98470b334:7e31064ce8c61f90',
      trace_id: '04e936750738dd75cd1f1ad98470b334',
    },
    {
      ...common,
      agent_name: 'Breaker',
      success: false,
      error_type: 'Error in agent run',
      timestamp: expect.stringMatching(/^2026-11-22T20:46:37/),
      attempt_id: '97f7de3475815175e723fc69a7710bd4:59e94b98c11b7ed5',
      trace_id: '97f7de3475815175e723fc69a7710bd4',
    },
  ])
  expect(counts).toMatchObject({ rejected: 0, ignored: 8 })
  expect(reasons).toMatchObject({ no_agent: 4 })
})
