/** The sums and best keys of a report, computed from one copy of all keys, so that they are consistent with each other. */
import {
  ATTEMPTS,
  CONFIDENCE,
  columnsOf,
  HAS_TASKS,
  KEY_COLUMNS,
  STATED,
  SUCCESSES,
  TIME,
  TIMED,
} from '../aggregate/aggregate-cache.ts'
import { durationsOf } from '../aggregate/duration-cache.ts'
import { addGroupTasks, type GroupCounts, type GroupSums, noCounts, noSums } from '../aggregate/group-totals.ts'
import type { KeySummary } from '../ports.ts'
import type { Steps } from '../steps.ts'
import type { Groups } from './groups.ts'
import { percent } from './rate.ts'

/** The sums of each group, by the index of the group. */
export interface ReportTotals {
  readonly byAgent: GroupCounts
  readonly byIssue: GroupCounts
  readonly byModel: GroupSums
  /** The best key of each issue type, among the keys with at least three attempts. */
  readonly best: readonly (KeySummary | undefined)[]
  /** A copy of the row of each best key, in the layout of {@link columnsOf}. */
  readonly bestRows: Float64Array
}

/** Keys with fewer attempts are not recommended. */
const MIN_RECOMMENDED_ATTEMPTS = 3

/** Sums and best keys over all keys, in steps. The three groupings must be of the same `summaries`. */
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
  // Copied without a yield: later steps read only the copy, so attempts recorded meanwhile cannot make it inconsistent.
  const keys = summaries.slice()
  const columns = columnsOf(summaries).slice(0, keys.length * KEY_COLUMNS)
  sums.byModel.durations.set(durationsOf(summaries, models).subarray(0, sums.byModel.durations.length))
  const scores = noScores(issues.all.length)
  let merged = 0
  for (let from = 0; from < keys.length; from += ROWS_PER_STEP) {
    const end = Math.min(from + ROWS_PER_STEP, keys.length)
    addRows(from, end, columns, agents.placeOf, issues.placeOf, models.placeOf, sums)
    for (let i = from; i < end; i++) {
      if (columns[i * KEY_COLUMNS + HAS_TASKS] === 0) continue
      // Live tasks may include a few more attempts than the copied counts. The effect on the estimated effective number is as small.
      const { tasks } = keys[i]!.summary
      addGroupTasks(sums.byAgent, agents.placeOf[i]!, tasks)
      addGroupTasks(sums.byIssue, issues.placeOf[i]!, tasks)
      addGroupTasks(sums.byModel, models.placeOf[i]!, tasks)
      if (++merged % MERGES_PER_STEP === 0) yield
    }
    updateBest(from, end, keys, columns, issues.placeOf, scores, sums)
    yield
  }
  return sums
}

// Each loop is a function of its own, as in group-totals.ts.

function addRows(
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

/** Keys whose tasks are merged between two yields: less than half a millisecond. */
const MERGES_PER_STEP = 50
/** Rows processed between two yields. */
const ROWS_PER_STEP = 1000

/** Rate and average confidence of the best key of each issue type. */
interface BestScores {
  readonly rates: Float64Array
  readonly confidences: Float64Array
}

function noScores(issues: number): BestScores {
  return { rates: new Float64Array(issues).fill(Number.NEGATIVE_INFINITY), confidences: new Float64Array(issues) }
}

/**
 * The order of `bestAgent`: by rate, then by average confidence. Among equal keys, the first one is kept. A key without a success is never
 * recommended.
 */
function updateBest(
  from: number,
  end: number,
  summaries: readonly KeySummary[],
  columns: Float64Array,
  issueOf: readonly number[],
  { rates, confidences }: BestScores,
  { best, bestRows }: { readonly best: (KeySummary | undefined)[]; readonly bestRows: Float64Array },
): void {
  for (let i = from; i < end; i++) {
    const at = i * KEY_COLUMNS
    const issue = issueOf[i]!
    const rate = percent(columns[at + SUCCESSES]!, columns[at + ATTEMPTS]!)
    if (rate < rates[issue]! || columns[at + ATTEMPTS]! < MIN_RECOMMENDED_ATTEMPTS) continue
    if (columns[at + SUCCESSES]! === 0) continue
    const stated = columns[at + STATED]!
    const confidence = stated === 0 ? 0 : columns[at + CONFIDENCE]! / stated
    if (rate === rates[issue] && confidence <= confidences[issue]!) continue
    best[issue] = summaries[i]
    for (let column = 0; column < KEY_COLUMNS; column++) bestRows[issue * KEY_COLUMNS + column] = columns[at + column]!
    rates[issue] = rate
    confidences[issue] = confidence
  }
}
