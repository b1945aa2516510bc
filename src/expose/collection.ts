/** What is exposed at one moment: a copy of every summary, so that all families about it tell of the same attempts. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { AttemptKey } from '../core/attempt.ts'
import type { Clock, KeySummary } from '../core/ports.ts'
import { type KeyTally, OVERFLOW_KEY, type Tally } from '../core/tally.ts'
import { copyExperiments, type ExperimentCopy } from './experiments.ts'
import type { Labelled } from './family.ts'
import { labelText } from './label-text.ts'
import type { OwnHealth, OwnValues } from './own-families.ts'

/** Keys looked at before others have their turn: about a millisecond where all of them have changed. */
const KEYS_AT_ONCE = 200

/** A key as it was at one moment: its summary never changes. About 1.3 KB. */
export interface KeyCopy extends KeySummary, Labelled {
  readonly key: AttemptKey
  /** What it is a copy of, and how often that had changed. */
  readonly of: KeyTally
  readonly changes: number
}

export interface Collection {
  /** Milliseconds since the epoch. */
  readonly atMs: number
  /** In the order they first came. */
  readonly keys: readonly KeyCopy[]
  /** In the order they first came, and so their arms. */
  readonly experiments: readonly ExperimentCopy[]
  readonly own: OwnValues
}

export interface Sources {
  readonly tally: Tally
  /** How many arms the tally may hold; not told where it is absent. */
  readonly maxArms?: number
  /** What the sidecar knows of itself; a scrape fails where it throws. */
  readonly health: () => OwnHealth
  readonly version: string
  readonly clock: Clock
}

/**
 * Collects; whoever asks while one collection is being made gets that one. Rejects where a source throws. Copies of what
 * has not changed since are taken over from the collection before, so that the work, and what is left to the garbage
 * collector, grow with the attempts and hardly with the keys.
 */
export function createCollector(sources: Sources): () => Promise<Collection> {
  let underWay: Promise<Collection> | undefined
  let knownKeys: readonly KeyCopy[] = []
  let knownExperiments: ReadonlyMap<string, ExperimentCopy> = new Map()
  async function collect(): Promise<Collection> {
    const own = ownValues(sources)
    const atMs = sources.clock()
    knownKeys = await copyKeys(sources.tally.keys(), knownKeys)
    knownExperiments = await copyExperiments(sources.tally.arms(), knownExperiments)
    return { atMs, keys: knownKeys, experiments: [...knownExperiments.values()], own }
  }
  return () => {
    underWay ??= collect().finally(() => {
      underWay = undefined
    })
    return underWay
  }
}

function ownValues({ tally, maxArms, health, version }: Sources): OwnValues {
  return {
    ...health(),
    agent_performance_build_info: [{ labels: { version }, value: 1 }],
    agent_performance_keys: tally.keys().length - tally.keys(OVERFLOW_KEY).length,
    agent_performance_attempts_overflowed_total: tally.overflowed(),
    agent_performance_arms: tally.arms().length,
    agent_performance_arms_limit: maxArms,
  }
}

async function copyKeys(records: readonly KeyTally[], known: readonly KeyCopy[]): Promise<readonly KeyCopy[]> {
  // Keys that come meanwhile wait for the next collection: they could come for ever.
  const end = records.length
  const keys: KeyCopy[] = []
  for (let i = 0; i < end; i++) {
    if (i > 0 && i % KEYS_AT_ONCE === 0) await nextTurn()
    keys.push(copyKey(records[i]!, known[i]))
  }
  return keys
}

function copyKey(record: KeyTally, before: KeyCopy | undefined): KeyCopy {
  const { key, summary, recent, changes } = record
  const known = before?.of === record ? before : undefined
  if (known?.changes === changes) return known
  const { agent_name, model_name, issue_type } = key
  const labels = known?.labels ?? labelText({ agent_name, model_name, issue_type })
  return { key, summary: summary.slice(), recent, labels, of: record, changes }
}
