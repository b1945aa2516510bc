/** The documented questions, as pure functions over key summaries. Rates are in percent, 0 to 100, never rounded. */

import {
  ATTEMPTS,
  CONFIDENCE,
  columnSteps,
  KEY_COLUMNS,
  STATED,
  SUCCESSES,
  TIME,
  TIMED,
} from '../aggregate/aggregate-cache.ts'
import {
  addSums,
  countsAt,
  countsBySteps,
  countsOfAllSteps,
  countsOfEachSteps,
  type GroupCounts,
  type GroupSums,
  noSums,
  sumOfGroups,
} from '../aggregate/group-totals.ts'
import { keyNameSteps, namedRecord } from '../aggregate/metrics.ts'
import type { AttemptKey } from '../attempt/attempt.ts'
import type { KeyFilter, KeySummary } from '../ports.ts'
import type { Counts } from '../statistics/counts.ts'
import { type Evidence, evidenceOf, type RateInterval, wilsonInterval } from '../statistics/intervals.ts'
import { forEachKey, runToCompletion, type Steps } from '../steps.ts'
import { type BestAgent, describeNumbers, isQualified } from './best-agent.ts'
import { type Group, groupSteps, groupsOf } from './groups.ts'
import { percent, type Rate, rate } from './rate.ts'
import { type ReportTotals, reportTotals } from './report-totals.ts'

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
  return runToCompletion(overallRateSteps(summaries))
}

/** {@link overallRate} in steps. */
export function* overallRateSteps(summaries: readonly KeySummary[]): Steps<Rate> {
  return rateOf(yield* countsOfAllSteps(summaries))
}

/** The rates of groups of keys. */
export function groupedRates(summaries: readonly KeySummary[], group_by: Grouping): GroupedRates {
  const groups = runToCompletion(namedCountSteps(summaries, group_by))
  const details = groups.names.map((name, place) => [name, rateOf(countsAt(groups.counts, place))] as const)
  return { group_by, success_rates: runToCompletion(rateSteps(groups)), details: namedRecord(details) }
}

/** The `success_rates` of {@link groupedRates} alone. */
export function successRates(summaries: readonly KeySummary[], by: Grouping): Record<string, number> {
  return runToCompletion(successRateSteps(summaries, by))
}

/** {@link successRates} in steps. */
export function* successRateSteps(summaries: readonly KeySummary[], by: Grouping): Steps<Record<string, number>> {
  return yield* rateSteps(yield* namedCountSteps(summaries, by))
}

/** The JSON text of {@link groupedRates} in pieces: of many keys it takes too long to be made at one go. A piece may be empty. */
export function* printGroupedRates(summaries: readonly KeySummary[], group_by: Grouping): Generator<string> {
  const steps = namedCountSteps(summaries, group_by)
  let step = steps.next()
  for (; step.done !== true; step = steps.next()) yield ''
  const { names, counts } = step.value
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

function* namedCountSteps(summaries: readonly KeySummary[], by: Grouping): Steps<NamedCounts> {
  if (by === 'key') {
    const counts = yield* countsOfEachSteps(summaries)
    return { names: yield* keyNameSteps(summaries), counts }
  }
  const groups = yield* groupSteps(summaries, by)
  // Further groups may come to it in a pause, behind these.
  const names = groups.all.map(({ name }) => name)
  return { names, counts: yield* countsBySteps(summaries, { ...groups, placeOf: groups.placeOf.slice() }) }
}

function* rateSteps({ names, counts }: NamedCounts): Steps<Record<string, number>> {
  const rates = namedRecord<number>([])
  for (let place = 0; place < counts.attempts.length; place++) {
    rates[names[place]!] = percentOf(countsAt(counts, place))
    if ((place + 1) % NAMED_AT_ONCE === 0) yield
  }
  return rates
}

/** Names of which an answer is made between two pauses. */
const NAMED_AT_ONCE = 50

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
  return runToCompletion(modelComparisonSteps(summaries, { minAttempts }))
}

/** {@link modelComparison} in steps. */
export function* modelComparisonSteps(
  summaries: readonly KeySummary[],
  { minAttempts = 5 }: { readonly minAttempts?: number | undefined } = {},
): Steps<Record<string, ModelPerformance>> {
  const places = new Map<string, number>()
  const issues: Set<string>[] = []
  let sums = noSums(1)
  function add(one: KeySummary): void {
    if (!isQualified(one, minAttempts)) return
    const place = places.get(one.key.model_name) ?? places.size
    if (place === issues.length) {
      places.set(one.key.model_name, place)
      issues.push(new Set())
      if (place === sums.attempts.length) sums = withMoreRoom(sums)
    }
    issues[place]!.add(one.key.issue_type)
    addSums(sums, place, one.summary)
  }
  yield* forEachKey(summaries, add)
  const models = [...places.keys()].map((name, place) => ({ name, names: [...issues[place]!].sort() }))
  return yield* modelAnswers(models, sums)
}

function withMoreRoom(sums: GroupSums): GroupSums {
  const larger = noSums(2 * sums.attempts.length)
  for (const column of ['successes', 'attempts', 'stated', 'confidence', 'timed', 'time'] as const)
    larger[column].set(sums[column])
  return larger
}

/** A group, and the names that are listed of it. */
interface NamedGroup {
  readonly name: string
  readonly names: readonly string[]
}

/** As of now: the lists are not changed later, others take their place. */
function namesOf(groups: readonly Group[], listed: keyof AttemptKey): NamedGroup[] {
  return groups.map(group => ({ name: group.name, names: group.names(listed) }))
}

function modelAnswers(models: readonly NamedGroup[], sums: GroupSums): Steps<Record<string, ModelPerformance>> {
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
      issue_types: [...model.names],
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
 * {@link performanceReport} in steps. To group thousands of keys that were not grouped before is most of the work. All numbers are copied
 * without a pause, so that all of them are of one moment.
 */
export function* performanceReportSteps(
  summaries: readonly KeySummary[],
  generatedAt: string,
): Steps<PerformanceReport> {
  for (const [name, listed] of LISTED) {
    const { all } = yield* groupSteps(summaries, name)
    for (const group of all) {
      yield* group.nameSteps(listed)
      yield
    }
  }
  yield* columnSteps(summaries)
  const agents = groupsOf(summaries, 'agent_name')
  const issues = groupsOf(summaries, 'issue_type')
  const models = groupsOf(summaries, 'model_name')
  // Groups grow in the pauses from here on: what is counted is of these.
  const agentsNow = namesOf(agents.all, 'issue_type')
  const issuesNow = namesOf(issues.all, 'agent_name')
  const modelsNow = namesOf(models.all, 'issue_type')
  const sums = yield* reportTotals(summaries, { agents, issues, models })
  const { byAgent, byIssue, byModel } = sums
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
      total_agents: agentsNow.length,
      total_issue_types: issuesNow.length,
      total_models: modelsNow.length,
    },
    by_agent: yield* byName(agentsNow, (agent, place) => ({
      ...rateOf(countsAt(byAgent, place)),
      issue_types: [...agent.names],
    })),
    by_issue_type: yield* byName(issuesNow, (issue, place) => ({
      ...rateOf(countsAt(byIssue, place)),
      agents_used: [...issue.names],
    })),
    by_model: yield* modelAnswers(modelsNow, byModel),
    recommendations: yield* recommendations(issuesNow, sums),
  }
}

/** Everything at a glance. `generatedAt` is an RFC 3339 time. */
export function performanceReport(summaries: readonly KeySummary[], generatedAt: string): PerformanceReport {
  return runToCompletion(performanceReportSteps(summaries, generatedAt))
}

function* byName<T>(
  groups: readonly NamedGroup[],
  answer: (group: NamedGroup, place: number) => T,
): Steps<Record<string, T>> {
  const answers = namedRecord<T>([])
  for (const [place, group] of groups.entries()) {
    answers[group.name] = answer(group, place)
    if ((place + 1) % NAMED_AT_ONCE === 0) yield
  }
  return answers
}

function* recommendations(
  issues: readonly NamedGroup[],
  { best, bestRows }: ReportTotals,
): Steps<Record<string, BestAgent>> {
  const recommended = namedRecord<BestAgent>([])
  for (const [place, one] of best.entries()) {
    const row = bestRows.subarray(place * KEY_COLUMNS, (place + 1) * KEY_COLUMNS)
    if (one !== undefined) recommended[issues[place]!.name] = describeNumbers(one.key, numbersIn(row))
    if ((place + 1) % NAMED_AT_ONCE === 0) yield
  }
  return recommended
}

function numbersIn(row: Float64Array): Parameters<typeof describeNumbers>[1] {
  return {
    successes: row[SUCCESSES]!,
    attempts: row[ATTEMPTS]!,
    confidence: row[STATED] === 0 ? null : row[CONFIDENCE]! / row[STATED]!,
    timeSeconds: row[TIMED]! > 0 ? row[TIME]! / row[TIMED]! : 0,
  }
}

function rateOf({ successes, attempts }: Counts): Rate {
  return rate(successes, attempts)
}

function percentOf({ successes, attempts }: Counts): number {
  return percent(successes, attempts)
}
