/** The documented questions, as pure functions over key summaries. Rates are in percent, 0 to 100, never rounded. */
import type { AttemptKey } from './attempt.ts'
import { type BestAgent, bestAgent, qualified } from './best-agent.ts'
import { namedRecord, uniqueKeyPrinter } from './metrics.ts'
import type { KeyFilter, KeySummary } from './ports.ts'
import { percent, type Rate, rate } from './rate.ts'
import { type RateInterval, wilsonInterval } from './statistics/intervals.ts'
import { confidenceSum, statedConfidences, successes, timeSum, totalAttempts } from './summary.ts'

/** What success rates may be grouped by; `key` is the printed `agent:model:issue`. */
export const GROUPINGS = ['agent_name', 'model_name', 'issue_type', 'key'] as const
export type Grouping = (typeof GROUPINGS)[number]

export interface GroupedRates {
  readonly group_by: Grouping
  readonly success_rates: Record<string, number>
  readonly details: Record<string, Rate>
}

/** How the documented question groups its answer, by which names were given; undefined where all three were. */
export function defaultGrouping(filter: KeyFilter): Grouping | undefined {
  const agent = filter.agent_name !== undefined
  const model = filter.model_name !== undefined
  const issue = filter.issue_type !== undefined
  if (agent && model && issue) return undefined
  if (agent && issue) return 'model_name'
  if (issue) return 'agent_name'
  if (agent) return 'issue_type'
  return model ? 'agent_name' : 'key'
}

/** The rate over all given keys; 0 of 0 attempts where there are none. */
export function overallRate(summaries: readonly KeySummary[]): Rate {
  let good = 0
  let total = 0
  for (const { summary } of summaries) {
    good += successes(summary)
    total += totalAttempts(summary)
  }
  return rate(good, total)
}

/** The rates of groups of keys. */
export function groupedRates(summaries: readonly KeySummary[], group_by: Grouping): GroupedRates {
  const printed = uniqueKeyPrinter()
  const nameOf = (key: AttemptKey): string => (group_by === 'key' ? printed(key) : key[group_by])
  const groups = [...sumBy(summaries, nameOf)]
  return {
    group_by,
    success_rates: namedRecord(groups.map(([name, sums]) => [name, percent(sums.successes, sums.total)])),
    details: namedRecord(groups.map(([name, sums]) => [name, rate(sums.successes, sums.total)])),
  }
}

/** One model in the documented comparison. */
export interface ModelPerformance {
  readonly avg_success_rate: number
  readonly total_attempts: number
  readonly success_rate_interval: RateInterval
  /** Null where no attempt stated one. */
  readonly avg_confidence: number | null
  readonly avg_time_seconds: number
  readonly issue_types: readonly string[]
}

/** Models compared over the keys that have at least `minAttempts` each (5 unless told), as documented. */
export function modelComparison(
  summaries: readonly KeySummary[],
  { minAttempts = 5 }: { readonly minAttempts?: number | undefined } = {},
): Record<string, ModelPerformance> {
  const models = sumBy(qualified(summaries, minAttempts), key => key.model_name)
  return namedRecord([...models].map(([model, sums]) => [model, modelPerformance(sums)]))
}

function modelPerformance(sums: Sums): ModelPerformance {
  return {
    avg_success_rate: percent(sums.successes, sums.total),
    total_attempts: sums.total,
    success_rate_interval: wilsonInterval(sums.successes, sums.total),
    avg_confidence: sums.stated === 0 ? null : sums.confidence / sums.stated,
    avg_time_seconds: sums.total === 0 ? 0 : sums.time / sums.total,
    issue_types: [...sums.issueTypes].sort(),
  }
}

/** The documented report. */
export interface PerformanceReport {
  readonly generated_at: string
  readonly summary: {
    readonly total_attempts: number
    readonly total_successful: number
    readonly overall_success_rate: number
    readonly success_rate_interval: RateInterval
    readonly total_agents: number
    readonly total_issue_types: number
    readonly total_models: number
  }
  readonly by_agent: Record<string, Rate & { readonly issue_types: readonly string[] }>
  readonly by_issue_type: Record<string, Rate & { readonly agents_used: readonly string[] }>
  readonly by_model: Record<string, ModelPerformance>
  /** The best agent of every issue type that has one with at least three attempts. */
  readonly recommendations: Record<string, BestAgent>
}

/** Everything at a glance; one pass over the keys. `generatedAt` is an RFC 3339 time. */
export function performanceReport(summaries: readonly KeySummary[], generatedAt: string): PerformanceReport {
  const agents = sumBy(summaries, key => key.agent_name)
  const issues = sumBy(summaries, key => key.issue_type)
  const models = sumBy(summaries, key => key.model_name)
  const overall = overallRate(summaries)
  return {
    generated_at: generatedAt,
    summary: {
      total_attempts: overall.total_attempts,
      total_successful: summaries.reduce((sum, { summary }) => sum + successes(summary), 0),
      overall_success_rate: overall.success_rate,
      success_rate_interval: overall.success_rate_interval,
      total_agents: agents.size,
      total_issue_types: issues.size,
      total_models: models.size,
    },
    by_agent: mapRecord(agents, sums => ({
      ...rate(sums.successes, sums.total),
      issue_types: [...sums.issueTypes].sort(),
    })),
    by_issue_type: mapRecord(issues, sums => ({
      ...rate(sums.successes, sums.total),
      agents_used: [...sums.agents].sort(),
    })),
    by_model: mapRecord(models, modelPerformance),
    recommendations: recommendations(summaries),
  }
}

function recommendations(summaries: readonly KeySummary[]): Record<string, BestAgent> {
  const byIssue = new Map<string, KeySummary[]>()
  for (const one of summaries) {
    const same = byIssue.get(one.key.issue_type)
    if (same === undefined) byIssue.set(one.key.issue_type, [one])
    else same.push(one)
  }
  const best = [...byIssue].map(([issue, candidates]) => [issue, bestAgent(candidates, { minAttempts: 3 })] as const)
  return namedRecord(best.filter((entry): entry is readonly [string, BestAgent] => entry[1] !== undefined))
}

interface Sums {
  total: number
  successes: number
  stated: number
  confidence: number
  time: number
  readonly agents: Set<string>
  readonly issueTypes: Set<string>
}

function sumBy(summaries: readonly KeySummary[], nameOf: (key: AttemptKey) => string): Map<string, Sums> {
  const groups = new Map<string, Sums>()
  for (const { key, summary } of summaries) {
    const name = nameOf(key)
    let sums = groups.get(name)
    if (sums === undefined) {
      sums = { total: 0, successes: 0, stated: 0, confidence: 0, time: 0, agents: new Set(), issueTypes: new Set() }
      groups.set(name, sums)
    }
    sums.total += totalAttempts(summary)
    sums.successes += successes(summary)
    sums.stated += statedConfidences(summary)
    sums.confidence += confidenceSum(summary)
    sums.time += timeSum(summary)
    sums.agents.add(key.agent_name)
    sums.issueTypes.add(key.issue_type)
  }
  return groups
}

function mapRecord<T, U>(entries: ReadonlyMap<string, T>, make: (value: T) => U): Record<string, U> {
  return namedRecord([...entries].map(([name, value]) => [name, make(value)]))
}
