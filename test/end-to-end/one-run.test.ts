import { context, metrics, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import { BatchSpanProcessor, SimpleSpanProcessor, type SpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import { afterEach, expect, test } from 'vitest'
import { createInstrumentation } from '../../src/index.ts'
import { testSidecar } from '../support/sidecar.ts'

afterEach(() => {
  metrics.disable()
  trace.disable()
  context.disable()
})

const labels = { agent_name: 'Fixer', model_name: 'gpt', issue_type: 'bug' }

/** What a framework does in a run: a span of the agent, and below it one of a model call. */
async function framework(agent: string): Promise<string> {
  const tracer = trace.getTracer('a framework')
  return await tracer.startActiveSpan(
    `invoke_agent ${agent}`,
    {
      attributes: {
        'gen_ai.operation.name': 'invoke_agent',
        'gen_ai.agent.name': agent,
        'gen_ai.request.model': 'gpt',
      },
    },
    async span => {
      tracer
        .startSpan('chat gpt', { attributes: { 'gen_ai.operation.name': 'chat', 'gen_ai.request.model': 'gpt' } })
        .end()
      await new Promise(resolve => setImmediate(resolve))
      span.end()
      return 'done'
    },
  )
}

const exporters: [name: string, processor: (exporter: OTLPTraceExporter) => SpanProcessor][] = [
  [
    'in one request, after the delivery',
    exporter => new BatchSpanProcessor({ exporter, scheduledDelayMillis: 60_000 }),
  ],
  ['span by span, inner ones first', exporter => new SimpleSpanProcessor({ exporter })],
]

test.each(exporters)('a run that is delivered and exported by OTLP is one attempt: %s', async (_, processor) => {
  await using sidecar = await testSidecar()
  const provider = new TracerProvider({
    spanProcessors: [processor(new OTLPTraceExporter({ url: `${sidecar.url}/v1/traces` }))],
  })
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  trace.setGlobalTracerProvider(provider)
  const { trackAttempt, startAttempt, deliverTo, configure } = createInstrumentation()
  const delivery = deliverTo(sidecar.url)

  expect(
    await trackAttempt(
      labels,
      () => framework('Fixer'),
      () => ({ output_tokens: 7 }),
    ),
  ).toBe('done')
  const open = startAttempt({ ...labels, issue_type: 'opened' })
  await open.run(() => framework('Fixer'))
  open.end({ success: false, error_type: 'tests_failed', model_name: 'fallback' })
  configure({ omit: ['aborted'] })
  startAttempt({ ...labels, issue_type: 'left out' }).cancel()

  expect(await delivery.close()).toBe(true)
  await provider.forceFlush()
  await provider.shutdown()
  const { attempts } = await sidecar.sidecar.tracker.attempts({ limit: 10 })
  const seen = attempts.map(({ agent_name, model_name, issue_type, success }) => [
    agent_name,
    model_name,
    issue_type,
    success,
  ])
  expect(seen.toSorted()).toEqual([
    ['Fixer', 'fallback', 'opened', false],
    ['Fixer', 'gpt', 'bug', true],
  ])
})
