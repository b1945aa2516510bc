/** Finds the records of keys by all or some of their names. */
import type { AttemptKey } from '../attempt/attempt.ts'
import type { KeyFilter } from '../ports.ts'

/** What an index holds: anything of one key. */
interface Keyed {
  readonly key: AttemptKey
}

export interface KeyIndex<Entry extends Keyed> {
  /** All entries in the order they were added. Live: it grows, and another list takes its place when the index is cleared. */
  readonly all: readonly Entry[]
  find(key: AttemptKey): Entry | undefined
  /** Entries that pass the filter, in the order they were added. Live, as {@link all}. */
  list(filter: KeyFilter): readonly Entry[]
  /** Adds an entry of a new key. */
  add(entry: Entry): void
  /** The key with its names as other entries hold them: each name is in memory once, however many keys have it. */
  interned(key: AttemptKey): AttemptKey
  clear(): void
}

const NAMES = ['agent_name', 'model_name', 'issue_type'] as const

export function createKeyIndex<Entry extends Keyed>(): KeyIndex<Entry> {
  const lookup = createKeyLookup<Entry>()
  const byName: Record<keyof AttemptKey, Map<string, Entry[]>> = {
    agent_name: new Map(),
    model_name: new Map(),
    issue_type: new Map(),
  }
  let all: Entry[] = []
  const nameAs = (name: keyof AttemptKey, key: AttemptKey): string =>
    byName[name].get(key[name])?.[0]?.key[name] ?? key[name]

  return {
    get all() {
      return all
    },
    find: lookup.find,
    list(filter) {
      const given = NAMES.filter(name => filter[name] !== undefined)
      const lists = given.map(name => byName[name].get(filter[name]!) ?? [])
      const shortest = lists.reduce((best, list) => (list.length < best.length ? list : best), lists[0] ?? all)
      return given.length < 2 ? shortest : shortest.filter(({ key }) => matches(key, filter))
    },
    add(entry) {
      lookup.add(entry)
      for (const name of NAMES) listOf(byName[name], entry.key[name]).push(entry)
      all.push(entry)
    },
    interned: key => ({
      agent_name: nameAs('agent_name', key),
      model_name: nameAs('model_name', key),
      issue_type: nameAs('issue_type', key),
    }),
    clear() {
      lookup.clear()
      for (const lists of Object.values(byName)) lists.clear()
      all = []
    },
  }
}

/** Of no key: names are never empty. */
const NO_KEY = { model_name: '', issue_type: '' }

/**
 * Entries by model, issue type and agent, the last being the names there are most of. No key is joined or hashed whole to be found. Attempts
 * that come together mostly share model and issue type, so the last pair is remembered.
 */
function createKeyLookup<Entry extends Keyed>(): Pick<KeyIndex<Entry>, 'find' | 'add' | 'clear'> {
  const byModel = new Map<string, Map<string, Map<string, Entry>>>()
  const noAgents = { ...NO_KEY, byAgent: new Map<string, Entry>() }
  let latest = noAgents

  return {
    find({ agent_name, model_name, issue_type }) {
      if (latest.model_name === model_name && latest.issue_type === issue_type) return latest.byAgent.get(agent_name)
      const byAgent = byModel.get(model_name)?.get(issue_type)
      if (byAgent === undefined) return undefined
      latest = { model_name, issue_type, byAgent }
      return byAgent.get(agent_name)
    },
    add(entry) {
      const { agent_name, model_name, issue_type } = entry.key
      within(within(byModel, model_name), issue_type).set(agent_name, entry)
    },
    clear() {
      byModel.clear()
      latest = noAgents
    },
  }
}

/** The map under a name, made where there is none. */
function within<T>(maps: Map<string, Map<string, T>>, name: string): Map<string, T> {
  const known = maps.get(name)
  if (known !== undefined) return known
  const made = new Map<string, T>()
  maps.set(name, made)
  return made
}

/** The list under a name, made where there is none. */
function listOf<T>(lists: Map<string, T[]>, name: string): T[] {
  const known = lists.get(name)
  if (known !== undefined) return known
  const made: T[] = []
  lists.set(name, made)
  return made
}

/** Whether the filter gives any name. */
export const isFiltering = (filter: KeyFilter): boolean => NAMES.some(name => filter[name] !== undefined)

/** Whether a key equals every name the filter gives. */
export function matches(key: AttemptKey, filter: KeyFilter): boolean {
  return (
    (filter.agent_name === undefined || key.agent_name === filter.agent_name) &&
    (filter.model_name === undefined || key.model_name === filter.model_name) &&
    (filter.issue_type === undefined || key.issue_type === filter.issue_type)
  )
}
