/** The documented questions, as pure functions over key summaries. Rates are in percent, 0 to 100, never rounded. */
import { type BestAgent, describeAgent, qualified } from './best-agent.ts'
import {
  countsAt,
  countsBy,
  countsOfAll,
  countsOfEach,
  type GroupCounts,
  type GroupSums,
  sumOfGroups,
  sumsBy,
} from './group-sums.ts'
import { type Group, groupSteps, groupsOf } from './groups.ts'
import { keyNames, namedRecord } from './metrics.ts'
import type { KeyFilter, KeySummary } from './ports.ts'
import { percent, type Rate, rate } from './rate.ts'
import { reportSums } from './report-sweep.ts'
import type { Counts } from './statistics/counts.ts'
import { type Evidence, evidenceOf, type RateInterval, wilsonInterval } from './statistics/intervals.ts'
import type { Steps } from './steps.ts'
import { successRate } from './summary.ts'

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
  return rateOf(countsOfAll(summaries))
}

/** The rates of groups of keys. */
export function groupedRates(summaries: readonly KeySummary[], group_by: Grouping): GroupedRates {
  const groups = namedCounts(summaries, group_by)
  const details = groups.names.map((name, place) => [name, rateOf(countsAt(groups.counts, place))] as const)
  return { group_by, success_rates: ratesOf(groups), details: namedRecord(details) }
}

/** The `success_rates` of {@link groupedRates} alone. */
export function successRates(summaries: readonly KeySummary[], by: Grouping): Record<string, number> {
  return by === 'key' ? ratesOfEach(summaries) : ratesOf(namedCounts(summaries, by))
}

/** Straight from the summaries, with nothing made for a key but its entry: there may be thousands. */
function ratesOfEach(summaries: readonly KeySummary[]): Record<string, number> {
  const names = keyNames(summaries)
  const rates = namedRecord<number>([])
  for (let i = 0; i < summaries.length; i++) rates[names[i]!] = successRate(summaries[i]!.summary)
  return rates
}

/** The JSON text of {@link groupedRates} in pieces: of many keys it takes too long to be made at one go. */
export function* printGroupedRates(summaries: readonly KeySummary[], group_by: Grouping): Generator<string> {
  const { names, counts } = namedCounts(summaries, group_by)
  const places = counts.attempts.length
  yield `{"group_by":"${group_by}","success_rates":{`
  for (let i = 0; i < places; i++) yield member(i, names[i]!, percentOf(countsAt(counts, i)))
  yield '},"details":{'
  for (let i = 0; i < places; i++) yield member(i, names[i]!, rateOf(countsAt(counts, i)))
  yield '}}'
}

function member(place: number, name: string, value: unknown): string {
  return `${place === 0 ? '' : ','}${JSON.stringify(name)}:${JSON.stringify(value)}`
}

/** A copy of what is counted now, by group in the order the groups came. */
interface NamedCounts {
  readonly names: readonly string[]
  readonly counts: GroupCounts
}

function namedCounts(summaries: readonly KeySummary[], by: Grouping): NamedCounts {
  if (by === 'key') return { names: keyNames(summaries), counts: countsOfEach(summaries) }
  const groups = groupsOf(summaries, by)
  return { names: groups.all.map(({ name }) => name), counts: countsBy(summaries, groups) }
}

function ratesOf({ names, counts }: NamedCounts): Record<string, number> {
  return namedRecord(names.map((name, place) => [name, percentOf(countsAt(counts, place))]))
}

/** One model in the documented comparison. */
export interface ModelPerformance {
  readonly avg_success_rate: number
  readonly total_attempts: number
  readonly success_rate_interval: RateInterval
  readonly evidence: Evidence
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
  const compared = qualified(summaries, minAttempts)
  const models = groupsOf(compared, 'model_name')
  return modelAnswers(models.all, sumsBy(compared, models))
}

function modelAnswers(models: readonly Group[], sums: GroupSums): Record<string, ModelPerformance> {
  return byName(models, (model, place) => {
    const { successes, attempts } = countsAt(sums, place)
    const [stated, timed] = [sums.stated[place]!, sums.timed[place]!]
    return {
      avg_success_rate: percent(successes, attempts),
      total_attempts: attempts,
      success_rate_interval: wilsonInterval(successes, attempts),
      evidence: evidenceOf(attempts),
      avg_confidence: stated === 0 ? null : sums.confidence[place]! / stated,
      avg_time_seconds: timed > 0 ? sums.time[place]! / timed : 0,
      issue_types: [...model.names('issue_type')],
    }
  })
}

/** The documented report. */
export interface PerformanceReport {
  readonly generated_at: string
  readonly summary: {
    readonly total_attempts: number
    readonly total_successful: number
    readonly overall_success_rate: number
    readonly success_rate_interval: RateInterval
    readonly evidence: Evidence
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

/** How a report groups keys, and which names of each group it lists. */
const LISTED = [
  ['agent_name', 'issue_type'],
  ['issue_type', 'agent_name'],
  ['model_name', 'issue_type'],
] as const

/**
 * {@link performanceReport} in steps. To group thousands of keys that were not grouped before is most of the work; the rest is read in one
 * sweep, so that all of it is of one moment.
 */
export function* performanceReportSteps(
  summaries: readonly KeySummary[],
  generatedAt: string,
): Steps<PerformanceReport> {
  for (const [name, listed] of LISTED) {
    const { all } = yield* groupSteps(summaries, name)
    for (const group of all) {
      group.names(listed)
      yield
    }
  }
  return performanceReport(summaries, generatedAt)
}

/** Everything at a glance. `generatedAt` is an RFC 3339 time. */
export function performanceReport(summaries: readonly KeySummary[], generatedAt: string): PerformanceReport {
  const agents = groupsOf(summaries, 'agent_name')
  const issues = groupsOf(summaries, 'issue_type')
  const models = groupsOf(summaries, 'model_name')
  const { byAgent, byIssue, byModel, best } = reportSums(summaries, { agents, issues, models })
  const overall = sumOfGroups(byModel)
  const { success_rate, success_rate_interval, evidence } = rateOf(overall)
  return {
    generated_at: generatedAt,
    summary: {
      total_attempts: overall.attempts,
      total_successful: overall.successes,
      overall_success_rate: success_rate,
      success_rate_interval,
      evidence,
      total_agents: agents.all.length,
      total_issue_types: issues.all.length,
      total_models: models.all.length,
    },
    by_agent: byName(agents.all, (agent, place) => ({
      ...rateOf(countsAt(byAgent, place)),
      issue_types: [...agent.names('issue_type')],
    })),
    by_issue_type: byName(issues.all, (issue, place) => ({
      ...rateOf(countsAt(byIssue, place)),
      agents_used: [...issue.names('agent_name')],
    })),
    by_model: modelAnswers(models.all, byModel),
    recommendations: recommendations(issues.all, best),
  }
}

function byName<T>(groups: readonly Group[], answer: (group: Group, place: number) => T): Record<string, T> {
  return namedRecord(groups.map((group, place) => [group.name, answer(group, place)]))
}

function recommendations(
  issues: readonly Group[],
  best: readonly (KeySummary | undefined)[],
): Record<string, BestAgent> {
  const recommended = namedRecord<BestAgent>([])
  for (const [place, one] of best.entries()) {
    if (one !== undefined) recommended[issues[place]!.name] = describeAgent(one)
  }
  return recommended
}

function rateOf({ successes, attempts }: Counts): Rate {
  return rate(successes, attempts)
}

function percentOf({ successes, attempts }: Counts): number {
  return percent(successes, attempts)
}
