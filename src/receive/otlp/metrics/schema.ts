/** The schema of metrics in OTLP/JSON: the fields of sums and histograms that are folded. Points of other kinds are only counted. */
import { z } from 'zod'
import {
  attributes,
  type Double,
  double,
  type Int64,
  int64,
  type KeyValue,
  type Maybe,
  type Resource,
  resource,
  uint64,
} from '../schema.ts'

/** One value of a sum. */
export interface NumberDataPoint {
  readonly attributes?: Maybe<KeyValue[]>
  readonly startTimeUnixNano?: Maybe<Int64>
  readonly timeUnixNano?: Maybe<Int64>
  readonly asDouble?: Maybe<Double>
  readonly asInt?: Maybe<Int64>
  readonly flags?: Maybe<number>
}

/** One distribution: counts by explicit bounds. */
export interface HistogramDataPoint {
  readonly attributes?: Maybe<KeyValue[]>
  readonly startTimeUnixNano?: Maybe<Int64>
  readonly timeUnixNano?: Maybe<Int64>
  readonly count?: Maybe<Int64>
  readonly sum?: Maybe<Double>
  readonly bucketCounts?: Maybe<Maybe<Int64>[]>
  readonly explicitBounds?: Maybe<Maybe<Double>[]>
  readonly flags?: Maybe<number>
}

interface Points<Point> {
  readonly dataPoints?: Maybe<Point[]>
}

/** A metric of one of the five kinds. */
export interface Metric {
  readonly name?: Maybe<string>
  readonly sum?: Maybe<
    Points<NumberDataPoint> & {
      readonly aggregationTemporality?: Maybe<number>
      readonly isMonotonic?: Maybe<boolean>
    }
  >
  readonly histogram?: Maybe<Points<HistogramDataPoint> & { readonly aggregationTemporality?: Maybe<number> }>
  readonly gauge?: Maybe<Points<unknown>>
  readonly exponentialHistogram?: Maybe<Points<unknown>>
  readonly summary?: Maybe<Points<unknown>>
}

/** The metrics of one sender. */
export interface ResourceMetrics {
  readonly resource?: Maybe<Resource>
  readonly scopeMetrics?: Maybe<ScopeMetrics[]>
}

/** The metrics of one instrumentation scope. */
export interface ScopeMetrics {
  readonly scope?: Maybe<{ readonly name?: Maybe<string> }>
  readonly metrics?: Maybe<Metric[]>
}

/** ExportMetricsServiceRequest. */
export interface MetricsRequest {
  readonly resourceMetrics?: Maybe<ResourceMetrics[]>
}

const point = { attributes, startTimeUnixNano: uint64, timeUnixNano: uint64, flags: z.int().nullish() }
const numberPoint = z.object({ ...point, asDouble: double, asInt: int64 })
const histogramPoint = z.object({
  ...point,
  count: uint64,
  sum: double,
  bucketCounts: z.array(uint64).nullish(),
  explicitBounds: z.array(double).nullish(),
})
const otherPoints = z.object({ dataPoints: z.array(z.unknown()).nullish() }).nullish()
const aggregationTemporality = z.int().nullish()

const metric = z.object({
  name: z.string().nullish(),
  sum: z
    .object({
      dataPoints: z.array(numberPoint).nullish(),
      aggregationTemporality,
      isMonotonic: z.boolean().nullish(),
    })
    .nullish(),
  histogram: z.object({ dataPoints: z.array(histogramPoint).nullish(), aggregationTemporality }).nullish(),
  gauge: otherPoints,
  exponentialHistogram: otherPoints,
  summary: otherPoints,
})
const scope = z.object({ name: z.string().nullish() }).nullish()
const scopeMetrics = z.array(z.object({ scope, metrics: z.array(metric).nullish() })).nullish()

/** What `POST /v1/metrics` takes. */
export const metricsRequest: z.ZodType<MetricsRequest> = z.object({
  resourceMetrics: z.array(z.object({ resource, scopeMetrics })).nullish(),
})
