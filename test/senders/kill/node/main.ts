/** Sends attempts as log records and as spans until its input ends, and prints how many: main.ts PROTOCOL PREFIX. */
import { setTimeout } from 'node:timers/promises'
import { OTLPLogExporter as GrpcLogs } from '@opentelemetry/exporter-logs-otlp-grpc'
import { OTLPLogExporter as HttpLogs } from '@opentelemetry/exporter-logs-otlp-proto'
import { OTLPTraceExporter as GrpcTraces } from '@opentelemetry/exporter-trace-otlp-grpc'
import { OTLPTraceExporter as HttpTraces } from '@opentelemetry/exporter-trace-otlp-proto'
import { BatchLogRecordProcessor, LoggerProvider } from '@opentelemetry/sdk-logs'
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'

const [protocol, prefix] = process.argv.slice(2)
const isGrpc = protocol === 'grpc'
const loggers = new LoggerProvider({
  processors: [new BatchLogRecordProcessor({ exporter: isGrpc ? new GrpcLogs() : new HttpLogs() })],
})
const tracers = new TracerProvider({
  spanProcessors: [new BatchSpanProcessor({ exporter: isGrpc ? new GrpcTraces() : new HttpTraces() })],
})
const [logger, tracer] = [loggers.getLogger('kill'), tracers.getTracer('kill')]
let n = 0
let isEnded = false
process.stdin.resume().on('end', () => {
  isEnded = true
})
for (; !isEnded; n++) {
  const digits = String(n).padStart(4, '0')
  const names = { agent_name: 'log', model_name: 'm', issue_type: 'i', success: true, time_seconds: 1 }
  logger.emit({
    eventName: 'agent.attempt',
    timestamp: Date.now(),
    attributes: { ...names, attempt_id: `${prefix}-log-${digits}` },
  })
  const span = tracer.startSpan('invoke_agent span')
  span.setAttributes({ 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': 'span' })
  span.setAttributes({ 'gen_ai.request.model': 'm', 'agent.attempt.id': `${prefix}-span-${digits}` })
  span.end()
  await setTimeout(200)
}
process.stdout.write(`${n}\n`)
await Promise.allSettled([loggers.shutdown(), tracers.shutdown()])
