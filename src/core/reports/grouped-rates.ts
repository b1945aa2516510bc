/** Success rates of groups of keys, as documented. Rates are in percent, 0 to 100, not rounded. */

import {
  countsAt,
  countsBySteps,
  countsOfAllSteps,
  countsOfEachSteps,
  type GroupCounts,
} from '../aggregate/group-totals.ts'
import { keyNameSteps, namedRecord } from '../aggregate/metrics.ts'
import type { KeyFilter, KeySummary } from '../ports.ts'
import { runToCompletion, type Steps } from '../steps.ts'
import { groupSteps } from './groups.ts'
import { percentOfCounts, type Rate, rateOfCounts } from './rate.ts'

/** The names by which success rates can be grouped. `key` is the printed `agent:model:issue`. */
export const GROUPINGS = ['agent_name', 'model_name', 'issue_type', 'key'] as const
export type Grouping = (typeof GROUPINGS)[number]

export interface GroupedRates {
  readonly group_by: Grouping
  /** In percent, by the name of the group. */
  readonly success_rates: Record<string, number>
  readonly details: Record<string, Rate>
}

/** The documented grouping of an answer, which depends on the names in the filter. Undefined if the filter has all three. */
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

/** The rate over all given keys. */
export function overallRate(summaries: readonly KeySummary[]): Rate {
  return runToCompletion(overallRateSteps(summaries))
}

/** {@link overallRate} in steps. */
export function* overallRateSteps(summaries: readonly KeySummary[]): Steps<Rate> {
  return rateOfCounts(yield* countsOfAllSteps(summaries))
}

/** The rate of each group of keys. */
export function groupedRates(summaries: readonly KeySummary[], group_by: Grouping): GroupedRates {
  return runToCompletion(groupedRateSteps(summaries, group_by))
}

/** {@link groupedRates} in steps. */
export function* groupedRateSteps(summaries: readonly KeySummary[], group_by: Grouping): Steps<GroupedRates> {
  const { names, counts } = yield* namedCountSteps(summaries, group_by)
  const success_rates = namedRecord<number>([])
  const details = namedRecord<Rate>([])
  for (let i = 0; i < counts.attempts.length; i++) {
    const rate = rateOfCounts(countsAt(counts, i))
    success_rates[names[i]!] = rate.success_rate
    details[names[i]!] = rate
    if ((i + 1) % GROUPS_PER_STEP === 0) yield
  }
  return { group_by, success_rates, details }
}

/** The `success_rates` of {@link groupedRates} alone, in steps: without the intervals, which are a third of the work. */
export function* successRateSteps(summaries: readonly KeySummary[], by: Grouping): Steps<Record<string, number>> {
  const { names, counts } = yield* namedCountSteps(summaries, by)
  const rates = namedRecord<number>([])
  for (let i = 0; i < counts.attempts.length; i++) {
    rates[names[i]!] = percentOfCounts(countsAt(counts, i))
    if ((i + 1) % GROUPS_PER_STEP === 0) yield
  }
  return rates
}

/** A copy of the counts of each group, in the order of the first key of each. */
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
  // The groups are live: copies the names and `placeOf`, so that both have the same length after the next yield.
  const names = groups.all.map(({ name }) => name)
  return { names, counts: yield* countsBySteps(summaries, { ...groups, placeOf: groups.placeOf.slice() }) }
}

/** Groups processed between two yields. */
const GROUPS_PER_STEP = 50
