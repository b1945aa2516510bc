/** Pushes the metrics of /metrics to an OpenTelemetry Collector, if the standard environment variables configure one. */
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources'
import {
  MeterProvider,
  type MetricProducer,
  PeriodicExportingMetricReader,
  type PushMetricExporter,
} from '@opentelemetry/sdk-metrics'
import type { Logger } from 'pino'
import type { Environment } from '../config/config.ts'

/** The defaults of the OpenTelemetry specification for the interval between pushes and the timeout of one. */
const DEFAULTS = { intervalMs: 60_000, timeoutMs: 30_000 }
/** The longest delay of a timer in milliseconds. Node treats a longer delay as 1 ms. */
const MAX_TIMER_MS = 2 ** 31 - 1

export interface OtlpOut {
  /** Pushes once more and stops. Never rejects, whether or not the Collector is reachable. */
  close(): Promise<void>
}

/**
 * Starts to push. Resolves with undefined if the environment does not request it: neither `OTEL_EXPORTER_OTLP_ENDPOINT` nor
 * `OTEL_EXPORTER_OTLP_METRICS_ENDPOINT` is set, `OTEL_SDK_DISABLED` is `true`, or `OTEL_METRICS_EXPORTER` does not include `otlp`. The exporter
 * itself reads endpoint, headers, timeout and compression. An invalid value is a warning in the log, and the default applies; with an
 * unsupported protocol nothing is pushed. `instance` becomes `service.instance.id`, unless `OTEL_RESOURCE_ATTRIBUTES` states one: without it a
 * back end would mix the series of several sidecars, and take the differences between them for counter resets.
 */
export async function openOtlpOut(
  env: Environment,
  producer: MetricProducer,
  { version, instance }: { readonly version: string; readonly instance: string },
  log: Pick<Logger, 'warn'>,
): Promise<OtlpOut | undefined> {
  if (!isRequested(env)) return undefined
  const exporter = await createExporter(env, log)
  if (exporter === undefined) return undefined
  const milliseconds = (variable: string, preset: number): number => {
    const stated = env[variable]
    if (stated === undefined || stated === '') return preset
    const value = Number(stated)
    if (Number.isInteger(value) && value > 0 && value <= MAX_TIMER_MS) return value
    log.warn(
      { variable, value: stated.slice(0, 100), in_force: preset },
      `${variable} must be milliseconds from 1 to ${MAX_TIMER_MS}: the default applies`,
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
  const ours = resourceFromAttributes({
    'service.name': 'agent-performance',
    'service.version': version,
    'service.instance.id': instance,
  })
  const stated = detectResources({ detectors: [envDetector] })
  const provider = new MeterProvider({ resource: defaultResource().merge(ours).merge(stated), readers: [reader] })
  return { close: () => provider.shutdown().catch(() => undefined) }
}

function isRequested(env: Environment): boolean {
  if (env.OTEL_SDK_DISABLED?.toLowerCase() === 'true') return false
  const exporters = env.OTEL_METRICS_EXPORTER?.split(',').map(name => name.trim())
  if (exporters !== undefined && !exporters.includes('otlp')) return false
  return Boolean(env.OTEL_EXPORTER_OTLP_METRICS_ENDPOINT || env.OTEL_EXPORTER_OTLP_ENDPOINT)
}

/** Imports the exporter only here: a sidecar that pushes nothing starts without its 64 modules. */
async function createExporter(env: Environment, log: Pick<Logger, 'warn'>): Promise<PushMetricExporter | undefined> {
  const protocol = env.OTEL_EXPORTER_OTLP_METRICS_PROTOCOL || env.OTEL_EXPORTER_OTLP_PROTOCOL || 'http/protobuf'
  if (protocol === 'http/protobuf')
    return new (await import('@opentelemetry/exporter-metrics-otlp-proto')).OTLPMetricExporter()
  if (protocol === 'http/json')
    return new (await import('@opentelemetry/exporter-metrics-otlp-http')).OTLPMetricExporter()
  const message = 'no metrics are pushed: OTEL_EXPORTER_OTLP_PROTOCOL must be http/protobuf or http/json'
  log.warn({ protocol: protocol.slice(0, 100) }, message)
  return undefined
}
