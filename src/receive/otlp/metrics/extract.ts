/** Extracts the points of the metrics that are counted from a request. */

import type { SeriesPoint } from '../../../core/aggregate/series.ts'
import { type Measure, TOKEN_TYPES } from '../../../core/aggregate/summary.ts'
import { ATTEMPT_FIELDS } from '../../../core/attempt/fields.ts'
import { nameProblem } from '../../../core/attempt/validation.ts'
import { isUndecided } from '../mapping/span-outcome.ts'
import { attributeOf } from '../scalar.ts'
import type { CountedMetrics } from './instruments.ts'
import { type MetricPoint, pointsOf } from './point.ts'
import type { MetricsRequest } from './schema.ts'
import type { Writers } from './writers.ts'

/** The points of a request. */
export interface ExtractedPoints {
  readonly points: readonly SeriesPoint[]
  /** The data points that they come from. */
  readonly taken: number
  readonly rejected: number
  /** The problems of the first rejected points, for people. */
  readonly problems: readonly string[]
  /** Points of other metrics, points without a value, and runs that are no attempts. */
  readonly ignored: number
  /** Points that another process counts at the same time, in the same series. */
  readonly overlapping: number
}

const MAX_REPORTED = 5
/** The relative rounding error that a sum may have. */
const ROUNDING = 1e-6

/** Never throws on anything that passed the schema. */
export function extractPoints(request: MetricsRequest, counted: CountedMetrics, writers: Writers): ExtractedPoints {
  const points: SeriesPoint[] = []
  const problems: string[] = []
  let [taken, rejected, ignored, overlapping] = [0, 0, 0, 0]
  function reject(metric: string, problem: string, count: number): void {
    rejected += count
    if (count > 0 && problems.length < MAX_REPORTED) problems.push(`a point of ${metric}: ${problem}`)
  }
  for (const point of pointsOf(request, counted)) {
    if (point === undefined) ignored++
    else if ('problem' in point) reject(point.metric, point.problem, point.points)
    else {
      const read = readPoint(point)
      if (typeof read === 'string') reject(point.metric, read, 1)
      else if (read.length === 0) ignored++
      else {
        taken++
        points.push(...read)
        if (writers.note(point)) overlapping++
      }
    }
  }
  return { points, taken, rejected, problems, ignored, overlapping }
}

/** The points to count. None if the point is no attempt. Or why it cannot be counted. */
function readPoint(point: MetricPoint): readonly SeriesPoint[] | string {
  const { counted, time, values } = point
  if (counted === 'runs' && isNoAttempt(point)) return []
  const names = counted === 'runs' ? runNames(point) : ownNames(point)
  for (const name of ['agent_name', 'model_name', 'issue_type'] as const) {
    const problem = nameProblem(names[name])
    if (problem !== undefined) return `${name} ${problem}`
  }
  const problem = labelProblem(counted, names.of)
  if (problem !== undefined) return problem
  if (time === 0n) return 'it has no time'
  if (typeof values === 'string') return values
  if (values.length === 0 || values.some(value => !(value >= 0 && Number.isFinite(value)))) {
    return 'its value is no count or sum'
  }
  return valueProblem(counted, values) ?? seriesPoints(point, names, values)
}

/** What the labels of a point state. `of` is its result, or its type of tokens. */
type Names = Readonly<Record<'agent_name' | 'model_name' | 'issue_type' | 'of', unknown>>

const ownNames = ({ counted, labels }: MetricPoint): Names => ({
  agent_name: labels.get('agent_name'),
  model_name: labels.get('model_name'),
  issue_type: labels.get('issue_type'),
  of: labels.get(counted === 'tokens' ? 'token_type' : 'result'),
})

const ISSUE_TYPE = 'agent.attempt.issue_type'

/** The GenAI conventions state a model only if an agent has one, and an error type only for failures. */
const runNames = ({ labels, resource }: MetricPoint): Names => ({
  agent_name: labels.get('gen_ai.agent.name'),
  model_name: labels.get('gen_ai.request.model') ?? labels.get('gen_ai.response.model') ?? 'unknown',
  issue_type: labels.get(ISSUE_TYPE) ?? attributeOf(resource?.attributes, ISSUE_TYPE) ?? 'unknown',
  of: labels.get('error.type') ? 'failure' : 'success',
})

/** A run that names no agent, as the conventions allow, or one that was interrupted or aborted. */
function isNoAttempt({ labels }: MetricPoint): boolean {
  const agent = labels.get('gen_ai.agent.name')
  return agent === undefined || agent === '' || isUndecided(labels.get('error.type'))
}

function labelProblem(counted: MetricPoint['counted'], of: unknown): string | undefined {
  if (counted === 'cost') return undefined
  if (counted === 'tokens') {
    return (TOKEN_TYPES as readonly unknown[]).includes(of)
      ? undefined
      : `token_type must be one of ${TOKEN_TYPES.join(', ')}`
  }
  return of === 'success' || of === 'failure' ? undefined : 'result must be success or failure'
}

/** A wrong count, or a sum that does not fit its count, would corrupt all averages permanently. */
function valueProblem(
  counted: MetricPoint['counted'],
  [value = 0, sum = 0, ...buckets]: readonly number[],
): string | undefined {
  if (counted === 'cost') return value <= ATTEMPT_FIELDS.cost_usd.max ? undefined : 'its value is no cost in US dollars'
  if (!Number.isSafeInteger(value)) return 'its value must be a whole number'
  if (counted === 'attempts' || counted === 'tokens') return undefined
  if (sum > value * (counted === 'confidence' ? 1 + ROUNDING : ATTEMPT_FIELDS.time_seconds.max))
    return 'its sum is too large for its count'
  const all = buckets.reduce((total, bucket) => total + bucket, 0)
  return buckets.length > 0 && all !== value ? 'its buckets do not add up to its count' : undefined
}

/** A run is an attempt and its time: two series, which increase together. */
function seriesPoints(point: MetricPoint, names: Names, values: readonly number[]): readonly SeriesPoint[] {
  const { counted, series, start, time, cumulative } = point
  const { agent_name, model_name, issue_type, of } = names as Record<keyof Names, string>
  const key = { agent_name, model_name, issue_type }
  const times = { startMs: milliseconds(start), timeMs: milliseconds(time), cumulative }
  if (counted === 'cost') return [{ series, key, measure: { metric: counted }, ...times, values }]
  if (counted !== 'runs') return [{ series, key, measure: { metric: counted, of } as Measure, ...times, values }]
  const result = of === 'success' ? 'success' : 'failure'
  return [
    { series: `${series} n`, key, measure: { metric: 'attempts', of: result }, ...times, values: values.slice(0, 1) },
    { series, key, measure: { metric: 'duration', of: result }, ...times, values },
  ]
}

/** To a quarter of a microsecond, and in the same order. */
function milliseconds(nanos: bigint): number {
  return Number(nanos) / 1e6
}
