/** Exposes the tally and the sidecar's metrics as Prometheus text and as OpenTelemetry metric data. */
import type { MetricProducer } from '@opentelemetry/sdk-metrics'
import { createCollector, type Sources } from './collection.ts'
import { createProducers } from './producer.ts'
import { renderText } from './render.ts'

interface Scrape {
  readonly contentType: string
  /**
   * Chunks of whole lines, rendered on demand and in separate iterations of the event loop. A chunk may be overwritten when the next one is
   * requested: copy it, or write it to a stream and wait for `drain`.
   */
  readonly body: AsyncGenerator<Buffer, void, void>
}

export interface Exposition {
  /** Everything as it is now. Rejects if the collection fails. Concurrent scrapes share one collection. */
  scrape(): Promise<Scrape>
  /** Everything, for the `metricProducers` of a reader of the OpenTelemetry SDK. */
  readonly producer: MetricProducer
  /** Producers among which the keys are divided, one for each reader. */
  producers(count: number): readonly MetricProducer[]
}

export function createExposition(sources: Sources): Exposition {
  const collect = createCollector(sources)
  const producers = (count: number): readonly MetricProducer[] => createProducers(collect, sources.version, count)
  return {
    async scrape() {
      return { contentType: 'text/plain; version=0.0.4; charset=utf-8', body: renderText(await collect()) }
    },
    producer: producers(1)[0]!,
    producers,
  }
}
