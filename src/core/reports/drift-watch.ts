/** Drift of the success rate of a key or an agent: a CUSUM of its last attempts against a baseline from those before. */

import { recentCount, recentOutcomes } from '../aggregate/recent.ts'
import { totalAttempts } from '../aggregate/summary.ts'
import type { KeySummary, TimeRange } from '../ports.ts'
import { type Counts, type MutableCounts, shrunkRate, subtractCounts } from '../statistics/counts.ts'
import {
  baselineRate,
  baselineStandardError,
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

/** Minimum number of attempts of a baseline. */
const MIN_BASELINE = 30
/** Keys of an agent whose attempts are read between two yields. */
const KEYS_READ_PER_STEP = 10
/** Maximum number of an agent's attempts, over all its keys, that the CUSUM covers. */
const MAX_AGENT_ATTEMPTS = 200

/**
 * The drift of a key. The CUSUM covers its last attempts: at most the 100 in memory, and at most half of all. All attempts
 * before them are the baseline. `keys` is the number of monitored keys. It raises the threshold, so that all keys together
 * raise at most one false alarm in 2,000 attempts of each. Null if the baseline has fewer than 30 attempts, or if no
 * attempt of the range is in memory. The summary must cover the key's whole lifetime. With a `range`, the result is as of
 * the end of the range, and the CUSUM covers only attempts in the range.
 */
export function watchKey(entry: KeySummary, keys: number, range?: TimeRange): Drift | null {
  const state = stateOfKey(entry, keys, range)
  return state && driftOf(state, driftThreshold(keys))
}

/** The downward drift statistic of a key divided by its threshold. 1 or more is an alarm. Undefined without a baseline. */
export function declineOf(entry: KeySummary, keys: number): number | undefined {
  // Runs for every key at every scrape. Returns early without reading attempts if there can be no baseline.
  const attempts = totalAttempts(entry.summary)
  if (attempts - Math.min(recentCount(entry.recent), Math.floor(attempts / 2)) < MIN_BASELINE) return undefined
  const state = stateOfKey(entry, keys)
  return state === null ? undefined : state.down / driftThreshold(keys)
}

function stateOfKey(entry: KeySummary, keys: number, range?: TimeRange): DriftState | null {
  // Skips reading the attempts of a key that cannot have a baseline, as most keys do if there are many.
  if (totalAttempts(entry.summary) < MIN_BASELINE) return null
  const { total, inRange } = historyOf(entry, range)
  const monitored = lastAttempts(inRange, Number.POSITIVE_INFINITY, total.attempts)
  const baseline = subtractCounts(total, countOf(monitored))
  if (monitored.length === 0 || baseline.attempts < MIN_BASELINE) return null
  const expected = baselineRate(baseline, shrunkRate(baseline))
  const step = driftStepper(expected, driftThreshold(keys), baselineStandardError(baseline.attempts))
  return monitored.reduce((state, { success }) => step(state, success), NO_DRIFT)
}

/**
 * The drift of one agent over its keys `own`, with at most its last 200 attempts. Each attempt is compared with the rate
 * expected of this agent at its issue type. A harder mix of issues is therefore no decline, and neither is an agent that
 * was always worse than others. `all` are the keys of every agent, from which the difficulty of issue types is estimated.
 * `agents` is the number of monitored agents. `range` and null are as for {@link watchKey}.
 */
export function watchAgent(
  own: readonly KeySummary[],
  all: readonly KeySummary[],
  agents: number,
  range?: TimeRange,
): Drift | null {
  return runToCompletion(watchAgentSteps(own, runToCompletion(difficultySteps(all)), agents, range))
}

/** {@link watchAgent} in steps. Takes the difficulty, so that a caller with many agents computes it once. */
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
  const histories: AgentKeyHistory[] = []
  const latest = createLatestBuffer<AgentAttemptOutcome>(MAX_AGENT_ATTEMPTS)
  function read(entry: KeySummary): void {
    const { total, inRange } = historyOf(entry, range)
    const history = { entry, total, monitored: { successes: 0, attempts: 0 } }
    histories.push(history)
    for (const { ms, success } of inRange) latest.add({ ms, success, history })
  }
  yield* forEachKey(own, read, KEYS_READ_PER_STEP)
  return yield* driftOfAgent(histories, latest.inOrder(), difficulty, driftThreshold(agents))
}

function* driftOfAgent(
  histories: readonly AgentKeyHistory[],
  latest: readonly AgentAttemptOutcome[],
  difficulty: Difficulty,
  threshold: number,
): Steps<Drift | null> {
  const total = histories.reduce((sum, history) => sum + history.total.attempts, 0)
  const monitored = lastAttempts(latest, MAX_AGENT_ATTEMPTS, total)
  const baselineAttempts = total - monitored.length
  if (monitored.length === 0 || baselineAttempts < MIN_BASELINE) return null
  for (const { success, history } of monitored) {
    history.monitored.attempts++
    if (success) history.monitored.successes++
  }
  const baselines = histories.map(({ entry, total, monitored }) => ({ entry, ...subtractCounts(total, monitored) }))
  const expected = yield* expectationSteps(baselines, difficulty)
  const standardError = baselineStandardError(baselineAttempts)
  const step = (state: DriftState, { success, history }: AgentAttemptOutcome): DriftState =>
    driftStep(state, success, expected.get(history.entry)!, threshold, standardError)
  return driftOf(monitored.reduce(step, NO_DRIFT), threshold)
}

/** One key of the agent: its counts up to the end of the range, and how many of them the CUSUM covers. */
interface AgentKeyHistory {
  readonly entry: KeySummary
  readonly total: Counts
  readonly monitored: MutableCounts
}

interface AgentAttemptOutcome extends Outcome {
  readonly history: AgentKeyHistory
}

interface LatestBuffer<T> {
  add(item: T): void
  /** Oldest first. Items of the same time stay in the order added. */
  inOrder(): readonly T[]
}

/** A bounded buffer of the latest `capacity` items by time. An agent may have 100,000 attempts in memory. */
function createLatestBuffer<T extends { readonly ms: number }>(capacity: number): LatestBuffer<T> {
  let items: T[] = []
  let oldestMs = Number.NEGATIVE_INFINITY
  function inOrder(): readonly T[] {
    items = items.sort(byTime).slice(-capacity)
    if (items.length === capacity) oldestMs = items[0]!.ms
    return items
  }
  return {
    add(item) {
      if (item.ms < oldestMs) return
      items.push(item)
      if (items.length >= 2 * capacity) inOrder()
    },
    inOrder,
  }
}

interface Outcome {
  readonly ms: number
  readonly success: boolean
}

/** The counts of a key up to the end of the range, and the outcomes of its recent attempts in the range, oldest first. */
function historyOf(
  { summary, recent }: KeySummary,
  range?: TimeRange,
): { readonly total: Counts; readonly inRange: readonly Outcome[] } {
  const outcomes = recentOutcomes(recent)
  const total = countsOf(summary)
  if (range === undefined) return { total, inRange: outcomes }
  const inRange = outcomes.filter(({ ms }) => range.sinceMs <= ms && ms < range.untilMs)
  const later = outcomes.filter(({ ms }) => ms >= range.untilMs)
  return { total: subtractCounts(total, countOf(later)), inRange }
}

/** The last `max` attempts, but at most half of `total`. The other half is for the baseline. */
function lastAttempts<T>(attempts: readonly T[], max: number, total: number): readonly T[] {
  return attempts.slice(Math.max(0, attempts.length - Math.min(max, Math.floor(total / 2))))
}

function byTime(a: { readonly ms: number }, b: { readonly ms: number }): number {
  return a.ms - b.ms
}

function countOf(outcomes: readonly Outcome[]): Counts {
  return { successes: outcomes.filter(({ success }) => success).length, attempts: outcomes.length }
}
