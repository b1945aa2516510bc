import { trace } from '@opentelemetry/api'
import { afterEach, expect, it } from 'vitest'
import { createInstrumentation } from '../../src/index.ts'
import { setSpans, unsetTelemetry } from './telemetry.ts'

afterEach(unsetTelemetry)

it('the delivery creates no spans, neither root spans nor children of the attempt that started it', async () => {
  const spans = setSpans()
  const { trackAttempt, deliverTo } = createInstrumentation()
  let called = false
  const delivery = deliverTo({
    recordAttempts: async attempts => {
      trace.getTracer('an instrumented HTTP client').startSpan('POST').end()
      called = true
      return { accepted: attempts.length, duplicates: 0, rejected: [] }
    },
  })
  const labels = { agent_name: 'Outer', model_name: 'm', issue_type: 'i' }
  await trackAttempt(labels, async () => {
    trackAttempt({ ...labels, agent_name: 'Inner' }, () => 1)
    await delivery.flush()
  })
  expect(called).toBe(true)
  expect(spans.ended().map(span => span.name)).toEqual(['invoke_agent Inner', 'invoke_agent Outer'])
})
