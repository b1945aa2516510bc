/** What an operator sees of metrics that are counted: the setting, the answer, the log and the sidecar's own metrics. */
import { expect, test } from 'vitest'
import { capturedLog, type TestSidecar, testSidecar } from '../support/sidecar.ts'

const MS = 1_000_000

/** `count` runs of an agent in the time from `start` to `time`, in ms. */
function runs(start: number, time: number, count: number, metric: object = {}): object {
  const attributes = [{ key: 'gen_ai.agent.name', value: { stringValue: 'fixer' } }]
  const point = { attributes, startTimeUnixNano: start * MS, timeUnixNano: time * MS, count, sum: count }
  const histogram = { aggregationTemporality: 2, dataPoints: [point] }
  const metrics = [{ name: 'gen_ai.invoke_agent.duration', unit: 's', histogram, ...metric }]
  const resource = { attributes: [{ key: 'service.name', value: { stringValue: 'coordinator' } }] }
  return { resourceMetrics: [{ resource, scopeMetrics: [{ metrics }] }] }
}

const send = async (to: TestSidecar, body: object): Promise<unknown> =>
  (await to.post(body, { path: '/v1/metrics' })).json()

test('--otlp-invoke-agent-metric counts runs, warns once of processes with one resource, and counts their points', async () => {
  const { log, lines } = capturedLog()
  await using on = await testSidecar({ 'otlp-invoke-agent-metric': 'true' }, log)
  expect(await send(on, runs(100, 110, 1))).toEqual({})
  expect(await send(on, runs(105, 115, 2))).toEqual({})
  expect(await send(on, runs(100, 120, 4))).toEqual({})
  const exposed = await (await on.get('/metrics')).text()
  expect(exposed).toMatch(/^agent_attempts_total\{agent_name="fixer",.*result="success"\} 6$/m)
  expect(exposed).toMatch(/^agent_performance_otlp_overlapping_points_total 2$/m)
  const warnings = lines.map(({ msg }) => String(msg)).filter(text => text.includes('several processes'))
  expect(warnings).toEqual([expect.stringMatching(/service\.name=coordinator.*service\.instance\.id/)])
})

test('a metric in another unit is a partial success that says what to change, and the setting is off by default', async () => {
  await using on = await testSidecar({ 'otlp-invoke-agent-metric': 'true' })
  expect(await send(on, runs(1, 2, 1, { unit: 'ms' }))).toEqual({
    partialSuccess: {
      rejectedDataPoints: '1',
      errorMessage:
        'a point of gen_ai.invoke_agent.duration: its unit is "ms": record values in s, and state that unit',
    },
  })
  await using off = await testSidecar({ 'otlp-metrics': 'true' })
  expect(await send(off, runs(1, 2, 1))).toEqual({})
  expect(await (await off.get('/metrics')).text()).toMatch(
    /^agent_performance_otlp_ignored_total\{signal="metrics"\} 1$/m,
  )
})
