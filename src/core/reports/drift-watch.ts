/** Drift of the success rate of a key or an agent: its attempts in the order of their own time, given to the drift detector. */

import { isOlderFull } from '../aggregate/older-outcomes.ts'
import { forEachOutcome, latestHeldMs, meanDisplacement, oldestHeldMs, outcomeCounts } from '../aggregate/recent.ts'
import { span, totalAttempts } from '../aggregate/summary.ts'
import type { KeySummary, TimeRange } from '../ports.ts'
import type { Counts, MutableCounts } from '../statistics/counts.ts'
import {
  createDriftDetector,
  createStratum,
  type Drift,
  type DriftDetector,
  MIN_BASELINE,
  type Stratum,
} from '../statistics/drift.ts'
import { driftThreshold, lateDiscount } from '../statistics/drift-threshold.ts'
import { forEachKey, runToCompletion, type Steps } from '../steps.ts'
import { countsOf } from './groups.ts'

/** Minimum number of attempts: a baseline, and nearly as many that are tested. */
const MIN_ATTEMPTS = 2 * MIN_BASELINE - 1
/** Keys whose attempts are read between two yields. */
export const KEYS_READ_PER_STEP = 10
/** Maximum number of entries of an agent, held attempts or blocks of older ones, that are tested. Those before them are baseline. */
export const MAX_AGENT_ENTRIES = 1000
/** Entries tested between two yields. */
export const ENTRIES_PER_STEP = 500

const WHOLE_LIFE: TimeRange = { sinceMs: Number.NEGATIVE_INFINITY, untilMs: Number.POSITIVE_INFINITY }

/** True if a key has enough attempts for a result. */
export const isMonitored = ({ summary }: KeySummary): boolean => totalAttempts(summary) >= MIN_ATTEMPTS

/**
 * The drift of a key. It covers up to about 1,000 of its last attempts; the first of them are learned as the baseline. `keys` is the
 * number of monitored keys, which raises the threshold. Null with fewer than 59 attempts, or if no attempt of the range is among the
 * last 100. The summary must cover the key's whole lifetime. With a `range`, the result is as of the end of the range, and
 * only attempts in the range are tested: those before it are baseline.
 */
export function watchKey(entry: KeySummary, keys: number, range?: TimeRange): Drift | null {
  return detectKey(entry, keys, range)?.drift() ?? null
}

/** {@link watchKey}, as a detector that can be asked with the common threshold of several keys. */
export function detectKey(entry: KeySummary, keys: number, range: TimeRange = WHOLE_LIFE): DriftDetector | null {
  // Most keys have few attempts if there are many keys. Skips reading the attempts of those.
  if (!isMonitored(entry) || !isHeldIn(entry, range)) return null
  const unordered = unorderedCounts(entry)
  const detector = createDriftDetector(driftThreshold(keys), lateDiscount(meanDisplacement(entry.recent)))
  const stratum = createStratum(unordered.successes, unordered.attempts)
  let total = unordered.attempts
  let isInRange = false
  const untilMs = Math.min(range.untilMs, judgedUntilMs(entry))
  forEachOutcome(entry.recent, (ms, successes, attempts) => {
    if (ms >= untilMs) return
    if (!isInRange && ms >= range.sinceMs) {
      isInRange = true
      detector.restart()
    }
    total += attempts
    detector.add(stratum, successes, attempts, ms)
  })
  return total < MIN_ATTEMPTS ? null : detector
}

/** Whether an attempt of the range is among the last 100. */
const isHeldIn = ({ recent }: KeySummary, { sinceMs, untilMs }: TimeRange): boolean =>
  sinceMs === Number.NEGATIVE_INFINITY || latestHeldMs(recent, untilMs) >= sinceMs

/**
 * The end of the attempts of a key that can be compared with each other, exclusive, in milliseconds since the epoch: that of its last verified
 * attempt. Outcomes of later ones may still come, and what an agent reports of them differs from what is verified of earlier ones. Infinity
 * if none of the last 100 attempts can be verified yet, as without outcomes.
 */
export function judgedUntilMs({ summary, recent }: KeySummary): number {
  const verified = summary.outcomes?.verified
  const lastMs = verified === undefined ? undefined : span(verified)?.lastMs
  return lastMs === undefined || lastMs < oldestHeldMs(recent) ? Number.POSITIVE_INFINITY : lastMs + 1
}

/**
 * Attempts whose order is not known: those of an imported file, and those that a sender counted itself. They come before
 * all others. Once blocks were dropped, they are too old for a baseline.
 */
function unorderedCounts({ summary, recent }: KeySummary): Counts {
  if (isOlderFull(recent.older)) return { successes: 0, attempts: 0 }
  const { successes, attempts } = countsOf(summary)
  const ordered = outcomeCounts(recent)
  const rest = Math.max(0, attempts - ordered.attempts)
  return { successes: Math.min(rest, Math.max(0, successes - ordered.successes)), attempts: rest }
}

/**
 * The drift of one agent over its keys `own`. Each attempt is tested against the baseline of its own key. A harder mix of issues is
 * therefore no decline, and a new issue type or model is learned before it is tested. `agents` is the number of monitored agents.
 * `range` and null are as for {@link watchKey}.
 */
export function watchAgent(own: readonly KeySummary[], agents: number, range?: TimeRange): Drift | null {
  return runToCompletion(detectAgentSteps(own, agents, range))?.drift() ?? null
}

/** Where the tested entries of some keys began when they were last read. */
export interface EntriesStart {
  /** In milliseconds since the epoch. -Infinity if there were fewer than {@link MAX_AGENT_ENTRIES}, or they were not read yet. */
  sinceMs: number
}

/**
 * {@link watchAgent} in steps, as a detector that can be asked with the common threshold of several agents. `start` is written, and only saves time:
 * entries before it are not collected, unless there are too few behind it.
 */
export function* detectAgentSteps(
  own: readonly KeySummary[],
  agents: number,
  range: TimeRange = WHOLE_LIFE,
  start: EntriesStart = { sinceMs: Number.NEGATIVE_INFINITY },
): Steps<DriftDetector | null> {
  let total = 0
  let isHeld = false
  const entries = yield* latestEntrySteps<Entry>(start, function* (latest) {
    total = 0
    yield* forEachKey(own, read, KEYS_READ_PER_STEP)
    function read(key: KeySummary): void {
      isHeld ||= isHeldIn(key, range)
      const before: MutableCounts = { ...unorderedCounts(key) }
      const entries = { before, stratum: undefined }
      const untilMs = Math.min(range.untilMs, judgedUntilMs(key))
      forEachOutcome(key.recent, (ms, successes, attempts) => {
        if (ms >= untilMs) return
        before.successes += successes
        before.attempts += attempts
        if (!latest.isTooOld(ms)) latest.add({ ms, successes, attempts, key: entries })
      })
      total += before.attempts
    }
  })
  if (!isHeld || total < MIN_ATTEMPTS) return null
  return yield* detectEntries(entries, driftThreshold(agents), range.sinceMs)
}

/** The latest {@link MAX_AGENT_ENTRIES} entries that `read` adds, oldest first. It is called again if there are too few from `start` on. */
export function* latestEntrySteps<T extends { readonly ms: number }>(
  start: EntriesStart,
  read: (latest: LatestBuffer<T>) => Steps<void>,
): Steps<readonly T[]> {
  let latest = createLatestBuffer<T>(MAX_AGENT_ENTRIES, start.sinceMs)
  yield* read(latest)
  if (start.sinceMs > Number.NEGATIVE_INFINITY && latest.inOrder().length < MAX_AGENT_ENTRIES) {
    latest = createLatestBuffer<T>(MAX_AGENT_ENTRIES)
    yield* read(latest)
  }
  const entries = latest.inOrder()
  start.sinceMs = entries.length < MAX_AGENT_ENTRIES ? Number.NEGATIVE_INFINITY : entries[0]!.ms
  return entries
}

/** One key of an agent: the counts before the tested entries, and its stratum. */
interface AgentKey {
  readonly before: MutableCounts
  stratum: Stratum | undefined
}

interface Entry extends Counts {
  readonly ms: number
  readonly key: AgentKey
}

function* detectEntries(entries: readonly Entry[], threshold: number, sinceMs: number): Steps<DriftDetector> {
  for (const { key, successes, attempts } of entries) {
    key.before.successes -= successes
    key.before.attempts -= attempts
  }
  const detector = createDriftDetector(threshold)
  let isInRange = false
  for (const [i, { ms, key, successes, attempts }] of entries.entries()) {
    if (!isInRange && ms >= sinceMs) {
      isInRange = true
      detector.restart()
    }
    key.stratum ??= createStratum(key.before.successes, key.before.attempts)
    detector.add(key.stratum, successes, attempts, ms)
    if ((i + 1) % ENTRIES_PER_STEP === 0) yield
  }
  return detector
}

export interface LatestBuffer<T> {
  /** Whether an item of this time would not be kept. To be asked before it is created: most items of many keys are too old. */
  isTooOld(ms: number): boolean
  add(item: T): void
  /** Oldest first. Items of the same time stay in the order added. */
  inOrder(): readonly T[]
}

/** A bounded buffer of the latest `capacity` items from `sinceMs` on, by time. An agent may have 100,000 attempts in memory. */
export function createLatestBuffer<T extends { readonly ms: number }>(
  capacity: number,
  sinceMs: number = Number.NEGATIVE_INFINITY,
): LatestBuffer<T> {
  let items: T[] = []
  let oldestMs = sinceMs
  function inOrder(): readonly T[] {
    items = items.sort((a, b) => a.ms - b.ms).slice(-capacity)
    if (items.length === capacity) oldestMs = items[0]!.ms
    return items
  }
  return {
    isTooOld: ms => ms < oldestMs,
    add(item) {
      if (item.ms < oldestMs) return
      items.push(item)
      if (items.length >= 2 * capacity) inOrder()
    },
    inOrder,
  }
}
