/** The points of our own metrics in a request, each with its series. */
import { hash } from 'node:crypto'
import { CONFIDENCE_BOUNDS, DURATION_BOUNDS } from '../../../core/aggregate/histogram-bounds.ts'
import { scalarOf } from '../scalar.ts'
import type { KeyValue, Maybe } from '../schema.ts'
import type { HistogramDataPoint, Metric, MetricsRequest, NumberDataPoint } from './schema.ts'

/** What a metric counts. */
export type MetricName = 'attempts' | 'duration' | 'confidence' | 'cost' | 'tokens'

/** One point of one series. */
export interface MetricPoint {
  readonly metric: MetricName
  /** Identifies a series of one sender. */
  readonly series: string
  readonly labels: Readonly<Record<string, unknown>>
  /** Nanoseconds since the epoch; 0 where the sender states none. */
  readonly start: bigint
  readonly time: bigint
  readonly cumulative: boolean
  /** Whether the sender states delta or cumulative. */
  readonly temporality: boolean
  readonly monotonic: boolean
  /** The value of a sum. For a histogram: its count, its sum, and its buckets if the bounds are ours. Empty if there is no value. */
  readonly values: readonly number[]
}

/** The names of the instruments, and not those that a sidecar exposes: a Collector may send a sidecar its own series. */
const NAMES: ReadonlyMap<string, MetricName> = new Map([
  ['agent.attempts', 'attempts'],
  ['agent.attempt.duration.seconds', 'duration'],
  ['agent.attempt.duration', 'duration'],
  ['agent.attempt.confidence', 'confidence'],
  ['agent.attempt.cost.usd', 'cost'],
  ['agent.attempt.cost', 'cost'],
  ['agent.attempt.tokens', 'tokens'],
])
const BOUNDS = { duration: DURATION_BOUNDS, confidence: CONFIDENCE_BOUNDS }

const DELTA = 1
const CUMULATIVE = 2
/** The flag of a point without a value. */
const NO_VALUE = 1

/** Every point of our metrics, and undefined for every other point. */
export function* pointsOf({ resourceMetrics }: MetricsRequest): Generator<MetricPoint | undefined> {
  for (const { resource, scopeMetrics } of resourceMetrics ?? []) {
    for (const { scope, metrics } of scopeMetrics ?? []) {
      const sender = [sorted(resource?.attributes), scope?.name ?? '']
      for (const metric of metrics ?? []) yield* pointsOfMetric(metric, sender)
    }
  }
}

function* pointsOfMetric(metric: Metric, sender: readonly unknown[]): Generator<MetricPoint | undefined> {
  const { sum, histogram, gauge, exponentialHistogram, summary } = metric
  const name = NAMES.get(metric.name ?? '')
  const data = name === 'duration' || name === 'confidence' ? histogram : sum
  if (name === undefined || !data) {
    const others = sum ?? histogram ?? gauge ?? exponentialHistogram ?? summary
    for (const _ of others?.dataPoints ?? []) yield undefined
    return
  }
  const { aggregationTemporality: temporality } = data
  for (const point of data.dataPoints ?? []) {
    if (((point.flags ?? 0) & NO_VALUE) !== 0) {
      yield undefined
      continue
    }
    const attributes = sorted(point.attributes)
    yield {
      metric: name,
      series: hash('sha256', JSON.stringify([...sender, metric.name, attributes]), 'base64url'),
      labels: Object.fromEntries(attributes),
      start: BigInt(point.startTimeUnixNano ?? 0),
      time: BigInt(point.timeUnixNano ?? 0),
      cumulative: temporality === CUMULATIVE,
      temporality: temporality === CUMULATIVE || temporality === DELTA,
      monotonic: data === histogram || sum?.isMonotonic === true,
      values: name === 'duration' || name === 'confidence' ? observed(point, BOUNDS[name]) : counted(point),
    }
  }
}

function sorted(attributes: Maybe<KeyValue[]>): [string, unknown][] {
  const entries = (attributes ?? []).map(({ key, value }): [string, unknown] => [key ?? '', scalarOf(value)])
  return entries.sort(([a], [b]) => (a < b ? -1 : 1))
}

function counted({ asInt, asDouble }: NumberDataPoint): number[] {
  const value = asInt ?? asDouble
  return value === null || value === undefined ? [] : [Number(value)]
}

function observed(point: HistogramDataPoint, bounds: readonly number[]): number[] {
  const { count, sum, bucketCounts, explicitBounds } = point
  if (sum === null || sum === undefined) return []
  const ours = bounds.length === explicitBounds?.length && bounds.every((bound, i) => bound === explicitBounds[i])
  const buckets = ours && bucketCounts?.length === bounds.length + 1 ? bucketCounts.map(Number) : []
  return [Number(count ?? 0), Number(sum), ...buckets]
}
