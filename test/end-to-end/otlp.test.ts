/** An app with nothing but the OpenTelemetry SDK and its environment, and a Collector that the sidecar pushes to. */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { startSidecarProcess, temporaryFolder } from '../support/sidecar-process.ts'

const ROOT = new URL('../../', import.meta.url).pathname

/** An app without this package: three invocations of an agent, one of which fails. */
const APP = `
import { TracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto'
const provider = new TracerProvider({ spanProcessors: [new BatchSpanProcessor({ exporter: new OTLPTraceExporter() })] })
const tracer = provider.getTracer('app')
for (const fails of [false, true, false]) {
  const span = tracer.startSpan('invoke_agent Fixer', { attributes: {
    'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': 'Fixer', 'gen_ai.request.model': 'gpt-5',
    'gen_ai.usage.input_tokens': 100, 'gen_ai.usage.output_tokens': 20, ...(fails && { 'error.type': 'timeout' }) } })
  if (fails) span.setStatus({ code: 2 })
  span.end()
}
tracer.startSpan('chat gpt-5', { attributes: { 'gen_ai.operation.name': 'chat' } }).end()
await provider.forceFlush()
await provider.shutdown()
`

/** The environment variables that an SDK needs according to the README, for a sidecar at another URL. */
async function documentedEnvironment(url: string): Promise<Record<string, string>> {
  const readme = await readFile(join(ROOT, 'README.md'), 'utf8')
  const lines = [...readme.matchAll(/^export (OTEL_\w+)=(\S+)/gm)].map(([, name, value]) => [name!, value!])
  expect(lines).toHaveLength(3)
  return Object.fromEntries(lines.map(([name, value]) => [name, value!.replace('http://127.0.0.1:9464', url)]))
}

test('an app with nothing but the OpenTelemetry SDK and its environment appears once as an agent in the report', async () => {
  await using folder = await temporaryFolder()
  const store = join(folder.path, 'agent_performance.json')
  await using sidecar = await startSidecarProcess(store)
  const env = { ...process.env, ...(await documentedEnvironment(sidecar.url)) }
  await promisify(execFile)(process.execPath, ['--input-type=module', '-e', APP], { env, cwd: ROOT })
  const report = (await (await fetch(`${sidecar.url}/api/v1/report`)).json()) as { by_agent: object; by_model: object }
  expect(report.by_agent).toMatchObject({ Fixer: { total_attempts: 3, issue_types: ['unknown'] } })
  expect(report.by_model).toMatchObject({ 'gpt-5': { total_attempts: 3 } })
  const { attempts } = (await (await fetch(`${sidecar.url}/api/v1/attempts`)).json()) as { attempts: object[] }
  expect(attempts).toContainEqual(
    expect.objectContaining({ success: false, error_type: 'timeout', input_tokens: 100, output_tokens: 20 }),
  )
})

test('errors under /v1/ are a google.rpc.Status in the encoding of the request', async () => {
  await using folder = await temporaryFolder()
  await using sidecar = await startSidecarProcess(join(folder.path, 's.json'))
  const post = (path: string, type: string, body: string | Uint8Array<ArrayBuffer>): Promise<Response> =>
    fetch(sidecar.url + path, { method: 'POST', headers: { 'Content-Type': type }, body })
  const bad = await post('/v1/logs', 'application/json', '{')
  expect([bad.status, bad.headers.get('content-type')]).toEqual([400, 'application/json'])
  expect(await bad.json()).toMatchObject({ code: 3, message: expect.any(String) })
  const binary = await post('/v1/traces', 'application/x-protobuf', Uint8Array.of(255, 255, 255))
  expect([binary.status, binary.headers.get('content-type')]).toEqual([400, 'application/x-protobuf'])
  expect((await post('/v1/nothing', 'application/json', '{}')).status).toBe(404)
  const foreign = await fetch(`${sidecar.url}/v1/logs`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Origin: 'https://evil.example' },
    body: '{}',
  })
  expect([foreign.status, await foreign.json()]).toMatchObject([403, { code: 7 }])
  const empty = await post('/v1/metrics', 'application/x-protobuf', new Uint8Array())
  expect([empty.status, (await empty.arrayBuffer()).byteLength]).toEqual([200, 0])
})

test('with the standard environment the sidecar pushes what it exposes to a Collector, and once more when it ends', async () => {
  await using folder = await temporaryFolder()
  const bodies: string[] = []
  const collector = createServer((req, res) => {
    let body = ''
    req.setEncoding('utf8').on('data', chunk => {
      body += chunk
    })
    req.on('end', () => {
      bodies.push(`${req.url} ${body}`)
      res.writeHead(200, { 'Content-Type': 'application/json' }).end('{}')
    })
  }).listen(0, '127.0.0.1')
  await once(collector, 'listening')
  const { port } = collector.address() as { port: number }
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    OTEL_METRIC_EXPORT_INTERVAL: '200',
    OTEL_SERVICE_NAME: 'my-sidecar',
  }
  await using sidecar = await startSidecarProcess(join(folder.path, 's.json'), { env })
  const attempt = {
    agent_name: 'Fixer',
    model_name: 'gpt-5',
    issue_type: 'bug',
    success: true,
    time_seconds: 1,
    confidence: 0.5,
  }
  await fetch(`${sidecar.url}/api/v1/attempts`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(attempt),
  })
  await expect.poll(() => bodies.at(-1) ?? '', { timeout: 20_000 }).toMatch(/"agent_attempts_total".*Fixer/)
  expect(bodies.at(-1)).toMatch(/^\/v1\/metrics .*my-sidecar/)
  // Two sidecars on one store push the same series: only the instance keeps them apart.
  const instance = `${hostname()}:${new URL(sidecar.url).port}`
  expect(bodies.at(-1)).toContain(`{"key":"service.instance.id","value":{"stringValue":"${instance}"}}`)
  const before = bodies.length
  await sidecar.stop()
  expect(bodies.length).toBeGreaterThan(before)
  collector.close()
})

test.each([
  ['an interval that no timer can wait', { OTEL_METRIC_EXPORT_INTERVAL: '1e99' }, /OTEL_METRIC_EXPORT_INTERVAL/],
  ['a time-out that is no number', { OTEL_METRIC_EXPORT_TIMEOUT: 'soon' }, /OTEL_METRIC_EXPORT_TIMEOUT/],
  ['a protocol that does not exist', { OTEL_EXPORTER_OTLP_PROTOCOL: 'thrift' }, /OTEL_EXPORTER_OTLP_PROTOCOL/],
])(
  '%s in the standard environment is a warning: the sidecar starts, and does not push without a pause',
  async (_what, more, says) => {
    await using folder = await temporaryFolder()
    let pushes = 0
    const collector = createServer((req, res) => {
      pushes++
      req.resume().on('end', () => res.writeHead(200, { 'Content-Type': 'application/json' }).end('{}'))
    }).listen(0, '127.0.0.1')
    await once(collector, 'listening')
    const { port } = collector.address() as { port: number }
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`, ...more }
    await using sidecar = await startSidecarProcess(join(folder.path, 's.json'), { env })
    for (let i = 0; i < 50; i++) await fetch(`${sidecar.url}/livez`)
    await expect.poll(() => sidecar.log()).toMatch(says)
    expect(pushes).toBe(0)
    expect(await sidecar.stop()).toBe(0)
    collector.close()
  },
)
