/**
 * All that a report needs of the keys, in one sweep. Thousands of them lie far apart in memory: to fetch each takes longer than what is made
 * of it.
 */
import { type Choice, consider, noChoice } from './best-agent.ts'
import { addCounts, addSums, type GroupCounts, type GroupSums, noCounts, noSums } from './group-sums.ts'
import type { Groups } from './groups.ts'
import type { KeySummary } from './ports.ts'

/** By the places of the groups. */
export interface ReportSums {
  readonly byAgent: GroupCounts
  readonly byIssue: GroupCounts
  readonly byModel: GroupSums
  /** The best of each issue type, of those with three attempts. */
  readonly best: readonly Choice[]
}

/** Attempts without which nobody is recommended. */
const RECOMMENDED_FROM = 3

export function reportSums(
  summaries: readonly KeySummary[],
  { agents, issues, models }: Readonly<Record<'agents' | 'issues' | 'models', Groups>>,
): ReportSums {
  const sums = {
    byAgent: noCounts(agents.all.length),
    byIssue: noCounts(issues.all.length),
    byModel: noSums(models.all.length),
    best: issues.all.map(noChoice),
  }
  sweep(summaries, agents.placeOf, issues.placeOf, models.placeOf, sums)
  return sums
}

/** With nothing behind the loop, as the loops of group-sums. */
function sweep(
  summaries: readonly KeySummary[],
  agentOf: readonly number[],
  issueOf: readonly number[],
  modelOf: readonly number[],
  { byAgent, byIssue, byModel, best }: ReportSums,
): void {
  for (let i = 0; i < summaries.length; i++) {
    const one = summaries[i]!
    const issue = issueOf[i]!
    addCounts(byAgent, agentOf[i]!, one.summary)
    addCounts(byIssue, issue, one.summary)
    addSums(byModel, modelOf[i]!, one.summary)
    consider(best[issue]!, one, RECOMMENDED_FROM)
  }
}
