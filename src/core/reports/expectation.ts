/** The expected success rate of an agent at each of its keys, from the ability of the agent and the difficulty of the issue type. */

import type { KeySummary } from '../ports.ts'
import { type Counts, type MutableCounts, shrunkRate, subtractCounts } from '../statistics/counts.ts'
import { baselineRate } from '../statistics/drift.ts'
import { rootSearch } from '../statistics/root.ts'
import { forEachKey, KEYS_PER_STEP, type Steps } from '../steps.ts'
import { countsOf } from './groups.ts'

const NO_COUNTS: Counts = { successes: 0, attempts: 0 }

/** The counts of all agents by issue type, and the counts of each key that they include. */
export interface Difficulty {
  readonly byIssueType: ReadonlyMap<string, Counts>
  readonly byKey: ReadonlyMap<KeySummary, Counts>
}

/** Estimates the difficulty of issue types from the keys of all agents. */
export function* difficultySteps(all: readonly KeySummary[]): Steps<Difficulty> {
  const byIssueType = new Map<string, MutableCounts>()
  const byKey = new Map<KeySummary, Counts>()
  function add(entry: KeySummary): void {
    const counts = countsOf(entry.summary)
    byKey.set(entry, counts)
    const sum = byIssueType.get(entry.key.issue_type)
    if (sum === undefined) {
      byIssueType.set(entry.key.issue_type, { ...counts })
      return
    }
    sum.successes += counts.successes
    sum.attempts += counts.attempts
  }
  yield* forEachKey(all, add)
  return { byIssueType, byKey }
}

/** The baseline of a key: its counts without the attempts that the CUSUM covers. */
export interface Baseline extends Counts {
  readonly entry: KeySummary
}

/** The expected rate of each key, 0 to 1: its baseline rate, shrunk towards the rate of this agent at this issue type. */
export function* expectationSteps(
  baselines: readonly Baseline[],
  difficulty: Difficulty,
): Steps<ReadonlyMap<KeySummary, number>> {
  const byIssueType = yield* issueTypesWithBaselines(baselines, difficulty)
  const withLogOdds: (Baseline & { readonly logOdds: number })[] = []
  for (const [i, baseline] of baselines.entries()) {
    const logOdds = logit(shrunkRate(byIssueType.get(baseline.entry.key.issue_type) ?? NO_COUNTS))
    withLogOdds.push({ ...baseline, logOdds })
    if ((i + 1) % KEYS_PER_STEP === 0) yield
  }
  const ability = yield* abilityOf(withLogOdds)
  const expected = new Map<KeySummary, number>()
  for (const [i, baseline] of withLogOdds.entries()) {
    expected.set(baseline.entry, baselineRate(baseline, expit(baseline.logOdds + ability)))
    if ((i + 1) % KEYS_PER_STEP === 0) yield
  }
  return expected
}

/** The counts by issue type, in which the agent's keys count with their baseline only. Else a decline would lower the expected rate. */
function* issueTypesWithBaselines(
  baselines: readonly Baseline[],
  { byIssueType, byKey }: Difficulty,
): Steps<ReadonlyMap<string, Counts>> {
  const adjusted = new Map<string, Counts>()
  for (const [i, baseline] of baselines.entries()) {
    const { issue_type } = baseline.entry.key
    const all = adjusted.get(issue_type) ?? byIssueType.get(issue_type)
    const own = byKey.get(baseline.entry)
    if (all !== undefined && own !== undefined)
      adjusted.set(issue_type, subtractCounts(all, subtractCounts(own, baseline)))
    if ((i + 1) % KEYS_PER_STEP === 0) yield
  }
  return adjusted
}

/**
 * The ability of the agent: its log odds of success minus those of all agents. It is the value at which the expected
 * successes equal the observed ones. Source: the model of G. Rasch (1960), with known difficulties of the issue types.
 */
function* abilityOf(baselines: readonly (Counts & { readonly logOdds: number })[]): Steps<number> {
  const successes = baselines.reduce((sum, baseline) => sum + baseline.successes, 0)
  const search = rootSearch(-10, 10)
  let step = search.next()
  while (step.done !== true) {
    let expected = 0
    for (const [i, { attempts, logOdds }] of baselines.entries()) {
      expected += attempts * expit(logOdds + step.value)
      if ((i + 1) % EXPECTATIONS_PER_STEP === 0) yield
    }
    step = search.next(expected - successes)
  }
  return step.value
}

/** Keys whose expected successes are summed between two yields. */
const EXPECTATIONS_PER_STEP = 1000

function logit(rate: number): number {
  return Math.log(rate / (1 - rate))
}

function expit(logOdds: number): number {
  return 1 / (1 + Math.exp(-logOdds))
}
