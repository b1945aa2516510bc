/** Keys that share a name, and what is known of them together. */
import type { AttemptKey } from './attempt.ts'
import { namedRecord, uniqueKeyPrinter } from './metrics.ts'
import type { KeySummary } from './ports.ts'
import type { Grouping } from './report.ts'
import type { Counts } from './statistics/counts.ts'
import { type Summary, successes, totalAttempts } from './summary.ts'
import { total } from './tally.ts'

/** Keys that share a name. */
export interface Group {
  readonly name: string
  /** In the order they first came. */
  readonly keys: readonly KeySummary[]
  /** The different names that its keys have there, sorted. */
  names(of: keyof AttemptKey): readonly string[]
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
  let groups = known[by].get(summaries)
  if (groups === undefined) {
    groups = { all: [], placeOf: [], places: new Map() }
    known[by].set(summaries, groups)
  }
  for (let i = groups.placeOf.length; i < summaries.length; i++) join(groups, summaries[i]!, by)
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
  }
}

/** What `answer` makes of the merged summary of each group, as an object that may have any name for a key. */
export function answerByGroup<T>(
  summaries: readonly KeySummary[],
  by: Grouping,
  answer: (group: Summary) => T,
): Record<string, T> {
  if (by !== 'key') {
    return namedRecord(groupsOf(summaries, by).all.map(({ name, keys }) => [name, answer(total(keys))]))
  }
  const printed = uniqueKeyPrinter()
  return namedRecord(summaries.map(({ key, summary }) => [printed(key), answer(summary)]))
}

/** Successes out of attempts. */
export function countsOf(summary: Summary): Counts {
  return { successes: successes(summary), attempts: totalAttempts(summary) }
}
