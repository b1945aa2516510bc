/**
 * The recording rules: success rates of agents, models and issue types, and durations and costs of agents, over spans of time.
 * print.ts prints them to rules/recording.yml.
 *
 * They record counts, and ratios of counts. Successes and attempts are added over all keys and stores and then divided: an average of
 * ratios is wrong if one key has more attempts than another. Each store counts once, however many sidecars share it (stores.ts).
 *
 * Successes are those of the latest results: an outcome that corrects a result counts when it is recorded. An agent that claims successes which
 * outcomes refute would otherwise always look healthy.
 */
import { perStore, STORE_RULES, STORE_WITHIN_HOUR } from './stores.ts'

/** Spans of time. A long span is the sum of shorter ones, so that 30 days never read 30 days of raw samples. */
const SPANS = ['5m', '30m', '1h', '2h', '6h', '1d', '3d', '30d'] as const
type Span = (typeof SPANS)[number]

const PARTS: ReadonlyMap<Span, Span> = new Map([
  ['2h', '5m'],
  ['6h', '5m'],
  ['1d', '5m'],
  ['3d', '1h'],
  ['30d', '1h'],
])

/** The groups that series are added to. `job` is kept, so that two installations in one Prometheus stay separate. */
const LEVELS = [
  { level: 'agent', by: 'job, agent_name', spans: SPANS },
  { level: 'model', by: 'job, model_name', spans: ['5m', '1h', '6h', '1d', '30d'] },
  { level: 'issue_type', by: 'job, issue_type', spans: ['5m', '1h', '6h', '1d', '30d'] },
] as const

/** Further counts of agents, by exposed metric. */
const AGENT_COUNTS = [
  { name: 'agent_attempts_recorded', of: 'agent_attempts_recorded_total', spans: ['5m', '6h'] },
  { name: 'agent_attempt_cost_usd', of: 'agent_attempt_cost_usd_total', spans: ['5m', '1h', '1d', '30d'] },
  {
    name: 'agent_attempt_duration_seconds_bucket',
    of: 'agent_attempt_duration_seconds_bucket',
    by: 'job, agent_name, le',
    spans: ['5m', '1h', '6h', '30d'],
  },
  { name: 'agent_attempt_confidence_sum', of: 'agent_attempt_confidence_sum', spans: ['5m', '1d'] },
  { name: 'agent_attempt_confidence_count', of: 'agent_attempt_confidence_count', spans: ['5m', '1d'] },
  {
    name: 'agent_confident_successes',
    of: 'agent_attempt_confidence_count{result="success"}',
    zeros: 'agent_attempt_confidence_count',
    corrections: 'agent_attempt_confidence_corrections_total',
    spans: ['5m', '1d'],
  },
] as const

/** The raw metrics that are counted. */
const RAW_METRICS = [
  'agent_attempts_total',
  'agent_attempt_corrections_total',
  ...new Set(AGENT_COUNTS.map(({ of }) => metricOf(of))),
  'agent_attempt_confidence_corrections_total',
]

/**
 * The lowest ratio that is recorded, as 0. A lower one means that far more successes were corrected than there were attempts: results of before
 * the span, which say nothing about it. Down to here it is a matter of extrapolation, and of attempts that end shortly before the span.
 */
export const LOWEST_RATIO = -0.5

/** The interval of the first group. */
const SHORTEST = '30s'

interface Rule {
  readonly record: string
  readonly expr: string
}

export interface RuleGroup {
  readonly name: string
  readonly interval: string
  readonly rules: readonly Rule[]
}

interface Count {
  readonly level: string
  readonly by: string
  /** The middle of the recorded name. */
  readonly name: string
  readonly of: string
  /** The recorded name whose series mark where a missing count is 0. */
  readonly zeros?: string
  /** The counter of the corrections of what is counted: those to success are added, and those to failure subtracted. */
  readonly corrections?: string
}

/** All groups, shorter spans first. Intervals stay below 5 minutes, where Prometheus treats a series as stale. */
export function recordingGroups(): readonly RuleGroup[] {
  return [
    {
      name: 'agent_performance_minutes',
      interval: SHORTEST,
      rules: [...STORE_RULES, ...RAW_METRICS.map(firstRule), ...rulesOf(['5m'])],
    },
    { name: 'agent_performance_hours', interval: '1m', rules: rulesOf(['30m', '1h', '2h', '6h']) },
    { name: 'agent_performance_days', interval: '2m', rules: rulesOf(['1d', '3d', '30d']) },
  ]
}

function rulesOf(spans: readonly Span[]): Rule[] {
  return spans.flatMap(span => [
    ...LEVELS.filter(level => (level.spans as readonly Span[]).includes(span)).flatMap(one => successRules(one, span)),
    ...AGENT_COUNTS.filter(count => (count.spans as readonly Span[]).includes(span)).map(one =>
      countRule({ level: 'agent', by: 'job, agent_name', ...one }, span),
    ),
    ...(span === '1d' || span === '30d' ? [costRule(span)] : []),
  ])
}

/** Attempts, successes and their ratio. The ratio is 0 if nothing succeeds. It is absent if nothing is attempted, or below {@link LOWEST_RATIO}. */
function successRules({ level, by }: { readonly level: string; readonly by: string }, span: Span): Rule[] {
  const attempts = { level, by, name: 'agent_attempts', of: 'agent_attempts_total' }
  const successes = {
    level,
    by,
    name: 'agent_successes',
    of: 'agent_attempts_total{result="success"}',
    zeros: 'agent_attempts',
    corrections: 'agent_attempt_corrections_total',
  }
  const [counted, all] = [`${level}:agent_successes:increase${span}`, `${level}:agent_attempts:increase${span}`]
  return [
    countRule(attempts, span),
    countRule(successes, span),
    {
      record: `${level}:agent_successes_per_attempts:ratio_increase${span}`,
      expr: `clamp((${counted} >= ${LOWEST_RATIO} * ${all}) / (${all} > 0), 0, 1)`,
    },
  ]
}

/**
 * The first value of each series that began since the last evaluation. `increase` ignores it, because it cannot know whether a counter began at
 * 0. Here it did: the target was scraped before without this series. It is not counted after a time without scrapes, when the counter may be old.
 */
function firstRule(metric: string): Rule {
  const isNew = `min_over_time(${metric}[${SHORTEST}]) unless ${metric} offset ${SHORTEST}`
  return { record: firstOf(metric), expr: `(${isNew}) and on (job, instance) up offset ${SHORTEST} == 1` }
}

const firstOf = (metric: string): string => `instance:${metric}:first`

function countRule({ level, by, name, of, zeros, corrections }: Count, span: Span): Rule {
  const part = PARTS.get(span)
  const record = `${level}:${name}:increase${span}`
  if (part !== undefined) return { record, expr: `sum_over_time(${level}:${name}:increase${part}[${span}:${part}])` }
  const sumOf = (series: string): string =>
    `sum by (${by}) (${perStore(metricOf(series), wholeIncrease(series, span), STORE_WITHIN_HOUR)})`
  if (zeros === undefined) return { record, expr: sumOf(of) }
  const orZero = (expr: string): string => `(${expr} or 0 * ${level}:${zeros}:increase${span})`
  if (corrections === undefined) return { record, expr: orZero(sumOf(of)) }
  const [added, taken] = [sumOf(`${corrections}{result="success"}`), sumOf(`${corrections}{result="failure"}`)]
  return { record, expr: `${orZero(sumOf(of))} + ${orZero(`${added} - ${taken}`)}` }
}

/** The increase of each series, and its first value if it began within the span. The label `part` lets both stand side by side until they are added. */
function wholeIncrease(of: string, span: Span): string {
  const part = (name: string, expr: string): string => `label_replace(${expr}, "part", "${name}", "", "")`
  const first = of.replace(metricOf(of), firstOf(metricOf(of)))
  return `sum without (part) (${part('increase', `increase(${of}[${span}])`)} or ${part('first', `sum_over_time(${first}[${span}])`)})`
}

/** The name of the metric of a selector. */
function metricOf(selector: string): string {
  return selector.replace(/\{.*/, '')
}

/** Absent if nothing succeeded or nothing has a price. */
function costRule(span: Span): Rule {
  return {
    record: `agent:agent_attempt_cost_usd_per_successes:ratio_increase${span}`,
    expr: `(agent:agent_attempt_cost_usd:increase${span} > 0) / (agent:agent_successes:increase${span} > 0)`,
  }
}
