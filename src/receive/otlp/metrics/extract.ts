/** Extracts the points of our metrics from a request. */

import type { SeriesPoint } from '../../../core/aggregate/series.ts'
import { type Measure, TOKEN_TYPES } from '../../../core/aggregate/summary.ts'
import { ATTEMPT_FIELDS } from '../../../core/attempt/fields.ts'
import { nameProblem } from '../../../core/attempt/validation.ts'
import { type MetricPoint, pointsOf } from './point.ts'
import type { MetricsRequest } from './schema.ts'

/** The points of a request. */
export interface ExtractedPoints {
  readonly points: readonly SeriesPoint[]
  readonly rejected: number
  /** The problems of the first rejected points, for people. */
  readonly problems: readonly string[]
  /** Points of other metrics, and points without a value. */
  readonly ignored: number
}

const MAX_REPORTED = 5
/** The relative rounding error that a sum may have. */
const ROUNDING = 1e-6

/** Never throws on anything that passed the schema. */
export function extractPoints(request: MetricsRequest): ExtractedPoints {
  const points: SeriesPoint[] = []
  const problems: string[] = []
  let rejected = 0
  let ignored = 0
  for (const point of pointsOf(request)) {
    if (point === undefined) {
      ignored++
      continue
    }
    const problem = problemOf(point)
    if (problem === undefined) points.push(seriesPoint(point))
    else if (rejected++ < MAX_REPORTED) problems.push(`a point of ${point.metric}: ${problem}`)
  }
  return { points, rejected, problems, ignored }
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
  return valueProblem(metric, values)
}

/** A wrong count, or a sum that does not fit its count, would corrupt all averages permanently. */
function valueProblem(
  metric: MetricPoint['metric'],
  [value = 0, sum = 0, ...buckets]: readonly number[],
): string | undefined {
  if (metric === 'cost') return value <= ATTEMPT_FIELDS.cost_usd.max ? undefined : 'its value is no cost in US dollars'
  if (!Number.isSafeInteger(value)) return 'its value must be a whole number'
  if (metric !== 'duration' && metric !== 'confidence') return undefined
  if (sum > value * (metric === 'confidence' ? 1 + ROUNDING : ATTEMPT_FIELDS.time_seconds.max))
    return 'its sum is too large for its count'
  const all = buckets.reduce((total, bucket) => total + bucket, 0)
  return buckets.length > 0 && all !== value ? 'its buckets do not add up to its count' : undefined
}

function seriesPoint({ metric, series, labels, start, time, cumulative, values }: MetricPoint): SeriesPoint {
  const { agent_name, model_name, issue_type, result, token_type } = labels as Record<string, string>
  const of = metric === 'tokens' ? token_type : result
  return {
    series,
    key: { agent_name: agent_name!, model_name: model_name!, issue_type: issue_type! },
    measure: (metric === 'cost' ? { metric } : { metric, of }) as Measure,
    startMs: milliseconds(start),
    timeMs: milliseconds(time),
    cumulative,
    values,
  }
}

/** To a quarter of a microsecond, and in the same order. */
function milliseconds(nanos: bigint): number {
  return Number(nanos) / 1e6
}
