/**
 * All summaries in memory: by key over its whole life and in tiers of time, and by arm of an experiment. Keys are bounded; what
 * comes beyond the bound counts under a named overflow key, so that totals stay right.
 */
import type { AgentAttempt, AttemptKey } from './attempt.ts'
import type { ArmSummary, KeyFilter, KeySummary, TimeRange } from './ports.ts'
import { addRecent, createRecent, createRecentRooms, type Recent } from './recent.ts'
import type { Increment } from './series.ts'
import {
  addAttempt,
  addCounted,
  createSummary,
  mergeInto,
  SUMMARY_WIDTH,
  type Summary,
  totalAttempts,
} from './summary.ts'
import { createTimeTiers, type TierOptions, type TimeTiers, type TimeTiersState } from './time-tiers.ts'
import type { Instant } from './timestamp.ts'

const OVERFLOW = '__overflow__'
/** Summaries of keys for which room is made together: about 70 KB. */
const ROWS_AT_ONCE = 64

/** Where attempts of further keys are counted once the bound is reached. */
export const OVERFLOW_KEY: AttemptKey = { agent_name: OVERFLOW, model_name: OVERFLOW, issue_type: OVERFLOW }

export interface TallyOptions {
  /** Distinct keys beside the overflow key. */
  readonly maxKeys: number
  /** Distinct (experiment, variant) pairs; attempts of further ones count in everything but experiments. */
  readonly maxArms: number
  readonly tiers: readonly TierOptions[]
}

/** One key's records. `changes` rises with every attempt, so that what was made of it can be kept until then. */
export interface KeyTally extends KeySummary {
  readonly key: AttemptKey
  readonly summary: Summary
  readonly recent: Recent
  readonly tiers: TimeTiersState
  changes: number
}

export interface ArmTally extends ArmSummary {
  readonly experiment: string
  readonly tiers: TimeTiersState
}

export interface Tally {
  /** Counts one attempt that ended `at`, now being `nowMs`. The cost does not grow with the number of keys. */
  add(attempt: AgentAttempt, at: Instant, nowMs: number): void
  /** Counts what a sender counted itself. Recent attempts and arms know nothing of it. */
  count(increment: Increment, nowMs: number): void
  /** The record of a key, made where it is new and there is room; else the overflow key's. */
  open(key: AttemptKey): KeyTally
  openArm(experiment: string, variant: string): ArmTally | undefined
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
  const indexes = { agent_name: new Map(), model_name: new Map(), issue_type: new Map() } satisfies Record<
    keyof AttemptKey,
    Map<string, KeyTally[]>
  >
  const arms = new Map<string, Map<string, ArmTally>>()
  const times = createTimeTiers(options.tiers)
  const rooms = createRecentRooms()
  let all: KeyTally[] = []
  let rows = new ArrayBuffer(0)
  let rowsTaken = ROWS_AT_ONCE
  let armCount = 0
  let overflowed = 0

  /** Rows of keys lie side by side: questions about all keys read them in one sweep, and each costs less room than one of its own. */
  function nextRow(): Float64Array {
    if (rowsTaken === ROWS_AT_ONCE) {
      rows = new ArrayBuffer(ROWS_AT_ONCE * SUMMARY_WIDTH * 8)
      rowsTaken = 0
    }
    return new Float64Array(rows, rowsTaken++ * SUMMARY_WIDTH * 8, SUMMARY_WIDTH)
  }

  /** The name as other keys hold it already: in memory once, however many keys have it. */
  function shared(key: AttemptKey, name: keyof AttemptKey): string {
    const index: Map<string, KeyTally[]> = indexes[name]
    return index.get(key[name])?.[0]?.key[name] ?? key[name]
  }

  function find({ agent_name, model_name, issue_type }: AttemptKey): KeyTally | undefined {
    return byNames.get(model_name)?.get(issue_type)?.get(agent_name)
  }

  function put(record: KeyTally): void {
    const { agent_name, model_name, issue_type } = record.key
    const byIssueType = byNames.get(model_name) ?? new Map<string, Map<string, KeyTally>>()
    const byAgent = byIssueType.get(issue_type) ?? new Map<string, KeyTally>()
    byNames.set(model_name, byIssueType.set(issue_type, byAgent.set(agent_name, record)))
  }

  function create(key: AttemptKey): KeyTally {
    const record: KeyTally = {
      key: {
        agent_name: shared(key, 'agent_name'),
        model_name: shared(key, 'model_name'),
        issue_type: shared(key, 'issue_type'),
      },
      summary: createSummary(nextRow()),
      recent: createRecent(),
      tiers: times.open(),
      changes: 0,
    }
    put(record)
    all.push(record)
    for (const name of ['agent_name', 'model_name', 'issue_type'] as const) {
      const index: Map<string, KeyTally[]> = indexes[name]
      const records = index.get(key[name])
      if (records === undefined) index.set(key[name], [record])
      else records.push(record)
    }
    return record
  }

  function open(key: AttemptKey): KeyTally {
    const known = find(key)
    if (known !== undefined) return known
    const overflow = find(OVERFLOW_KEY)
    const room = options.maxKeys - (all.length - (overflow === undefined ? 0 : 1))
    if (room > 0 || isOverflowKey(key)) return create(key)
    return overflow ?? create(OVERFLOW_KEY)
  }

  function openArm(experiment: string, variant: string): ArmTally | undefined {
    const variants = arms.get(experiment)
    const known = variants?.get(variant)
    if (known !== undefined) return known
    if (armCount >= options.maxArms) return undefined
    const arm: ArmTally = { experiment, variant, summary: createSummary(), tiers: times.open() }
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
    add(attempt, at, nowMs) {
      const record = open(attempt)
      if (record.key.agent_name === OVERFLOW && attempt.agent_name !== OVERFLOW) overflowed++
      addAttempt(record.summary, attempt, at.ms)
      addRecent(record.recent, attempt, at, rooms)
      times.add(record.tiers, attempt, at.ms, nowMs)
      record.changes++
      if (attempt.experiment === undefined || attempt.variant === undefined) return
      const arm = openArm(attempt.experiment, attempt.variant)
      if (arm === undefined) return
      addAttempt(arm.summary, attempt, at.ms)
      times.add(arm.tiers, attempt, at.ms, nowMs)
    },
    count(increment, nowMs) {
      const { key, measure, values, atMs } = increment
      const record = open(key)
      const isOverflow = record.key.agent_name === OVERFLOW && key.agent_name !== OVERFLOW
      if (isOverflow && measure.metric === 'attempts') overflowed += values[0] ?? 0
      addCounted(record.summary, measure, values, atMs)
      times.count(record.tiers, increment, nowMs)
      record.changes++
    },
    arms: experiment =>
      experiment === undefined
        ? [...arms.values()].flatMap(variants => [...variants.values()])
        : [...(arms.get(experiment)?.values() ?? [])],
    *ranged(range, filter, nowMs) {
      for (const record of keys(filter)) {
        const summary = times.summarise(record.tiers, range, nowMs)
        if (totalAttempts(summary) > 0) yield { key: record.key, summary, recent: record.recent }
      }
    },
    *rangedArms(experiment, range, nowMs) {
      for (const arm of arms.get(experiment)?.values() ?? []) {
        const summary = times.summarise(arm.tiers, range, nowMs)
        if (totalAttempts(summary) > 0) yield { variant: arm.variant, summary }
      }
    },
    overflowed: () => overflowed,
    restoreOverflowed(attempts) {
      overflowed = attempts
    },
    clear() {
      byNames.clear()
      arms.clear()
      for (const index of Object.values(indexes)) index.clear()
      times.clear()
      all = []
      armCount = 0
      overflowed = 0
    },
  }
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
