/** The points of the metrics that are counted, in a request, each with its series. */
import { hash } from 'node:crypto'
import { CONFIDENCE_BOUNDS, DURATION_BOUNDS } from '../../../core/aggregate/histogram-bounds.ts'
import { scalarOf } from '../scalar.ts'
import type { KeyValue, Maybe, Resource } from '../schema.ts'
import { type Counted, type CountedMetrics, isCumulative, type Kind, metricProblem } from './instruments.ts'
import { type Rebucketed, rebucketExplicit, rebucketExponential } from './rebucket.ts'
import type {
  DataPoint,
  ExponentialDataPoint,
  HistogramDataPoint,
  Metric,
  MetricsRequest,
  NumberDataPoint,
} from './schema.ts'

/** One point of one series. */
export interface MetricPoint {
  /** The name of its metric. */
  readonly metric: string
  readonly counted: Counted
  /** Identifies a series of one sender. */
  readonly series: string
  readonly resource: Maybe<Resource>
  readonly labels: ReadonlyMap<string, unknown>
  /** Nanoseconds since the epoch; 0 where the sender states none. */
  readonly start: bigint
  readonly time: bigint
  readonly cumulative: boolean
  /**
   * The value of a sum. For a histogram: its count, its sum, and its counts by our bounds, where it has buckets. Empty if there is no value.
   * Or why the value cannot be read.
   */
  readonly values: readonly number[] | string
}

/** Points of a metric that cannot be counted, and why. */
export interface UnusableMetric {
  readonly metric: string
  readonly points: number
  readonly problem: string
}

/** The points of the counted metrics, the metrics among them that cannot be counted, and undefined for every other point. */
export function* pointsOf(
  { resourceMetrics }: MetricsRequest,
  counted: CountedMetrics,
): Generator<MetricPoint | UnusableMetric | undefined> {
  for (const { resource, scopeMetrics } of resourceMetrics ?? []) {
    const attributes = sorted(resource?.attributes)
    for (const { scope, metrics } of scopeMetrics ?? []) {
      const sender = { resource, id: [attributes, scope?.name ?? ''] }
      for (const metric of metrics ?? []) yield* pointsOfMetric(metric, counted.get(metric.name ?? ''), sender)
    }
  }
}

interface Sender {
  readonly resource: Maybe<Resource>
  readonly id: readonly unknown[]
}

const KINDS: readonly Kind[] = ['sum', 'histogram', 'exponentialHistogram', 'gauge', 'summary']

function* pointsOfMetric(
  metric: Metric,
  counted: Counted | undefined,
  sender: Sender,
): Generator<MetricPoint | UnusableMetric | undefined> {
  const kind = KINDS.find(name => metric[name])
  if (kind === undefined) return
  const { dataPoints, aggregationTemporality } = metric[kind]!
  const points = dataPoints ?? []
  const name = metric.name ?? ''
  if (counted === undefined) {
    for (const _ of points) yield undefined
    return
  }
  const monotonic = kind !== 'sum' || metric.sum?.isMonotonic === true
  const stated = { kind, unit: metric.unit ?? '', temporality: aggregationTemporality ?? undefined, monotonic }
  const problem = metricProblem(counted, stated)
  if (problem !== undefined) {
    yield { metric: name, points: points.length, problem }
    return
  }
  // The kind decides which points they are, and the schema has checked them.
  for (const point of points as readonly DataPoint[]) {
    yield hasNoValue(point)
      ? undefined
      : pointOf(name, counted, sender, point, isCumulative(stated), valuesOf(kind, counted, point))
  }
}

/** The flag of a point without a value. */
const NO_VALUE = 1
const hasNoValue = ({ flags }: DataPoint): boolean => ((flags ?? 0) & NO_VALUE) !== 0

function pointOf(
  metric: string,
  counted: Counted,
  { resource, id }: Sender,
  { attributes, startTimeUnixNano, timeUnixNano }: DataPoint,
  cumulative: boolean,
  values: MetricPoint['values'],
): MetricPoint {
  const labels = sorted(attributes)
  return {
    metric,
    counted,
    series: hash('sha256', JSON.stringify([...id, metric, labels]), 'base64url'),
    resource,
    labels: new Map(labels),
    start: BigInt(startTimeUnixNano ?? 0),
    time: BigInt(timeUnixNano ?? 0),
    cumulative,
    values,
  }
}

function sorted(attributes: Maybe<KeyValue[]>): [string, unknown][] {
  const entries = (attributes ?? []).map(({ key, value }): [string, unknown] => [key ?? '', scalarOf(value)])
  return entries.sort(([a], [b]) => (a < b ? -1 : 1))
}

function valuesOf(kind: Kind, counted: Counted, point: DataPoint): MetricPoint['values'] {
  if (kind === 'sum') return counterValue(point as NumberDataPoint)
  const ours = counted === 'confidence' ? CONFIDENCE_BOUNDS : DURATION_BOUNDS
  if (kind === 'histogram') return distributionOf(point as HistogramDataPoint, one => rebucketExplicit(ours, one))
  return distributionOf(point as ExponentialDataPoint, one => rebucketExponential(ours, one))
}

function counterValue({ asInt, asDouble }: NumberDataPoint): number[] {
  const value = asInt ?? asDouble
  return value === null || value === undefined ? [] : [Number(value)]
}

function distributionOf<Point extends HistogramDataPoint | ExponentialDataPoint>(
  point: Point,
  rebucket: (point: Point) => Rebucketed,
): MetricPoint['values'] {
  const { count, sum } = point
  if (sum === null || sum === undefined) return []
  const buckets = rebucket(point)
  return typeof buckets === 'string' ? buckets : [Number(count ?? 0), Number(sum), ...buckets]
}
