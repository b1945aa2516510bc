import { readFileSync } from 'node:fs'
import { expect, onTestFinished, test } from 'vitest'
import { openReceiver, post, type Receiver } from './receiver.ts'

/** What other languages' SDKs sent: see the notes beside the recordings. */
async function take(recording: string, headers: Record<string, string> = {}): Promise<Receiver> {
  const to = await openReceiver()
  onTestFinished(to.close)
  const body = readFileSync(new URL(`../../fixtures/otlp/${recording}.bin`, import.meta.url))
  const answer = await post(to, recording.split('-')[1]!, body, headers)
  expect([answer.status, answer.bytes.length]).toEqual([200, 0])
  return to
}

test("Python's log records are attempts, but for the one that is none", async () => {
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

test("Python's spans of an agent and of the one it called are attempts, its chat is none", async () => {
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
      input_tokens: 200,
      output_tokens: 50,
      cache_read_tokens: 800,
    },
  ])
  expect(to.counts.ignored).toBe(1)
})

test("Go's log records and spans are attempts", async () => {
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
      input_tokens: 10,
    },
  ])
})

test('metrics of either are taken and ignored', async () => {
  expect((await take('python-metrics')).counts).toMatchObject({ accepted: 0, rejected: 0, ignored: 3 })
  expect((await take('go-metrics')).counts).toMatchObject({ accepted: 0, rejected: 0, ignored: 1 })
})
