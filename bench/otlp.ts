/**
 * The cost of receiving OTLP in requests of 512 records: decoding alone, and the whole handler with a keeper that stores nothing. Uses one
 * core and no network. `node bench/otlp.ts [rounds]`
 */
import { once } from 'node:events'
import { createServer, IncomingMessage, ServerResponse } from 'node:http'
import { type AddressInfo, Socket } from 'node:net'
import { performance } from 'node:perf_hooks'
import { buffer } from 'node:stream/consumers'
import { setImmediate as nextIteration } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { OTLPLogExporter as JsonLogs } from '@opentelemetry/exporter-logs-otlp-http'
import { OTLPLogExporter as ProtobufLogs } from '@opentelemetry/exporter-logs-otlp-proto'
import { OTLPTraceExporter as JsonTraces } from '@opentelemetry/exporter-trace-otlp-http'
import { OTLPTraceExporter as ProtobufTraces } from '@opentelemetry/exporter-trace-otlp-proto'
import { InMemoryLogRecordExporter, LoggerProvider, SimpleLogRecordProcessor } from '@opentelemetry/sdk-logs'
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import { createInFlight } from '../src/receive/body.ts'
import { createOtlpHandler } from '../src/receive/otlp/handler.ts'
import { DEFAULT_MAPPING } from '../src/receive/otlp/mapping/default-mapping.ts'
import { decodeRequest } from '../src/receive/otlp/protobuf/decode.ts'
import { createTraceMemory } from '../src/receive/otlp/traces/trace-memory.ts'

const RECORDS = 512
const ROUNDS = Number(process.argv[2] ?? 200)

type Signal = 'logs' | 'traces'

/** Attempts as log records. */
function logs(): ReturnType<InMemoryLogRecordExporter['getFinishedLogRecords']> {
  const exporter = new InMemoryLogRecordExporter()
  const provider = new LoggerProvider({ processors: [new SimpleLogRecordProcessor({ exporter })] })
  for (let n = 0; n < RECORDS; n++) {
    provider.getLogger('bench').emit({
      eventName: 'agent.attempt',
      attributes: {
        agent_name: `agent-${n % 20}`,
        model_name: 'claude-sonnet-5',
        issue_type: `type-${n % 7}`,
        success: n % 3 > 0,
        confidence: 0.5 + n / 2000,
        time_seconds: n / 7,
        attempt_id: `attempt-${n}`,
        input_tokens: n * 100,
      },
    })
  }
  return exporter.getFinishedLogRecords()
}

/** Attempts as spans. */
function spans(): ReturnType<InMemorySpanExporter['getFinishedSpans']> {
  const exporter = new InMemorySpanExporter()
  const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] })
  for (let n = 0; n < RECORDS; n++) {
    const attributes = {
      'gen_ai.operation.name': 'invoke_agent',
      'gen_ai.agent.name': `agent-${n % 20}`,
      'gen_ai.request.model': 'claude-sonnet-5',
      'agent.attempt.id': `attempt-${n}`,
      'agent.attempt.issue_type': `type-${n % 7}`,
      'agent.attempt.confidence': 0.5 + n / 2000,
      'gen_ai.usage.input_tokens': n * 100,
      'gen_ai.usage.output_tokens': n,
    }
    provider.getTracer('bench').startSpan('invoke_agent', { attributes }).end()
  }
  return exporter.getFinishedSpans()
}

/** Captures the body that the exporter of `send` posts. */
async function bodyOf(send: (url: string) => { shutdown(): Promise<void> }): Promise<Buffer> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const exporter = send(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  const [req, res] = (await once(server, 'request')) as [IncomingMessage, ServerResponse]
  const body = await buffer(req)
  res.end('{}')
  await exporter.shutdown()
  server.close()
  return body
}

async function exported(signal: Signal, encoding: 'protobuf' | 'json'): Promise<Buffer> {
  const ignore = (): void => undefined
  return bodyOf(url => {
    if (signal === 'logs') {
      const exporter = encoding === 'json' ? new JsonLogs({ url }) : new ProtobufLogs({ url })
      exporter.export(logs(), ignore)
      return exporter
    }
    const exporter = encoding === 'json' ? new JsonTraces({ url }) : new ProtobufTraces({ url })
    exporter.export(spans(), ignore)
    return exporter
  })
}

const socket = new Socket()

/** Passes one request to a handler like Node's HTTP server, but without a socket. */
async function request(handler: ReturnType<typeof createOtlpHandler>, body: Buffer, type: string): Promise<void> {
  const req = new IncomingMessage(socket)
  req.headers = { 'content-type': type, ...(body[0] === 0x1f && { 'content-encoding': 'gzip' }) }
  const res = new ServerResponse(req)
  req.push(body)
  req.push(null)
  req.complete = true
  await handler(req, res)
  if (res.statusCode !== 200) throw new Error(`answered ${res.statusCode}`)
}

/** The median time of a round in milliseconds. */
async function median(work: () => unknown): Promise<number> {
  const times: number[] = []
  for (let round = -20; round < ROUNDS; round++) {
    const start = performance.now()
    await work()
    if (round >= 0) times.push(performance.now() - start)
    await nextIteration()
  }
  return times.sort((a, b) => a - b)[Math.floor(ROUNDS / 2)]!
}

let attempts = 0
const nothing = (): void => undefined
const handlerOf = (signal: Signal): ReturnType<typeof createOtlpHandler> =>
  createOtlpHandler({
    signal,
    mapping: DEFAULT_MAPPING,
    traces: createTraceMemory(),
    keeper: {
      keep: async given => {
        attempts += given.length
        return { accepted: given.length, duplicates: 0 }
      },
    },
    counts: { accepted: nothing, duplicate: nothing, rejected: nothing, refused: nothing },
    inFlight: createInFlight(1 << 30),
    maxBodyBytes: 20 << 20,
    requestTimeoutMs: 10_000,
  })

const rows: Record<string, Record<string, string>> = {}
for (const signal of ['logs', 'traces'] as const) {
  for (const encoding of ['protobuf', 'json'] as const) {
    const body = await exported(signal, encoding)
    const handler = handlerOf(signal)
    const type = encoding === 'json' ? 'application/json' : 'application/x-protobuf'
    const decoding = await median(() => decodeRequest(signal, encoding, body))
    attempts = 0
    const whole = await median(() => request(handler, body, type))
    if (attempts !== (ROUNDS + 20) * RECORDS) throw new Error(`only ${attempts} attempts reached the keeper`)
    const compressed = gzipSync(body)
    const gzip = await median(() => request(handler, compressed, type))
    rows[`${signal}, ${encoding}`] = {
      kB: (body.length / 1000).toFixed(0),
      'decode ms': decoding.toFixed(2),
      'whole ms': whole.toFixed(2),
      'gzip ms': gzip.toFixed(2),
      'whole ÷ decode': (whole / decoding).toFixed(1),
      'records/s per core': Math.round((RECORDS / whole) * 1000).toLocaleString('en'),
    }
  }
}
console.log(`requests of ${RECORDS} records, medians of ${ROUNDS}`)
console.table(rows)
