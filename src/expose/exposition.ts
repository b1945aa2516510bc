/** Tally in, Prometheus and OpenTelemetry out. */
import type { MetricProducer } from '@opentelemetry/sdk-metrics'
import { createCollector, type Sources } from './collection.ts'
import { createProducers } from './producer.ts'
import { renderText } from './render.ts'

interface Scrape {
  readonly contentType: string
  /**
   * Slices of whole lines, made when they are asked for: at the reader's pace, and giving way to others in between. For streams that wait for
   * `drain`: whoever else keeps a slice when asking for the next has to copy it.
   */
  readonly body: AsyncGenerator<Buffer, void, void>
}

export interface Exposition {
  /**
   * What is to be told at this moment. Rejects where it could not be collected. Scrapes at the same time share one
   * collection.
   */
  scrape(): Promise<Scrape>
  /** All of it, for a reader of the OpenTelemetry SDK (`metricProducers`). */
  readonly producer: MetricProducer
  /** Producers that share the keys among them, for as many readers. */
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
