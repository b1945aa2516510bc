/** Whether the success rate of a key or an agent has left what it was: its last attempts against those before them. */

import { countsOf } from './groups.ts'
import type { KeySummary, TimeRange } from './ports.ts'
import { recentOutcomes } from './recent.ts'
import { type Counts, shrunkRate } from './statistics/counts.ts'
import {
  baselineRate,
  caution,
  type Drift,
  type DriftState,
  driftOf,
  driftStep,
  driftStepper,
  driftThreshold,
  NO_DRIFT,
} from './statistics/drift.ts'
import { findRoot } from './statistics/root.ts'

/** A rate learned from fewer attempts than this is no baseline. */
const MIN_BASELINE = 30
/** Of an agent over all its keys, at the most. */
const WATCHED_OF_AGENT = 200
const NOTHING: Counts = { successes: 0, attempts: 0 }

/**
 * What the last attempts of a key, at most the 100 that are held and at most half of all, say against a baseline learned
 * from all before them. `keys` are watched together: the more, the more it takes, so that all of them together raise one
 * false alarm in 2,000 attempts of each, or more. Null below 30 attempts for a baseline, and where no attempt of the range
 * is held. The summary must be of the key's whole life; with a `range` it is seen as at the range's end, and only its
 * attempts are watched.
 */
export function watchKey(one: KeySummary, keys: number, range?: TimeRange): Drift | null {
  const state = stateOfKey(one, keys, range)
  return state && driftOf(state, driftThreshold(keys))
}

/** How near a key is to an alarm for having got worse: 1 and above is one. Undefined where that cannot be said. */
export function declineOf(one: KeySummary, keys: number): number | undefined {
  const state = stateOfKey(one, keys)
  return state === null ? undefined : state.down / driftThreshold(keys)
}

function stateOfKey(one: KeySummary, keys: number, range?: TimeRange): DriftState | null {
  const { known, asked } = pastOf(one, range)
  const watched = last(asked, Number.POSITIVE_INFINITY, known.attempts)
  const baseline = less(known, countOf(watched))
  if (watched.length === 0 || baseline.attempts < MIN_BASELINE) return null
  const expected = baselineRate(baseline, shrunkRate(baseline))
  const step = driftStepper(expected, driftThreshold(keys), caution(baseline.attempts))
  return watched.reduce((state, { success }) => step(state, success), NO_DRIFT)
}

/**
 * The same over several keys of one agent, at most its last 200 attempts, each against what is to be expected of this
 * agent at its issue type: neither a harder mix of issues nor an agent that is always worse than others is a decline.
 * `all` are the keys of every agent: from them it is known how hard an issue type is.
 */
export function watchAgent(
  own: readonly KeySummary[],
  all: readonly KeySummary[],
  agents: number,
  range?: TimeRange,
): Drift | null {
  const pasts = own.map(one => ({ one, ...pastOf(one, range) }))
  const known = pasts.reduce((sum, past) => sum + past.known.attempts, 0)
  const asked = pasts.flatMap(past => past.asked.map(outcome => ({ ...outcome, past })))
  const watched = last(asked.sort(byTime), WATCHED_OF_AGENT, known)
  const learned = known - watched.length
  if (watched.length === 0 || learned < MIN_BASELINE) return null
  const histories = pasts.map(({ one, known }) => {
    const later = watched.filter(({ past }) => past.one === one)
    return { one, ...less(known, countOf(later)) }
  })
  const expected = expectations(histories, all)
  const threshold = driftThreshold(agents)
  const step = (state: DriftState, { success, past }: (typeof watched)[number]): DriftState =>
    driftStep(state, success, expected.get(past.one)!, threshold, caution(learned))
  return driftOf(watched.reduce(step, NO_DRIFT), threshold)
}

interface Outcome {
  readonly ms: number
  readonly success: boolean
}

/** All counts of a key up to the end of the range, and those of its attempts in the range that are held one by one. */
function pastOf({ summary, recent }: KeySummary, range?: TimeRange): { known: Counts; asked: readonly Outcome[] } {
  const held = inOrder(recentOutcomes(recent))
  const known = countsOf(summary)
  if (range === undefined) return { known, asked: held }
  const asked = held.filter(({ ms }) => range.sinceMs <= ms && ms < range.untilMs)
  return { known: less(known, countOf(held.filter(({ ms }) => ms >= range.untilMs))), asked }
}

/** At most `most` attempts, and at most half of all there are: the other half is for the baseline. */
function last<T>(asked: readonly T[], most: number, known: number): readonly T[] {
  return asked.slice(Math.max(0, asked.length - Math.min(most, Math.floor(known / 2))))
}

/** Nearly always they are: a scrape asks for those of every key. */
function inOrder(outcomes: readonly Outcome[]): readonly Outcome[] {
  for (let i = 1; i < outcomes.length; i++)
    if (byTime(outcomes[i - 1]!, outcomes[i]!) > 0) return outcomes.toSorted(byTime)
  return outcomes
}

function byTime(a: Outcome, b: Outcome): number {
  return a.ms - b.ms
}

function countOf(outcomes: readonly Outcome[]): Counts {
  return { successes: outcomes.filter(({ success }) => success).length, attempts: outcomes.length }
}

function less(whole: Counts, part: Counts): Counts {
  return { successes: whole.successes - part.successes, attempts: whole.attempts - part.attempts }
}

interface History extends Counts {
  readonly one: KeySummary
}

/** The rate each key was expected to go on with: its own so far, drawn to that of this agent at its issue type. */
function expectations(histories: readonly History[], all: readonly KeySummary[]): ReadonlyMap<KeySummary, number> {
  const issues = new Map<string, Counts>()
  const watched = new Map(histories.map(history => [history.one, history]))
  for (const one of all) {
    const sum = issues.get(one.key.issue_type) ?? NOTHING
    const { successes, attempts } = watched.get(one) ?? countsOf(one.summary)
    issues.set(one.key.issue_type, { successes: sum.successes + successes, attempts: sum.attempts + attempts })
  }
  const oddsOf = ({ key }: KeySummary): number => logit(shrunkRate(issues.get(key.issue_type) ?? NOTHING))
  const ability = abilityOf(histories.map(history => ({ ...history, odds: oddsOf(history.one) })))
  return new Map(histories.map(h => [h.one, baselineRate(h, expit(oddsOf(h.one) + ability))]))
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
