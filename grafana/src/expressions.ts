/**
 * What panels ask, in PromQL. Counts are added up first and divided then; a ratio is 0 where nothing succeeded and absent where nothing was
 * attempted. Spans are the panel's own (`$__rate_interval`) or all that is on display (`$__range`).
 */

/** What the filters of a dashboard leave. Names may hold any character: a filter of several values is a regular expression, escaped by Grafana. */
export const SELECTED = 'job=~"$job", agent_name=~"$agent_name", model_name=~"$model_name", issue_type=~"$issue_type"'
/** The same for the one agent a dashboard is about: a single value is not escaped as a regular expression, and must be none. */
export const ONE_AGENT = 'job=~"$job", agent_name="$agent_name", model_name=~"$model_name", issue_type=~"$issue_type"'

export interface Scope {
  readonly select: string
  /** Labels to tell apart, such as `model_name, issue_type`; none for all together. */
  readonly by?: string
  readonly span: '$__range' | '$__rate_interval'
}

/** How much a counter rose. */
export function rise(counter: string, { select, by, span }: Scope, only = ''): string {
  return `${sum(by)}(increase(${counter}{${select}${only && `, ${only}`}}[${span}]))`
}

export const attempts = (scope: Scope): string => rise('agent_attempts_total', scope)

/**
 * The `count` label sets with the most attempts in all that is on display. The same at every step: chosen anew at each, a graph of the
 * highest would show every series that once was among them.
 */
export function busiest(count: number, { select, by }: Scope): string {
  return `topk(${count}, ${sum(by)}(increase(agent_attempts_total{${select}}[$__range] @ end())))`
}

/** A gauge of keys by some labels, where it was the highest in all that is on display. */
export function highest(count: number, gauge: string, by: string): string {
  return `max by (${by}) (${gauge}) and topk(${count}, max by (${by}) (max_over_time(${gauge}[$__range] @ end())))`
}

/** 0 for an agent that was never seen to succeed, rather than nothing. */
export function successes(scope: Scope): string {
  return `(${rise('agent_attempts_total', scope, 'result="success"')} or 0 * ${attempts(scope)})`
}

export const successRatio = (scope: Scope): string => ratio(successes(scope), attempts(scope))

/** `part` of `whole`; absent where there is none of that. */
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

/** Absent where nothing succeeded or nothing has a price. */
export function costPerSuccess(scope: Scope): string {
  return `(${rise('agent_attempt_cost_usd_total', scope)} > 0) / (${successes(scope)} > 0)`
}

/** Absent without attempts, where the quantile of nothing is no number. */
export function durationQuantile(quantile: number, scope: Scope): string {
  const by = scope.by === undefined ? 'le' : `le, ${scope.by}`
  return `histogram_quantile(${quantile}, ${rise('agent_attempt_duration_seconds_bucket', { ...scope, by })}) >= 0`
}

/** Mean confidence of the attempts that stated one. */
export function statedConfidence(scope: Scope): string {
  return `${rise('agent_attempt_confidence_sum', scope)} / (${rise('agent_attempt_confidence_count', scope)} > 0)`
}

/** How often the attempts that stated a confidence succeeded. */
export function confidentSuccess(scope: Scope): string {
  const stated = rise('agent_attempt_confidence_count', scope)
  const succeeded = rise('agent_attempt_confidence_count', scope, 'result="success"')
  return `(${succeeded} or 0 * ${stated}) / (${stated} > 0)`
}

const BINS: readonly number[] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]

/** A number for each tenth of stated confidence, labelled `stated`. */
function ofBins(expression: (bin: number) => string): string {
  const label = (bin: number): string => `${((bin - 1) / 10).toFixed(1)} to ${(bin / 10).toFixed(1)}`
  return BINS.map(bin => `label_replace(${expression(bin)}, "stated", "${label(bin)}", "", "")`).join(' or ')
}

/**
 * Attempts in a tenth of stated confidence. Buckets hold what is below them: the one before is taken away. The last is asked for as +Inf,
 * for Prometheus 3 calls le="1" "1.0" (no confidence is above 1).
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

/** How often attempts of each tenth of stated confidence succeeded; absent for a tenth without attempts. */
export function successByConfidence(scope: Scope): string {
  return ofBins(bin => `${inBin(bin, scope, 'result="success"')} / (${inBin(bin, scope, '')} > 0.5)`)
}

/** How often they would, were the confidence right: the middle of each tenth. */
export function idealByConfidence(): string {
  return ofBins(bin => `vector(${((bin - 0.5) / 10).toFixed(2)})`)
}

function sum(by: string | undefined): string {
  return by === undefined ? 'sum' : `sum by (${by}) `
}
