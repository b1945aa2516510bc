/** Whether the success rate of a key has left what it was: the last 100 attempts against those before them. */

import { countsOf } from './groups.ts'
import type { KeySummary } from './ports.ts'
import { recentOutcomes } from './recent.ts'
import type { Counts } from './statistics/counts.ts'
import {
  baselineRate,
  type Drift,
  type DriftState,
  driftOf,
  driftStep,
  driftStepper,
  driftThreshold,
  NO_DRIFT,
} from './statistics/drift.ts'
import { successes, totalAttempts } from './summary.ts'

/** A rate learned from fewer attempts than this is no baseline. */
const MIN_BASELINE = 30
/** Of an agent over all its keys, at the most. */
const WATCHED_OF_AGENT = 200
const NOTHING: Counts = { successes: 0, attempts: 0 }

/**
 * What the last attempts of a key say against a baseline learned from all before them (of a key with few attempts: from the first half of
 * what is held). `keys` are watched together: the more, the more it takes, so that all of them raise one false alarm in about
 * 2,000 attempts. Null where there are too few attempts for a baseline. The summary must be of the key's whole life.
 */
export function watchKey(one: KeySummary, keys: number): Drift | null {
  const state = stateOfKey(one, keys)
  return state && driftOf(state, driftThreshold(keys))
}

/** How near a key is to an alarm for having got worse: 1 and above is one. Undefined where that cannot be said. */
export function declineOf(one: KeySummary, keys: number): number | undefined {
  const state = stateOfKey(one, keys)
  return state === null ? undefined : state.down / driftThreshold(keys)
}

function stateOfKey({ summary, recent }: KeySummary, keys: number): DriftState | null {
  const outcomes = [...recentOutcomes(recent)].map(({ success }) => success)
  const older = totalAttempts(summary) - outcomes.length
  const learned = older >= MIN_BASELINE ? 0 : Math.max(MIN_BASELINE - older, Math.floor(outcomes.length / 2))
  const watched = outcomes.slice(learned)
  if (watched.length === 0) return null
  const good = watched.filter(Boolean).length
  const baseline = { successes: successes(summary) - good, attempts: totalAttempts(summary) - watched.length }
  const expected = baselineRate(baseline, baseline)
  return watched.reduce(driftStepper(expected, driftThreshold(keys)), NO_DRIFT)
}

/**
 * The same over several keys of one agent, each attempt against what its issue type predicts: a harder mix of issues is no decline. `all`
 * are the summaries of every agent, from which the rate of an issue type is taken where the agent has few attempts of its own.
 */
export function watchAgent(own: readonly KeySummary[], all: readonly KeySummary[], watched: number): Drift | null {
  const held = own.flatMap(one => [...recentOutcomes(one.recent)].map(outcome => ({ ...outcome, one })))
  held.sort((a, b) => a.ms - b.ms)
  const attempts = own.reduce((sum, { summary }) => sum + totalAttempts(summary), 0)
  const last = held.slice(-Math.min(WATCHED_OF_AGENT, Math.floor(attempts / 2)))
  if (attempts - last.length < MIN_BASELINE) return null
  const expected = expectations(own, all, last)
  const threshold = driftThreshold(watched)
  const state = last.reduce((so, { success, one }) => driftStep(so, success, expected.get(one)!, threshold), NO_DRIFT)
  return driftOf(state, threshold)
}

/** The rate each key was expected to go on with: its own before the watched attempts, drawn to that of its issue type. */
function expectations(
  own: readonly KeySummary[],
  all: readonly KeySummary[],
  watched: readonly { readonly success: boolean; readonly one: KeySummary }[],
): ReadonlyMap<KeySummary, number> {
  const later = new Map<KeySummary, { successes: number; attempts: number }>()
  for (const { success, one } of watched) {
    const counts = later.get(one) ?? { successes: 0, attempts: 0 }
    later.set(one, { successes: counts.successes + (success ? 1 : 0), attempts: counts.attempts + 1 })
  }
  const less = (whole: Counts, part: Counts): Counts => ({
    successes: whole.successes - part.successes,
    attempts: whole.attempts - part.attempts,
  })
  const issues = new Map<string, Counts>()
  for (const one of all) {
    const known = issues.get(one.key.issue_type) ?? NOTHING
    const earlier = less(countsOf(one.summary), later.get(one) ?? NOTHING)
    issues.set(one.key.issue_type, {
      successes: known.successes + earlier.successes,
      attempts: known.attempts + earlier.attempts,
    })
  }
  const expect = (one: KeySummary): number =>
    baselineRate(less(countsOf(one.summary), later.get(one) ?? NOTHING), issues.get(one.key.issue_type) ?? NOTHING)
  return new Map(own.map(one => [one, expect(one)]))
}
