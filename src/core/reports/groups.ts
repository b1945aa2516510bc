/** Keys that share a name, and what is known of them together. */

import { namedRecord } from '../aggregate/metrics.ts'
import { createSummary, mergeInto, type Summary, successes, totalAttempts } from '../aggregate/summary.ts'
import type { AttemptKey } from '../attempt/attempt.ts'
import type { KeySummary } from '../ports.ts'
import type { Counts } from '../statistics/counts.ts'
import { forEachKey, KEYS_PER_STEP, runToCompletion, type Steps } from '../steps.ts'
import { byName, sortedSteps } from './sorted.ts'

/** Summaries that are merged between two pauses. */
const MERGED_AT_ONCE = 25

/** Keys that share a name. */
export interface Group {
  readonly name: string
  /** In the order they first came. */
  readonly keys: readonly KeySummary[]
  /** The different names that its keys have there, sorted. */
  names(of: keyof AttemptKey): readonly string[]
  /** {@link names} in steps. */
  nameSteps(of: keyof AttemptKey): Steps<readonly string[]>
}

/** The keys of a list by one of their names. */
export interface Groups {
  /** In the order the names came. */
  readonly all: readonly Group[]
  /** For every key of the list, where its group stands in `all`. */
  readonly placeOf: readonly number[]
}

interface GrowingGroup extends Group {
  readonly keys: KeySummary[]
}

interface GrowingGroups extends Groups {
  readonly all: GrowingGroup[]
  readonly placeOf: number[]
  readonly places: Map<string, number>
}

const known: Readonly<Record<keyof AttemptKey, WeakMap<readonly KeySummary[], GrowingGroups>>> = {
  agent_name: new WeakMap(),
  model_name: new WeakMap(),
  issue_type: new WeakMap(),
}

/**
 * Groups the keys of a list. Of a list that was grouped before only what has come to it since is read: a store's list of all keys is
 * long, is asked about often, and only ever grows.
 */
export function groupsOf(summaries: readonly KeySummary[], by: keyof AttemptKey): Groups {
  return runToCompletion(groupSteps(summaries, by))
}

/** {@link groupsOf} in steps. Live: more may have come to it at the next pause. */
export function* groupSteps(summaries: readonly KeySummary[], by: keyof AttemptKey): Steps<Groups> {
  let groups = known[by].get(summaries)
  if (groups === undefined) {
    groups = { all: [], placeOf: [], places: new Map() }
    known[by].set(summaries, groups)
  }
  // Whoever asks the same in a pause goes on with it: what is read is told by the groups themselves.
  while (groups.placeOf.length < summaries.length) {
    join(groups, summaries[groups.placeOf.length]!, by)
    if (groups.placeOf.length % KEYS_PER_STEP === 0) yield
  }
  return groups
}

function join({ all, placeOf, places }: GrowingGroups, one: KeySummary, by: keyof AttemptKey): void {
  const name = one.key[by]
  let place = places.get(name)
  if (place === undefined) {
    place = all.push(createGroup(name)) - 1
    places.set(name, place)
  }
  all[place]!.keys.push(one)
  placeOf.push(place)
}

function createGroup(name: string): GrowingGroup {
  const keys: KeySummary[] = []
  const known = new Map<keyof AttemptKey, { readonly names: readonly string[]; readonly read: number }>()
  return {
    name,
    keys,
    names(of) {
      const before = known.get(of)
      if (before?.read === keys.length) return before.names
      const all = new Set(before?.names)
      for (let i = before?.read ?? 0; i < keys.length; i++) all.add(keys[i]!.key[of])
      const names = [...all].sort()
      known.set(of, { names, read: keys.length })
      return names
    },
    *nameSteps(of) {
      const before = known.get(of)
      const read = keys.length
      if (before?.read === read) return before.names
      const all = new Set(before?.names)
      for (let i = before?.read ?? 0; i < read; i++) {
        all.add(keys[i]!.key[of])
        if (all.size % KEYS_PER_STEP === 0) yield
      }
      const names = yield* sortedSteps([...all], byName)
      known.set(of, { names, read })
      return names
    },
  }
}

/** The merged summary of each group of keys, by the group's name. */
export type GroupTotals = ReadonlyMap<string, Summary>

/** The totals of groups by each of some names, of one reading of every key: whatever is counted in between, they add up to the same. */
export function* totalsBy<By extends keyof AttemptKey>(
  summaries: readonly KeySummary[],
  names: readonly By[],
): Steps<Readonly<Record<By, GroupTotals>>> {
  const totals = {} as Record<By, Map<string, Summary>>
  for (const by of names) totals[by] = new Map()
  function add({ key, summary }: KeySummary): void {
    for (const by of names) mergeInto(totalOf(totals[by], key[by]), summary)
  }
  yield* forEachKey(summaries, add, MERGED_AT_ONCE)
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

/** What all groups add up to. */
export function* totalOfAll(totals: GroupTotals): Steps<Summary> {
  const all = createSummary()
  for (const total of totals.values()) {
    mergeInto(all, total)
    yield
  }
  return all
}

/** What `answer` makes of each group's total, as an object that may have any name for a key. */
export function* answerByName<T>(totals: GroupTotals, answer: (total: Summary) => T): Steps<Record<string, T>> {
  const answers = namedRecord<T>([])
  for (const [name, total] of totals) {
    answers[name] = answer(total)
    yield
  }
  return answers
}

/** Successes out of attempts. */
export function countsOf(summary: Summary): Counts {
  return { successes: successes(summary), attempts: totalAttempts(summary) }
}
