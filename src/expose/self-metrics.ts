/**
 * Metrics of the sidecar about itself. Each is declared as a row of a table; this file turns the rows into OpenTelemetry metric data, and
 * prints them with the serializer of @opentelemetry/exporter-prometheus.
 */
import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus'
import { emptyResource } from '@opentelemetry/resources'
import type { MetricData } from '@opentelemetry/sdk-metrics'
import type { Buckets, Family } from './family.ts'
import { histogramValue, metricData, type Series, type Times } from './metric-data.ts'

/** One value of a metric that has labels. Two samples of a metric never have equal labels. */
interface Sample {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** A histogram and the inclusive upper bounds of its buckets. The last bucket holds all values above them. */
interface BoundedBuckets extends Buckets {
  readonly bounds: readonly number[]
}

/** A number if the metric has no labels, samples if it has some, buckets if it is a histogram. */
export type SelfMetricValue = number | readonly Sample[] | BoundedBuckets

/**
 * A declared metric. `read` takes its value from facts that are gathered once per collection, so that all metrics of a scrape agree. It
 * returns undefined if the metric does not apply; the metric is then absent. Samples of known label values must exist from the start, at 0:
 * Prometheus cannot compute an increase from an absent series.
 */
export interface SelfMetric<Facts> extends Family {
  read(facts: Facts): SelfMetricValue | undefined
}

/** A metric and the value it had when it was read. */
export interface SelfMetricReading {
  readonly family: Family
  readonly value: SelfMetricValue
}

/** Reads all metrics that apply, in the order of the table. */
export function readSelfMetrics<Facts>(metrics: readonly SelfMetric<Facts>[], facts: Facts): SelfMetricReading[] {
  return metrics.flatMap(metric => {
    const value = metric.read(facts)
    return value === undefined ? [] : [{ family: metric, value }]
  })
}

/** The readings as OpenTelemetry metric data. */
export function selfMetricData(readings: readonly SelfMetricReading[], times: Times): MetricData[] {
  return readings.map(({ family, value }) => metricData(family, seriesOf(value), times))
}

function seriesOf(value: SelfMetricValue): readonly Series[] {
  if (typeof value === 'number') return [{ attributes: {}, value }]
  if ('counts' in value) return [{ attributes: {}, value: histogramValue(value, value.bounds) }]
  return value.map(sample => ({ attributes: { ...sample.labels }, value: sample.value }))
}

/** Without `target_info` and scope labels: `up`, `job` and `instance` identify the sidecar, and the labels would change every series. */
const serializer = new PrometheusSerializer('', false, undefined, true, true)

/** The readings in the Prometheus text format 0.0.4: whole lines. */
export function selfMetricsText(readings: readonly SelfMetricReading[], times: Times): string {
  // For no metrics at all the serializer prints a comment without a line end, which is invalid.
  if (readings.length === 0) return ''
  const scopeMetrics = [{ scope: { name: '' }, metrics: selfMetricData(readings, times) }]
  return serializer.serialize({ resource: emptyResource(), scopeMetrics })
}
