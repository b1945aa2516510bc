/** The documented questions, as pure functions over key summaries. Rates are in percent, 0 to 100, never rounded. */
import { type BestAgent, bestAgent, qualified } from './best-agent.ts'
import { countsOf, type Group, type Groups, groupsOf } from './groups.ts'
import { namedRecord, uniqueKeyPrinter } from './metrics.ts'
import type { KeyFilter, KeySummary } from './ports.ts'
import { percent, type Rate, rate } from './rate.ts'
import type { Counts } from './statistics/counts.ts'
import { type RateInterval, wilsonInterval } from './statistics/intervals.ts'
import {
  confidenceSum,
  type Summary,
  statedConfidences,
  successes,
  timedAttempts,
  timeSum,
  totalAttempts,
} from './summary.ts'

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
  return rateOf(totalCounts(summaries))
}

/** The rates of groups of keys. */
export function groupedRates(summaries: readonly KeySummary[], group_by: Grouping): GroupedRates {
  const groups = countsBy(summaries, group_by)
  return {
    group_by,
    success_rates: ratesOf(groups),
    details: namedRecord(groups.map(([name, counts]) => [name, rateOf(counts)])),
  }
}

/** The `success_rates` of {@link groupedRates} alone. */
export function successRates(summaries: readonly KeySummary[], by: Grouping): Record<string, number> {
  return ratesOf(countsBy(summaries, by))
}

/** The JSON text of {@link groupedRates} in pieces: of many keys it takes too long to be made at one go. */
export function* printGroupedRates(summaries: readonly KeySummary[], group_by: Grouping): Generator<string> {
  const groups = countsBy(summaries, group_by)
  yield `{"group_by":"${group_by}","success_rates":{`
  for (const [i, [name, counts]] of groups.entries()) yield member(i, name, percentOf(counts))
  yield '},"details":{'
  for (const [i, [name, counts]] of groups.entries()) yield member(i, name, rateOf(counts))
  yield '}}'
}

function member(place: number, name: string, value: unknown): string {
  return `${place === 0 ? '' : ','}${JSON.stringify(name)}:${JSON.stringify(value)}`
}

type NamedCounts = readonly (readonly [string, Counts])[]

/** A copy of what is counted now, by group in the order the groups came. */
function countsBy(summaries: readonly KeySummary[], by: Grouping): NamedCounts {
  if (by !== 'key') return groupsOf(summaries, by).all.map(({ name, keys }) => [name, totalCounts(keys)])
  const printed = uniqueKeyPrinter()
  return summaries.map(({ key, summary }) => [printed(key), countsOf(summary)])
}

function ratesOf(groups: NamedCounts): Record<string, number> {
  return namedRecord(groups.map(([name, counts]) => [name, percentOf(counts)]))
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
  const models = groupsOf(qualified(summaries, minAttempts), 'model_name')
  return byName(models, model => modelPerformance(model, sumsOf(model.keys)))
}

function modelPerformance(model: Group, sums: Sums): ModelPerformance {
  return {
    avg_success_rate: percentOf(sums),
    total_attempts: sums.attempts,
    success_rate_interval: wilsonInterval(sums.successes, sums.attempts),
    avg_confidence: sums.stated === 0 ? null : sums.confidence / sums.stated,
    avg_time_seconds: sums.timed > 0 ? sums.time / sums.timed : 0,
    issue_types: [...model.names('issue_type')],
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

/** Everything at a glance. `generatedAt` is an RFC 3339 time. */
export function performanceReport(summaries: readonly KeySummary[], generatedAt: string): PerformanceReport {
  const agents = groupsOf(summaries, 'agent_name')
  const issues = groupsOf(summaries, 'issue_type')
  const models = groupsOf(summaries, 'model_name')
  const { overall, byAgent, byIssue, byModel } = sweep(summaries, agents, issues, models)
  const overallRate = rateOf(overall)
  return {
    generated_at: generatedAt,
    summary: {
      total_attempts: overall.attempts,
      total_successful: overall.successes,
      overall_success_rate: overallRate.success_rate,
      success_rate_interval: overallRate.success_rate_interval,
      total_agents: agents.all.length,
      total_issue_types: issues.all.length,
      total_models: models.all.length,
    },
    by_agent: byName(agents, (agent, place) => ({
      ...rateOf(byAgent[place]!),
      issue_types: [...agent.names('issue_type')],
    })),
    by_issue_type: byName(issues, (issue, place) => ({
      ...rateOf(byIssue[place]!),
      agents_used: [...issue.names('agent_name')],
    })),
    by_model: byName(models, (model, place) => modelPerformance(model, byModel[place]!)),
    recommendations: recommendations(issues),
  }
}

function byName<T>({ all }: Groups, answer: (group: Group, place: number) => T): Record<string, T> {
  return namedRecord(all.map((group, place) => [group.name, answer(group, place)]))
}

function recommendations({ all }: Groups): Record<string, BestAgent> {
  const best = all.map(({ name, keys }) => [name, bestAgent(keys, { minAttempts: 3 })] as const)
  return namedRecord(best.filter((entry): entry is readonly [string, BestAgent] => entry[1] !== undefined))
}

interface MutableCounts {
  successes: number
  attempts: number
}

interface Sums extends MutableCounts {
  stated: number
  confidence: number
  timed: number
  time: number
}

/** What the groups of a report add up to, in one sweep: summaries lie far apart in memory, and to fetch them is most of the work. */
function sweep(
  summaries: readonly KeySummary[],
  agents: Groups,
  issues: Groups,
  models: Groups,
): Readonly<{ overall: Counts; byAgent: readonly Counts[]; byIssue: readonly Counts[]; byModel: readonly Sums[] }> {
  const overall = noCounts()
  const byAgent = agents.all.map(noCounts)
  const byIssue = issues.all.map(noCounts)
  const byModel = models.all.map(noSums)
  for (let i = 0; i < summaries.length; i++) {
    const { summary } = summaries[i]!
    addCounts(overall, summary)
    addCounts(byAgent[agents.placeOf[i]!]!, summary)
    addCounts(byIssue[issues.placeOf[i]!]!, summary)
    addSums(byModel[models.placeOf[i]!]!, summary)
  }
  return { overall, byAgent, byIssue, byModel }
}

function noCounts(): MutableCounts {
  return { successes: 0, attempts: 0 }
}

function noSums(): Sums {
  return { successes: 0, attempts: 0, stated: 0, confidence: 0, timed: 0, time: 0 }
}

function addCounts(counts: MutableCounts, summary: Summary): void {
  counts.successes += successes(summary)
  counts.attempts += totalAttempts(summary)
}

function addSums(sums: Sums, summary: Summary): void {
  addCounts(sums, summary)
  sums.stated += statedConfidences(summary)
  sums.confidence += confidenceSum(summary)
  sums.timed += timedAttempts(summary)
  sums.time += timeSum(summary)
}

function totalCounts(summaries: readonly KeySummary[]): Counts {
  const counts = noCounts()
  for (const { summary } of summaries) addCounts(counts, summary)
  return counts
}

function sumsOf(summaries: readonly KeySummary[]): Sums {
  const sums = noSums()
  for (const { summary } of summaries) addSums(sums, summary)
  return sums
}

function rateOf({ successes, attempts }: Counts): Rate {
  return rate(successes, attempts)
}

function percentOf({ successes, attempts }: Counts): number {
  return percent(successes, attempts)
}
