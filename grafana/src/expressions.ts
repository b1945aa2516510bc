/**
 * The PromQL of the panels. Counts are added first and divided afterwards. A ratio is 0 if nothing succeeded, and absent if nothing was
 * attempted. Spans are one interval of the panel (`$__rate_interval`) or the selected time range (`$__range`). Each store counts once, however
 * many sidecars share it (prometheus/stores.ts), so that the panels need the recording rules.
 */
import { perStore, STORE_OF_INSTANCE, storesWithin } from '../../prometheus/stores.ts'

/** Selects by the filters of a dashboard. Grafana escapes the regular expression of a multi-value filter, so names may hold any character. */
export const SELECTED = 'job=~"$job", agent_name=~"$agent_name", model_name=~"$model_name", issue_type=~"$issue_type"'
/** The same for one agent. Grafana does not escape a single value, so it must not be used as a regular expression. */
export const ONE_AGENT = 'job=~"$job", agent_name="$agent_name", model_name=~"$model_name", issue_type=~"$issue_type"'

export interface Scope {
  readonly select: string
  /** Labels to group by, such as `model_name, issue_type`; absent: one group. */
  readonly by?: string
  readonly span: '$__range' | '$__rate_interval'
}

const JOBS = '{job=~"$job"}'

/** The increase of a counter. */
export function rise(counter: string, scope: Scope, only = ''): string {
  return added('increase', counter, scope, only)
}

/** The increase of a counter per hour. */
export function perHour(counter: string, scope: Scope): string {
  return `3600 * ${added('rate', counter, scope)}`
}

function added(change: 'increase' | 'rate', counter: string, { select, by, span }: Scope, only = ''): string {
  const ofInstances = `${change}(${counter}{${select}${only && `, ${only}`}}[${span}])`
  return `${sum(by)}(${perStore(counter, ofInstances, storesWithin(span, JOBS))})`
}

/** A counter since it began. */
export function total(counter: string, select: string, by?: string): string {
  return `${sum(by)}(${perStore(counter, `${counter}{${select}}`, `${STORE_OF_INSTANCE}${JOBS}`)})`
}

export const attempts = (scope: Scope): string => rise('agent_attempts_total', scope)

/**
 * The `count` label sets with the most attempts in the selected time range. The choice is made once at the end of the range: chosen at
 * each step, a graph would show every series that was ever among them.
 */
export function busiest(count: number, { select, by }: Scope): string {
  const ofInstances = `increase(agent_attempts_total{${select}}[$__range] @ end())`
  const stores = storesWithin('$__range', JOBS, '@ end()')
  return `topk(${count}, ${sum(by)}(${perStore('agent_attempts_total', ofInstances, stores)}))`
}

/** A gauge of keys by some labels, for the `count` highest in the selected time range. */
export function highest(count: number, gauge: string, by: string): string {
  return `max by (${by}) (${gauge}) and topk(${count}, max by (${by}) (max_over_time(${gauge}[$__range] @ end())))`
}

/** 0, and not absent, for an agent without a success. */
export function successes(scope: Scope): string {
  return `(${rise('agent_attempts_total', scope, 'result="success"')} or 0 * ${attempts(scope)})`
}

export const successRatio = (scope: Scope): string => ratio(successes(scope), attempts(scope))

/** `part` divided by `whole`; absent if `whole` is 0. */
export const ratio = (part: string, whole: string): string => `${part} / (${whole} > 0)`

export const wilson = (end: 'low' | 'high', scope: Scope): string => wilsonOf(end, successes(scope), attempts(scope))

/**
 * An end of the 95 % Wilson interval of s successes in n attempts: (s + z²/2 ∓ z sqrt(s (n - s)/n + z²/4)) / (n + z²), z = 1.96. Absent
 * without attempts.
 */
export function wilsonOf(end: 'low' | 'high', s: string, n: string): string {
  const sign = end === 'low' ? '-' : '+'
  return `(${s} + 1.9207 ${sign} 1.96 * sqrt(clamp_min(${s} * (${n} - ${s}) / (${n} > 0), 0) + 0.9604)) / (${n} + 3.8415)`
}

/** Absent if nothing succeeded or nothing has a price. */
export function costPerSuccess(scope: Scope): string {
  return `(${rise('agent_attempt_cost_usd_total', scope)} > 0) / (${successes(scope)} > 0)`
}

/** Absent without attempts: a quantile of no values is NaN. */
export function durationQuantile(quantile: number, scope: Scope): string {
  const by = scope.by === undefined ? 'le' : `le, ${scope.by}`
  return `histogram_quantile(${quantile}, ${rise('agent_attempt_duration_seconds_bucket', { ...scope, by })}) >= 0`
}

/** Mean confidence of the attempts that stated one. */
export function statedConfidence(scope: Scope): string {
  return `${rise('agent_attempt_confidence_sum', scope)} / (${rise('agent_attempt_confidence_count', scope)} > 0)`
}

/** Success rate of the attempts that stated a confidence. */
export function confidentSuccess(scope: Scope): string {
  const stated = rise('agent_attempt_confidence_count', scope)
  const succeeded = rise('agent_attempt_confidence_count', scope, 'result="success"')
  return `(${succeeded} or 0 * ${stated}) / (${stated} > 0)`
}

const BINS: readonly number[] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]

/** One expression per tenth of stated confidence, labelled `stated`. */
function ofBins(expression: (bin: number) => string): string {
  const label = (bin: number): string => `${((bin - 1) / 10).toFixed(1)} to ${(bin / 10).toFixed(1)}`
  return BINS.map(bin => `label_replace(${expression(bin)}, "stated", "${label(bin)}", "", "")`).join(' or ')
}

/**
 * Attempts in a tenth of stated confidence. Buckets are cumulative, so the one before is subtracted. The last bucket is queried as +Inf:
 * Prometheus 3 renames le="1" to "1.0", and no confidence is above 1.
 */
function inBin(bin: number, scope: Scope, only: string): string {
  const below = (bound: number): string => {
    const le = bound === 10 ? '+Inf' : (bound / 10).toFixed(1)
    return rise('agent_attempt_confidence_bucket', scope, `${only}${only && ', '}le="${le}"`)
  }
  return bin === 1 ? below(1) : `clamp_min(${below(bin)} - ${below(bin - 1)}, 0)`
}

/** How many attempts stated a confidence in each tenth, by result. */
export function attemptsByConfidence(result: 'success' | 'failure', scope: Scope): string {
  return ofBins(bin => inBin(bin, scope, `result="${result}"`))
}

/** Success rate in each tenth of stated confidence; absent for a tenth without attempts. */
export function successByConfidence(scope: Scope): string {
  return ofBins(bin => `${inBin(bin, scope, 'result="success"')} / (${inBin(bin, scope, '')} > 0.5)`)
}

/** Success rate of a calibrated agent: the middle of each tenth. */
export function idealByConfidence(): string {
  return ofBins(bin => `vector(${((bin - 0.5) / 10).toFixed(2)})`)
}

function sum(by: string | undefined): string {
  return by === undefined ? 'sum' : `sum by (${by}) `
}
