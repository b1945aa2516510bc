/** Finds the records of keys by all or some of their names. */
import type { AttemptKey } from '../attempt/attempt.ts'
import type { KeyFilter } from '../ports.ts'

/** An entry of the index: any record of one key. */
interface Keyed {
  readonly key: AttemptKey
}

export interface KeyIndex<Entry extends Keyed> {
  /** All entries in the order they were added. Live: the list grows. Clearing the index replaces it. */
  readonly all: readonly Entry[]
  find(key: AttemptKey): Entry | undefined
  /** Entries that match the filter, in the order they were added. Live, as {@link all}. */
  list(filter: KeyFilter): readonly Entry[]
  /** Adds an entry of a new key. */
  add(entry: Entry): void
  /** Adds an entry of a new key that is found, but not listed until {@link show} is called for it. */
  addHidden(entry: Entry): void
  /** Lists an entry behind those that are listed. Does nothing if it is listed already. */
  show(entry: Entry): void
  /** The entries that are not listed. */
  readonly hidden: ReadonlySet<Entry>
  /** The number of all entries. */
  readonly size: number
  /** The key with the name strings of other entries, so that each name is in memory only once. */
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
  const hidden = new Set<Entry>()
  const nameAs = (name: keyof AttemptKey, key: AttemptKey): string =>
    byName[name].get(key[name])?.[0]?.key[name] ?? key[name]

  function show(entry: Entry): void {
    for (const name of NAMES) listOf(byName[name], entry.key[name]).push(entry)
    all.push(entry)
  }

  return {
    get all() {
      return all
    },
    hidden,
    get size() {
      return all.length + hidden.size
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
      show(entry)
    },
    addHidden(entry) {
      lookup.add(entry)
      hidden.add(entry)
    },
    show(entry) {
      if (hidden.delete(entry)) show(entry)
    },
    interned: key => ({
      agent_name: nameAs('agent_name', key),
      model_name: nameAs('model_name', key),
      issue_type: nameAs('issue_type', key),
    }),
    clear() {
      lookup.clear()
      hidden.clear()
      for (const lists of Object.values(byName)) lists.clear()
      all = []
    },
  }
}

/** Matches no key, because names are never empty. */
const NO_KEY = { model_name: '', issue_type: '' }

/**
 * Entries by model, issue type and agent. Agents come last, because there are most of them. A lookup neither joins the names to one string
 * nor hashes the whole key. Consecutive attempts mostly share model and issue type, so the last pair is cached.
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

/** The map of a name. Creates it if there is none. */
function within<T>(maps: Map<string, Map<string, T>>, name: string): Map<string, T> {
  const known = maps.get(name)
  if (known !== undefined) return known
  const made = new Map<string, T>()
  maps.set(name, made)
  return made
}

/** The list of a name. Creates it if there is none. */
function listOf<T>(lists: Map<string, T[]>, name: string): T[] {
  const known = lists.get(name)
  if (known !== undefined) return known
  const made: T[] = []
  lists.set(name, made)
  return made
}

/** Whether the filter has any name. */
export const isFiltering = (filter: KeyFilter): boolean => NAMES.some(name => filter[name] !== undefined)

/** Whether a key has every name of the filter. */
export function matches(key: AttemptKey, filter: KeyFilter): boolean {
  return (
    (filter.agent_name === undefined || key.agent_name === filter.agent_name) &&
    (filter.model_name === undefined || key.model_name === filter.model_name) &&
    (filter.issue_type === undefined || key.issue_type === filter.issue_type)
  )
}
