/** Metric families as OpenTelemetry metric data, for the SDK's readers, exporters and serializers. */
import { type Attributes, type HrTime, ValueType } from '@opentelemetry/api'
import {
  AggregationTemporality,
  type DataPoint,
  DataPointType,
  type Histogram,
  type MetricData,
} from '@opentelemetry/sdk-metrics'
import type { Buckets, Family } from './family.ts'

/** One series of a family: its labels and its current value. */
export interface Series {
  readonly attributes: Attributes
  readonly value: number | Histogram
}

/** When a series started and when it was read. */
export interface Times {
  readonly startTime: HrTime
  readonly endTime: HrTime
}

/**
 * The start time is 0, which OTLP defines as unknown. Totals outlive the process: any later start time would make a receiver see the
 * counts of earlier processes as a sudden rise.
 */
const UNKNOWN_START: HrTime = [0, 0]

/** The times of series that were read at `ms` since the epoch. */
export function timesAt(ms: number): Times {
  return { startTime: UNKNOWN_START, endTime: [Math.floor(ms / 1000), Math.round((ms % 1000) * 1e6)] }
}

/** A histogram with these upper bounds. Missing buckets count as empty. */
export function histogramValue({ counts, count, sum }: Buckets, bounds: readonly number[]): Histogram {
  const all = Array.from({ length: bounds.length + 1 }, (_, bucket) => counts[bucket] ?? 0)
  return { buckets: { boundaries: [...bounds], counts: all }, count, sum }
}

/** All series of one family. The values must match its type: histograms for a histogram, numbers otherwise. */
export function metricData({ name, help, unit, type }: Family, series: readonly Series[], times: Times): MetricData {
  const dataPoints = series.map(one => ({ ...times, ...one }))
  const common = {
    descriptor: { name, description: help, unit, valueType: ValueType.DOUBLE },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
  }
  if (type === 'histogram') {
    return { ...common, dataPointType: DataPointType.HISTOGRAM, dataPoints: dataPoints as DataPoint<Histogram>[] }
  }
  const numbers = dataPoints as DataPoint<number>[]
  if (type === 'gauge') return { ...common, dataPointType: DataPointType.GAUGE, dataPoints: numbers }
  return { ...common, dataPointType: DataPointType.SUM, isMonotonic: true, dataPoints: numbers }
}
