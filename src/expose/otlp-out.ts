/** OpenTelemetry out: what /metrics tells is also pushed to a Collector, when the standard environment asks for it. */
import { OTLPMetricExporter as JsonExporter } from '@opentelemetry/exporter-metrics-otlp-http'
import { OTLPMetricExporter as ProtobufExporter } from '@opentelemetry/exporter-metrics-otlp-proto'
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources'
import { MeterProvider, type MetricProducer, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import type { Logger } from 'pino'
import type { Environment } from '../config/config.ts'

/** Milliseconds between two pushes, and for one push: the defaults of the specification. */
const DEFAULTS = { intervalMs: 60_000, timeoutMs: 30_000 }
/** The longest delay of a timer in milliseconds. Node fires a longer one at once, again and again. */
const MAX_TIMER_MS = 2 ** 31 - 1

export interface OtlpOut {
  /** Pushes once more and lets go; never rejects, whether the Collector is there or not. */
  close(): Promise<void>
}

/**
 * Starts to push, or answers undefined where the environment does not ask for it: no `OTEL_EXPORTER_OTLP_ENDPOINT` and no
 * `OTEL_EXPORTER_OTLP_METRICS_ENDPOINT`, `OTEL_SDK_DISABLED=true`, or `OTEL_METRICS_EXPORTER` without `otlp`. Endpoint, headers,
 * time-out and compression are read by the exporter itself. A value that cannot be followed is a warning in the log, and its default holds;
 * with a protocol that is not supported nothing is pushed.
 */
export function openOtlpOut(
  env: Environment,
  producer: MetricProducer,
  version: string,
  log: Pick<Logger, 'warn'>,
): OtlpOut | undefined {
  if (!isAskedFor(env)) return undefined
  const exporter = createExporter(env, log)
  if (exporter === undefined) return undefined
  const milliseconds = (variable: string, preset: number): number => {
    const stated = env[variable]
    if (stated === undefined || stated === '') return preset
    const value = Number(stated)
    if (Number.isInteger(value) && value > 0 && value <= MAX_TIMER_MS) return value
    log.warn(
      { variable, value: stated.slice(0, 100), in_force: preset },
      `must be milliseconds from 1 to ${MAX_TIMER_MS}`,
    )
    return preset
  }
  const intervalMs = milliseconds('OTEL_METRIC_EXPORT_INTERVAL', DEFAULTS.intervalMs)
  const reader = new PeriodicExportingMetricReader({
    exporter,
    exportIntervalMillis: intervalMs,
    exportTimeoutMillis: Math.min(milliseconds('OTEL_METRIC_EXPORT_TIMEOUT', DEFAULTS.timeoutMs), intervalMs),
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

function createExporter(env: Environment, log: Pick<Logger, 'warn'>): ProtobufExporter | JsonExporter | undefined {
  const protocol = env.OTEL_EXPORTER_OTLP_METRICS_PROTOCOL || env.OTEL_EXPORTER_OTLP_PROTOCOL || 'http/protobuf'
  if (protocol === 'http/protobuf') return new ProtobufExporter()
  if (protocol === 'http/json') return new JsonExporter()
  const message = 'no metrics are pushed: OTEL_EXPORTER_OTLP_PROTOCOL must be http/protobuf or http/json'
  log.warn({ protocol: protocol.slice(0, 100) }, message)
  return undefined
}
