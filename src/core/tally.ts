/**
 * All summaries in memory: by key over its whole life and in tiers of time, and by arm of an experiment. Keys are bounded; what
 * comes beyond the bound counts under a named overflow key, so that totals stay right.
 */
import type { AgentAttempt, AttemptKey } from './attempt.ts'
import { NO_TIERS, SHARED, type TimeTiersState } from './buckets.ts'
import { KeyRecord } from './key-record.ts'
import { type PackedRows, unpackRow } from './packed-rows.ts'
import type { ArmSummary, KeyFilter, KeySummary, TimeRange } from './ports.ts'
import { addRecent, createRecent, createRecentRooms, type Recent } from './recent.ts'
import type { Increment } from './series.ts'
import {
  addAttempt,
  addCounted,
  createSummary,
  createSummaryRooms,
  mergeInto,
  SUMMARY_WIDTH,
  type Summary,
  totalAttempts,
} from './summary.ts'
import { createTimeTiers, type TierOptions, type TimeTiers } from './time-tiers.ts'
import type { Instant } from './timestamp.ts'

const OVERFLOW = '__overflow__'

/** Where attempts of further keys are counted once the bound is reached. */
export const OVERFLOW_KEY: AttemptKey = { agent_name: OVERFLOW, model_name: OVERFLOW, issue_type: OVERFLOW }

export interface TallyOptions {
  /** Distinct keys beside the overflow key. */
  readonly maxKeys: number
  /** Distinct (experiment, variant) pairs; attempts of further ones count in everything but experiments. */
  readonly maxArms: number
  readonly tiers: readonly TierOptions[]
}

/** One key's records. */
export type KeyTally = KeyRecord

/** Keys as a checkpoint kept them. */
export interface KeptKeys {
  /** None of them twice. */
  readonly keys: readonly AttemptKey[]
  readonly recents: readonly Recent[]
  readonly packed: PackedRows
  /** Where the summary of each stands there. */
  readonly starts: ArrayLike<number>
}

export interface ArmTally extends ArmSummary, TimeTiersState {
  readonly experiment: string
}

export interface Tally {
  /** Counts one attempt that ended `at`, now being `nowMs`. The cost does not grow with the number of keys. */
  add(attempt: AgentAttempt, at: Instant, nowMs: number): void
  /** Counts what a sender counted itself. Recent attempts and arms know nothing of it. */
  count(increment: Increment, nowMs: number): void
  /** The record of a key, made where it is new and there is room; else the overflow key's. */
  open(key: AttemptKey): KeyTally
  openArm(experiment: string, variant: string): ArmTally | undefined
  /** Puts back keys as a checkpoint kept them, and copies none of it; answers the record of each, which may be the overflow key's. */
  restore(keys: KeptKeys): KeyTally[]
  /** Keys that pass the filter, in the order they first came. Live records: do not write to them. */
  keys(filter?: KeyFilter): readonly KeyTally[]
  arms(experiment?: string): readonly ArmTally[]
  /** Keys that pass the filter and have attempts in the range, one by one, so that the caller can pause between them. */
  ranged(range: TimeRange, filter: KeyFilter, nowMs: number): Generator<KeySummary>
  rangedArms(experiment: string, range: TimeRange, nowMs: number): Generator<ArmSummary>
  /** The start and resolution of the buckets that answer a range. */
  readonly times: TimeTiers
  /** Attempts that counted under the overflow key because the bound was reached. */
  overflowed(): number
  /** Puts back what {@link overflowed} said when a checkpoint was taken. */
  restoreOverflowed(attempts: number): void
  clear(): void
}

export function createTally(options: TallyOptions): Tally {
  // By model, issue type and agent, the last being those there are most of: no key has to be joined, or hashed whole, to be found.
  const byNames = new Map<string, Map<string, Map<string, KeyTally>>>()
  let latest = NO_AGENTS
  const indexes: Record<keyof AttemptKey, Map<string, KeyTally[]>> = {
    agent_name: new Map(),
    model_name: new Map(),
    issue_type: new Map(),
  }
  const arms = new Map<string, Map<string, ArmTally>>()
  const times = createTimeTiers(options.tiers)
  const rooms = createRecentRooms()
  /** Rows of keys lie side by side: questions about all keys read them in one sweep. */
  const nextRow = createSummaryRooms()
  let all: KeyTally[] = []
  let armCount = 0
  let overflowed = 0

  /** What comes together is mostly of one model and one type of issue: to see that costs less than to find them again. */
  function agentsOf({ model_name, issue_type }: AttemptKey): Map<string, KeyTally> | undefined {
    if (latest.model_name === model_name && latest.issue_type === issue_type) return latest.byAgent
    const byAgent = byNames.get(model_name)?.get(issue_type)
    if (byAgent !== undefined) latest = { model_name, issue_type, byAgent }
    return byAgent
  }

  function find(key: AttemptKey): KeyTally | undefined {
    return agentsOf(key)?.get(key.agent_name)
  }

  /** The names as other keys hold them already: each is in memory once, however many keys have it. */
  function shared(key: AttemptKey): AttemptKey {
    return {
      agent_name: indexes.agent_name.get(key.agent_name)?.[0]?.key.agent_name ?? key.agent_name,
      model_name: indexes.model_name.get(key.model_name)?.[0]?.key.model_name ?? key.model_name,
      issue_type: indexes.issue_type.get(key.issue_type)?.[0]?.key.issue_type ?? key.issue_type,
    }
  }

  function put(record: KeyTally): void {
    const { agent_name, model_name, issue_type } = record.key
    within(within(byNames, model_name), issue_type).set(agent_name, record)
    listOf(indexes.agent_name, agent_name).push(record)
    listOf(indexes.model_name, model_name).push(record)
    listOf(indexes.issue_type, issue_type).push(record)
    all.push(record)
  }

  function create(key: AttemptKey): KeyTally {
    const record = new KeyRecord(shared(key), createRecent(), createSummary(nextRow()))
    put(record)
    return record
  }

  /** Whether there is room for a new key. */
  function hasRoom(): boolean {
    return all.length < options.maxKeys || (all.length === options.maxKeys && find(OVERFLOW_KEY) !== undefined)
  }

  function open(key: AttemptKey): KeyTally {
    const known = find(key)
    if (known !== undefined) return known
    return hasRoom() || isOverflowKey(key) ? create(key) : (find(OVERFLOW_KEY) ?? create(OVERFLOW_KEY))
  }

  /** A key that there is no room for counts as another. */
  function restoreElsewhere(key: AttemptKey, kept: PackedRows, at: number): KeyTally {
    const record = open(key)
    const summary = createSummary()
    unpackRow(kept, at, SUMMARY_WIDTH, summary)
    mergeInto(record.summary, summary)
    record.asleep = SHARED
    if (!matches(record.key, key)) overflowed += totalAttempts(summary)
    return record
  }

  function openArm(experiment: string, variant: string): ArmTally | undefined {
    const variants = arms.get(experiment)
    const known = variants?.get(variant)
    if (known !== undefined) return known
    if (armCount >= options.maxArms) return undefined
    const arm: ArmTally = {
      experiment,
      variant,
      summary: createSummary(),
      awake: NO_TIERS,
      asleep: 0,
      counting: undefined,
    }
    if (variants === undefined) arms.set(experiment, new Map([[variant, arm]]))
    else variants.set(variant, arm)
    armCount++
    return arm
  }

  /** The shortest list that holds every match, and what is left to check on it. */
  function keys(filter: KeyFilter = {}): readonly KeyTally[] {
    let records: readonly KeyTally[] = all
    let names = 0
    for (const name of ['agent_name', 'model_name', 'issue_type'] as const) {
      const wanted = filter[name]
      if (wanted === undefined) continue
      names++
      const matching: readonly KeyTally[] = indexes[name].get(wanted) ?? []
      if (names === 1 || matching.length < records.length) records = matching
    }
    return names < 2 ? records : records.filter(record => matches(record.key, filter))
  }

  return {
    times,
    open,
    openArm,
    keys,
    restore({ keys, recents, packed, starts }) {
      const records: KeyTally[] = []
      const kept = { packed, room: nextRow }
      for (let i = 0; i < keys.length; i++) {
        const key = keys[i]!
        if (find(key) === undefined && (hasRoom() || isOverflowKey(key))) {
          const record = new KeyRecord(key, recents[i]!, undefined, kept, starts[i]!)
          put(record)
          records.push(record)
        } else records.push(restoreElsewhere(key, packed, starts[i]!))
      }
      return records
    },
    add(attempt, at, nowMs) {
      const record = open(attempt)
      if (record.key.agent_name === OVERFLOW && attempt.agent_name !== OVERFLOW) overflowed++
      addAttempt(record.summary, attempt, at.ms)
      addRecent(record.recent, attempt, at, rooms)
      times.add(record, attempt, at.ms, nowMs)
      record.changes++
      if (attempt.experiment === undefined || attempt.variant === undefined) return
      const arm = openArm(attempt.experiment, attempt.variant)
      if (arm === undefined) return
      addAttempt(arm.summary, attempt, at.ms)
      times.add(arm, attempt, at.ms, nowMs)
    },
    count(increment, nowMs) {
      const { key, measure, values, atMs } = increment
      const record = open(key)
      const isOverflow = record.key.agent_name === OVERFLOW && key.agent_name !== OVERFLOW
      if (isOverflow && measure.metric === 'attempts') overflowed += values[0] ?? 0
      addCounted(record.summary, measure, values, atMs)
      times.count(record, increment, nowMs)
      record.changes++
    },
    arms: experiment =>
      experiment === undefined
        ? [...arms.values()].flatMap(variants => [...variants.values()])
        : [...(arms.get(experiment)?.values() ?? [])],
    *ranged(range, filter, nowMs) {
      for (const record of keys(filter)) {
        const summary = times.summarise(record, range, nowMs)
        if (summary !== undefined && totalAttempts(summary) > 0)
          yield { key: record.key, summary, recent: record.recent }
      }
    },
    *rangedArms(experiment, range, nowMs) {
      for (const arm of arms.get(experiment)?.values() ?? []) {
        const summary = times.summarise(arm, range, nowMs)
        if (summary !== undefined && totalAttempts(summary) > 0) yield { variant: arm.variant, summary }
      }
    },
    overflowed: () => overflowed,
    restoreOverflowed(attempts) {
      overflowed = attempts
    },
    clear() {
      byNames.clear()
      latest = NO_AGENTS
      arms.clear()
      for (const index of Object.values(indexes)) index.clear()
      times.clear()
      all = []
      armCount = 0
      overflowed = 0
    },
  }
}

/** Of no key: names are never empty. */
const NO_AGENTS = { model_name: '', issue_type: '', byAgent: new Map<string, KeyTally>() }

/** The map that stands under a name, made where there is none. */
function within<T>(maps: Map<string, Map<string, T>>, name: string): Map<string, T> {
  const known = maps.get(name)
  if (known !== undefined) return known
  const made = new Map<string, T>()
  maps.set(name, made)
  return made
}

/** The keys that have a name, which may be none yet. */
function listOf(index: Map<string, KeyTally[]>, name: string): KeyTally[] {
  const known = index.get(name)
  if (known !== undefined) return known
  const made: KeyTally[] = []
  index.set(name, made)
  return made
}

function isOverflowKey({ agent_name, model_name, issue_type }: AttemptKey): boolean {
  return agent_name === OVERFLOW && model_name === OVERFLOW && issue_type === OVERFLOW
}

/** Whether a key equals every name the filter gives. */
export function matches(key: AttemptKey, filter: KeyFilter): boolean {
  return (
    (filter.agent_name === undefined || key.agent_name === filter.agent_name) &&
    (filter.model_name === undefined || key.model_name === filter.model_name) &&
    (filter.issue_type === undefined || key.issue_type === filter.issue_type)
  )
}

/** A summary and its merge of many: for totals over keys. */
export function total(summaries: readonly KeySummary[]): Summary {
  const all = createSummary()
  for (const { summary } of summaries) mergeInto(all, summary)
  return all
}
