/** What is exposed at one moment: a copy of every summary, so that all families about it tell of the same attempts. */

import { SUMMARY_WIDTH } from '../core/aggregate/summary.ts'
import type { KeyTally, Tally } from '../core/aggregate/tally.ts'
import type { AttemptKey } from '../core/attempt/attempt.ts'
import type { Clock, KeySummary } from '../core/ports.ts'
import type { Steps } from '../core/steps.ts'
import { runScrapeYielding } from '../lib/event-loop.ts'
import { copyExperiments, type ExperimentCopy } from './experiments.ts'
import type { Labelled } from './family.ts'
import { labelText } from './label-text.ts'
import type { SelfMetricReading } from './self-metrics.ts'

/** Keys copied before others have their turn: a tenth of a millisecond, and a quarter of a megabyte. */
const KEYS_AT_ONCE = 200

/** A key as it was at one moment: its summary never changes. About 1.3 KB. */
export interface KeyCopy extends KeySummary, Labelled {
  readonly key: AttemptKey
}

/** The text of a key's labels, kept as long as the key. */
type LabelTexts = WeakMap<KeyTally, string>

export interface Collection {
  /** Milliseconds since the epoch. */
  readonly atMs: number
  /** In the order they first came. */
  readonly keys: readonly KeyCopy[]
  /** In the order they first came, and so their arms. */
  readonly experiments: readonly ExperimentCopy[]
  /** The metrics of the sidecar about itself. */
  readonly self: readonly SelfMetricReading[]
}

export interface Sources {
  readonly tally: Pick<Tally, 'keys' | 'arms'>
  /** Reads the metrics of the sidecar about itself. If it throws, the scrape fails. */
  readonly selfMetrics: () => readonly SelfMetricReading[]
  readonly version: string
  readonly clock: Clock
}

/**
 * Collects. Those who ask before a collection begins share it; who asks while one is made gets the next one, so that nothing is missing
 * that was recorded before. Rejects where a source throws. Nothing but the
 * text of labels is kept of keys between two collections: many copied side by side take less time than finding out which of
 * them have changed would save, and leave less to the garbage collector than one by one.
 */
export function createCollector(sources: Sources): () => Promise<Collection> {
  let underWay: Promise<unknown> | undefined
  let next: Promise<Collection> | undefined
  /** What those who ask in the same moment share: nothing can have been recorded in between. */
  let begunNow: Promise<Collection> | undefined
  const labelTexts: LabelTexts = new WeakMap()
  let knownExperiments: ReadonlyMap<string, ExperimentCopy> = new Map()
  async function collect(): Promise<Collection> {
    const self = sources.selfMetrics()
    const atMs = sources.clock()
    const keys = await runScrapeYielding(copySteps(sources.tally.keys(), labelTexts))
    knownExperiments = await copyExperiments(sources.tally.arms(), knownExperiments)
    return { atMs, keys, experiments: [...knownExperiments.values()], self }
  }
  function begin(): Promise<Collection> {
    next = undefined
    const begun = collect()
    const over = begun
      .catch(() => undefined)
      .then(() => {
        if (underWay === over) underWay = undefined
      })
    underWay = over
    begunNow = begun
    queueMicrotask(() => {
      begunNow = undefined
    })
    return begun
  }
  return () => {
    if (begunNow !== undefined) return begunNow
    if (underWay === undefined) return begin()
    next ??= underWay.then(begin)
    return next
  }
}

function* copySteps(records: readonly KeyTally[], labelTexts: LabelTexts): Steps<readonly KeyCopy[]> {
  // Keys that come meanwhile wait for the next collection: they could come for ever.
  const end = records.length
  const keys: KeyCopy[] = []
  for (let from = 0; from < end; from += KEYS_AT_ONCE) {
    if (from > 0) yield
    copySome(records.slice(from, Math.min(end, from + KEYS_AT_ONCE)), keys, labelTexts)
  }
  return keys
}

/** Their summaries lie side by side: memory of its own for each would take longer than all else here. */
function copySome(records: readonly KeyTally[], keys: KeyCopy[], labelTexts: LabelTexts): void {
  const rows = new Float64Array(records.length * SUMMARY_WIDTH)
  for (const [i, record] of records.entries()) {
    const summary = rows.subarray(i * SUMMARY_WIDTH, (i + 1) * SUMMARY_WIDTH)
    summary.set(record.summary)
    keys.push({ key: record.key, summary, recent: record.recent, labels: labelsOf(record, labelTexts) })
  }
}

function labelsOf(record: KeyTally, labelTexts: LabelTexts): string {
  const known = labelTexts.get(record)
  if (known !== undefined) return known
  const { agent_name, model_name, issue_type } = record.key
  const text = labelText({ agent_name, model_name, issue_type })
  labelTexts.set(record, text)
  return text
}
