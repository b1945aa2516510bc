/** OTLP requests with attempts, captured from the exporters of the OpenTelemetry SDK. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { OTLPLogExporter as JsonExporter } from '@opentelemetry/exporter-logs-otlp-http'
import { OTLPLogExporter as ProtobufExporter } from '@opentelemetry/exporter-logs-otlp-proto'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import { InMemoryLogRecordExporter, LoggerProvider, SimpleLogRecordProcessor } from '@opentelemetry/sdk-logs'
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import { attemptsOf } from './attempts.ts'
import type { Requests } from './http-load.ts'

const EXPORTERS = { protobuf: ProtobufExporter, json: JsonExporter }

interface Exporter<Items> {
  export(items: Items, done: () => void): void
  shutdown(): Promise<void>
}

/** The body of a request to `/v1/logs` with as many attempts. {@link withNewIds} replaces their ids. */
export async function otlpLogs(attempts: number, keys: number, encoding: 'protobuf' | 'json'): Promise<Buffer> {
  const memory = new InMemoryLogRecordExporter()
  const logger = new LoggerProvider({ processors: [new SimpleLogRecordProcessor({ exporter: memory })] }).getLogger(
    'bench',
  )
  for (const [n, { confidence, ...attempt }] of attemptsOf(attempts, keys).entries()) {
    const attempt_id = `${MARK.toString('hex')}00000000${hex(n, 8)}`
    logger.emit({ eventName: 'agent.attempt', attributes: { ...attempt, attempt_id, confidence: confidence ?? 0 } })
  }
  return bodyOf(url => new EXPORTERS[encoding]({ url }), memory.getFinishedLogRecords())
}

/** The body of a request to `/v1/traces` with as many spans of agents, each in a trace of its own. {@link withNewIds} replaces their ids. */
export async function otlpSpans(attempts: number, keys: number): Promise<Buffer> {
  const memory = new InMemorySpanExporter()
  let ids = 0
  const idGenerator = {
    generateTraceId: () => `${MARK.toString('hex')}00000000${hex(++ids, 8)}`,
    generateSpanId: () => hex(ids, 16),
  }
  const processor = new SimpleSpanProcessor({ exporter: memory })
  const tracer = new TracerProvider({ spanProcessors: [processor], idGenerator }).getTracer('bench')
  for (const { agent_name, model_name, issue_type, success, time_seconds, confidence } of attemptsOf(attempts, keys)) {
    const attributes = {
      'gen_ai.operation.name': 'invoke_agent',
      'gen_ai.agent.name': agent_name,
      'gen_ai.request.model': model_name,
      'agent.attempt.issue_type': issue_type,
      'agent.attempt.confidence': confidence ?? 0,
      'gen_ai.usage.input_tokens': ids * 10,
      'gen_ai.usage.output_tokens': ids,
    }
    const span = tracer.startSpan('invoke_agent', { attributes, startTime: Date.now() - time_seconds * 1000 })
    if (!success) span.setStatus({ code: 2 })
    span.end()
  }
  return bodyOf(url => new OTLPTraceExporter({ url }), memory.getFinishedSpans())
}

/** The body that an exporter posts. */
async function bodyOf<Items>(open: (url: string) => Exporter<Items>, items: Items): Promise<Buffer> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const exporter = open(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  exporter.export(items, () => undefined)
  const [req, res] = (await once(server, 'request')) as [IncomingMessage, ServerResponse]
  const body = await buffer(req)
  res.end()
  await exporter.shutdown()
  server.close()
  return body
}

/** Marks an id. The number behind it is replaced. */
const MARK = Buffer.from('feedfacecafebeef', 'hex')
/** More than there are connections: a request is changed only after it was answered. */
const COPIES = 32

/** A request whose ids are new each time it is sent. */
export function withNewIds(request: Buffer): Requests {
  const text = Buffer.from(MARK.toString('hex'))
  const inBytes = placesBehind(request, MARK)
  const inText = placesBehind(request, text)
  const copies = Array.from({ length: COPIES }, () => Buffer.from(request))
  let sent = 0
  return {
    next() {
      const copy = copies[sent % COPIES]!
      sent++
      for (const at of inBytes) copy.writeUInt32BE(sent, at)
      for (const at of inText) copy.write(hex(sent, 8), at, 'latin1')
      return copy
    },
  }
}

function placesBehind(bytes: Buffer, mark: Buffer): number[] {
  const places: number[] = []
  for (let at = bytes.indexOf(mark); at >= 0; at = bytes.indexOf(mark, at + 1)) places.push(at + mark.length)
  return places
}

const hex = (number: number, digits: number): string => number.toString(16).padStart(digits, '0')
