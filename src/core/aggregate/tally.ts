/**
 * All summaries in memory: by key over its whole life and in tiers of time, and by arm of an experiment. Keys are bounded; what
 * comes beyond the bound counts under a named overflow key, so that totals stay right.
 */
import type { AgentAttempt, AttemptKey } from '../attempt/attempt.ts'
import type { Instant } from '../attempt/timestamp.ts'
import type { ArmSummary, KeyFilter, KeySummary, OverflowedArms, TimeRange } from '../ports.ts'
import { finished, forEachKey, type Steps } from '../steps.ts'
import { type BucketOwner, NO_BUCKETS } from './buckets.ts'
import { addRecent, createRecent, createRecentSlab, type Recent, restoreRecent } from './recent.ts'
import type { Increment } from './series.ts'
import {
  addAttempt,
  addCounted,
  createSummary,
  createSummarySlab,
  mergeInto,
  type Summary,
  totalAttempts,
} from './summary.ts'
import { createTimeBuckets, type TimeBuckets } from './time-buckets.ts'
import type { TierOptions } from './time-tiers.ts'

/** Each name of the overflow key; and the variant, beyond the bound of those the experiment too, of arms that are not told apart. */
export const OVERFLOW = '__overflow__'

/** Where attempts of further keys are counted once the bound is reached. */
export const OVERFLOW_KEY: AttemptKey = { agent_name: OVERFLOW, model_name: OVERFLOW, issue_type: OVERFLOW }

/** Limits stop growth: what is held already stays, and goes on counting, however low they are. */
export interface TallyLimits {
  /** Distinct keys beside the overflow key, before attempts of new ones count under that. */
  readonly maxKeys: number
  /**
   * Distinct (experiment, variant) pairs, before attempts of new ones count under the overflow arm of their experiment; and of those
   * as many again.
   */
  readonly maxArms: number
}

export interface TallyOptions extends TallyLimits {
  readonly tiers: readonly TierOptions[]
}

/** One key's record. */
export interface KeyTally extends KeySummary, BucketOwner {
  /** Rises with every attempt, so that what was made of the record can be kept until then. */
  changes: number
}

/** One arm's record. */
export interface ArmTally extends ArmSummary, BucketOwner {
  readonly experiment: string
}

export interface Tally {
  /** Counts one attempt that ended `at`, now being `nowMs`. The cost does not grow with the number of keys. */
  add(attempt: AgentAttempt, at: Instant, nowMs: number): void
  /** Counts what a sender counted itself. Recent attempts and arms know nothing of it. */
  count(increment: Increment, nowMs: number): void
  /** The record of a key, made where it is new and there is room; else the overflow key's. */
  open(key: AttemptKey): KeyTally
  /** The record of a key that was held before: made where it is not there, whatever the limit. */
  hold(key: AttemptKey): KeyTally
  /** The same of an arm. */
  holdArm(experiment: string, variant: string): ArmTally
  /** Fills a new key's recent attempts with what a snapshot kept, as {@link restoreRecent} does. */
  restoreRecent(record: KeyTally, added: number, columns: Pick<Recent, 'numbers' | 'flags'>): void
  /** Counts an attempt that was counted before into some tiers of time only. */
  recount(attempt: AgentAttempt, at: Instant, nowMs: number, tiers: readonly number[]): void
  /** The same of what a sender counted. */
  recountIncrement(increment: Increment, nowMs: number, tiers: readonly number[]): void
  /** Those of the settings. */
  readonly limits: TallyLimits
  /** The tiers of the settings. */
  readonly wantedTiers: readonly TierOptions[]
  /** Counts within these limits from now on: those with which the journal was written. Without any within those of the settings. */
  countWithin(limits?: TallyLimits): void
  /** Keys that pass the filter, in the order they first came. Live records: do not write to them. */
  keys(filter?: KeyFilter): readonly KeyTally[]
  /** Arms that are told apart: without overflow arms. */
  arms(experiment?: string): readonly ArmTally[]
  /** The same with overflow arms, whose variant is {@link OVERFLOW}. */
  allArms(): readonly ArmTally[]
  /** Attempts of an experiment that are told apart in no arm. */
  overflowedArms(experiment: string, range: TimeRange | undefined, nowMs: number): OverflowedArms
  /** Keys that pass the filter and have attempts in the range. */
  ranged(range: TimeRange, filter: KeyFilter, nowMs: number): KeySummary[]
  rangedArms(experiment: string, range: TimeRange, nowMs: number): ArmSummary[]
  /** {@link ranged} in steps: a pause after every key, whether it has attempts in the range or not. */
  rangedSteps(range: TimeRange, filter: KeyFilter, nowMs: number): Steps<KeySummary[]>
  /** {@link rangedArms} in steps. */
  rangedArmSteps(experiment: string, range: TimeRange, nowMs: number): Steps<ArmSummary[]>
  /** The start and resolution of the buckets that answer a range. */
  readonly times: TimeBuckets
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
  const times = createTimeBuckets(options.tiers)
  const recentSlab = createRecentSlab()
  /** Rows of keys lie side by side: questions about all keys read them in one sweep. */
  const keyRow = createSummarySlab()
  let all: KeyTally[] = []
  let armCount = 0
  let overflowArmCount = 0
  let overflowed = 0
  let { maxKeys, maxArms }: TallyLimits = options

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
    const summary = createSummary(keyRow())
    const buckets = { buckets: NO_BUCKETS, open: undefined }
    const record: KeyTally = { key: shared(key), recent: createRecent(), summary, ...buckets, changes: 0 }
    put(record)
    return record
  }

  /** Whether there is room for a new key. */
  function hasRoom(): boolean {
    return all.length < maxKeys || (all.length === maxKeys && find(OVERFLOW_KEY) !== undefined)
  }

  const hold = (key: AttemptKey): KeyTally => find(key) ?? create(key)

  function open(key: AttemptKey): KeyTally {
    const known = find(key)
    if (known !== undefined) return known
    return hasRoom() || isOverflowKey(key) ? create(key) : hold(OVERFLOW_KEY)
  }

  const findArm = (experiment: string, variant: string): ArmTally | undefined => arms.get(experiment)?.get(variant)

  /** An arm, made where it is new and there is room; else the overflow arm of its experiment, or of all. */
  function openArm(experiment: string, variant: string): ArmTally {
    const known = findArm(experiment, variant)
    if (known !== undefined) return known
    if (armCount < maxArms && variant !== OVERFLOW) return createArm(experiment, variant)
    const own = findArm(experiment, OVERFLOW)
    if (own !== undefined) return own
    return overflowArmCount < maxArms ? createArm(experiment, OVERFLOW) : holdArm(OVERFLOW, OVERFLOW)
  }

  const holdArm = (experiment: string, variant: string): ArmTally =>
    findArm(experiment, variant) ?? createArm(experiment, variant)

  function createArm(experiment: string, variant: string): ArmTally {
    const variants = arms.get(experiment)
    const arm: ArmTally = {
      experiment,
      variant,
      summary: createSummary(),
      buckets: NO_BUCKETS,
      open: undefined,
    }
    if (variants === undefined) arms.set(experiment, new Map([[variant, arm]]))
    else variants.set(variant, arm)
    if (variant === OVERFLOW) overflowArmCount++
    else armCount++
    return arm
  }

  const allArms = (): ArmTally[] => [...arms.values()].flatMap(variants => [...variants.values()])

  function toldArms(experiment: string | undefined): ArmTally[] {
    const all = experiment === undefined ? allArms() : [...(arms.get(experiment)?.values() ?? [])]
    return all.filter(({ variant }) => variant !== OVERFLOW)
  }

  function attemptsOf(arm: ArmTally | undefined, range: TimeRange | undefined, nowMs: number): number {
    if (arm === undefined) return 0
    const summary = range === undefined ? arm.summary : times.summarise(arm, range, nowMs)
    return summary === undefined ? 0 : totalAttempts(summary)
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

  function* rangedSteps(range: TimeRange, filter: KeyFilter, nowMs: number): Steps<KeySummary[]> {
    const ranged: KeySummary[] = []
    function add(record: KeyTally): void {
      const summary = times.summarise(record, range, nowMs)
      if (summary !== undefined && totalAttempts(summary) > 0)
        ranged.push({ key: record.key, summary, recent: record.recent, changes: 0 })
    }
    yield* forEachKey(keys(filter), add, 1)
    return ranged
  }

  function* rangedArmSteps(experiment: string, range: TimeRange, nowMs: number): Steps<ArmSummary[]> {
    const ranged: ArmSummary[] = []
    for (const arm of toldArms(experiment)) {
      const summary = times.summarise(arm, range, nowMs)
      if (summary !== undefined && totalAttempts(summary) > 0) ranged.push({ variant: arm.variant, summary })
      yield
    }
    return ranged
  }

  return {
    times,
    open,
    hold,
    holdArm,
    keys,
    allArms,
    limits: options,
    wantedTiers: options.tiers,
    countWithin(limits = options) {
      maxKeys = limits.maxKeys
      maxArms = limits.maxArms
    },
    restoreRecent: (record, added, columns) => restoreRecent(record.recent, added, columns, recentSlab),
    add(attempt, at, nowMs) {
      const record = open(attempt)
      if (record.key.agent_name === OVERFLOW && attempt.agent_name !== OVERFLOW) overflowed++
      addAttempt(record.summary, attempt, at.ms)
      addRecent(record.recent, attempt, at, recentSlab)
      times.add(record, attempt, at.ms, nowMs)
      record.changes++
      if (attempt.experiment === undefined || attempt.variant === undefined) return
      const arm = openArm(attempt.experiment, attempt.variant)
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
    recount(attempt, at, nowMs, tiers) {
      const add = (summary: Summary): void => addAttempt(summary, attempt, at.ms)
      const record = find(attempt) ?? find(OVERFLOW_KEY)
      if (record !== undefined) times.recount(tiers, record, at.ms, nowMs, add)
      const { experiment, variant } = attempt
      if (experiment === undefined || variant === undefined) return
      const arm = findArm(experiment, variant) ?? findArm(experiment, OVERFLOW) ?? findArm(OVERFLOW, OVERFLOW)
      if (arm !== undefined) times.recount(tiers, arm, at.ms, nowMs, add)
    },
    recountIncrement({ key, measure, values, atMs }, nowMs, tiers) {
      const record = find(key) ?? find(OVERFLOW_KEY)
      if (record === undefined) return
      times.recount(tiers, record, atMs, nowMs, summary => addCounted(summary, measure, values, atMs))
    },
    arms: toldArms,
    overflowedArms: (experiment, range, nowMs) => ({
      own: attemptsOf(findArm(experiment, OVERFLOW), range, nowMs),
      unknown: attemptsOf(findArm(OVERFLOW, OVERFLOW), range, nowMs),
    }),
    ranged: (range, filter, nowMs) => finished(rangedSteps(range, filter, nowMs)),
    rangedArms: (experiment, range, nowMs) => finished(rangedArmSteps(experiment, range, nowMs)),
    rangedSteps,
    rangedArmSteps,
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
      overflowArmCount = 0
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
