/**
 * Metrics -> increments: what is new in each series since it was last heard of, summed by key. Pure: what the series said last comes in
 * and goes out as plain data, and whoever keeps the increments keeps it with them, in one step; else a restart counts a cumulative
 * series from its beginning once more.
 */
import { type AttemptKey, keyId, nameProblem } from '../../core/attempt.ts'
import { CONFIDENCE_BOUNDS, DURATION_BOUNDS, TOKEN_TYPES } from '../../core/summary.ts'
import { type MetricPoint, pointsOf } from './metric-point.ts'
import type { MetricsRequest } from './metric-schema.ts'

/** New observations: how many, their sum, and how many in each bucket. Those of a sender whose bounds are not ours are in no bucket. */
export interface HistogramIncrement {
  count: number
  sum: number
  readonly buckets: number[]
}

/** What is new of one result. The histograms come by their own series, and may hold more or fewer than `attempts`. */
export interface ResultIncrement {
  attempts: number
  /** Seconds, by core's `DURATION_BOUNDS`. */
  readonly duration: HistogramIncrement
  /** 0 to 1, by core's `CONFIDENCE_BOUNDS`. */
  readonly confidence: HistogramIncrement
}

/** What is new of a key. */
export interface KeyIncrement {
  readonly key: AttemptKey
  readonly success: ResultIncrement
  readonly failure: ResultIncrement
  cost_usd: number
  readonly tokens: Record<(typeof TOKEN_TYPES)[number], number>
  /** Nanoseconds since the epoch, the latest of all points. */
  lastUnixNano: bigint
}

/** What a series said last; it survives JSON. */
export interface SeriesState {
  /** Nanoseconds since the epoch, as digits: since when the series counts, and until when it was heard. */
  readonly start: string
  readonly time: string
  /** What it counted in all, where it is cumulative. */
  readonly values: readonly number[]
}

export interface Fold {
  readonly increments: readonly KeyIncrement[]
  /** The series whose state changed, by their ids. */
  readonly changed: ReadonlyMap<string, SeriesState>
  /** Points that were heard before, or are older than what was. */
  readonly duplicates: number
  /** Points of metrics that are not ours. */
  readonly ignored: number
  readonly rejected: number
  /** What is wrong with the first of the rejected. */
  readonly problems: readonly string[]
}

const MAX_TOLD = 5

/** Folds a request. Never throws on anything that passed the schema. No more than `maxSeries` series are told apart. */
export function foldMetrics(request: MetricsRequest, known: ReadonlyMap<string, SeriesState>, maxSeries: number): Fold {
  const increments = new Map<string, KeyIncrement>()
  const changed = new Map<string, SeriesState>()
  const counts = { duplicates: 0, ignored: 0, rejected: 0 }
  const problems: string[] = []
  let series = known.size
  for (const point of pointsOf(request)) {
    if (point === undefined) {
      counts.ignored++
      continue
    }
    const last = changed.get(point.series) ?? known.get(point.series)
    const tooMany = last === undefined && series >= maxSeries ? `there are more than ${maxSeries} series` : undefined
    const problem = problemOf(point) ?? tooMany
    if (problem !== undefined) {
      counts.rejected++
      if (problems.length < MAX_TOLD) problems.push(`a point of ${point.metric}: ${problem}`)
      continue
    }
    const values = newIn(point, last)
    if (values === undefined) {
      counts.duplicates++
      continue
    }
    if (last === undefined) series++
    changed.set(point.series, stateAfter(point))
    addTo(increments, point, values)
  }
  return { increments: [...increments.values()], changed, ...counts, problems }
}

function stateAfter({ start, time, cumulative, values }: MetricPoint): SeriesState {
  return { start: String(start), time: String(time), values: cumulative ? values : [] }
}

/** What is new since the series was last heard of; undefined where nothing can be, because it was heard already. */
function newIn(point: MetricPoint, last: SeriesState | undefined): readonly number[] | undefined {
  if (last === undefined) return point.values
  if (point.time <= BigInt(last.time)) return undefined
  if (!point.cumulative || point.start > BigInt(last.start)) return point.values
  if (point.start < BigInt(last.start)) return undefined
  const fell = last.values.length !== point.values.length || point.values.some((value, i) => value < last.values[i]!)
  // A sender that began anew and did not say so: what it has counted since is new.
  return fell ? point.values : point.values.map((value, i) => value - last.values[i]!)
}

function problemOf({ metric, labels, time, temporality, monotonic, values }: MetricPoint): string | undefined {
  for (const name of ['agent_name', 'model_name', 'issue_type'] as const) {
    const problem = nameProblem(labels[name])
    if (problem !== undefined) return `${name} ${problem}`
  }
  if (metric === 'tokens') {
    if (!(TOKEN_TYPES as readonly unknown[]).includes(labels.token_type)) return 'token_type is none of ours'
  } else if (metric !== 'cost' && labels.result !== 'success' && labels.result !== 'failure') {
    return 'result must be success or failure'
  }
  if (!temporality || !monotonic) return 'it is neither delta nor cumulative, or it may fall'
  if (time === 0n) return 'it has no time'
  if (values.length === 0 || values.some(value => !(value >= 0 && Number.isFinite(value)))) {
    return 'its value is no count or sum'
  }
  const whole = metric === 'attempts' || metric === 'tokens'
  return whole && !Number.isInteger(values[0]) ? 'its value must be a whole number' : undefined
}

function addTo(increments: Map<string, KeyIncrement>, point: MetricPoint, values: readonly number[]): void {
  const { agent_name, model_name, issue_type, result, token_type } = point.labels as Record<string, string>
  const key = { agent_name: agent_name!, model_name: model_name!, issue_type: issue_type! }
  const id = keyId(key)
  const increment = increments.get(id) ?? nothingOf(key)
  increments.set(id, increment)
  if (point.time > increment.lastUnixNano) increment.lastUnixNano = point.time
  const of = increment[result as 'success' | 'failure']
  if (point.metric === 'attempts') of.attempts += values[0]!
  else if (point.metric === 'cost') increment.cost_usd += values[0]!
  else if (point.metric === 'tokens') increment.tokens[token_type as (typeof TOKEN_TYPES)[number]] += values[0]!
  else addHistogram(of[point.metric], values)
}

function addHistogram(histogram: HistogramIncrement, [count = 0, sum = 0, ...buckets]: readonly number[]): void {
  histogram.count += count
  histogram.sum += sum
  for (const [i, bucket] of buckets.entries()) histogram.buckets[i]! += bucket
}

function nothingOf(key: AttemptKey): KeyIncrement {
  const histogram = (bounds: readonly number[]): HistogramIncrement => ({
    count: 0,
    sum: 0,
    buckets: new Array<number>(bounds.length + 1).fill(0),
  })
  const result = (): ResultIncrement => ({
    attempts: 0,
    duration: histogram(DURATION_BOUNDS),
    confidence: histogram(CONFIDENCE_BOUNDS),
  })
  return {
    key,
    success: result(),
    failure: result(),
    cost_usd: 0,
    tokens: { input: 0, output: 0, cache_read: 0, cache_write: 0 },
    lastUnixNano: 0n,
  }
}
