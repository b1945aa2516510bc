/** Groups of keys that share a name, and their totals. */

import { namedRecord } from '../aggregate/metrics.ts'
import { createSummary, mergeInto, type Summary, successes, totalAttempts } from '../aggregate/summary.ts'
import { copyTasks } from '../aggregate/task-sketch.ts'
import type { AttemptKey } from '../attempt/attempt.ts'
import type { KeySummary } from '../ports.ts'
import { clusteredCounts, type TaskCounts } from '../statistics/clusters.ts'
import type { Counts } from '../statistics/counts.ts'
import { forEachKey, KEYS_PER_STEP, runToCompletion, type Steps } from '../steps.ts'
import { byName, sortedSteps } from './sorted.ts'

/** Summaries merged between two yields. */
const MERGES_PER_STEP = 25

/** The keys that share a name. */
export interface Group {
  readonly name: string
  /** In the order of the list. */
  readonly keys: readonly KeySummary[]
  /** The distinct values of that name among its keys, sorted. */
  names(of: keyof AttemptKey): readonly string[]
  /** {@link names} in steps. */
  nameSteps(of: keyof AttemptKey): Steps<readonly string[]>
}

/** The keys of a list, grouped by one of their names. */
export interface Groups {
  /** In the order of the first key of each. */
  readonly all: readonly Group[]
  /** For every key of the list, the index of its group in `all`. */
  readonly placeOf: readonly number[]
}

interface GrowingGroup extends Group {
  readonly keys: KeySummary[]
}

interface GrowingGroups extends Groups {
  readonly all: GrowingGroup[]
  readonly placeOf: number[]
  readonly indexes: Map<string, number>
}

const cache: Readonly<Record<keyof AttemptKey, WeakMap<readonly KeySummary[], GrowingGroups>>> = {
  agent_name: new WeakMap(),
  model_name: new WeakMap(),
  issue_type: new WeakMap(),
}

/**
 * Groups the keys of a list. The groups are cached per list, and later calls read only the keys appended since. A store's
 * list of all keys is long, is grouped for many questions, and is append-only.
 */
export function groupsOf(summaries: readonly KeySummary[], by: keyof AttemptKey): Groups {
  return runToCompletion(groupSteps(summaries, by))
}

/** {@link groupsOf} in steps. The result is live: it may grow whenever the caller yields. */
export function* groupSteps(summaries: readonly KeySummary[], by: keyof AttemptKey): Steps<Groups> {
  let groups = cache[by].get(summaries)
  if (groups === undefined) {
    groups = { all: [], placeOf: [], indexes: new Map() }
    cache[by].set(summaries, groups)
  }
  // Several callers may interleave here. The length of `placeOf` is the shared position, so each key is added once.
  while (groups.placeOf.length < summaries.length) {
    join(groups, summaries[groups.placeOf.length]!, by)
    if (groups.placeOf.length % KEYS_PER_STEP === 0) yield
  }
  return groups
}

function join({ all, placeOf, indexes }: GrowingGroups, entry: KeySummary, by: keyof AttemptKey): void {
  const name = entry.key[by]
  let index = indexes.get(name)
  if (index === undefined) {
    index = all.push(createGroup(name)) - 1
    indexes.set(name, index)
  }
  all[index]!.keys.push(entry)
  placeOf.push(index)
}

function createGroup(name: string): GrowingGroup {
  const keys: KeySummary[] = []
  const cachedNames = new Map<keyof AttemptKey, { readonly names: readonly string[]; readonly read: number }>()
  return {
    name,
    keys,
    names(of) {
      const cached = cachedNames.get(of)
      if (cached?.read === keys.length) return cached.names
      const all = new Set(cached?.names)
      for (let i = cached?.read ?? 0; i < keys.length; i++) all.add(keys[i]!.key[of])
      const names = [...all].sort()
      cachedNames.set(of, { names, read: keys.length })
      return names
    },
    *nameSteps(of) {
      const cached = cachedNames.get(of)
      const read = keys.length
      if (cached?.read === read) return cached.names
      const all = new Set(cached?.names)
      for (let i = cached?.read ?? 0; i < read; i++) {
        all.add(keys[i]!.key[of])
        if (all.size % KEYS_PER_STEP === 0) yield
      }
      const names = yield* sortedSteps([...all], byName)
      cachedNames.set(of, { names, read })
      return names
    },
  }
}

/** The merged summary of each group of keys, by the group's name. */
export type GroupTotals = ReadonlyMap<string, Summary>

/** The totals of the groups for each name in `names`. Reads every key once, so that all groupings have the same grand total. */
export function* totalsBy<By extends keyof AttemptKey>(
  summaries: readonly KeySummary[],
  names: readonly By[],
): Steps<Readonly<Record<By, GroupTotals>>> {
  const totals = {} as Record<By, Map<string, Summary>>
  for (const by of names) totals[by] = new Map()
  function add({ key, summary }: KeySummary): void {
    for (const by of names) mergeInto(totalOf(totals[by], key[by]), summary)
  }
  yield* forEachKey(summaries, add, MERGES_PER_STEP)
  return totals
}

function totalOf(totals: Map<string, Summary>, name: string): Summary {
  let total = totals.get(name)
  if (total === undefined) {
    total = createSummary()
    totals.set(name, total)
  }
  return total
}

/** The grand total of all groups. */
export function* totalOfAll(totals: GroupTotals): Steps<Summary> {
  const all = createSummary()
  for (const total of totals.values()) {
    mergeInto(all, total)
    yield
  }
  return all
}

/** `answer` of each group's total, by name. The object has no prototype, so that any name is safe as a key. */
export function* answerByName<T>(totals: GroupTotals, answer: (total: Summary) => T): Steps<Record<string, T>> {
  const answers = namedRecord<T>([])
  for (const [name, total] of totals) {
    answers[name] = answer(total)
    yield
  }
  return answers
}

/** The successes and attempts of a summary, clustered if tasks repeat. */
export function countsOf(summary: Summary): Counts {
  return clusteredCounts({ successes: successes(summary), attempts: totalAttempts(summary) }, summary.tasks)
}

/** {@link countsOf} with a copy of the tasks, for comparisons task by task. */
export function taskCountsOf(summary: Summary): TaskCounts {
  return { ...countsOf(summary), tasks: summary.tasks && copyTasks(summary.tasks) }
}
