/** The schema of metrics in OTLP/JSON: the fields of sums and histograms that are counted. Points of other kinds are only numbered. */
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

/** What points of all kinds have. */
export interface DataPoint {
  readonly attributes?: Maybe<KeyValue[]>
  readonly startTimeUnixNano?: Maybe<Int64>
  readonly timeUnixNano?: Maybe<Int64>
  readonly flags?: Maybe<number>
}

/** One value of a sum. */
export interface NumberDataPoint extends DataPoint {
  readonly asDouble?: Maybe<Double>
  readonly asInt?: Maybe<Int64>
}

/** One distribution: counts by explicit bounds. */
export interface HistogramDataPoint extends DataPoint {
  readonly count?: Maybe<Int64>
  readonly sum?: Maybe<Double>
  readonly bucketCounts?: Maybe<Maybe<Int64>[]>
  readonly explicitBounds?: Maybe<Maybe<Double>[]>
}

/** One distribution: counts by powers of a base. */
export interface ExponentialDataPoint extends DataPoint {
  readonly count?: Maybe<Int64>
  readonly sum?: Maybe<Double>
  readonly scale?: Maybe<number>
  readonly zeroCount?: Maybe<Int64>
  readonly zeroThreshold?: Maybe<Double>
  readonly positive?: Maybe<ExponentialBuckets>
  readonly negative?: Maybe<ExponentialBuckets>
}

interface ExponentialBuckets {
  readonly offset?: Maybe<number>
  readonly bucketCounts?: Maybe<Maybe<Int64>[]>
}

interface Points<Point> {
  readonly dataPoints?: Maybe<Point[]>
  readonly aggregationTemporality?: Maybe<number>
}

/** A metric of one of the five kinds. */
export interface Metric {
  readonly name?: Maybe<string>
  readonly unit?: Maybe<string>
  readonly sum?: Maybe<Points<NumberDataPoint> & { readonly isMonotonic?: Maybe<boolean> }>
  readonly histogram?: Maybe<Points<HistogramDataPoint>>
  readonly exponentialHistogram?: Maybe<Points<ExponentialDataPoint>>
  readonly gauge?: Maybe<Points<unknown>>
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
const exponentialBuckets = z.object({ offset: z.int().nullish(), bucketCounts: z.array(uint64).nullish() }).nullish()
const exponentialPoint = z.object({
  ...point,
  count: uint64,
  sum: double,
  scale: z.int().nullish(),
  zeroCount: uint64,
  zeroThreshold: double,
  positive: exponentialBuckets,
  negative: exponentialBuckets,
})
const aggregationTemporality = z.int().nullish()
const otherPoints = z.object({ dataPoints: z.array(z.unknown()).nullish() }).nullish()

const metric = z.object({
  name: z.string().nullish(),
  unit: z.string().nullish(),
  sum: z
    .object({
      dataPoints: z.array(numberPoint).nullish(),
      aggregationTemporality,
      isMonotonic: z.boolean().nullish(),
    })
    .nullish(),
  histogram: z.object({ dataPoints: z.array(histogramPoint).nullish(), aggregationTemporality }).nullish(),
  exponentialHistogram: z.object({ dataPoints: z.array(exponentialPoint).nullish(), aggregationTemporality }).nullish(),
  gauge: otherPoints,
  summary: otherPoints,
})
const scope = z.object({ name: z.string().nullish() }).nullish()
const scopeMetrics = z.array(z.object({ scope, metrics: z.array(metric).nullish() })).nullish()

/** What `POST /v1/metrics` takes. */
export const metricsRequest: z.ZodType<MetricsRequest> = z.object({
  resourceMetrics: z.array(z.object({ resource, scopeMetrics })).nullish(),
})
