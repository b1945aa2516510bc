import { SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { afterEach, describe, expect, it } from 'vitest'
import { createInstrumentation } from '../../src/index.ts'
import { collecting } from './collecting.ts'
import { setSpans, unsetTelemetry } from './telemetry.ts'

const labels = { agent_name: 'Fixer', model_name: 'gpt', issue_type: 'bug' }

afterEach(unsetTelemetry)

describe('the span of an attempt', () => {
  it('has the standard attributes, those of this package, and the delivered id', async () => {
    const spans = setSpans()
    const { instrumentation, attempts } = collecting()
    await instrumentation.trackAttempt(
      { ...labels, experiment: 'prompt', variant: 'short' },
      async () => ({ success: true, confidence: 0.8 }),
      () => ({ input_tokens: 100, output_tokens: 20, cache_read_tokens: 30, cache_write_tokens: 4, cost_usd: 0.1 }),
    )
    const [span] = spans.ended()
    expect(span).toMatchObject({
      name: 'invoke_agent Fixer',
      kind: SpanKind.INTERNAL,
      status: { code: SpanStatusCode.UNSET },
      attributes: {
        'gen_ai.operation.name': 'invoke_agent',
        'gen_ai.agent.name': 'Fixer',
        'gen_ai.request.model': 'gpt',
        'gen_ai.usage.input_tokens': 134,
        'gen_ai.usage.output_tokens': 20,
        'gen_ai.usage.cache_read.input_tokens': 30,
        'gen_ai.usage.cache_creation.input_tokens': 4,
        'agent.attempt.id': attempts[0]?.attempt_id,
        'agent.attempt.issue_type': 'bug',
        'agent.attempt.experiment': 'prompt',
        'agent.attempt.variant': 'short',
        'agent.attempt.confidence': 0.8,
        'agent.attempt.cost_usd': 0.1,
        'agent.attempt.result': 'success',
      },
    })
    expect(span?.attributes).not.toHaveProperty('error.type')
  })

  it('names the task and the session, which the attempt states with the trace of its span, known before the work or after', async () => {
    const spans = setSpans()
    const { instrumentation, attempts } = collecting()
    await instrumentation.trackAttempt({ ...labels, task_id: 't-1', session_id: 's-1' }, async () => ({}))
    await instrumentation.trackAttempt(
      labels,
      async () => ({}),
      () => ({ task_id: 't-2', session_id: 's-2' }),
    )
    instrumentation.recordAttempt({ ...labels, success: true, time_seconds: 1, trace_id: 'stated' })
    const ended = spans.ended()
    expect(ended.map(({ attributes }) => attributes['agent.attempt.task_id'])).toEqual(['t-1', 't-2', undefined])
    expect(ended.map(({ attributes }) => attributes['agent.attempt.session_id'])).toEqual(['s-1', 's-2', undefined])
    expect(attempts).toMatchObject([
      { task_id: 't-1', session_id: 's-1', trace_id: ended[0]?.spanContext().traceId },
      { task_id: 't-2', session_id: 's-2', trace_id: ended[1]?.spanContext().traceId },
      { trace_id: 'stated' },
    ])
  })

  const failures: [what: string, work: () => unknown, type: string, message: string | undefined][] = [
    [
      'throws',
      () => {
        throw new TypeError('no')
      },
      'TypeError',
      'no',
    ],
    ['rejects', () => Promise.reject(new RangeError('far')), 'RangeError', 'far'],
    ['is aborted', () => Promise.reject(new DOMException('stopped', 'AbortError')), 'aborted', 'stopped'],
    ['says that it failed', () => ({ success: false }), '_OTHER', undefined],
  ]
  it.each(failures)('ends with its error if the work %s', async (_, work, type, message) => {
    const spans = setSpans()
    const { trackAttempt } = createInstrumentation()
    try {
      await trackAttempt(labels, work)
    } catch {}
    expect(spans.ended()).toMatchObject([
      {
        ended: true,
        status: { code: SpanStatusCode.ERROR, ...(message !== undefined && { message }) },
        attributes: { 'error.type': type, 'agent.attempt.result': 'failure' },
      },
    ])
  })

  it('is the parent of all spans of the work, also after an await', async () => {
    const spans = setSpans()
    const { trackAttempt } = createInstrumentation()
    const step = async (name: string): Promise<void> => {
      await new Promise(resolve => setTimeout(resolve, 1))
      trace.getTracer('test').startSpan(name).end()
    }
    await Promise.all([
      trackAttempt({ ...labels, agent_name: 'Outer' }, async () => {
        await step('before')
        await trackAttempt({ ...labels, agent_name: 'Inner' }, () => step('inside'))
        await step('after')
      }),
      trackAttempt({ ...labels, agent_name: 'Other' }, () => step('elsewhere')),
    ])
    const named = new Map(spans.ended().map(span => [span.name, span]))
    const parentOf = (name: string) =>
      [...named].find(([, span]) => span.spanContext().spanId === named.get(name)?.parentSpanContext?.spanId)?.[0]
    expect(parentOf('before')).toBe('invoke_agent Outer')
    expect(parentOf('invoke_agent Inner')).toBe('invoke_agent Outer')
    expect(parentOf('inside')).toBe('invoke_agent Inner')
    expect(parentOf('after')).toBe('invoke_agent Outer')
    expect(parentOf('elsewhere')).toBe('invoke_agent Other')
    expect(parentOf('invoke_agent Outer')).toBeUndefined()
  })

  it('is created if the tracer is set after the first attempt', () => {
    const { trackAttempt } = createInstrumentation()
    trackAttempt(labels, () => 1)
    const spans = setSpans()
    trackAttempt(labels, () => 2)
    expect(spans.ended()).toHaveLength(1)
  })

  it('covers the time of an attempt that was measured elsewhere', () => {
    const spans = setSpans()
    createInstrumentation().recordAttempt({
      ...labels,
      success: true,
      time_seconds: 90,
      timestamp: '2026-01-31T12:00:00Z',
      attempt_id: 'mine',
    })
    const [span] = spans.ended()
    expect(span).toMatchObject({ duration: [90, 0], attributes: { 'agent.attempt.id': 'mine' } })
    expect(span?.endTime).toEqual([Date.parse('2026-01-31T12:00:00Z') / 1000, 0])
  })

  it('does not affect the work if the tracer throws', () => {
    trace.setGlobalTracerProvider({
      getTracer: () => {
        throw new Error('broken tracer')
      },
    })
    const { instrumentation, attempts } = collecting()
    expect(instrumentation.trackAttempt(labels, () => 1)).toBe(1)
    expect(attempts).toHaveLength(1)
    expect(instrumentation.problems().telemetry).toBe(1)
  })
})
