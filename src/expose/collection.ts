/** Copies everything that one scrape exposes, so that all families report the same attempts. */
import { recordedAttempts, recordedSpan, SUMMARY_WIDTH, undoCorrections } from '../core/aggregate/summary.ts'
import type { KeyTally, Tally } from '../core/aggregate/tally.ts'
import type { AttemptKey } from '../core/attempt/attempt.ts'
import type { Clock, KeySummary } from '../core/ports.ts'
import { declineSteps } from '../core/reports/drift-report.ts'
import { countsOf } from '../core/reports/groups.ts'
import type { Counts } from '../core/statistics/counts.ts'
import type { Steps } from '../core/steps.ts'
import { runScrapeYielding } from '../lib/event-loop.ts'
import { type Corrections, confidentCorrectionsOf, correctionsOf } from './corrections.ts'
import { copyExperiments, type ExperimentCopy, type ExperimentSource } from './experiments.ts'
import type { Labelled } from './family.ts'
import { labelText } from './label-text.ts'
import type { SelfMetricReading } from './self-metrics.ts'

/** Keys copied per step: about 0.1 ms and 250 KB. */
const KEYS_PER_STEP = 200

/**
 * A key at the time of the collection: its summary never changes. About 1.3 KB. Counts by result are those that each attempt counted with first, so
 * that counters never decrease. Everything else is of the latest results.
 */
export interface KeyCopy extends KeySummary, Labelled {
  readonly key: AttemptKey
  /** The downward drift statistic divided by the threshold that all keys have in common. Undefined with too few attempts. */
  readonly decline: number | undefined
  /** Its successes and attempts, clustered where tasks repeat. The copied summary has no tasks. */
  readonly counts: Counts
  readonly corrections: Corrections
  /** Corrections of attempts that stated a confidence. */
  readonly confidentCorrections: Corrections
  /** Attempts with those that are pending. */
  readonly recorded: number
  /** The end of its latest attempt, pending ones included, in milliseconds since the epoch. Undefined if no attempt has a known time. */
  readonly lastMs: number | undefined
}

/** The label text of each key. Entries live as long as their key. */
type LabelTexts = WeakMap<KeyTally, string>

/** Everything that one scrape or push exposes. */
export interface Collection {
  /** Milliseconds since the epoch. */
  readonly atMs: number
  /** In the order of their first attempt with a result. Those whose attempts are all pending come last. */
  readonly keys: readonly KeyCopy[]
  /** The number of keys that have an attempt with a result. */
  readonly listed: number
  /** In the order of their first attempt, as are their arms. */
  readonly experiments: readonly ExperimentCopy[]
  /** The metrics of the sidecar about itself. */
  readonly self: readonly SelfMetricReading[]
}

/** Where a collection reads from. */
export interface Sources {
  readonly tally: Pick<Tally, 'keys' | 'hiddenKeys'> & ExperimentSource
  /** Reads the metrics of the sidecar about itself. If it throws, the scrape fails. */
  readonly selfMetrics: () => readonly SelfMetricReading[]
  readonly version: string
  readonly clock: Clock
}

/**
 * A function that collects, and rejects if a source throws. Callers that arrive before a collection starts share it. A caller that arrives
 * during a collection gets the next one, so that it misses no attempt that was recorded before its call. Every collection copies all keys:
 * finding those that changed takes longer than a bulk copy.
 */
export function createCollector(sources: Sources): () => Promise<Collection> {
  let running: Promise<unknown> | undefined
  let next: Promise<Collection> | undefined
  /** The collection that started in this synchronous run of code: no attempt can have been recorded since. */
  let startedNow: Promise<Collection> | undefined
  const labelTexts: LabelTexts = new WeakMap()
  let knownExperiments: ReadonlyMap<string, ExperimentCopy> = new Map()
  async function collect(): Promise<Collection> {
    const self = sources.selfMetrics()
    const atMs = sources.clock()
    const copied = await runScrapeYielding(copySteps(sources.tally, labelTexts))
    knownExperiments = await copyExperiments(sources.tally, knownExperiments, atMs)
    return { atMs, ...copied, experiments: [...knownExperiments.values()], self }
  }
  function begin(): Promise<Collection> {
    next = undefined
    const started = collect()
    const ended = started
      .catch(() => undefined)
      .then(() => {
        if (running === ended) running = undefined
      })
    running = ended
    startedNow = started
    queueMicrotask(() => {
      startedNow = undefined
    })
    return started
  }
  return () => {
    if (startedNow !== undefined) return startedNow
    if (running === undefined) return begin()
    next ??= running.then(begin)
    return next
  }
}

function* copySteps(tally: Sources['tally'], labelTexts: LabelTexts): Steps<Pick<Collection, 'keys' | 'listed'>> {
  // Keys that are added during the copy belong to the next collection: otherwise the copy might never end.
  const listed = tally.keys().slice()
  const records = [...listed, ...tally.hiddenKeys()]
  const declines = yield* declineSteps(listed)
  const keys: KeyCopy[] = []
  for (let from = 0; from < records.length; from += KEYS_PER_STEP) {
    if (from > 0) yield
    copySome(records.slice(from, from + KEYS_PER_STEP), declines.slice(from, from + KEYS_PER_STEP), keys, labelTexts)
  }
  return { keys, listed: listed.length }
}

/** One array holds all summaries of a step: an allocation per key would take longer than everything else here. */
function copySome(
  records: readonly KeyTally[],
  declines: readonly (number | undefined)[],
  keys: KeyCopy[],
  labelTexts: LabelTexts,
): void {
  const rows = new Float64Array(records.length * SUMMARY_WIDTH)
  for (const [i, record] of records.entries()) {
    const summary = rows.subarray(i * SUMMARY_WIDTH, (i + 1) * SUMMARY_WIDTH)
    summary.set(record.summary)
    const { key, recent } = record
    const { outcomes } = record.summary
    if (outcomes !== undefined) undoCorrections(summary, outcomes.counts)
    keys.push({
      key,
      summary,
      recent,
      counts: countsOf(record.summary),
      corrections: correctionsOf(record.summary),
      confidentCorrections: confidentCorrectionsOf(record.summary),
      recorded: recordedAttempts(record.summary),
      lastMs: recordedSpan(record.summary)?.lastMs,
      labels: labelsOf(record, labelTexts),
      decline: declines[i],
    })
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
