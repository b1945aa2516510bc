/** What is to be expected of an agent at each of its keys: neither harder issues nor a weaker agent are a drift. */

import { countsOf } from './groups.ts'
import type { KeySummary } from './ports.ts'
import { type Counts, less, type MutableCounts, shrunkRate } from './statistics/counts.ts'
import { baselineRate } from './statistics/drift.ts'
import { findRoot } from './statistics/root.ts'
import { forEachKey, type Steps } from './steps.ts'

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

/** The rate each key was expected to go on with: its own so far, drawn to that of this agent at its issue type. */
export function expectations(histories: readonly History[], difficulty: Difficulty): ReadonlyMap<KeySummary, number> {
  const issues = issuesAsOf(histories, difficulty)
  const withOdds = histories.map(history => {
    const { successes, attempts, one } = history
    return { one, successes, attempts, odds: logit(shrunkRate(issues.get(one.key.issue_type) ?? NOTHING)) }
  })
  const ability = abilityOf(withOdds)
  return new Map(withOdds.map(history => [history.one, baselineRate(history, expit(history.odds + ability))]))
}

/** The counts of the histories' issue types, with the histories in place of all that is counted of their keys. */
function issuesAsOf(histories: readonly History[], { issues, parts }: Difficulty): ReadonlyMap<string, Counts> {
  const asOf = new Map<string, Counts>()
  for (const history of histories) {
    const { issue_type } = history.one.key
    const all = asOf.get(issue_type) ?? issues.get(issue_type)
    const part = parts.get(history.one)
    if (all !== undefined && part !== undefined) asOf.set(issue_type, less(all, less(part, history)))
  }
  return asOf
}

/**
 * By how much the agent's odds of success are above those of all agents, as a logarithm: that which makes its expected
 * successes as many as it had. Source: the model of G. Rasch (1960), with the difficulty of the issue types given.
 */
function abilityOf(histories: readonly (Counts & { readonly odds: number })[]): number {
  const successes = histories.reduce((sum, history) => sum + history.successes, 0)
  const expected = (ability: number): number =>
    histories.reduce((sum, { attempts, odds }) => sum + attempts * expit(odds + ability), 0)
  return findRoot(ability => expected(ability) - successes, -10, 10)
}

function logit(rate: number): number {
  return Math.log(rate / (1 - rate))
}

function expit(odds: number): number {
  return 1 / (1 + Math.exp(-odds))
}
