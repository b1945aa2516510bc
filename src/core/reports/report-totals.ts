/** The totals of a report, from one copy of the keys' numbers, so that all of them are of one moment. */

import {
  ATTEMPTS,
  CONFIDENCE,
  columnsOf,
  KEY_COLUMNS,
  STATED,
  SUCCESSES,
  TIME,
  TIMED,
} from '../aggregate/aggregate-cache.ts'
import { type GroupCounts, type GroupSums, noCounts, noSums } from '../aggregate/group-totals.ts'
import type { KeySummary } from '../ports.ts'
import type { Steps } from '../steps.ts'
import type { Groups } from './groups.ts'
import { percent } from './rate.ts'

/** By the indexes of the groups. */
export interface ReportTotals {
  readonly byAgent: GroupCounts
  readonly byIssue: GroupCounts
  readonly byModel: GroupSums
  /** The best of each issue type, of those with three attempts. */
  readonly best: readonly (KeySummary | undefined)[]
  /** A copy of the row of each of them in the aggregate cache. */
  readonly bestRows: Float64Array
}

/** Attempts without which nobody is recommended. */
const RECOMMENDED_FROM = 3

export function* reportTotals(
  summaries: readonly KeySummary[],
  { agents, issues, models }: Readonly<Record<'agents' | 'issues' | 'models', Groups>>,
): Steps<ReportTotals> {
  const sums = {
    byAgent: noCounts(agents.all.length),
    byIssue: noCounts(issues.all.length),
    byModel: noSums(models.all.length),
    best: issues.all.map((): KeySummary | undefined => undefined),
    bestRows: new Float64Array(issues.all.length * KEY_COLUMNS),
  }
  // Copied without a pause: what the steps below make of it is of one moment.
  const keys = summaries.slice()
  const columns = columnsOf(summaries).slice(0, keys.length * KEY_COLUMNS)
  const merits = noMerits(issues.all.length)
  for (let from = 0; from < keys.length; from += ROWS_AT_ONCE) {
    const end = Math.min(from + ROWS_AT_ONCE, keys.length)
    sweep(from, end, columns, agents.placeOf, issues.placeOf, models.placeOf, sums)
    choose(from, end, keys, columns, issues.placeOf, merits, sums)
    yield
  }
  return sums
}

function sweep(
  from: number,
  end: number,
  columns: Float64Array,
  agentOf: readonly number[],
  issueOf: readonly number[],
  modelOf: readonly number[],
  { byAgent, byIssue, byModel }: ReportTotals,
): void {
  for (let i = from; i < end; i++) {
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

/** Rows that are added up between two pauses. */
const ROWS_AT_ONCE = 1000

/** By what the best of each issue type was chosen. */
interface BestMerits {
  readonly rates: Float64Array
  readonly confidences: Float64Array
}

function noMerits(issues: number): BestMerits {
  return { rates: new Float64Array(issues).fill(Number.NEGATIVE_INFINITY), confidences: new Float64Array(issues) }
}

/** As `bestAgent` chooses: by rate, then by average confidence, and the first of equals. */
function choose(
  from: number,
  end: number,
  summaries: readonly KeySummary[],
  columns: Float64Array,
  issueOf: readonly number[],
  { rates, confidences }: BestMerits,
  { best, bestRows }: { readonly best: (KeySummary | undefined)[]; readonly bestRows: Float64Array },
): void {
  for (let i = from; i < end; i++) {
    const at = i * KEY_COLUMNS
    const issue = issueOf[i]!
    const rate = percent(columns[at + SUCCESSES]!, columns[at + ATTEMPTS]!)
    if (rate < rates[issue]! || columns[at + ATTEMPTS]! < RECOMMENDED_FROM) continue
    const stated = columns[at + STATED]!
    const confidence = stated === 0 ? 0 : columns[at + CONFIDENCE]! / stated
    if (rate === rates[issue] && confidence <= confidences[issue]!) continue
    best[issue] = summaries[i]
    for (let column = 0; column < KEY_COLUMNS; column++) bestRows[issue * KEY_COLUMNS + column] = columns[at + column]!
    rates[issue] = rate
    confidences[issue] = confidence
  }
}
