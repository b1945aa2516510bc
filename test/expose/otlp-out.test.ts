/** The push of metrics to a Collector: no setting and no Collector stops the sidecar, and each fault is said once. */
import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createHttp2Server } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { loadConfig } from '../../src/config/config.ts'
import { createLog } from '../../src/server/log.ts'
import { type Sidecar, startSidecar } from '../../src/sidecar.ts'
import { freePort } from '../support/free-port.ts'
import { capturedLog } from '../support/sidecar.ts'
import { temporaryFolder } from '../support/sidecar-process.ts'

afterEach(() => vi.unstubAllEnvs())

type Line = Record<string, unknown>

/** A sidecar with a standard environment, and its log. */
async function pushing(
  env: Record<string, string>,
  listen = '127.0.0.1:0',
): Promise<{ sidecar: Sidecar; lines: Line[] } & AsyncDisposable> {
  const folder = await temporaryFolder()
  const { log, lines } = capturedLog()
  const { config } = loadConfig({ flags: { listen, store: join(folder.path, 's.json') }, env: {} })
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value)
  const sidecar = await startSidecar(config, log, env)
  return {
    sidecar,
    lines,
    async [Symbol.asyncDispose]() {
      await sidecar.close()
      await folder[Symbol.asyncDispose]()
    },
  }
}

/** A Collector, and its URL. */
async function collector(answer: RequestListener): Promise<{ server: Server; url: string } & AsyncDisposable> {
  const server = createServer((req, res) => void req.resume().on('end', () => answer(req, res)))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const close = async (): Promise<void> => {
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  }
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, [Symbol.asyncDispose]: close }
}

const about = (lines: readonly Line[], text: RegExp): Line[] => lines.filter(line => text.test(String(line.msg)))

/** Pushes with this result, as /metrics shows them. */
async function pushes({ url }: Sidecar, result: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text()
  return Number(new RegExp(`^agent_performance_otlp_pushes_total{result="${result}"} (\\d+)$`, 'm').exec(text)?.[1])
}

test('with OTEL_EXPORTER_OTLP_PROTOCOL=grpc the metrics are pushed over gRPC, and once more at the end', async () => {
  const paths: string[] = []
  const server = createHttp2Server()
  server.on('stream', (stream, headers) => {
    stream.resume().on('end', () => {
      paths.push(`${headers[':path']} ${headers['content-type']}`)
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
      stream.end(Buffer.alloc(5))
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  {
    await using started = await pushing({
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
      OTEL_METRIC_EXPORT_INTERVAL: '50',
    })
    await expect.poll(() => pushes(started.sidecar, 'success')).toBeGreaterThan(0)
    expect(paths[0]).toBe('/opentelemetry.proto.collector.metrics.v1.MetricsService/Export application/grpc')
    expect(about(started.lines, /pushed/)).toEqual([])
    paths.length = 0
  }
  expect(paths.length).toBeGreaterThan(0)
  server.close()
})

test.each([
  ['a protocol that does not exist', { OTEL_EXPORTER_OTLP_PROTOCOL: 'thrift' }],
  ['an endpoint that is no URL', { OTEL_EXPORTER_OTLP_ENDPOINT: 'no endpoint' }],
  ['an endpoint without a scheme', { OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318' }],
  ['an endpoint of another scheme', { OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'ftp://127.0.0.1:4318' }],
  ['an interval that is no number', { OTEL_METRIC_EXPORT_INTERVAL: 'soon' }],
  [
    'a certificate that cannot be read',
    {
      OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'https://127.0.0.1:1',
      OTEL_EXPORTER_OTLP_CERTIFICATE: '/nonexistent/ca.pem',
    },
  ],
  ['a time-out that is no number', { OTEL_EXPORTER_OTLP_TIMEOUT: 'soon' }],
  ['headers that are none', { OTEL_EXPORTER_OTLP_HEADERS: '==\n,,%%%=é' }],
  ['a compression that does not exist', { OTEL_EXPORTER_OTLP_COMPRESSION: 'lz4' }],
])('%s in the environment never stops the sidecar', async (_what, more) => {
  // It refuses at once, so that the last push is not repeated.
  await using target = await collector((_req, res) => void res.writeHead(400).end())
  await using started = await pushing({ OTEL_EXPORTER_OTLP_ENDPOINT: target.url, ...more })
  expect((await fetch(`${started.sidecar.url}/livez`)).status).toBe(200)
})

test.each([
  [{ OTEL_EXPORTER_OTLP_PROTOCOL: 'thrift' }, /OTEL_EXPORTER_OTLP_PROTOCOL must be http\/protobuf, http\/json, grpc/],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318' }, /OTEL_EXPORTER_OTLP_ENDPOINT must be an http or https URL/],
])('a setting that cannot be followed is one warning that names it: %o', async (more, says) => {
  await using started = await pushing({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1', ...more })
  const warnings = about(started.lines, /no metrics are pushed/)
  expect(warnings).toHaveLength(1)
  expect(warnings[0]).toMatchObject({ level: 'warn', reason: expect.stringMatching(says) })
})

test('a Collector that fails is one log line per outage, and a counter', async () => {
  let status = 400
  await using target = await collector((_req, res) => void res.writeHead(status).end())
  await using started = await pushing({
    OTEL_EXPORTER_OTLP_ENDPOINT: target.url,
    OTEL_METRIC_EXPORT_INTERVAL: '20',
  })
  const { sidecar, lines } = started
  await expect.poll(() => pushes(sidecar, 'failure')).toBeGreaterThan(2)
  expect(about(lines, /cannot be pushed/)).toHaveLength(1)
  status = 200
  await expect.poll(() => about(lines, /pushed to the Collector again/).length).toBe(1)
  expect(await pushes(sidecar, 'success')).toBeGreaterThan(0)
  status = 400
  await expect.poll(() => about(lines, /cannot be pushed/).length).toBe(2)
})

test('the stop does not wait longer than 2 s for a Collector that does not answer', async () => {
  await using target = await collector(() => undefined)
  const started = await pushing({ OTEL_EXPORTER_OTLP_ENDPOINT: target.url })
  const beganMs = performance.now()
  await started[Symbol.asyncDispose]()
  // An export may take 30 s.
  expect(performance.now() - beganMs).toBeLessThan(15_000)
})

test.each([
  ['127.0.0.1', '127.0.0.1', 'http/protobuf'],
  ['127.0.0.1', 'localhost', 'grpc'],
  ['0.0.0.0', '127.0.0.1', 'http/json'],
])('a sidecar that listens on %s does not push to itself at %s by %s', async (listen, host, protocol) => {
  const port = await freePort()
  const flags = listen === '0.0.0.0' ? { 'insecure-no-auth': 'true' } : {}
  await using folder = await temporaryFolder()
  const { log, lines } = capturedLog()
  const { config } = loadConfig({
    flags: { listen: `${listen}:${port}`, store: join(folder.path, 's.json'), ...flags },
    env: {},
  })
  const sidecar = await startSidecar(config, log, {
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://${host}:${port}`,
    OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
    OTEL_METRIC_EXPORT_INTERVAL: '10',
  })
  expect(about(lines, /no metrics are pushed/)).toMatchObject([{ reason: expect.stringContaining('this sidecar') }])
  await sidecar.close()
})

test('a start that fails after the port was opened leaves neither the port nor the lock of the store behind', async () => {
  await using folder = await temporaryFolder()
  const listen = `127.0.0.1:${await freePort()}`
  const { config } = loadConfig({ flags: { listen, store: join(folder.path, 's.json') }, env: {} })
  const failing = createLog('info', {
    write: line => {
      if (line.includes('"msg":"ready"')) throw new Error('the log is gone')
    },
  })
  await expect(startSidecar(config, failing)).rejects.toThrow('the log is gone')
  const sidecar = await startSidecar(config, createLog('silent'))
  expect((await fetch(`${sidecar.url}/livez`)).status).toBe(200)
  await sidecar.close()
})
