/** What is to be expected of an agent at each of its keys: neither harder issues nor a weaker agent are a drift. */

import type { KeySummary } from '../ports.ts'
import { type Counts, less, type MutableCounts, shrunkRate } from '../statistics/counts.ts'
import { baselineRate } from '../statistics/drift.ts'
import { rootSearch } from '../statistics/root.ts'
import { forEachKey, KEYS_PER_STEP, type Steps } from '../steps.ts'
import { countsOf } from './groups.ts'

const NOTHING: Counts = { successes: 0, attempts: 0 }

/** All counts by issue type, and what each key has a part of in them. */
export interface Difficulty {
  readonly issues: ReadonlyMap<string, Counts>
  readonly parts: ReadonlyMap<KeySummary, Counts>
}

/** How hard the issue types are, as far as the keys of all agents tell. */
export function* difficultySteps(all: readonly KeySummary[]): Steps<Difficulty> {
  const issues = new Map<string, MutableCounts>()
  const parts = new Map<KeySummary, Counts>()
  function add(one: KeySummary): void {
    const part = countsOf(one.summary)
    parts.set(one, part)
    const sum = issues.get(one.key.issue_type)
    if (sum === undefined) {
      issues.set(one.key.issue_type, { ...part })
      return
    }
    sum.successes += part.successes
    sum.attempts += part.attempts
  }
  yield* forEachKey(all, add)
  return { issues, parts }
}

/** What a key counted up to some time. */
export interface History extends Counts {
  readonly one: KeySummary
}

/** The rate each key was expected to go on with, in steps: its own so far, drawn to that of this agent at its issue type. */
export function* expectationSteps(
  histories: readonly History[],
  difficulty: Difficulty,
): Steps<ReadonlyMap<KeySummary, number>> {
  const issues = yield* issuesAsOf(histories, difficulty)
  const withOdds: (History & { readonly odds: number })[] = []
  for (const [i, { one, successes, attempts }] of histories.entries()) {
    const odds = logit(shrunkRate(issues.get(one.key.issue_type) ?? NOTHING))
    withOdds.push({ one, successes, attempts, odds })
    if ((i + 1) % KEYS_PER_STEP === 0) yield
  }
  const ability = yield* abilityOf(withOdds)
  const expected = new Map<KeySummary, number>()
  for (const [i, history] of withOdds.entries()) {
    expected.set(history.one, baselineRate(history, expit(history.odds + ability)))
    if ((i + 1) % KEYS_PER_STEP === 0) yield
  }
  return expected
}

/** The counts of the histories' issue types, with the histories in place of all that is counted of their keys. */
function* issuesAsOf(histories: readonly History[], { issues, parts }: Difficulty): Steps<ReadonlyMap<string, Counts>> {
  const asOf = new Map<string, Counts>()
  for (const [i, history] of histories.entries()) {
    const { issue_type } = history.one.key
    const all = asOf.get(issue_type) ?? issues.get(issue_type)
    const part = parts.get(history.one)
    if (all !== undefined && part !== undefined) asOf.set(issue_type, less(all, less(part, history)))
    if ((i + 1) % KEYS_PER_STEP === 0) yield
  }
  return asOf
}

/**
 * By how much the agent's odds of success are above those of all agents, as a logarithm: that which makes its expected
 * successes as many as it had. Source: the model of G. Rasch (1960), with the difficulty of the issue types given.
 */
function* abilityOf(histories: readonly (Counts & { readonly odds: number })[]): Steps<number> {
  const successes = histories.reduce((sum, history) => sum + history.successes, 0)
  const search = rootSearch(-10, 10)
  let step = search.next()
  while (step.done !== true) {
    let expected = 0
    for (const [i, { attempts, odds }] of histories.entries()) {
      expected += attempts * expit(odds + step.value)
      if ((i + 1) % EXPECTED_AT_ONCE === 0) yield
    }
    step = search.next(expected - successes)
  }
  return step.value
}

/** Keys of which expected successes are summed up between two pauses. */
const EXPECTED_AT_ONCE = 1000

function logit(rate: number): number {
  return Math.log(rate / (1 - rate))
}

function expit(odds: number): number {
  return 1 / (1 + Math.exp(-odds))
}
