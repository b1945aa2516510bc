/**
 * All summaries in memory: by key over its whole life and in tiers of time, and by arm of an experiment. The number of keys is bounded.
 * Attempts of further keys count under a named overflow key, so that totals stay correct. The file is long because it declares everything
 * that is counted, and connects the parts.
 */
import { type AgentAttempt, type AttemptKey, isDecided } from '../attempt/attempt.ts'
import type { Instant } from '../attempt/timestamp.ts'
import type { ArmSummary, KeyFilter, KeySummary, OverflowedArms, TimeRange } from '../ports.ts'
import { type ArmCell, type ArmCells, type CellsOfArm, createArmCells } from './arm-cells.ts'
import { type ArmIndex, createArmIndex } from './arm-index.ts'
import { type BucketOwner, NO_BUCKETS } from './buckets.ts'
import { createExperimentPlans, type ExperimentPlan, type ExperimentPlans } from './experiment-plan.ts'
import { createKeyIndex, isFiltering, type KeyIndex } from './key-index.ts'
import { addPending, countedBefore, type Decision, decide, mayDecide } from './outcomes.ts'
import { createRanges, type Ranges } from './ranges.ts'
import {
  addRecent,
  createRecent,
  createRecentSlab,
  moveRecent,
  type RecentSlab,
  restoreRecent,
  type SavedRecent,
} from './recent.ts'
import type { Increment } from './series.ts'
import {
  addAddends,
  addAttempt,
  addAverages,
  addCounted,
  addendsOf,
  createSummary,
  createSummarySlab,
  mergeInto,
  type Summary,
  span,
  type Totals,
  totalAttempts,
} from './summary.ts'
import { createTimeBuckets, type TimeBuckets } from './time-buckets.ts'
import type { TierOptions } from './time-tiers.ts'

/** Every name of the overflow key. Also the variant of overflow arms, and the experiment of the overflow arm that all experiments share. */
export const OVERFLOW = '__overflow__'

/** The key that counts attempts of new keys beyond the limit. */
export const OVERFLOW_KEY: AttemptKey = { agent_name: OVERFLOW, model_name: OVERFLOW, issue_type: OVERFLOW }

/** Limits of growth. Lower limits remove no key or arm: those that exist continue to count. */
export interface TallyLimits {
  /** The maximum number of distinct keys without the overflow key. Also that of cells: pairs of an arm and a key. */
  readonly maxKeys: number
  /**
   * The maximum number of distinct (experiment, variant) pairs. Attempts of further pairs count under the overflow arm of their experiment.
   * There may be as many overflow arms again. Also the maximum number of experiments with a stored plan.
   */
  readonly maxArms: number
}

export interface TallyOptions extends TallyLimits {
  readonly tiers: readonly TierOptions[]
}

/** One key's record. */
export interface KeyTally extends KeySummary, BucketOwner {
  /** Increases whenever the record changes, so that caches can detect it. */
  changes: number
}

/** One arm's record. */
export interface ArmTally extends ArmSummary, BucketOwner {
  readonly experiment: string
  /** The counts of each key in it. */
  readonly cells: CellsOfArm
}

export interface Tally extends Ranges {
  /**
   * Counts one attempt that ended at `at`. `nowMs` is the current time. The cost does not grow with the number of keys. A pending attempt only
   * adds to the number of pending ones. A key whose attempts are all pending is not listed.
   */
  add(attempt: AgentAttempt, at: Instant, nowMs: number): void
  /** Counts an outcome of an attempt that ended at `at`, under the key and arm that counted the attempt. Nothing falls below 0. */
  decide(decision: Decision, at: Instant, nowMs: number): void
  /** Counts the increase of a measure that a sender counts itself. Adds nothing to recent attempts and arms. */
  count(increment: Increment, nowMs: number): void
  /** Counts totals from a document. Their key gets its own record, also beyond the limit. */
  addTotals(key: AttemptKey, totals: Totals): void
  /** The record of a key. Creates it if it is new and the limit allows it. Otherwise returns the record of the overflow key. */
  open(key: AttemptKey): KeyTally
  /** The record of a key. Creates it if it is new, also beyond the limit: for restoring a snapshot. */
  hold(key: AttemptKey): KeyTally
  /** {@link hold} for a key whose attempts are all pending. */
  holdHidden(key: AttemptKey): KeyTally
  /** {@link hold} for an arm. */
  holdArm(experiment: string, variant: string): ArmTally
  /** {@link hold} for a cell: the counts of a key in an arm. */
  holdCell(arm: ArmTally, key: AttemptKey): ArmCell
  /** Fills the recent attempts of a new key from a snapshot, as {@link restoreRecent} does. */
  restoreRecent(record: KeyTally, saved: SavedRecent): void
  /** Counts an attempt into some tiers of time only. Its totals are counted already. */
  recount(attempt: AgentAttempt, at: Instant, nowMs: number, tiers: readonly number[]): void
  /** {@link recount} for an outcome. */
  recountOutcome(decision: Decision, nowMs: number, tiers: readonly number[]): void
  /** {@link recount} for an increase that a sender counted. */
  recountIncrement(increment: Increment, nowMs: number, tiers: readonly number[]): void
  /** The limits of the settings. */
  readonly limits: TallyLimits
  /** The limits in force. */
  readonly currentLimits: TallyLimits
  /** The tiers of the settings, or those that replaced them. */
  readonly wantedTiers: readonly TierOptions[]
  /** Replaces the tiers of the settings while nothing is counted. */
  wantTiers(tiers: readonly TierOptions[]): void
  /**
   * Applies these limits from now on, with which a part of the log was written. Without an argument, applies the limits of the settings.
   */
  countWithin(limits?: TallyLimits): void
  /** The keys that match the filter, in the order of their first attempts. The records are live: do not write to them. */
  keys(filter?: KeyFilter): readonly KeyTally[]
  /** The keys whose attempts are all pending. Live. */
  hiddenKeys(): ReadonlySet<KeyTally>
  /** The number of keys that the limit counts: also those whose attempts are all pending, without the overflow key. */
  readonly keyCount: number
  /** Arms without overflow arms. */
  arms(experiment?: string): readonly ArmTally[]
  /** Arms with overflow arms, whose variant is {@link OVERFLOW}. */
  allArms(): readonly ArmTally[]
  /** Attempts of an experiment that counted under overflow arms. With a filter, also those whose key has no cell. */
  overflowedArms(experiment: string, range: TimeRange | undefined, nowMs: number, filter?: KeyFilter): OverflowedArms
  /** The stored plans by the names of their experiments. */
  readonly plans: ReadonlyMap<string, ExperimentPlan>
  /** {@link ExperimentPlans.put} within the limits. */
  putPlan(experiment: string, plan: ExperimentPlan): boolean
  /** Restores all plans of a snapshot, also beyond the limits. */
  restorePlans(plans: Iterable<readonly [experiment: string, plan: ExperimentPlan]>): void
  /** The start and resolution of the buckets that answer a range. */
  readonly times: TimeBuckets
  /** Attempts that counted under the overflow key. */
  overflowed(): number
  /** Restores the value of {@link overflowed} from a snapshot. */
  restoreOverflowed(attempts: number): void
  clear(): void
}

export function createTally(options: TallyOptions): Tally {
  const store = createRecords(options)
  const { keys, arms, cells, times, recentSlab } = store
  let wantedTiers = options.tiers
  return {
    times,
    limits: options,
    get currentLimits() {
      return store.limits
    },
    get wantedTiers() {
      return wantedTiers
    },
    wantTiers(tiers) {
      wantedTiers = tiers
      times.reshape(tiers)
    },
    open: store.open,
    hold: store.hold,
    holdHidden: store.holdHidden,
    holdArm: arms.hold,
    holdCell: (arm, key) => cells.hold(arm.cells, isOverflowKey(key) ? OVERFLOW_KEY : store.hold(key).key),
    plans: store.plans,
    restorePlans(plans) {
      for (const [experiment, plan] of plans) store.plans.put(experiment, plan, Number.POSITIVE_INFINITY)
    },
    putPlan: (experiment, plan) => store.plans.put(experiment, plan, store.limits.maxArms),
    keys: (filter = {}) => keys.list(filter),
    hiddenKeys: () => keys.hidden,
    get keyCount() {
      return countedKeys(keys)
    },
    arms: arms.distinct,
    allArms: arms.all,
    countWithin(limits = options) {
      store.limits = limits
    },
    ...createCounting(store),
    ...createRecounting(store),
    ...createRanges(store),
    overflowedArms: createArmOverflow(store),
    restoreRecent: (record, saved) => restoreRecent(record.recent, saved, recentSlab),
    overflowed: () => store.overflowed,
    restoreOverflowed(attempts) {
      store.overflowed = attempts
    },
    clear() {
      keys.clear()
      arms.clear()
      cells.clear()
      store.plans.clear()
      times.clear()
      store.overflowed = 0
    },
  }
}

/** The records of all keys and arms, and their creation. */
interface Records extends Pick<Tally, 'open' | 'hold' | 'holdHidden' | 'times'> {
  /** {@link Tally.open} for a pending attempt: a new key is not listed. */
  openHidden(key: AttemptKey): KeyTally
  readonly keys: KeyIndex<KeyTally>
  readonly arms: ArmIndex<ArmTally>
  readonly cells: ArmCells
  readonly plans: ExperimentPlans
  readonly recentSlab: RecentSlab
  limits: TallyLimits
  overflowed: number
}

function createRecords(options: TallyOptions): Records {
  const keys = createKeyIndex<KeyTally>()
  // The rows of keys are adjacent in memory, because questions about all keys read them sequentially.
  const keyRow = createSummarySlab()

  function create(key: AttemptKey, isHidden = false): KeyTally {
    const summary = createSummary(keyRow())
    const [recent, interned] = [createRecent(), keys.interned(key)]
    // All members by name: after a spread, V8 gives the rest memory of their own, 32 bytes more a key.
    const record = { key: interned, recent, summary, buckets: NO_BUCKETS, open: undefined, changes: 0 }
    if (isHidden) keys.addHidden(record)
    else keys.add(record)
    return record
  }

  /** Whether another key can have its own record. */
  const hasRoom = ({ maxKeys }: TallyLimits): boolean => countedKeys(keys) < maxKeys

  function openKey(key: AttemptKey, isHidden: boolean): KeyTally {
    const known = keys.find(key)
    if (known !== undefined) return known
    if (hasRoom(records.limits) || isOverflowKey(key)) return create(key, isHidden)
    return keys.find(OVERFLOW_KEY) ?? create(OVERFLOW_KEY, isHidden)
  }

  const records: Records = {
    keys,
    arms: createArmIndex({
      overflow: OVERFLOW,
      create: createArm,
    }),
    cells: createArmCells(OVERFLOW_KEY),
    plans: createExperimentPlans(),
    times: createTimeBuckets(options.tiers),
    recentSlab: createRecentSlab(),
    limits: options,
    overflowed: 0,
    hold: key => keys.find(key) ?? create(key),
    holdHidden: key => keys.find(key) ?? create(key, true),
    open: key => openKey(key, false),
    openHidden: key => openKey(key, true),
  }
  return records
}

const countedKeys = (keys: KeyIndex<KeyTally>): number => keys.size - (keys.find(OVERFLOW_KEY) === undefined ? 0 : 1)

function createArm(experiment: string, variant: string): ArmTally {
  const summary = createSummary()
  return {
    experiment,
    variant,
    summary,
    get firstMs() {
      return span(summary)?.firstMs ?? Number.POSITIVE_INFINITY
    },
    cells: new Map(),
    buckets: NO_BUCKETS,
    open: undefined,
  }
}

function createCounting(records: Records): Pick<Tally, 'add' | 'decide' | 'count' | 'addTotals'> {
  const { keys, arms, cells, times, recentSlab, open } = records

  function addWithoutResult(attempt: AgentAttempt, at: Instant, nowMs: number): void {
    const record = records.openHidden(attempt)
    record.changes++
    const { experiment, variant } = attempt
    const owners: Counted[] = [record]
    if (experiment !== undefined && variant !== undefined) {
      const arm = arms.open(experiment, variant, records.limits.maxArms)
      owners.push(arm, cells.open(arm.cells, record.key, records.limits.maxKeys))
    }
    for (const owner of owners) {
      addPending(owner.summary)
      times.addPending(owner, at.ms, nowMs)
    }
  }

  /** A key is listed from its first result on. */
  function listed(record: KeyTally): KeyTally {
    if (keys.hidden.size > 0) keys.show(record)
    return record
  }

  function decideIn(owner: Counted | undefined, decision: Decision, nowMs: number): void {
    if (owner === undefined) return
    decide(owner.summary, decision)
    times.decide(owner, decision, nowMs)
  }

  return {
    add(attempt, at, nowMs) {
      if (!isDecided(attempt)) return addWithoutResult(attempt, at, nowMs)
      const record = listed(open(attempt))
      if (record.key.agent_name === OVERFLOW && attempt.agent_name !== OVERFLOW) records.overflowed++
      const addends = addendsOf(attempt)
      addAddends(record.summary, addends, at.ms)
      addRecent(record.recent, attempt, at, recentSlab)
      times.add(record, addends, at.ms, nowMs)
      record.changes++
      if (attempt.experiment === undefined || attempt.variant === undefined) return
      const { maxArms, maxKeys } = records.limits
      const arm = arms.open(attempt.experiment, attempt.variant, maxArms)
      for (const one of [arm, cells.open(arm.cells, record.key, maxKeys)]) {
        addAddends(one.summary, addends, at.ms)
        times.add(one, addends, at.ms, nowMs)
      }
    },
    decide(decision, at, nowMs) {
      const { attempt } = decision
      const record = holderOf([keys.find(attempt), keys.find(OVERFLOW_KEY)], decision)
      if (record === undefined) return
      decideIn(record, decision, nowMs)
      record.changes++
      const counted = countedBefore(decision)
      if (counted === undefined) {
        if (record.key.agent_name === OVERFLOW && attempt.agent_name !== OVERFLOW) records.overflowed++
        addRecent(listed(record).recent, attempt, at, recentSlab)
      } else if (counted !== attempt.success) moveRecent(record.recent, attempt, at, attempt.success)
      const { experiment, variant } = attempt
      if (experiment === undefined || variant === undefined) return
      const arm = holderOf(arms.holders(experiment, variant), decision)
      decideIn(arm, decision, nowMs)
      if (arm !== undefined) decideIn(holderOf(cells.holders(arm.cells, record.key), decision), decision, nowMs)
    },
    count(increment, nowMs) {
      const { key, measure, values, atMs } = increment
      const record = listed(open(key))
      const isOverflow = record.key.agent_name === OVERFLOW && key.agent_name !== OVERFLOW
      if (isOverflow && measure.metric === 'attempts') records.overflowed += values[0] ?? 0
      addCounted(record.summary, measure, values, atMs)
      times.count(record, increment, nowMs)
      record.changes++
    },
    addTotals(key, totals) {
      const record = listed(records.hold(key))
      addAverages(record.summary, totals)
      record.changes++
    },
  }
}

/** The counts of a key, an arm or a cell. */
interface Counted extends BucketOwner {
  readonly summary: Summary
}

/**
 * The first of these that may count the attempt of a decision. With higher limits than when it was recorded, the attempt counts under an overflow key
 * or arm although its own one exists.
 */
function holderOf<Owner extends Counted>(
  owners: readonly (Owner | undefined)[],
  decision: Decision,
): Owner | undefined {
  return owners.find(owner => owner !== undefined && mayDecide(owner.summary, decision))
}

/** Recounting creates no key, arm or cell. Those of a recounted attempt exist, or it counted under the overflow ones. */
function createRecounting({
  keys,
  arms,
  cells,
  times,
}: Records): Pick<Tally, 'recount' | 'recountOutcome' | 'recountIncrement'> {
  const find = (key: AttemptKey): KeyTally | undefined => keys.find(key) ?? keys.find(OVERFLOW_KEY)

  function ownersOf(attempt: AgentAttempt): readonly Counted[] {
    const record = find(attempt)
    const { experiment, variant } = attempt
    const isInArm = experiment !== undefined && variant !== undefined
    const arm = isInArm ? arms.holders(experiment, variant)[0] : undefined
    const cell = arm && cells.holders(arm.cells, record?.key ?? OVERFLOW_KEY)[0]
    return [record, arm, cell].filter(owner => owner !== undefined)
  }

  return {
    recount(attempt, at, nowMs, tiers) {
      const add = isDecided(attempt) ? (summary: Summary): void => addAttempt(summary, attempt, at.ms) : addPending
      for (const owner of ownersOf(attempt)) times.recount(tiers, owner, at.ms, nowMs, add)
    },
    recountOutcome(decision, nowMs, tiers) {
      for (const owner of ownersOf(decision.attempt)) times.recountOutcome(tiers, owner, decision, nowMs)
    },
    recountIncrement({ key, measure, values, atMs }, nowMs, tiers) {
      const record = find(key)
      if (record === undefined) return
      times.recount(tiers, record, atMs, nowMs, summary => addCounted(summary, measure, values, atMs))
    },
  }
}

function createArmOverflow({ arms, times }: Records): Tally['overflowedArms'] {
  return (experiment, range, nowMs, filter = {}) => {
    const read = range === undefined ? (owner: Counted) => owner.summary : times.reader(range, nowMs)
    function attemptsOf(owner: Counted | undefined): number {
      const summary = owner && read(owner)
      return summary === undefined ? 0 : totalAttempts(summary)
    }
    const own: (Counted | undefined)[] = [arms.find(experiment, OVERFLOW)]
    if (isFiltering(filter)) for (const arm of arms.distinct(experiment)) own.push(arm.cells.get(OVERFLOW_KEY))
    return {
      own: own.reduce((sum, one) => sum + attemptsOf(one), 0),
      unknown: attemptsOf(arms.find(OVERFLOW, OVERFLOW)),
    }
  }
}

function isOverflowKey({ agent_name, model_name, issue_type }: AttemptKey): boolean {
  return agent_name === OVERFLOW && model_name === OVERFLOW && issue_type === OVERFLOW
}

/** The merged summary of the keys. */
export function total(summaries: readonly KeySummary[]): Summary {
  const all = createSummary()
  for (const { summary } of summaries) mergeInto(all, summary)
  return all
}
