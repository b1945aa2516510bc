/** Pushes the metrics of /metrics to an OpenTelemetry Collector, if the standard environment variables configure one. */
import { setTimeout as pause } from 'node:timers/promises'
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources'
import {
  MeterProvider,
  type MetricProducer,
  PeriodicExportingMetricReader,
  type PushMetricExporter,
} from '@opentelemetry/sdk-metrics'
import type { Logger } from 'pino'
import type { Environment } from '../config/config.ts'
import { isOneOf, type OtlpTarget, readOtlpTarget } from './otlp-endpoint.ts'

/** The defaults of the OpenTelemetry specification for the interval between pushes and the timeout of one. */
const DEFAULTS = { intervalMs: 60_000, timeoutMs: 30_000 }
/** The longest delay of a timer in milliseconds. Node treats a longer delay as 1 ms. */
const MAX_TIMER_MS = 2 ** 31 - 1
/** How long the last push may delay the shutdown. */
const LAST_PUSH_MS = 2000

export interface OtlpOut {
  /** Pushes once more and stops, within 2 s. Never rejects, whether or not the Collector is reachable. */
  close(): Promise<void>
}

/** Pushes since the process started, by their result. */
export interface PushCounts {
  success: number
  failure: number
}

export interface OtlpOutOptions {
  readonly env: Environment
  readonly producer: MetricProducer
  readonly version: string
  /**
   * The `service.instance.id`, unless `OTEL_RESOURCE_ATTRIBUTES` states one. Without it a back end would mix the series of several sidecars, and
   * take the differences between them for counter resets.
   */
  readonly instance: string
  readonly log: Pick<Logger, 'info' | 'warn'>
  readonly counts: PushCounts
  /** URLs of the sidecar's own listeners, to which nothing is pushed. */
  readonly listeners: readonly string[]
}

/**
 * Starts to push. Resolves with undefined if the environment does not request it. The exporter itself reads headers, timeout, certificates
 * and compression. A setting that cannot be followed is a warning in the log: the default applies, or nothing is pushed. Never rejects.
 */
export async function openOtlpOut(options: OtlpOutOptions): Promise<OtlpOut | undefined> {
  const { env, log, listeners } = options
  const target = readOtlpTarget(env)
  if (target === undefined) return undefined
  const refuse = (reason: string): undefined => void log.warn({ reason }, 'no metrics are pushed to a Collector')
  if (typeof target === 'string') return refuse(target)
  if (await isOneOf(target, listeners)) {
    return refuse(
      'OTEL_EXPORTER_OTLP_ENDPOINT is this sidecar: set it to a Collector, or OTEL_METRICS_EXPORTER to none',
    )
  }
  try {
    return start(await createExporter(target), target, options)
  } catch (error) {
    // The exporters throw for some values of their variables, such as a file that does not exist.
    return refuse(`the OTEL_EXPORTER_OTLP_* variables cannot be used: ${messageOf(error)}`)
  }
}

function start(exporter: PushMetricExporter, target: OtlpTarget, options: OtlpOutOptions): OtlpOut {
  const { env, producer, version, instance, log } = options
  const intervalMs = milliseconds(env, 'OTEL_METRIC_EXPORT_INTERVAL', DEFAULTS.intervalMs, log)
  const timeoutMs = milliseconds(env, 'OTEL_METRIC_EXPORT_TIMEOUT', DEFAULTS.timeoutMs, log)
  const reader = new PeriodicExportingMetricReader({
    exporter: observed(exporter, target, options),
    exportIntervalMillis: intervalMs,
    exportTimeoutMillis: Math.min(timeoutMs, intervalMs),
    metricProducers: [producer],
  })
  const ours = resourceFromAttributes({
    'service.name': 'agent-performance',
    'service.version': version,
    'service.instance.id': instance,
  })
  const stated = detectResources({ detectors: [envDetector] })
  const provider = new MeterProvider({ resource: defaultResource().merge(ours).merge(stated), readers: [reader] })
  return {
    async close() {
      const shutdown = provider.shutdown().catch(() => undefined)
      await Promise.race([shutdown, pause(LAST_PUSH_MS, undefined, { ref: false })])
    },
  }
}

/** A positive number of milliseconds. An invalid one is a warning, and the default applies. */
function milliseconds(env: Environment, variable: string, preset: number, log: Pick<Logger, 'warn'>): number {
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

/** Imports the exporter only here: a sidecar that pushes nothing starts without its 64 modules. */
async function createExporter({ protocol, url }: OtlpTarget): Promise<PushMetricExporter> {
  if (protocol === 'http/protobuf')
    return new (await import('@opentelemetry/exporter-metrics-otlp-proto')).OTLPMetricExporter({ url })
  if (protocol === 'http/json')
    return new (await import('@opentelemetry/exporter-metrics-otlp-http')).OTLPMetricExporter({ url })
  return new (await import('@opentelemetry/exporter-metrics-otlp-grpc')).OTLPMetricExporter({ url })
}

/** Counts the results of an exporter, and logs the first failure of an outage and its end. */
function observed(
  exporter: PushMetricExporter,
  target: OtlpTarget,
  { counts, log }: OtlpOutOptions,
): PushMetricExporter {
  const collector = { host: target.host, port: target.port, protocol: target.protocol }
  let isFailing = false
  return {
    export(metrics, done) {
      exporter.export(metrics, result => {
        const failed = result.code !== 0
        counts[failed ? 'failure' : 'success']++
        if (failed && !isFailing)
          log.warn({ ...collector, reason: messageOf(result.error) }, 'metrics cannot be pushed to the Collector')
        else if (!failed && isFailing) log.info(collector, 'metrics are pushed to the Collector again')
        isFailing = failed
        done(result)
      })
    },
    forceFlush: () => exporter.forceFlush(),
    shutdown: () => exporter.shutdown(),
    ...(exporter.selectAggregationTemporality && {
      selectAggregationTemporality: type => exporter.selectAggregationTemporality!(type),
    }),
  }
}

function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : ''
  return (message || 'it gave no reason').slice(0, 300)
}
