/** The documented performance report. Rates are in percent, 0 to 100, not rounded. */

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
import { durationSteps } from '../aggregate/duration-cache.ts'
import { countsAt, sumOfGroups } from '../aggregate/group-totals.ts'
import { namedRecord } from '../aggregate/metrics.ts'
import type { AttemptKey } from '../attempt/attempt.ts'
import type { KeySummary } from '../ports.ts'
import { clusteredCounts } from '../statistics/clusters.ts'
import { runToCompletion, type Steps } from '../steps.ts'
import { type BestAgent, describeNumbers } from './best-agent.ts'
import { type Group, groupSteps, groupsOf } from './groups.ts'
import {
  ANSWERS_PER_STEP,
  answersByGroup,
  type ModelPerformance,
  modelAnswers,
  type NamedGroup,
} from './model-comparison.ts'
import { percentOfCounts, type Rate, type RateEvidence, rateEvidence, rateOfCounts } from './rate.ts'
import { type ReportTotals, reportTotals } from './report-totals.ts'
import { timesOf } from './times.ts'

export interface PerformanceReport {
  readonly generated_at: string
  readonly summary: RateEvidence & {
    readonly total_attempts: number
    readonly total_successful: number
    readonly overall_success_rate: number
    readonly total_agents: number
    readonly total_issue_types: number
    readonly total_models: number
  }
  readonly by_agent: Record<string, Rate & { readonly issue_types: readonly string[] }>
  readonly by_issue_type: Record<string, Rate & { readonly agents_used: readonly string[] }>
  readonly by_model: Record<string, ModelPerformance>
  /** The best agent of every issue type, among the keys with at least three attempts and one success. */
  readonly recommendations: Record<string, BestAgent>
}

/** The groupings of a report, and the names that it lists for each of their groups. */
const LISTED = [
  ['agent_name', 'issue_type'],
  ['issue_type', 'agent_name'],
  ['model_name', 'issue_type'],
] as const

/** The report over all given keys. `generatedAt` is an RFC 3339 time. */
export function performanceReport(summaries: readonly KeySummary[], generatedAt: string): PerformanceReport {
  return runToCompletion(performanceReportSteps(summaries, generatedAt))
}

/**
 * {@link performanceReport} in steps. Grouping thousands of keys for the first time is most of the work. All numbers are
 * copied without a yield in between, so that they are consistent with each other.
 */
export function* performanceReportSteps(
  summaries: readonly KeySummary[],
  generatedAt: string,
): Steps<PerformanceReport> {
  yield* prepareGroups(summaries)
  const groups = {
    agents: groupsOf(summaries, 'agent_name'),
    issues: groupsOf(summaries, 'issue_type'),
    models: groupsOf(summaries, 'model_name'),
  }
  // The groups are live and grow while this function yields. Copies the names that belong to the sums.
  const agents = namesOf(groups.agents.all, 'issue_type')
  const issues = namesOf(groups.issues.all, 'agent_name')
  const models = namesOf(groups.models.all, 'issue_type')
  const sums = yield* reportTotals(summaries, groups)
  return {
    generated_at: generatedAt,
    summary: summaryOf(sums, agents, issues, models),
    by_agent: yield* answersByGroup(agents, (agent, index) => ({
      ...rateOfCounts(countsAt(sums.byAgent, index)),
      issue_types: [...agent.names],
    })),
    by_issue_type: yield* answersByGroup(issues, (issue, index) => ({
      ...rateOfCounts(countsAt(sums.byIssue, index)),
      agents_used: [...issue.names],
    })),
    by_model: yield* modelAnswers(models, sums.byModel),
    recommendations: yield* recommendations(issues, sums),
  }
}

/** Fills the caches of the groups, their names and the key columns in steps, so that reading them is fast. */
function* prepareGroups(summaries: readonly KeySummary[]): Steps<void> {
  for (const [name, listed] of LISTED) {
    const { all } = yield* groupSteps(summaries, name)
    for (const group of all) {
      yield* group.nameSteps(listed)
      yield
    }
  }
  yield* columnSteps(summaries)
  yield* durationSteps(summaries, groupsOf(summaries, 'model_name'))
}

/** Copies the list of groups. The lists of names are shared: the groups replace them and never change them. */
function namesOf(groups: readonly Group[], listed: keyof AttemptKey): NamedGroup[] {
  return groups.map(group => ({ name: group.name, names: group.names(listed) }))
}

function summaryOf(
  { byModel }: ReportTotals,
  agents: readonly NamedGroup[],
  issues: readonly NamedGroup[],
  models: readonly NamedGroup[],
): PerformanceReport['summary'] {
  const overall = sumOfGroups(byModel)
  return {
    total_attempts: overall.attempts,
    total_successful: overall.successes,
    overall_success_rate: percentOfCounts(overall),
    ...rateEvidence(overall),
    total_agents: agents.length,
    total_issue_types: issues.length,
    total_models: models.length,
  }
}

function* recommendations(
  issues: readonly NamedGroup[],
  { best, bestRows }: ReportTotals,
): Steps<Record<string, BestAgent>> {
  const recommended = namedRecord<BestAgent>([])
  for (const [index, entry] of best.entries()) {
    const row = bestRows.subarray(index * KEY_COLUMNS, (index + 1) * KEY_COLUMNS)
    if (entry !== undefined)
      recommended[issues[index]!.name] = describeNumbers(entry.key, numbersOf(entry, row), timesOf(entry.summary))
    if ((index + 1) % ANSWERS_PER_STEP === 0) yield
  }
  return recommended
}

function numbersOf({ summary }: KeySummary, row: Float64Array): Parameters<typeof describeNumbers>[1] {
  return {
    ...clusteredCounts({ successes: row[SUCCESSES]!, attempts: row[ATTEMPTS]! }, summary.tasks),
    confidence: row[STATED] === 0 ? null : row[CONFIDENCE]! / row[STATED]!,
    timeSeconds: row[TIMED]! > 0 ? row[TIME]! / row[TIMED]! : 0,
  }
}
