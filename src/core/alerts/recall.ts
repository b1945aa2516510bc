/**
 * What earlier evaluations computed about keys and agents. An evaluation computes again only what changed since. Without it, an evaluation at
 * 10,000 keys reads a million attempts four times: see `alerts at 10,000 keys` of bench/rows.
 */
import type { KeySummary } from '../ports.ts'
import type { EntriesStart } from '../reports/drift-watch.ts'
import type { Shortfall } from '../statistics/shortfall.ts'
import type { Steps } from '../steps.ts'

/** All numbers that a result depends on. NaN for one that is not known: it equals no other. */
export type Basis = readonly number[]

export interface Recalled<T> {
  readonly basis: Basis
  readonly value: T
}

/** Results by what they are about. */
export type Recalls<Of, T> = Map<Of, Recalled<T>>

/** The counts of a key in one period, and its costs in US dollars that are known. */
export interface PeriodCosts {
  readonly successes: number
  readonly attempts: number
  readonly known: number
  readonly usd: number
}

/** The costs of a key in two periods that follow each other. */
export interface KeyCosts {
  readonly before: PeriodCosts
  readonly after: PeriodCosts
}

/** The results of earlier evaluations of one list of keys. */
export interface Recall {
  /** The drift statistics of keys. Null if there are too few attempts. */
  readonly keyDrifts: Recalls<KeySummary, number | null>
  /** The drift statistics of agents, by name. */
  readonly agentDrifts: Recalls<string, number | null>
  readonly overconfidence: Recalls<string, Shortfall>
  /** By the labels of the target. */
  readonly targets: Recalls<string, Shortfall>
  readonly keyCosts: Recalls<KeySummary, KeyCosts>
  /** Where the entries that were tested begin, by rule and name. */
  readonly starts: Map<string, EntriesStart>
}

/** A list is replaced when its store is reset. What was computed about it is collected with it. */
const recalls = new WeakMap<readonly KeySummary[], Recall>()

export function recallOf(keys: readonly KeySummary[]): Recall {
  let recall = recalls.get(keys)
  if (recall === undefined) {
    recall = {
      keyDrifts: new Map(),
      agentDrifts: new Map(),
      overconfidence: new Map(),
      targets: new Map(),
      keyCosts: new Map(),
      starts: new Map(),
    }
    recalls.set(keys, recall)
  }
  return recall
}

/** The result of an earlier evaluation if its basis is the same, else a new one. Read the basis before: a change meanwhile is computed next time. */
export function recalled<Of, T>(known: Recalls<Of, T>, of: Of, basis: Basis, compute: () => T): T {
  const before = known.get(of)
  if (before !== undefined && isSame(before.basis, basis)) return before.value
  const value = compute()
  known.set(of, { basis, value })
  return value
}

/** {@link recalled} for a computation in steps. */
export function* recalledSteps<Of, T>(known: Recalls<Of, T>, of: Of, basis: Basis, compute: () => Steps<T>): Steps<T> {
  const before = known.get(of)
  if (before !== undefined && isSame(before.basis, basis)) return before.value
  const value = yield* compute()
  known.set(of, { basis, value })
  return value
}

/** Whether an earlier evaluation has a result of this basis. */
export function isRecalled<Of>(known: Recalls<Of, unknown>, of: Of, basis: Basis): boolean {
  const before = known.get(of)
  return before !== undefined && isSame(before.basis, basis)
}

function isSame(one: Basis, other: Basis): boolean {
  for (let i = 0; i < other.length; i++) if (one[i] !== other[i]) return false
  return one.length === other.length
}

/**
 * A number of tests, rounded up to two significant digits. Thresholds grow with the number of tests: with the exact number, one key more would change
 * the statistics of all keys. A threshold is at most ln 1.1 = 0.1 higher for it.
 */
export function roundedTests(tests: number): number {
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(Math.max(1, tests))) - 1)
  return Math.ceil(tests / unit) * unit
}

/** Where the tested entries of a rule about a name begin. */
export function startOf({ starts }: Recall, name: string): EntriesStart {
  let start = starts.get(name)
  if (start === undefined) {
    start = { sinceMs: Number.NEGATIVE_INFINITY }
    starts.set(name, start)
  }
  return start
}
