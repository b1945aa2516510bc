/** OTLP requests with attempts, captured from the exporter of the OpenTelemetry SDK. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { OTLPLogExporter as JsonExporter } from '@opentelemetry/exporter-logs-otlp-http'
import { OTLPLogExporter as ProtobufExporter } from '@opentelemetry/exporter-logs-otlp-proto'
import { InMemoryLogRecordExporter, LoggerProvider, SimpleLogRecordProcessor } from '@opentelemetry/sdk-logs'
import { attemptsOf } from './attempts.ts'

const EXPORTERS = { protobuf: ProtobufExporter, json: JsonExporter }

/** The body of a request to `/v1/logs` with `attempts` attempts. */
export async function otlpBody(
  attempts: number,
  keys: number,
  encoding: 'protobuf' | 'json' = 'protobuf',
): Promise<Buffer> {
  const memory = new InMemoryLogRecordExporter()
  const logger = new LoggerProvider({ processors: [new SimpleLogRecordProcessor({ exporter: memory })] }).getLogger(
    'bench',
  )
  for (const { confidence, ...attempt } of attemptsOf(attempts, keys)) {
    logger.emit({ eventName: 'agent.attempt', attributes: { ...attempt, confidence: confidence ?? 0 } })
  }
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const exporter = new EXPORTERS[encoding]({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
  exporter.export(memory.getFinishedLogRecords(), () => undefined)
  const [req, res] = (await once(server, 'request')) as [IncomingMessage, ServerResponse]
  const body = await buffer(req)
  res.end()
  await exporter.shutdown()
  server.close()
  return body
}
