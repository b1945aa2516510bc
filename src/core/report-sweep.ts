/** All that a report needs of the keys, in one sweep, so that all of it is of one moment. */
import { type GroupCounts, type GroupSums, noCounts, noSums } from './group-sums.ts'
import type { Groups } from './groups.ts'
import { ATTEMPTS, CONFIDENCE, columnsOf, KEY_COLUMNS, STATED, SUCCESSES, TIME, TIMED } from './key-columns.ts'
import type { KeySummary } from './ports.ts'
import { percent } from './rate.ts'

/** By the places of the groups. */
export interface ReportSums {
  readonly byAgent: GroupCounts
  readonly byIssue: GroupCounts
  readonly byModel: GroupSums
  /** The best of each issue type, of those with three attempts. */
  readonly best: readonly (KeySummary | undefined)[]
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
    best: issues.all.map((): KeySummary | undefined => undefined),
  }
  const columns = columnsOf(summaries)
  sweep(summaries.length, columns, agents.placeOf, issues.placeOf, models.placeOf, sums)
  choose(summaries, columns, issues.placeOf, sums.best)
  return sums
}

// With nothing behind the loops, as the loops of group-sums.

function sweep(
  keys: number,
  columns: Float64Array,
  agentOf: readonly number[],
  issueOf: readonly number[],
  modelOf: readonly number[],
  { byAgent, byIssue, byModel }: ReportSums,
): void {
  for (let i = 0; i < keys; i++) {
    const at = i * KEY_COLUMNS
    const agent = agentOf[i]!
    const issue = issueOf[i]!
    const model = modelOf[i]!
    const successes = columns[at + SUCCESSES]!
    const attempts = columns[at + ATTEMPTS]!
    byAgent.successes[agent]! += successes
    byAgent.attempts[agent]! += attempts
    byIssue.successes[issue]! += successes
    byIssue.attempts[issue]! += attempts
    byModel.successes[model]! += successes
    byModel.attempts[model]! += attempts
    byModel.stated[model]! += columns[at + STATED]!
    byModel.confidence[model]! += columns[at + CONFIDENCE]!
    byModel.timed[model]! += columns[at + TIMED]!
    byModel.time[model]! += columns[at + TIME]!
  }
}

/** As `bestAgent` chooses: by rate, then by average confidence, and the first of equals. */
function choose(
  summaries: readonly KeySummary[],
  columns: Float64Array,
  issueOf: readonly number[],
  best: (KeySummary | undefined)[],
): void {
  const rates = new Float64Array(best.length).fill(Number.NEGATIVE_INFINITY)
  const confidences = new Float64Array(best.length)
  for (let i = 0; i < summaries.length; i++) {
    const at = i * KEY_COLUMNS
    const issue = issueOf[i]!
    const rate = percent(columns[at + SUCCESSES]!, columns[at + ATTEMPTS]!)
    if (rate < rates[issue]! || columns[at + ATTEMPTS]! < RECOMMENDED_FROM) continue
    const stated = columns[at + STATED]!
    const confidence = stated === 0 ? 0 : columns[at + CONFIDENCE]! / stated
    if (rate === rates[issue] && confidence <= confidences[issue]!) continue
    best[issue] = summaries[i]
    rates[issue] = rate
    confidences[issue] = confidence
  }
}
