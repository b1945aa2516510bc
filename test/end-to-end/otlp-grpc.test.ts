/** OTLP over gRPC: the exporters of the OpenTelemetry SDK against a sidecar, its limits, and a kill in the middle. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-grpc'
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-grpc'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-grpc'
import { afterEach, expect, test, vi } from 'vitest'
import {
  attemptMetrics,
  capture,
  type LogRecords,
  logRecords,
  sendLogs,
  sendSpans,
  spans,
} from '../receive/otlp/telemetry.ts'
import { makeCertificate } from '../support/certificate.ts'
import { freePort } from '../support/free-port.ts'
import { beginCall, call, EXPORT, frameOf } from '../support/grpc-call.ts'
import { capturedLog, type TestSidecar, testSidecar } from '../support/sidecar.ts'
import { type SidecarProcess, startSidecarProcess, temporaryFolder } from '../support/sidecar-process.ts'
import { needs } from '../support/tool.ts'

afterEach(() => vi.unstubAllEnvs())

const GRPC = { 'otlp-grpc-listen': '127.0.0.1:0' }
const AGENT = { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': 'planner', 'gen_ai.request.model': 'm' }
const anAgentSpan = (more: Record<string, string> = {}) =>
  spans([{ name: 'invoke_agent planner', attributes: { ...AGENT, ...more } }])
const anAttempt = (id: string) =>
  logRecords([{ agent_name: 'a', model_name: 'm', issue_type: 'i', success: true, time_seconds: 1, attempt_id: id }])

/** The protobuf message of log records, and that of one run of an agent. */
const bytesOfLogs = async (records: LogRecords): Promise<Buffer> =>
  (await capture(url => sendLogs(url, 'protobuf', records))).body
const bytesOfARun = async (): Promise<Buffer> => (await capture(url => sendSpans(url, 'protobuf', anAgentSpan()))).body

/** Exports once, with the exporter's own retries. Resolves with its code: 0 if it was accepted. */
async function exported<T>(
  exporter: { export(items: T, done: (result: { code: number }) => void): void; shutdown(): Promise<void> },
  items: T,
): Promise<number> {
  const { code } = await new Promise<{ code: number }>(resolve => exporter.export(items, resolve))
  await exporter.shutdown()
  return code
}

async function totals({ url }: { readonly url: string }, headers = {}): Promise<number> {
  const report = (await (await fetch(`${url}/api/v1/report`, { headers })).json()) as {
    by_agent: Record<string, { total_attempts: number }>
  }
  return Object.values(report.by_agent).reduce((sum, { total_attempts }) => sum + total_attempts, 0)
}

const grpcOf = ({ sidecar }: TestSidecar): string => sidecar.grpcUrl!

test('the gRPC exporters of the SDK are counted, compressed or not, and a resend counts once', async () => {
  await using on = await testSidecar({ ...GRPC, 'otlp-metrics': 'true' })
  const url = grpcOf(on)
  const gzip = { url, compression: 'gzip' as never }
  const run = anAgentSpan()
  expect(await exported(new OTLPTraceExporter({ url }), run)).toBe(0)
  expect(await exported(new OTLPTraceExporter(gzip), run)).toBe(0)
  expect(await exported(new OTLPLogExporter(gzip), anAttempt('1'))).toBe(0)
  expect(await exported(new OTLPLogExporter({ url }), anAttempt('1'))).toBe(0)
  expect(await totals(on)).toBe(2)
  expect(
    await exported(new OTLPMetricExporter({ url }), await attemptMetrics()([{ agent_name: 'b', success: true }])),
  ).toBe(0)
  expect(await totals(on)).toBeGreaterThan(2)
  expect(await (await on.get('/metrics')).text()).toContain(
    'agent_performance_grpc_calls_total{method="traces",code="0"} 2',
  )
})

test('errors are gRPC statuses, with RetryInfo where a retry helps', async () => {
  await using on = await testSidecar({ ...GRPC, 'max-otlp-body-bytes': '2KiB', 'max-in-flight-bytes': '1KiB' })
  const url = grpcOf(on)
  const message = await bytesOfLogs(anAttempt('1'))
  const statuses = async (path: string, bytes: Uint8Array, headers = {}): Promise<unknown[]> => {
    const { httpStatus, code, message } = await call(url, path, bytes, headers)
    return [httpStatus, code, message]
  }
  expect(await statuses(EXPORT.logs, Buffer.from([255, 255, 255]))).toEqual([
    200,
    3,
    expect.stringMatching(/not an ExportLogs/),
  ])
  expect(await statuses('/a.b.C/Export', message)).toEqual([200, 12, expect.stringMatching(/Export of the OTLP/)])
  expect(await statuses(EXPORT.logs, message, { 'grpc-encoding': 'lz4' })).toEqual([
    200,
    12,
    expect.stringMatching(/grpc-encoding/),
  ])
  expect(await statuses(EXPORT.logs, message, { 'grpc-encoding': 'gzip' })).toEqual([
    200,
    3,
    expect.stringMatching(/not gzip/),
  ])
  expect(await statuses(EXPORT.logs, message, { 'grpc-encoding': 'identity' })).toEqual([
    200,
    3,
    expect.stringMatching(/does not say how/),
  ])
  expect(await statuses(EXPORT.logs, Buffer.alloc(3000))).toEqual([200, 3, expect.stringMatching(/at most 2048 bytes/)])
  expect(await statuses(EXPORT.logs, message, { 'content-type': 'text/plain' })).toEqual([415, undefined, ''])
  expect(await statuses(EXPORT.logs, message, { ':authority': 'evil.example' })).toEqual([
    200,
    3,
    expect.stringMatching(/allow-host/),
  ])
  const full = await call(url, EXPORT.logs, Buffer.alloc(1500))
  expect(full).toMatchObject({ code: 8, message: expect.stringMatching(/too much in flight/) })
  expect(full.details.toString('latin1')).toContain('type.googleapis.com/google.rpc.RetryInfo')
  expect(await statuses(EXPORT.logs, message)).toEqual([200, 0, ''])
  expect(await totals(on)).toBe(1)
})

test('a call without exactly one message is INVALID_ARGUMENT', async () => {
  await using on = await testSidecar(GRPC)
  const none = beginCall(grpcOf(on), EXPORT.logs)
  none.stream.end()
  expect(await none.answer).toMatchObject({ code: 3, message: 'the call contains no message' })
  const two = beginCall(grpcOf(on), EXPORT.logs)
  two.stream.end(Buffer.concat([frameOf(Buffer.alloc(0)), frameOf(Buffer.alloc(0))]))
  expect(await two.answer).toMatchObject({ code: 3, message: expect.stringContaining('one message') })
})

const COMPRESS = { gzip: gzipSync, deflate: deflateSync, zstd: zstdCompressSync }

test.each(Object.entries(COMPRESS))('%s is inflated up to the limit, over gRPC and HTTP', async (coding, compress) => {
  await using on = await testSidecar({ ...GRPC, 'max-otlp-body-bytes': '1MiB' })
  const bomb = compress(Buffer.alloc(20 << 20))
  const body = await bytesOfARun()
  expect(bomb.length).toBeLessThan(100_000)
  expect(await call(grpcOf(on), EXPORT.traces, bomb, { 'grpc-encoding': coding })).toMatchObject({
    code: 3,
    message: expect.stringContaining('after inflating'),
  })
  expect(await call(grpcOf(on), EXPORT.traces, compress(body), { 'grpc-encoding': coding })).toMatchObject({ code: 0 })
  const headers = { 'Content-Type': 'application/x-protobuf', 'Content-Encoding': coding }
  expect((await on.post(bomb, { path: '/v1/traces', headers })).status).toBe(413)
  expect((await on.post(compress(body), { path: '/v1/traces', headers })).status).toBe(200)
  expect((await on.post(Buffer.from('no'), { path: '/v1/traces', headers })).status).toBe(400)
  expect(await totals(on)).toBe(1)
})

test('a zstd body that needs a window above 8 MiB is refused before it is allocated', async () => {
  await using on = await testSidecar(GRPC)
  // A frame header (RFC 8878) with a window of 128 MiB, and a block of no bytes.
  const body = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 17 << 3, 0x01, 0x00, 0x00])
  const headers = { 'Content-Type': 'application/x-protobuf', 'Content-Encoding': 'zstd' }
  const refused = await on.post(body, { path: '/v1/traces', headers })
  expect([refused.status, await refused.text()]).toEqual([400, expect.stringContaining('too much memory')])
})

test('rejected records are a partial success', async () => {
  await using on = await testSidecar(GRPC)
  const records = [...anAttempt('1'), ...logRecords([{ model_name: 'm' }])]
  const message = await bytesOfLogs(records)
  const { code, body } = await call(grpcOf(on), EXPORT.logs, message)
  expect(code).toBe(0)
  // partial_success (field 1), then rejected_log_records (field 1) = 1, then the message.
  expect(body[0]).toBe(0x0a)
  expect(body.indexOf(Buffer.from([0x08, 1, 0x12]))).toBeGreaterThan(0)
  expect(await totals(on)).toBe(1)
})

test('tokens and their scopes hold for gRPC', async () => {
  await using folder = await temporaryFolder()
  const tokens = join(folder.path, 'tokens')
  await writeFile(tokens, 'writes ingest\nreads read\n')
  await using on = await testSidecar({ ...GRPC, 'auth-token-file': tokens })
  const message = await bytesOfARun()
  const codeWith = async (headers: Record<string, string>): Promise<number | undefined> =>
    (await call(grpcOf(on), EXPORT.traces, message, headers)).code
  expect(await codeWith({})).toBe(16)
  expect(await codeWith({ authorization: 'Bearer unknown' })).toBe(16)
  expect(await codeWith({ authorization: 'Bearer reads' })).toBe(7)
  expect(await totals(on, { Authorization: 'Bearer reads' })).toBe(0)
  vi.stubEnv('OTEL_EXPORTER_OTLP_HEADERS', 'authorization=Bearer%20writes')
  expect(await exported(new OTLPTraceExporter({ url: grpcOf(on) }), anAgentSpan())).toBe(0)
  expect(await totals(on, { Authorization: 'Bearer reads' })).toBe(1)
})

test('the certificate of HTTPS serves gRPC too', async context => {
  needs('openssl', context)
  await using folder = await temporaryFolder()
  const { cert, key } = makeCertificate(folder.path)
  await using on = await testSidecar({ ...GRPC, 'tls-cert': cert, 'tls-key': key })
  vi.stubEnv('OTEL_EXPORTER_OTLP_CERTIFICATE', cert)
  const url = grpcOf(on).replace('127.0.0.1', 'localhost')
  expect(url).toMatch(/^https:/)
  expect(await exported(new OTLPTraceExporter({ url }), anAgentSpan())).toBe(0)
})

test('a call in progress is completed and kept while the sidecar stops', async () => {
  const on = await testSidecar(GRPC)
  const frame = frameOf(await bytesOfARun())
  const { stream, answer } = beginCall(grpcOf(on), EXPORT.traces)
  stream.write(frame.subarray(0, 10))
  // The answer to a ping shows that the sidecar has read what was sent before.
  await new Promise(resolve => stream.once('ready', () => stream.session!.ping(resolve)))
  const closed = on.sidecar.close()
  stream.end(frame.subarray(10))
  expect(await answer).toMatchObject({ code: 0 })
  await closed
  await on[Symbol.asyncDispose]()
})

test('nothing accepted is lost or counted twice over a kill -9 and a restart', async () => {
  await using folder = await temporaryFolder()
  const store = join(folder.path, 's.json')
  const port = await freePort()
  await using sidecars = new AsyncDisposableStack()
  const start = async (): Promise<SidecarProcess> =>
    sidecars.use(await startSidecarProcess(store, { args: ['--otlp-grpc-listen', `127.0.0.1:${port}`] }))
  let sidecar = await start()
  const url = `http://127.0.0.1:${port}`
  let restarted: Promise<void> | undefined
  const send = async (i: number): Promise<void> => {
    const run = anAgentSpan()
    if (i === 6)
      restarted = (async () => {
        await sidecar.stop('SIGKILL')
        sidecar = await start()
      })()
    // As an SDK does that keeps what it could not send: it sends the same span until it is accepted.
    while ((await exported(new OTLPTraceExporter({ url, timeoutMillis: 2000 }), run)) !== 0);
  }
  await Promise.all(Array.from({ length: 12 }, (_, i) => send(i)))
  await restarted
  expect(await totals(sidecar)).toBe(12)
  expect(await sidecar.stop()).toBe(0)
})

test('a gRPC client of the HTTP port is reported once in the log, and counted', async () => {
  const { log, lines } = capturedLog()
  await using on = await testSidecar({}, log)
  for (let i = 0; i < 2; i++) await call(on.url, EXPORT.traces, Buffer.alloc(0))
  const told = lines.filter(({ msg }) => String(msg).includes('--otlp-grpc'))
  expect(told).toMatchObject([{ level: 'warn', msg: expect.stringContaining('http/protobuf') }])
  expect(await (await on.get('/metrics')).text()).toMatch(/^agent_performance_http2_refused_total 2$/m)
})
