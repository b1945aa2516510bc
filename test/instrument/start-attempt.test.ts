import { trace } from '@opentelemetry/api'
import { afterEach, describe, expect, it } from 'vitest'
import type { OpenAttempt } from '../../src/index.ts'
import { collecting } from './collecting.ts'
import { setSpans, unsetTelemetry } from './telemetry.ts'

const labels = { agent_name: 'Fixer', model_name: 'gpt', issue_type: 'bug' }

afterEach(unsetTelemetry)

describe('startAttempt', () => {
  const ends: [what: string, end: (attempt: OpenAttempt) => void, recorded: object][] = [
    ['end()', attempt => attempt.end(), { success: true }],
    [
      'end(outcome)',
      attempt => attempt.end({ success: false, error_type: 'tests_failed' }),
      { success: false, error_type: 'tests_failed' },
    ],
    [
      'end(outcome) with the model that answered',
      attempt => attempt.end({ model_name: 'other' }),
      { success: true, model_name: 'other' },
    ],
    [
      'end() with nonsense',
      attempt => attempt.end({ success: 'yes' } as never),
      { success: false, error_type: 'describe_failed' },
    ],
    ['fail(error)', attempt => attempt.fail(new RangeError('far')), { success: false, error_type: 'RangeError' }],
    [
      'fail(an abort)',
      attempt => attempt.fail(new DOMException('stop', 'AbortError')),
      { success: false, error_type: 'aborted' },
    ],
    ['cancel()', attempt => attempt.cancel(), { success: false, error_type: 'aborted' }],
  ]
  it.each(ends)('%s ends the attempt, and later calls do not count', (_, end, recorded) => {
    const { instrumentation, attempts } = collecting()
    const attempt = instrumentation.startAttempt(labels)
    expect(attempts).toEqual([])
    end(attempt)
    for (const [, again] of ends) again(attempt)
    expect(attempts).toMatchObject([{ ...labels, ...recorded, attempt_id: attempt.attempt_id }])
  })

  const judges: [how: string, judge: () => Promise<unknown>, recorded: object][] = [
    ['resolves', async () => ({ confidence: 0.5 }), { success: true, confidence: 0.5 }],
    ['resolves with nonsense', async () => 7, { success: false, error_type: 'describe_failed' }],
    ['rejects', async () => Promise.reject(new Error('no judge')), { success: false, error_type: 'describe_failed' }],
  ]
  it.each(judges)(
    'end(promise) ends the time at once, and the attempt when the promise %s',
    async (_, judge, recorded) => {
      const { instrumentation, attempts } = collecting()
      const attempt = instrumentation.startAttempt(labels)
      const judged = Promise.withResolvers<void>()
      const startedMs = performance.now()
      attempt.end(judged.promise.then(judge) as Promise<object>)
      const endedSeconds = (performance.now() - startedMs) / 1000
      for (const [, again] of ends) again(attempt)
      await new Promise(resolve => setTimeout(resolve, 20))
      expect(attempts).toEqual([])
      judged.resolve()
      await expect.poll(() => attempts).toMatchObject([recorded])
      expect(attempts[0]!.time_seconds).toBeLessThan(endedSeconds + 0.015)
    },
  )

  it('set adds fields that the outcome overrides, until the end', () => {
    const { instrumentation, attempts } = collecting()
    const attempt = instrumentation.startAttempt(labels)
    attempt.set({ model_name: 'answered', input_tokens: 1, output_tokens: 2 })
    attempt.set({ input_tokens: 3, ...({ nonsense: 1 } as object) })
    attempt.set(undefined as never)
    attempt.end({ output_tokens: 4 })
    attempt.set({ input_tokens: 9 })
    expect(attempts).toMatchObject([{ model_name: 'answered', input_tokens: 3, output_tokens: 4, success: true }])
    expect(attempts[0]).not.toHaveProperty('nonsense')
    expect(instrumentation.problems().describe).toBe(2)
  })

  it('run returns and throws what the work does, and its spans are children of the attempt', async () => {
    const spans = setSpans()
    const { instrumentation, attempts } = collecting()
    const attempt = instrumentation.startAttempt(labels)
    expect(attempt.run(() => 42)).toBe(42)
    const error = new Error('part of the work')
    expect(() =>
      attempt.run(() => {
        throw error
      }),
    ).toThrow(error)
    await attempt.run(async () => {
      await new Promise(resolve => setImmediate(resolve))
      trace.getTracer('test').startSpan('inside').end()
    })
    expect(attempts).toEqual([])
    attempt.end()
    const [inside, outer] = spans.ended()
    expect(inside?.parentSpanContext?.spanId).toBe(outer?.spanContext().spanId)
    expect(outer?.attributes['agent.attempt.id']).toBe(attempt.attempt_id)
  })

  it('labels that are none do not throw', () => {
    const { instrumentation, attempts } = collecting()
    instrumentation.startAttempt(undefined as never).end()
    expect(attempts).toMatchObject([{ agent_name: 'unknown', success: true }])
  })

  it('an attempt that is left out by option has a span that a sidecar counts as neither success nor failure', () => {
    const spans = setSpans()
    const { instrumentation, attempts } = collecting({ omit: ['aborted'] })
    instrumentation.startAttempt(labels).cancel()
    expect(attempts).toEqual([])
    const [span] = spans.ended()
    expect(span?.attributes).toMatchObject({ 'gen_ai.response.finish_reasons': ['aborted'] })
    expect(span?.attributes).not.toHaveProperty('agent.attempt.result')
    expect(span?.attributes).not.toHaveProperty('error.type')
  })
})
