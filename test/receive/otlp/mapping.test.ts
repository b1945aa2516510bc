import { describe, expect, onTestFinished, test } from 'vitest'
import { DEFAULT_MAPPING } from '../../../src/receive/otlp/mapping/default-mapping.ts'
import { mergeMapping, type OtlpTable, otlpTable } from '../../../src/receive/otlp/mapping/table.ts'
import { openReceiver, post, type Receiver } from './receiver.ts'

type Scalar = string | number | boolean

function anyValue(value: Scalar): object {
  if (typeof value === 'string') return { stringValue: value }
  if (typeof value === 'boolean') return { boolValue: value }
  return Number.isInteger(value) ? { intValue: value } : { doubleValue: value }
}

function attributesOf(all: Record<string, Scalar>): object[] {
  return Object.entries(all).map(([key, value]) => ({ key, value: anyValue(value) }))
}

/** A receiver with the table of a configuration file, which has been through JSON. */
async function receiver(table: unknown): Promise<Receiver> {
  const opened = await openReceiver({ mapping: mergeMapping(otlpTable.parse(JSON.parse(JSON.stringify(table)))) })
  onTestFinished(opened.close)
  return opened
}

async function log(to: Receiver, attributes: Record<string, Scalar>, fields: object = {}): Promise<void> {
  const record = { timeUnixNano: '1769860800000000000', attributes: attributesOf(attributes), ...fields }
  const resource = { attributes: attributesOf({ 'service.name': 'claude-code', team: 'blue' }) }
  const body = { resourceLogs: [{ resource, scopeLogs: [{ logRecords: [record] }] }] }
  expect((await post(to, 'logs', JSON.stringify(body))).status).toBe(200)
}

async function span(to: Receiver, name: string, attributes: Record<string, Scalar>): Promise<void> {
  const sent = {
    traceId: '5b8efff798038103d269b633813fc60c',
    spanId: 'eee19b7ec3c1b174',
    name,
    startTimeUnixNano: '1769860800000000000',
    endTimeUnixNano: '1769860860000000000',
    attributes: attributesOf(attributes),
  }
  const body = { resourceSpans: [{ scopeSpans: [{ spans: [sent] }] }] }
  expect((await post(to, 'traces', JSON.stringify(body))).status).toBe(200)
}

describe('requests of Claude Code', () => {
  const request = {
    'event.name': 'api_request',
    'event.sequence': 7,
    'session.id': 's-1',
    model: 'claude-sonnet-5',
    cost_usd: 0.0123,
    duration_ms: 2500,
    input_tokens: 12,
    output_tokens: 340,
    cache_read_tokens: 20_000,
    cache_creation_tokens: 100,
    request_id: 'req_011',
  }
  const body = { body: { stringValue: 'claude_code.api_request' } }
  const counted = {
    agent_name: 'claude-code',
    model_name: 'claude-sonnet-5',
    issue_type: 'unknown',
    success: true,
    time_seconds: 2.5,
    timestamp: '2026-01-31T12:00:00.000Z',
    attempt_id: 'req_011',
    session_id: 's-1',
    input_tokens: 12,
    output_tokens: 340,
    cache_read_tokens: 20_000,
    cache_write_tokens: 100,
    cost_usd: 0.0123,
  }

  test('are no attempts unless the table enables them', async () => {
    const to = await receiver({})
    await log(to, request, body)
    expect(to.counts).toMatchObject({ accepted: 0, ignored: 1 })
  })

  test('count with their tokens, which exclude cached ones already, their cost and their time', async () => {
    const to = await receiver({ 'claude-code': { enabled: true } })
    await log(to, request, body)
    expect(to.kept).toEqual([counted])
  })

  test('also count by their event name, and with every number as text', async () => {
    const to = await receiver({ 'claude-code': { enabled: true } })
    const texts = Object.fromEntries(Object.entries(request).map(([key, value]) => [key, String(value)]))
    await log(to, texts, { eventName: 'claude_code.api_request' })
    expect(to.kept).toEqual([counted])
  })

  test('that failed are failures, with the status of the API', async () => {
    const to = await receiver({ 'claude-code': { enabled: true } })
    const { cost_usd, request_id, ...rest } = request
    await log(
      to,
      { ...rest, 'event.name': 'api_error', error: 'overloaded', status_code: 529, attempt: 11 },
      { body: { stringValue: 'claude_code.api_error' } },
    )
    expect(to.kept).toMatchObject([{ success: false, error_type: '529', attempt_id: 's-1:7' }])
  })

  test('take the issue type from the attribute that the table names', async () => {
    const to = await receiver({ 'claude-code': { enabled: true, attempt: { issue_type: ['resource:team'] } } })
    await log(to, request, body)
    expect(to.kept).toMatchObject([{ issue_type: 'blue', model_name: 'claude-sonnet-5' }])
  })

  test('are the only events of Claude Code that count', async () => {
    const to = await receiver({ 'claude-code': { enabled: true } })
    await log(to, { ...request, 'event.name': 'tool_result' }, { body: { stringValue: 'claude_code.tool_result' } })
    expect(to.counts).toMatchObject({ accepted: 0, rejected: 0, ignored: 1 })
  })
})

describe('sessions of OpenLIT', () => {
  const session = {
    'gen_ai.agent.name': 'cursor',
    'coding_agent.session.id': 's-1',
    'coding_agent.session.outcome': 'committed',
    'coding_agent.session.duration_ms': 45_000,
    'coding_agent.session.cost_usd': 1.5,
    'gen_ai.request.model': 'gpt-6',
    'gen_ai.usage.input_tokens': 10,
  }

  test.each([
    ['merged', true],
    ['committed', true],
    ['completed', true],
    ['abandoned_no_change', false],
    ['abandoned_with_change', false],
    ['cancelled', false],
  ])('that ended %s: success is %s', async (outcome, success) => {
    const to = await receiver({ 'openlit-session': { enabled: true } })
    await span(to, 'coding_agent.session', { ...session, 'coding_agent.session.outcome': outcome })
    expect(to.kept).toMatchObject([
      { agent_name: 'cursor', model_name: 'gpt-6', success, time_seconds: 45, cost_usd: 1.5 },
    ])
  })

  test('that have not ended, and their other spans, are no attempts, nor is any session without the table', async () => {
    const to = await receiver({ 'openlit-session': { enabled: true } })
    await span(to, 'coding_agent.session', { ...session, 'coding_agent.session.outcome': 'in_progress' })
    await span(to, 'coding_agent.tool.call', session)
    expect(to.counts).toMatchObject({ accepted: 0, rejected: 0, ignored: 2 })
    const plain = await receiver({})
    await span(plain, 'coding_agent.session', session)
    expect(plain.counts).toMatchObject({ accepted: 0, ignored: 1 })
  })
})

describe("a user's table", () => {
  test('adds rules for telemetry of its own', async () => {
    const to = await receiver({
      'our-runs': {
        signal: 'traces',
        when: { 'record:name': ['run', 'rerun'] },
        attempt: {
          agent_name: ['who'],
          model_name: [{ value: 'house-model' }],
          issue_type: ['kind', { value: 'other' }],
          success: [{ from: 'outcome', in: ['fixed'] }],
          time_seconds: [{ from: 'millis', scale: 0.001 }, 'record:duration_seconds'],
          attempt_id: [{ join: ['who', 'run'] }],
        },
      },
    })
    await span(to, 'run', { who: 'x', outcome: 'fixed', run: 3, millis: 250 })
    await span(to, 'rerun', { who: 'x', outcome: 'given up', kind: 'lint' })
    expect(to.kept).toEqual([
      {
        agent_name: 'x',
        model_name: 'house-model',
        issue_type: 'other',
        success: true,
        time_seconds: 0.25,
        attempt_id: 'x:3',
      },
      { agent_name: 'x', model_name: 'house-model', issue_type: 'lint', success: false, time_seconds: 60 },
    ])
  })

  test('changes one field of a shipped rule and leaves the others', async () => {
    const to = await receiver({ invoke_agent: { attempt: { agent_name: ['gen_ai.agent.name', 'gen_ai.agent.id'] } } })
    await span(to, 'x', {
      'gen_ai.operation.name': 'invoke_agent',
      'gen_ai.agent.id': '7',
      'gen_ai.request.model': 'm',
    })
    expect(to.kept).toMatchObject([{ agent_name: '7', model_name: 'm', issue_type: 'unknown' }])
  })

  test('turns a shipped rule off', async () => {
    const to = await receiver({ 'agent.attempt': { enabled: false } })
    await log(to, {}, { eventName: 'agent.attempt' })
    expect(to.counts).toMatchObject({ rejected: 0, ignored: 1 })
  })

  test('without rules changes nothing', () => {
    expect(mergeMapping({})).toEqual(DEFAULT_MAPPING)
    expect(JSON.parse(JSON.stringify(DEFAULT_MAPPING))).toEqual(DEFAULT_MAPPING)
  })

  test('may state the shipped rules in full', () => {
    const table = otlpTable.parse(DEFAULT_MAPPING) satisfies OtlpTable
    expect(mergeMapping(table)).toEqual(DEFAULT_MAPPING)
  })

  test.each([
    [{ new: { signal: 'logs', when: { a: ['b'] } } }, 'attempt.agent_name'],
    [{ new: { when: { a: ['b'] } } }, 'must state signal'],
    [{ 'agent.attempt': { on: true } }, 'on'],
    [{ 'agent.attempt': { attempt: { agent: ['x'] } } }, 'agent'],
    [{ 'agent.attempt': { attempt: { agent_name: [{ from: 'x' }] } } }, 'name of an attribute'],
    [{ 'agent.attempt': { attempt: { agent_name: 'x' } } }, 'agent_name'],
    [{ 'agent.attempt': { attempt: { agent_name: ['record:nome'] } } }, 'agent_name'],
    [{ 'agent.attempt': { when: {} } }, 'must name a place'],
    [{ 'agent.attempt': { signal: 'metrics' } }, 'signal'],
    [[], ''],
    [null, ''],
  ])('that is invalid is refused with the position: %j', (table, told) => {
    const read = otlpTable.safeParse(table)
    expect(read.success).toBe(false)
    expect(JSON.stringify(read.error?.issues)).toContain(told)
  })
})
