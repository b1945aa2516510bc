/** Real telemetry of the OpenTelemetry SDK, sent by its exporters in both encodings. */
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { type Attributes, type Context, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { OTLPLogExporter as JsonLogs } from '@opentelemetry/exporter-logs-otlp-http'
import { OTLPLogExporter as ProtobufLogs } from '@opentelemetry/exporter-logs-otlp-proto'
import { OTLPMetricExporter as JsonMetrics } from '@opentelemetry/exporter-metrics-otlp-http'
import { OTLPMetricExporter as ProtobufMetrics } from '@opentelemetry/exporter-metrics-otlp-proto'
import { OTLPTraceExporter as JsonTraces } from '@opentelemetry/exporter-trace-otlp-http'
import { OTLPTraceExporter as ProtobufTraces } from '@opentelemetry/exporter-trace-otlp-proto'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { InMemoryLogRecordExporter, LoggerProvider, SimpleLogRecordProcessor } from '@opentelemetry/sdk-logs'
import { AggregationType, MeterProvider, MetricReader, type ResourceMetrics } from '@opentelemetry/sdk-metrics'
import { InMemorySpanExporter, type ReadableSpan, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'

export type Encoding = 'json' | 'protobuf'
export type LogRecords = ReturnType<InMemoryLogRecordExporter['getFinishedLogRecords']>

interface Exporter<T> {
  export(items: T, done: (result: { readonly code: number; readonly error?: Error }) => void): void
  shutdown(): Promise<void>
}

export interface SendOptions {
  readonly gzip?: boolean
  readonly headers?: Record<string, string>
}

const resource = resourceFromAttributes({ 'service.name': 'coordinator', 'service.instance.id': 'c-1' })

/** Resolves with 0 if the exporter reports success, and else with 1. */
export async function sendLogs(
  url: string,
  encoding: Encoding,
  logs: LogRecords,
  options?: SendOptions,
): Promise<number> {
  const Exporter = encoding === 'json' ? JsonLogs : ProtobufLogs
  return exportOnce(new Exporter(config(`${url}logs`, options)), logs)
}

export async function sendSpans(
  url: string,
  encoding: Encoding,
  spans: ReadableSpan[],
  options?: SendOptions,
): Promise<number> {
  const Exporter = encoding === 'json' ? JsonTraces : ProtobufTraces
  return exportOnce(new Exporter(config(`${url}traces`, options)), spans)
}

export async function sendMetrics(
  url: string,
  encoding: Encoding,
  metrics: ResourceMetrics,
  options?: SendOptions,
): Promise<number> {
  const Exporter = encoding === 'json' ? JsonMetrics : ProtobufMetrics
  return exportOnce(new Exporter(config(`${url}metrics`, options)), metrics)
}

function config(url: string, { gzip = false, headers = {} }: SendOptions = {}): Record<string, unknown> {
  // Longer than all retries take, so that a loaded machine does not change the result.
  return { url, headers, timeoutMillis: 60_000, ...(gzip && { compression: 'gzip' }) }
}

async function exportOnce<T>(exporter: Exporter<T>, items: T): Promise<number> {
  const { code } = await new Promise<{ readonly code: number }>(resolve => exporter.export(items, resolve))
  await exporter.shutdown()
  return code
}

/** Log records of the event `agent.attempt` (or another), one for each of the attributes. */
export function logRecords(all: readonly Attributes[], eventName = 'agent.attempt', within?: Context): LogRecords {
  const exporter = new InMemoryLogRecordExporter()
  const provider = new LoggerProvider({ resource, processors: [new SimpleLogRecordProcessor({ exporter })] })
  const logger = provider.getLogger('coordinator', '1.0')
  for (const attributes of all) {
    logger.emit({ eventName, attributes, timestamp: Date.now(), ...(within !== undefined && { context: within }) })
  }
  return exporter.getFinishedLogRecords()
}

/** A record of every kind of value, in a span. */
export function variedLogRecords(): LogRecords {
  const exporter = new InMemoryLogRecordExporter()
  const provider = new LoggerProvider({ resource, processors: [new SimpleLogRecordProcessor({ exporter })] })
  const context = trace.setSpanContext(ROOT_CONTEXT, {
    traceId: '0af7651916cd43dd8448eb211c80319c',
    spanId: 'b7ad6b7169203331',
    traceFlags: 1,
  })
  provider.getLogger('kinds', '1.0').emit({
    context,
    severityNumber: 9,
    severityText: 'INFO',
    body: { text: 'ünïcödé 🦊', list: [1, 2.5, 'x', true], nested: { deep: { deeper: -1 } } },
    eventName: 'kinds',
    attributes: {
      int: 42,
      negative: -7,
      large: 2 ** 45,
      double: 0.1,
      yes: true,
      no: false,
      list: ['a', 'b'],
      empty: '',
    },
  })
  provider.getLogger('empty').emit({})
  return exporter.getFinishedLogRecords()
}

export interface SpanSpec {
  readonly name?: string
  readonly attributes: Attributes
  readonly seconds?: number
  readonly failed?: boolean
}

/** Spans that have ended, of the given lengths. */
export function spans(specs: readonly SpanSpec[]): ReadableSpan[] {
  const exporter = new InMemorySpanExporter()
  const provider = new TracerProvider({ resource, spanProcessors: [new SimpleSpanProcessor({ exporter })] })
  const tracer = provider.getTracer('coordinator', '1.0')
  for (const { name = 'invoke_agent', attributes, seconds = 1, failed = false } of specs) {
    const startTime = Date.UTC(2026, 0, 31, 12)
    const span = tracer.startSpan(name, { attributes, startTime, kind: SpanKind.INTERNAL }, ROOT_CONTEXT)
    if (failed) span.setStatus({ code: SpanStatusCode.ERROR, message: 'it failed' })
    span.end(startTime + seconds * 1000)
  }
  return exporter.getFinishedSpans()
}

/** A span inside another, with events and links. */
export function variedSpans(): ReadableSpan[] {
  const exporter = new InMemorySpanExporter()
  const provider = new TracerProvider({ resource, spanProcessors: [new SimpleSpanProcessor({ exporter })] })
  const tracer = provider.getTracer('kinds', '1.0')
  const outer = tracer.startSpan('outer', { kind: SpanKind.CLIENT })
  const inner = tracer.startSpan(
    'inner',
    { kind: SpanKind.INTERNAL, links: [{ context: outer.spanContext(), attributes: { because: 'linked' } }] },
    trace.setSpan(ROOT_CONTEXT, outer),
  )
  inner.setAttributes({ int: 1, double: 1.5, flag: true, list: [1, 2] })
  inner.addEvent('halfway', { at: 0.5 })
  inner.recordException(new Error('boom'))
  inner.setStatus({ code: SpanStatusCode.ERROR, message: 'boom' })
  inner.end()
  outer.setStatus({ code: SpanStatusCode.OK })
  outer.end()
  return exporter.getFinishedSpans()
}

class PulledReader extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

/** Metrics of every kind that the SDK makes. */
export async function variedMetrics(): Promise<ResourceMetrics> {
  const reader = new PulledReader()
  const provider = new MeterProvider({
    resource,
    readers: [reader],
    views: [{ instrumentName: 'exponential', aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM } }],
  })
  const meter = provider.getMeter('kinds', '1.0')
  meter.createCounter('counter', { unit: '{attempt}', description: 'counts' }).add(3, { agent_name: 'a' })
  meter.createUpDownCounter('updown').add(-2.5)
  meter.createGauge('gauge').record(0.75, { of: 'something' })
  const histogram = meter.createHistogram('histogram', { advice: { explicitBucketBoundaries: [0.1, 1, 10] } })
  const exponential = meter.createHistogram('exponential')
  for (const value of [0, 0.05, 0.5, 5, 50]) {
    histogram.record(value, { agent_name: 'a' })
    exponential.record(value)
  }
  const { resourceMetrics } = await reader.collect()
  return resourceMetrics
}

/** The counts of the instruments: attempts by result, always from the same provider. */
export function attemptMetrics(): (
  attempts: readonly { readonly agent_name: unknown; readonly success: boolean }[],
) => Promise<ResourceMetrics> {
  const reader = new PulledReader()
  const meter = new MeterProvider({ resource, readers: [reader] }).getMeter('coordinator')
  const counter = meter.createCounter('agent.attempts')
  return async attempts => {
    for (const { agent_name, success } of attempts) {
      const names = { agent_name: agent_name as string, model_name: 'm', issue_type: 'i' }
      counter.add(1, { ...names, result: success ? 'success' : 'failure' })
    }
    return (await reader.collect()).resourceMetrics
  }
}

/** The body and headers that `send` posts. */
export async function capture(
  send: (url: string) => Promise<unknown>,
): Promise<{ readonly body: Buffer; readonly headers: IncomingMessage['headers'] }> {
  let taken: { body: Buffer; headers: IncomingMessage['headers'] } | undefined
  const server = createServer(async (req, res) => {
    taken = { body: await buffer(req), headers: req.headers }
    res.writeHead(200, { 'content-type': req.headers['content-type'] })
    res.end(req.headers['content-type'] === 'application/json' ? '{}' : undefined)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  await send(`http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/`)
  await new Promise(resolve => server.close(resolve))
  return taken!
}
