/** A real OpenTelemetry SDK in memory, set as the global one. */
import { context, metrics, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { type DataPoint, type Histogram, MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics'
import { InMemorySpanExporter, type ReadableSpan, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'

class PulledReader extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

export interface CollectedMetric {
  readonly unit: string
  readonly points: readonly DataPoint<number | Histogram>[]
}

export interface Meters {
  /** All metrics with points, by name. */
  collect(): Promise<ReadonlyMap<string, CollectedMetric>>
}

export interface Spans {
  /** Ended spans, in the order of their ends. */
  ended(): readonly ReadableSpan[]
}

export function setMeters(): Meters {
  const reader = new PulledReader()
  metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }))
  return {
    collect: async () => {
      const { resourceMetrics } = await reader.collect()
      const all = resourceMetrics.scopeMetrics.flatMap(scope => scope.metrics)
      return new Map(
        all.map(metric => [
          metric.descriptor.name,
          { unit: metric.descriptor.unit, points: metric.dataPoints as DataPoint<number | Histogram>[] },
        ]),
      )
    },
  }
}

export function setSpans(): Spans {
  const exporter = new InMemorySpanExporter()
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] }))
  return { ended: () => exporter.getFinishedSpans() }
}

export function unsetTelemetry(): void {
  metrics.disable()
  trace.disable()
  context.disable()
}

/** The values of a counter by its attributes as JSON, or the counts of a histogram. */
export function valuesOf(metric: CollectedMetric | undefined): Record<string, number> {
  return Object.fromEntries(
    (metric?.points ?? []).map(({ attributes, value }) => [
      Object.values(attributes).join(' '),
      typeof value === 'number' ? value : value.count,
    ]),
  )
}
