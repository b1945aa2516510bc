/** The agents that rules watch, and their latest attempts in the order of time. */
import { forEachConfidence, forEachOutcome } from '../aggregate/recent.ts'
import { recordedSpan } from '../aggregate/summary.ts'
import { OVERFLOW_KEY } from '../aggregate/tally.ts'
import type { KeySummary } from '../ports.ts'
import { type EntriesStart, judgedUntilMs, KEYS_READ_PER_STEP, latestEntrySteps } from '../reports/drift-watch.ts'
import { groupSteps } from '../reports/groups.ts'
import type { Counts, MutableCounts } from '../statistics/counts.ts'
import { forEachKey, type Steps } from '../steps.ts'
import { STALE_DAYS } from './rules.ts'

export const DAY_MS = 86_400_000

/** An agent and its keys with attempts in the last days. */
export interface WatchedAgent {
  readonly name: string
  readonly keys: readonly KeySummary[]
  /** The times of its first and its last attempt, pending ones included, in milliseconds since the epoch. */
  readonly firstMs: number
  readonly lastMs: number
  /** A number that increases whenever one of all its keys changes. NaN if the store tells no changes. */
  readonly changes: number
}

/** Whether an agent or experiment made an attempt in the last {@link STALE_DAYS} days. Otherwise its alerts end. */
export const isCurrent = (lastMs: number, nowMs: number): boolean => nowMs - lastMs < STALE_DAYS * DAY_MS

/** The agents with an attempt in the last days. Leaves out the overflow key, which mixes the attempts of many agents. */
export function* watchedAgentSteps(keys: readonly KeySummary[], nowMs: number): Steps<readonly WatchedAgent[]> {
  const { all } = yield* groupSteps(keys, 'agent_name')
  const agents: WatchedAgent[] = []
  for (const { name, keys: own } of all) {
    if (name === OVERFLOW_KEY.agent_name) continue
    const current: KeySummary[] = []
    let changes = 0
    let [firstMs, lastMs] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
    yield* forEachKey(own, entry => {
      changes += entry.changes ?? Number.NaN
      const times = recordedSpan(entry.summary)
      if (times === undefined) return
      firstMs = Math.min(firstMs, times.firstMs)
      lastMs = Math.max(lastMs, times.lastMs)
      if (isCurrent(times.lastMs, nowMs)) current.push(entry)
    })
    if (current.length > 0) agents.push({ name, keys: current, firstMs, lastMs, changes })
    if (agents.length % 100 === 0) yield
  }
  return agents
}

/** Counts of attempts at one time: of a single attempt, or of a block of older ones. */
export interface Outcomes extends Counts {
  readonly ms: number
}

/** The latest outcomes of some keys, in the order of their time. `start` is as for {@link latestEntrySteps}. */
export function* latestOutcomeSteps(keys: readonly KeySummary[], start: EntriesStart): Steps<readonly Outcomes[]> {
  return yield* latestEntrySteps<Outcomes>(start, function* (latest) {
    yield* forEachKey(keys, read, KEYS_READ_PER_STEP)
    function read(key: KeySummary): void {
      const untilMs = judgedUntilMs(key)
      forEachOutcome(key.recent, (ms, successes, attempts) => {
        if (ms < untilMs && !latest.isTooOld(ms)) latest.add({ ms, successes, attempts })
      })
    }
  })
}

/** An attempt that stated a confidence. */
export interface ConfidentOutcome {
  readonly ms: number
  readonly confidence: number
  readonly success: boolean
}

/**
 * The latest attempts of some keys that stated a confidence, in the order of their time: at most the last 100 of each key. `start` is as for
 * {@link latestEntrySteps}.
 */
export function* latestConfidenceSteps(
  keys: readonly KeySummary[],
  start: EntriesStart,
): Steps<readonly ConfidentOutcome[]> {
  return yield* latestEntrySteps<ConfidentOutcome>(start, function* (latest) {
    yield* forEachKey(keys, read, KEYS_READ_PER_STEP)
    function read(key: KeySummary): void {
      const untilMs = judgedUntilMs(key)
      forEachConfidence(key.recent, (ms, confidence, success) => {
        if (ms < untilMs && !latest.isTooOld(ms)) latest.add({ ms, confidence, success })
      })
    }
  })
}

/** The attempts of some keys from `sinceMs` on, as far as they are held. */
export function* countsSinceSteps(keys: readonly KeySummary[], sinceMs: number): Steps<Counts> {
  const counts: MutableCounts = { successes: 0, attempts: 0 }
  function read(key: KeySummary): void {
    const untilMs = judgedUntilMs(key)
    forEachOutcome(key.recent, (ms, successes, attempts) => {
      if (ms < sinceMs || ms >= untilMs) return
      counts.successes += successes
      counts.attempts += attempts
    })
  }
  yield* forEachKey(keys, read, KEYS_READ_PER_STEP)
  return counts
}
