/** Whether the success rate of a key or an agent has left what it was: its last attempts against those before them. */

import { recentCount, recentOutcomes } from '../aggregate/recent.ts'
import { totalAttempts } from '../aggregate/summary.ts'
import type { KeySummary, TimeRange } from '../ports.ts'
import { type Counts, less, type MutableCounts, shrunkRate } from '../statistics/counts.ts'
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
} from '../statistics/drift.ts'
import { forEachKey, runToCompletion, type Steps } from '../steps.ts'
import { type Difficulty, difficultySteps, expectationSteps } from './expectation.ts'
import { countsOf } from './groups.ts'

/** A rate learned from fewer attempts than this is no baseline. */
const MIN_BASELINE = 30
/** Keys of an agent whose attempts are read between two pauses. */
const READ_AT_ONCE = 10
/** Of an agent over all its keys, at the most. */
const WATCHED_OF_AGENT = 200

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
  // Asked of every key at every scrape: where nothing can be said, no attempt need be read.
  const attempts = totalAttempts(one.summary)
  if (attempts - Math.min(recentCount(one.recent), Math.floor(attempts / 2)) < MIN_BASELINE) return undefined
  const state = stateOfKey(one, keys)
  return state === null ? undefined : state.down / driftThreshold(keys)
}

function stateOfKey(one: KeySummary, keys: number, range?: TimeRange): DriftState | null {
  // Not even all its attempts together would be a baseline: most keys of many, and their attempts need not be read.
  if (totalAttempts(one.summary) < MIN_BASELINE) return null
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
  return runToCompletion(watchAgentSteps(own, runToCompletion(difficultySteps(all)), agents, range))
}

/** {@link watchAgent} in steps, for many agents of which `difficulty` is worked out once. */
export function* watchAgentSteps(
  own: readonly KeySummary[],
  difficulty: Difficulty,
  agents: number,
  range?: TimeRange,
): Steps<Drift | null> {
  let attempts = 0
  yield* forEachKey(own, ({ summary }) => {
    attempts += totalAttempts(summary)
  })
  if (attempts < MIN_BASELINE) return null
  const pasts: Past[] = []
  const latest = createLatest<Watched>(WATCHED_OF_AGENT)
  function read(one: KeySummary): void {
    const { known, asked } = pastOf(one, range)
    const past = { one, known, watched: { successes: 0, attempts: 0 } }
    pasts.push(past)
    for (const { ms, success } of asked) latest.add({ ms, success, past })
  }
  yield* forEachKey(own, read, READ_AT_ONCE)
  return yield* driftOfAgent(pasts, latest.inOrder(), difficulty, driftThreshold(agents))
}

function* driftOfAgent(
  pasts: readonly Past[],
  latest: readonly Watched[],
  difficulty: Difficulty,
  threshold: number,
): Steps<Drift | null> {
  const known = pasts.reduce((sum, past) => sum + past.known.attempts, 0)
  const watched = last(latest, WATCHED_OF_AGENT, known)
  const learned = known - watched.length
  if (watched.length === 0 || learned < MIN_BASELINE) return null
  for (const { success, past } of watched) {
    past.watched.attempts++
    if (success) past.watched.successes++
  }
  const histories = pasts.map(past => ({ one: past.one, ...less(past.known, past.watched) }))
  const expected = yield* expectationSteps(histories, difficulty)
  const step = (state: DriftState, { success, past }: Watched): DriftState =>
    driftStep(state, success, expected.get(past.one)!, threshold, caution(learned))
  return driftOf(watched.reduce(step, NO_DRIFT), threshold)
}

/** What is known of a key of the agent, and how many of its attempts are among those watched. */
interface Past {
  readonly one: KeySummary
  readonly known: Counts
  readonly watched: MutableCounts
}

/** An attempt of the agent. */
interface Watched extends Outcome {
  readonly past: Past
}

interface Latest<T> {
  add(item: T): void
  /** Oldest first; of the same time as they were added. */
  inOrder(): readonly T[]
}

/** The latest `most` of what is added. Of an agent's hundred thousand attempts nearly all are let go of again. */
function createLatest<T extends { readonly ms: number }>(most: number): Latest<T> {
  let held: T[] = []
  let oldestMs = Number.NEGATIVE_INFINITY
  function inOrder(): readonly T[] {
    held = held.sort(byTime).slice(-most)
    if (held.length === most) oldestMs = held[0]!.ms
    return held
  }
  return {
    add(item) {
      if (item.ms < oldestMs) return
      held.push(item)
      if (held.length >= 2 * most) inOrder()
    },
    inOrder,
  }
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

function byTime(a: { readonly ms: number }, b: { readonly ms: number }): number {
  return a.ms - b.ms
}

function countOf(outcomes: readonly Outcome[]): Counts {
  return { successes: outcomes.filter(({ success }) => success).length, attempts: outcomes.length }
}
