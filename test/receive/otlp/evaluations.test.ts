/** Outcomes and pending attempts in OTLP: what refers to an attempt and says whether it succeeded, and what does not. */
import { describe, expect, test } from 'vitest'
import { extractLogs } from '../../../src/receive/otlp/extract.ts'
import { extractSpans } from '../../../src/receive/otlp/extract-spans.ts'
import type { Extracted } from '../../../src/receive/otlp/extractor.ts'
import { DEFAULT_MAPPING } from '../../../src/receive/otlp/mapping/default-mapping.ts'
import { mergeMapping, otlpTable } from '../../../src/receive/otlp/mapping/table.ts'
import { createTraceMemory } from '../../../src/receive/otlp/traces/trace-memory.ts'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const SPAN = 'b7ad6b7169203331'
const NANOS = '1772366400000000000'
const EVENT = 'gen_ai.evaluation.result'

type Values = Record<string, string | number | boolean>

const keyValues = (values: Values) =>
  Object.entries(values).map(([key, value]) => ({
    key,
    value:
      typeof value === 'string'
        ? { stringValue: value }
        : typeof value === 'boolean'
          ? { boolValue: value }
          : { doubleValue: value },
  }))

function logs(attributes: Values, more: object = {}, mapping = DEFAULT_MAPPING): Extracted {
  const record = { timeUnixNano: NANOS, traceId: TRACE, spanId: SPAN, attributes: keyValues(attributes), ...more }
  return extractLogs({ resourceLogs: [{ scopeLogs: [{ logRecords: [record] }] }] }, mapping)
}

function spans(attributes: Values, events: object[] = []): Extracted {
  const span = {
    traceId: TRACE,
    spanId: SPAN,
    name: 'invoke_agent planner',
    startTimeUnixNano: NANOS,
    endTimeUnixNano: NANOS,
    attributes: keyValues(attributes),
    events,
  }
  const request = { resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] }
  return extractSpans(request, DEFAULT_MAPPING, createTraceMemory(), 0)
}

const evaluation = (attributes: Values, more: object = {}): Extracted =>
  logs({ 'gen_ai.evaluation.name': 'tests', ...attributes }, { eventName: EVENT, ...more })

describe('an evaluation', () => {
  test('is an outcome of the attempt of the span that it evaluates', () => {
    const { outcomes, ignored } = evaluation({
      'gen_ai.evaluation.score.label': 'Pass',
      'gen_ai.evaluation.explanation': 'all tests\npass',
    })
    expect(outcomes).toEqual([
      {
        attempt_id: `${TRACE}:${SPAN}`,
        success: true,
        source: 'tests',
        timestamp: '2026-03-01T12:00:00.000Z',
        note: 'all tests\npass',
      },
    ])
    expect(ignored).toBe(0)
  })

  test('is an outcome of the attempt that it names, whatever its context', () => {
    const named = evaluation(
      { 'agent.attempt.id': 'id 1', 'gen_ai.evaluation.score.label': 'fail' },
      { traceId: '', spanId: '', eventName: undefined, attributes: undefined },
    )
    expect(named.outcomes).toEqual([])
    const attributes = { 'agent.attempt.id': 'id 1', 'gen_ai.evaluation.score.label': 'fail', 'event.name': EVENT }
    const { outcomes } = logs({ ...attributes, 'gen_ai.evaluation.name': 'tests' }, { traceId: '', spanId: '' })
    expect(outcomes).toMatchObject([{ attempt_id: 'id 1', success: false, source: 'tests' }])
  })

  test.each([
    ['a label that judges something else', { 'gen_ai.evaluation.score.label': 'relevant' }, {}],
    ['a number alone, which has no agreed meaning', { 'gen_ai.evaluation.score.value': 1 }, {}],
    ['an error of the evaluation', { 'gen_ai.evaluation.score.label': 'fail', 'error.type': 'timeout' }, {}],
    ['no attempt', { 'gen_ai.evaluation.score.label': 'pass' }, { traceId: '', spanId: '' }],
    ['another event', { 'gen_ai.evaluation.score.label': 'pass' }, { eventName: 'gen_ai.choice' }],
  ])('with %s is ignored, and counted as such', (_, attributes, more) => {
    const { outcomes, ignored, rejected } = evaluation(attributes, more)
    expect({ outcomes, ignored, rejected }).toEqual({ outcomes: [], ignored: 1, rejected: 0 })
  })

  test('states its result and its source itself where it wants to', () => {
    const stated = { 'agent.attempt.success': false, 'agent.outcome.source': 'review' }
    expect(evaluation({ ...stated, 'gen_ai.evaluation.score.label': 'pass' }).outcomes).toMatchObject([
      { success: false, source: 'review' },
    ])
  })

  test('with an explanation of any length keeps as much of it as a note holds', () => {
    const explanation = '👩‍🚀'.repeat(2000)
    const { outcomes } = evaluation({
      'gen_ai.evaluation.score.label': 'pass',
      'gen_ai.evaluation.explanation': explanation,
    })
    const { note = '' } = outcomes[0]!
    expect(Buffer.byteLength(note)).toBeLessThanOrEqual(4096)
    expect(Buffer.byteLength(note)).toBeGreaterThan(4080)
    expect(explanation.startsWith(note)).toBe(true)
  })

  test('as an event of a span is an outcome of the attempt which the span is', () => {
    const event = {
      name: EVENT,
      attributes: keyValues({ 'gen_ai.evaluation.name': 'tests', 'gen_ai.evaluation.score.label': 'incorrect' }),
    }
    const agent = { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': 'planner' }
    const run = spans({ ...agent, 'agent.attempt.id': 'id 1' }, [{ name: 'exception' }, event])
    expect(run.attempts).toMatchObject([{ attempt_id: 'id 1', success: true }])
    expect(run.outcomes).toMatchObject([{ attempt_id: 'id 1', success: false, source: 'tests' }])
    expect(spans({ 'gen_ai.operation.name': 'chat' }, [event]).outcomes).toMatchObject([
      { attempt_id: `${TRACE}:${SPAN}` },
    ])
  })
})

describe('a pending attempt', () => {
  const fields = { agent_name: 'a', model_name: 'm', issue_type: 'i', time_seconds: 1 }

  test('is an agent.attempt event without a result', () => {
    const { attempts, rejected } = logs(fields, { eventName: 'agent.attempt' })
    expect([attempts.length, 'success' in attempts[0]!, rejected]).toEqual([1, false, 0])
  })

  test('is no event whose result cannot be used', () => {
    const { attempts, rejected, problems } = logs({ ...fields, success: 'maybe' }, { eventName: 'agent.attempt' })
    expect([attempts, rejected]).toEqual([[], 1])
    expect(problems.join()).toContain('success')
  })

  test('is no event without an id and a time: no outcome could name it', () => {
    const record = { eventName: 'agent.attempt', timeUnixNano: '0', traceId: '', spanId: '' }
    const { attempts, rejected, problems } = logs(fields, record)
    expect([attempts, rejected]).toEqual([[], 1])
    expect(problems.join()).toContain('attempt_id is required where success is absent')
  })

  test('is a span whose result is pending, whatever its status', () => {
    const agent = { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': 'planner' }
    const { attempts } = spans({ ...agent, 'agent.attempt.result': 'pending' })
    expect([attempts.length, attempts[0]!.success]).toEqual([1, undefined])
    expect(spans({ ...agent, 'agent.attempt.result': 'failure' }).attempts).toMatchObject([{ success: false }])
  })

  test('is a record of a rule of the user that says so, and of no other rule', () => {
    const names = ['agent_name', 'model_name', 'issue_type', 'time_seconds'] as const
    const rule = {
      signal: 'logs',
      when: { 'record:event': ['run'] },
      attempt: Object.fromEntries(names.map(name => [name, [name]])),
    } as const
    const withId = { ...rule.attempt, attempt_id: ['record:id'] }
    const pending = mergeMapping(otlpTable.parse({ run: { ...rule, attempt: withId, pending: true } }))
    expect(logs(fields, { eventName: 'run' }, pending).attempts).toHaveLength(1)
    expect(otlpTable.safeParse({ run: rule }).success).toBe(false)
    expect(otlpTable.safeParse({ run: { ...rule, pending: true } }).error?.issues).toMatchObject([
      { path: ['run'], message: 'is a new rule and must state attempt.attempt_id' },
    ])
    const decided = mergeMapping(otlpTable.parse({ run: { ...rule, attempt: { ...rule.attempt, success: ['ok'] } } }))
    expect(logs(fields, { eventName: 'run' }, decided)).toMatchObject({ attempts: [], rejected: 1 })
  })
})
