/** The metrics that are counted: their names, and what a sender has to state of each. */
import type { Measure } from '../../../core/aggregate/summary.ts'

/** What a metric counts. `runs` are the durations of runs in the GenAI conventions: each is an attempt and its time. */
export type Counted = Measure['metric'] | 'runs'

/** What is counted, by the name of the metric. */
export type CountedMetrics = ReadonlyMap<string, Counted>

/**
 * The names that the library's instruments have had. The longer ones keep their unit where a Prometheus exporter adds none. The names that
 * a sidecar exposes (`agent_attempts_total`) are not among them: a Collector may send a sidecar its own series.
 */
const AGENT_METRICS: CountedMetrics = new Map([
  ['agent.attempts', 'attempts'],
  ['agent.attempt.duration', 'duration'],
  ['agent.attempt.duration.seconds', 'duration'],
  ['agent.attempt.duration_seconds', 'duration'],
  ['agent.attempt.confidence', 'confidence'],
  ['agent.attempt.cost', 'cost'],
  ['agent.attempt.cost.usd', 'cost'],
  ['agent.attempt.cost_usd', 'cost'],
  ['agent.attempt.tokens', 'tokens'],
])

const GEN_AI_METRICS: CountedMetrics = new Map([['gen_ai.invoke_agent.duration', 'runs']])

/** The metrics to count, of this project and of the GenAI conventions. Undefined if there are none. */
export function countedMetrics(agent: boolean, genAi: boolean): CountedMetrics | undefined {
  if (!agent && !genAi) return undefined
  return new Map([...(agent ? AGENT_METRICS : []), ...(genAi ? GEN_AI_METRICS : [])])
}

/** What a metric has to be. */
interface Shape {
  readonly isHistogram: boolean
  /** The units that mean what is counted. A sender may state none. */
  readonly units: RegExp
  readonly unit: string
}

// In UCUM, which OpenTelemetry uses, `{...}` is a comment: `{attempt}` is 1, and `k{attempt}` is 1000.
const COUNT = /^(?:1|\{.*\})?$/
const SECONDS: Shape = { isHistogram: true, units: /^(?:s|seconds)?$/, unit: 's' }
const SHAPES: Readonly<Record<Counted, Shape>> = {
  attempts: { isHistogram: false, units: COUNT, unit: '{attempt}' },
  tokens: { isHistogram: false, units: COUNT, unit: '{token}' },
  cost: { isHistogram: false, units: /^(?:1|\{USD\}|USD|\{usd\}|usd)?$/, unit: '{USD}' },
  confidence: { isHistogram: true, units: COUNT, unit: '1' },
  duration: SECONDS,
  runs: SECONDS,
}

/** The kinds of metrics, as their fields are named, and as people call them. */
const KINDS = {
  sum: 'a sum',
  histogram: 'a histogram',
  exponentialHistogram: 'an exponential histogram',
  gauge: 'a gauge',
  summary: 'a summary',
} as const

export type Kind = keyof typeof KINDS

const DELTA = 1
const CUMULATIVE = 2

/** What a sender states of a metric. */
export interface StatedMetric {
  readonly kind: Kind
  readonly unit: string
  readonly temporality: number | undefined
  readonly monotonic: boolean
}

/** Whether the points of a metric count from its start. */
export const isCumulative = ({ temporality }: StatedMetric): boolean => temporality === CUMULATIVE

/** Why the points of a metric cannot be counted, and what to do about it. Undefined if they can. */
export function metricProblem(counted: Counted, stated: StatedMetric): string | undefined {
  const { isHistogram, units, unit } = SHAPES[counted]
  const { kind, temporality, monotonic } = stated
  const fits = isHistogram ? kind === 'histogram' || kind === 'exponentialHistogram' : kind === 'sum'
  if (!fits) return `it is ${KINDS[kind]}: create it as a ${isHistogram ? 'histogram' : 'counter'}`
  if (!units.test(stated.unit)) {
    return `its unit is ${JSON.stringify(stated.unit.slice(0, 50))}: record values in ${unit}, and state that unit`
  }
  if (temporality !== CUMULATIVE && temporality !== DELTA) {
    return 'its temporality is neither delta nor cumulative: state one'
  }
  if (!monotonic) return 'its values may fall: create it as a counter, not as an up-down counter'
  return undefined
}
