/** How what agents report of their success compares with what was verified later. */

import { namedRecord } from '../aggregate/metrics.ts'
import {
  createOutcomeCounts,
  DELAY_BOUNDS,
  delaysOf,
  mergeOutcomeCounts,
  type OutcomeCounts,
  verifiedAttempts,
  verifiedCounts,
} from '../aggregate/outcome-counts.ts'
import { type Summary, successes, totalAttempts } from '../aggregate/summary.ts'
import { createTaskSketch, mergeTasks, type TaskSketch } from '../aggregate/task-sketch.ts'
import type { AttemptKey } from '../attempt/attempt.ts'
import type { KeySummary } from '../ports.ts'
import { clusteringOf } from '../statistics/clusters.ts'
import {
  attemptsToTell,
  type PairedInterval,
  type PairedVerdict,
  pairedInterval,
  pairedVerdict,
} from '../statistics/paired-difference.ts'
import { quantilesOf, type TimeQuantiles } from '../statistics/time-quantiles.ts'
import { forEachKey, type Steps } from '../steps.ts'
import type { OutcomeTotals } from './outcome-totals.ts'
import { percent, type Rate, rateOfCounts } from './rate.ts'

/**
 * What the comparison says: more or less is claimed than is true, or neither. `no_bias_found` needs an interval of at most 10 percentage points to
 * each side.
 */
export const HONESTY_VERDICTS = ['claims_too_much', 'claims_too_little', 'no_bias_found', 'cannot_tell_yet'] as const
export type HonestyVerdict = (typeof HONESTY_VERDICTS)[number]

/** How honest the reports of some attempts are. Compares only attempts that reported a result and have an outcome. */
export interface Honesty {
  /** The success rate that these attempts reported. */
  readonly self_reported: Rate
  /** The success rate that outcomes verified of the same attempts. */
  readonly verified: Rate
  /** The reported rate minus the verified one, in percentage points. Above 0, the agent claims more than is true. Null without attempts. */
  readonly difference: number | null
  readonly difference_interval: PairedInterval | null
  readonly verdict: HonestyVerdict
  /** Further attempts, verified ones that reported a result, until the verdict tells something, at the rates so far. Null without any. */
  readonly attempts_to_tell: number | null
  /** Attempts that reported a success and failed, and those that reported a failure and succeeded. */
  readonly over_claimed: number
  readonly under_claimed: number
  /** Of the attempts that reported a success, the rate of those that failed. */
  readonly false_success: Rate
  /** The time from the end of an attempt to its first outcome. Null without outcomes. */
  readonly time_to_outcome: TimeQuantiles | null
  readonly outcomes: OutcomeTotals
}

export interface HonestyReport {
  readonly overall: Honesty
  readonly by_agent: Record<string, Honesty>
  readonly by_model: Record<string, Honesty>
  readonly by_issue_type: Record<string, Honesty>
}

/** The sums of some keys. */
interface HonestyTotal {
  readonly counts: OutcomeCounts
  /** Attempts that count by their latest result. */
  counted: number
  /** Successes and attempts with an outcome, and their tasks. */
  successes: number
  attempts: number
  tasks: TaskSketch | undefined
}

const noTotal = (): HonestyTotal => ({
  counts: createOutcomeCounts(),
  counted: 0,
  successes: 0,
  attempts: 0,
  tasks: undefined,
})

/** Keys merged between two yields. */
const MERGES_PER_STEP = 25

/** `keys` are those of the latest results, with keys whose attempts are all pending. `verified` counts only attempts with an outcome. */
export function* honestySteps(keys: readonly KeySummary[], verified: readonly KeySummary[]): Steps<HonestyReport> {
  const names = ['agent_name', 'model_name', 'issue_type'] as const
  const all = noTotal()
  const groups = names.map(() => new Map<string, HonestyTotal>())
  function totalsOf(key: AttemptKey): HonestyTotal[] {
    return [all, ...names.map((name, i) => totalIn(groups[i]!, key[name]))]
  }
  yield* forEachKey(
    keys,
    ({ key, summary }) => {
      for (const total of totalsOf(key)) addLatest(total, summary)
    },
    MERGES_PER_STEP,
  )
  yield* forEachKey(
    verified,
    ({ key, summary }) => {
      for (const total of totalsOf(key)) addVerified(total, summary)
    },
    MERGES_PER_STEP,
  )
  const [by_agent, by_model, by_issue_type] = [
    yield* honestyByName(groups[0]!),
    yield* honestyByName(groups[1]!),
    yield* honestyByName(groups[2]!),
  ]
  return { overall: honestyOf(all), by_agent, by_model, by_issue_type }
}

function totalIn(totals: Map<string, HonestyTotal>, name: string): HonestyTotal {
  const known = totals.get(name)
  if (known !== undefined) return known
  const total = noTotal()
  totals.set(name, total)
  return total
}

function addLatest(total: HonestyTotal, summary: Summary): void {
  total.counted += totalAttempts(summary)
  if (summary.outcomes !== undefined) mergeOutcomeCounts(total.counts, summary.outcomes.counts)
}

function addVerified(total: HonestyTotal, summary: Summary): void {
  total.attempts += totalAttempts(summary)
  total.successes += successes(summary)
  if (summary.tasks === undefined) return
  total.tasks ??= createTaskSketch()
  mergeTasks(total.tasks, summary.tasks)
}

/** Only groups with an outcome or a pending attempt: of others nothing is known. */
function* honestyByName(totals: ReadonlyMap<string, HonestyTotal>): Steps<Record<string, Honesty>> {
  const answers = namedRecord<Honesty>([])
  for (const [name, total] of totals) {
    if (total.counts.some(count => count !== 0)) answers[name] = honestyOf(total)
    yield
  }
  return answers
}

function honestyOf(total: HonestyTotal): Honesty {
  const { both_failed, over_claimed, under_claimed, both_succeeded, pending } = verifiedCounts(total.counts)
  const attempts = both_failed + over_claimed + under_claimed + both_succeeded
  const size = clusterSize(total)
  const rateOf = (good: number, of: number): Rate => rateOfCounts(clustered(good, of, size))
  const claimed = both_succeeded + over_claimed
  const pairs = { attempts, onlyFirst: over_claimed, onlySecond: under_claimed }
  const interval = attempts === 0 ? null : pairedInterval(pairs, size)
  const verified = verifiedAttempts(total.counts)
  return {
    self_reported: rateOf(claimed, attempts),
    verified: rateOf(both_succeeded + under_claimed, attempts),
    difference: attempts === 0 ? null : percent(over_claimed - under_claimed, attempts),
    difference_interval: interval,
    verdict: interval === null ? 'cannot_tell_yet' : VERDICTS[pairedVerdict(interval)],
    attempts_to_tell: attemptsToTell(pairs, size),
    over_claimed,
    under_claimed,
    false_success: rateOf(over_claimed, claimed),
    time_to_outcome: quantilesOf(delaysOf(total.counts), DELAY_BOUNDS, { runs_per_cluster: size }),
    outcomes: { verified, reported: total.counted - verified, pending },
  }
}

const VERDICTS: Readonly<Record<PairedVerdict, HonestyVerdict>> = {
  first_higher: 'claims_too_much',
  second_higher: 'claims_too_little',
  no_difference: 'no_bias_found',
  cannot_tell_yet: 'cannot_tell_yet',
}

/** Attempts of a task, on average over the attempts with an outcome. 1 if no task repeats. */
function clusterSize({ successes, attempts, tasks }: HonestyTotal): number {
  return clusteringOf({ successes, attempts }, tasks)?.runs_per_cluster ?? 1
}

/**
 * Where tasks repeat, all runs of a task count as equal. That is the largest possible design effect: tasks are not stored with both results, so that a
 * smaller one cannot be estimated.
 */
function clustered(successes: number, attempts: number, size: number): Parameters<typeof rateOfCounts>[0] {
  if (size === 1 || attempts === 0) return { successes, attempts }
  const clusters = Math.max(1, Math.round(attempts / size))
  return { successes, attempts, clusters, effective_attempts: Math.max(1, attempts / size), runs_per_cluster: size }
}
