/** OpenTelemetry out: what /metrics tells is also pushed to a Collector, when the standard environment asks for it. */
import { OTLPMetricExporter as JsonExporter } from '@opentelemetry/exporter-metrics-otlp-http'
import { OTLPMetricExporter as ProtobufExporter } from '@opentelemetry/exporter-metrics-otlp-proto'
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources'
import { MeterProvider, type MetricProducer, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import type { Environment } from './config.ts'

/** Milliseconds between two pushes, and for one, as the specification has them. */
const DEFAULTS = { intervalMs: 60_000, timeoutMs: 30_000 }

export interface OtlpOut {
  /** Pushes once more and lets go; never rejects, whether the Collector is there or not. */
  close(): Promise<void>
}

/**
 * Starts to push, or answers undefined where the environment does not ask for it: no `OTEL_EXPORTER_OTLP_ENDPOINT` and no
 * `OTEL_EXPORTER_OTLP_METRICS_ENDPOINT`, `OTEL_SDK_DISABLED=true`, or `OTEL_METRICS_EXPORTER` without `otlp`. Endpoint, headers,
 * time-out and compression are read by the exporter itself. Throws where the protocol is one that is not spoken.
 */
export function openOtlpOut(env: Environment, producer: MetricProducer, version: string): OtlpOut | undefined {
  if (!isAskedFor(env)) return undefined
  const reader = new PeriodicExportingMetricReader({
    exporter: createExporter(env),
    exportIntervalMillis: positive(env.OTEL_METRIC_EXPORT_INTERVAL) ?? DEFAULTS.intervalMs,
    exportTimeoutMillis: Math.min(
      positive(env.OTEL_METRIC_EXPORT_TIMEOUT) ?? DEFAULTS.timeoutMs,
      positive(env.OTEL_METRIC_EXPORT_INTERVAL) ?? DEFAULTS.intervalMs,
    ),
    metricProducers: [producer],
  })
  const ours = resourceFromAttributes({ 'service.name': 'agent-performance', 'service.version': version })
  const stated = detectResources({ detectors: [envDetector] })
  const provider = new MeterProvider({ resource: defaultResource().merge(ours).merge(stated), readers: [reader] })
  return { close: () => provider.shutdown().catch(() => undefined) }
}

function isAskedFor(env: Environment): boolean {
  if (env.OTEL_SDK_DISABLED?.toLowerCase() === 'true') return false
  const exporters = env.OTEL_METRICS_EXPORTER?.split(',').map(name => name.trim())
  if (exporters !== undefined && !exporters.includes('otlp')) return false
  return Boolean(env.OTEL_EXPORTER_OTLP_METRICS_ENDPOINT || env.OTEL_EXPORTER_OTLP_ENDPOINT)
}

function createExporter(env: Environment): ProtobufExporter | JsonExporter {
  const protocol = env.OTEL_EXPORTER_OTLP_METRICS_PROTOCOL || env.OTEL_EXPORTER_OTLP_PROTOCOL || 'http/protobuf'
  if (protocol === 'http/protobuf') return new ProtobufExporter()
  if (protocol === 'http/json') return new JsonExporter()
  throw new Error(`OTEL_EXPORTER_OTLP_PROTOCOL must be http/protobuf or http/json, not "${protocol}"`)
}

function positive(text: string | undefined): number | undefined {
  const value = Number(text)
  return text !== undefined && value > 0 ? value : undefined
}
