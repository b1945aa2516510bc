/** Attempts, tallies and facts about a sidecar, for the tests of this folder. */

import { createTally, type Tally } from '../../src/core/aggregate/tally.ts'
import type { AgentAttempt, AttemptKey } from '../../src/core/attempt/attempt.ts'
import { parseTimestamp } from '../../src/core/attempt/timestamp.ts'
import type { Sources } from '../../src/expose/collection.ts'
import type { Exposition } from '../../src/expose/exposition.ts'
import { readSelfMetrics, type SelfMetricReading } from '../../src/expose/self-metrics.ts'
import { SELF_METRICS, type SidecarFacts } from '../../src/sidecar/self-metrics.ts'
import { metricValues } from '../../src/store/file/metrics.ts'
import { spoolMetrics } from '../../src/store/spool/metrics.ts'

export const NOW_MS: number = Date.parse('2026-03-01T12:00:00Z')

export function key(agent_name: string, model_name = 'model-1', issue_type = 'complexity'): AttemptKey {
  return { agent_name, model_name, issue_type }
}

export function attempt(of: Partial<AgentAttempt> = {}): AgentAttempt {
  return { ...key('fixer'), success: true, time_seconds: 1.5, timestamp: '2026-03-01T11:00:00.25Z', ...of }
}

export function tallyOf(attempts: readonly AgentAttempt[] = [], maxKeys = 10_000): Tally {
  const tally = createTally({ maxKeys, maxArms: 1000, tiers: [] })
  for (const one of attempts) count(tally, one)
  return tally
}

export function count(tally: Tally, one: AgentAttempt): void {
  tally.add(one, parseTimestamp(one.timestamp)!, NOW_MS)
}

/** A tally of `keys` keys with one attempt each: 1,000 keys are about 9 MB of text. */
export function tallyOfKeys(keys: number): Tally {
  return tallyOf(Array.from({ length: keys }, (_, i) => attempt({ agent_name: `agent-${i}`, confidence: 0.8 })))
}

/** Attempts of an arm, of which the first `successes` succeed. */
export function armAttempts(experiment: string, variant: string, attempts: number, successes: number): AgentAttempt[] {
  return Array.from({ length: attempts }, (_, i) => attempt({ experiment, variant, success: i < successes }))
}

/** Sources of an exposition that expose the tally and everything a sidecar can report about itself. */
export function sourcesOf(tally: Tally, facts: Partial<SidecarFacts> = {}): Sources {
  const selfMetrics = (): SelfMetricReading[] => readSelfMetrics(CONSTANT_METRICS, sidecarFacts({ tally, ...facts }))
  return { tally, selfMetrics, version: '1.2.3', clock: () => NOW_MS }
}

export async function textOf(exposition: Pick<Exposition, 'scrape'>): Promise<string> {
  return Buffer.concat(await chunksOf(exposition)).toString()
}

export async function chunksOf(exposition: Pick<Exposition, 'scrape'>): Promise<Buffer[]> {
  const chunks: Buffer[] = []
  for await (const chunk of (await exposition.scrape()).body) chunks.push(Buffer.from(chunk))
  return chunks
}

/** The table with constants for the metrics that do not read the facts but this process, so that two scrapes are equal. */
const CONSTANT_METRICS: typeof SELF_METRICS = SELF_METRICS.map(metric =>
  metric.read.length === 0 ? { ...metric, read: () => 1.75 } : metric,
)

/** Facts about a sidecar with a value for every metric. */
export function sidecarFacts(facts: Partial<SidecarFacts> = {}): SidecarFacts {
  return { ...FACTS, tally: tallyOf(), ...facts }
}

const FACTS: Omit<SidecarFacts, 'tally'> = {
  version: '1.2.3',
  info: { id: '3f2a9c1e-0000-4000-8000-000000000000' },
  ready: true,
  tracker: { skewed: 1 },
  store: new Map([
    ...metricValues({
      journalBytes: 123_456,
      segments: 2,
      pendingRequests: 0,
      pendingAttempts: 0,
      ids: 0,
      damage: { files: 0, records: 0, detail: undefined },
      syncs: { buckets: [5, 2, 0, 1], count: 8, sum: 0.2125 },
      writeErrors: 0,
      tornBytes: 17,
      corruptRecords: 0,
      missingRecords: 0,
      replayedRecords: 9,
      forkedRecords: 0,
      document: { writes: 3, errors: 0, seconds: 0.012, bytes: 4096, lastSuccessMs: 1772366399_000 },
      snapshot: { writes: 0, errors: 0, seconds: 0, bytes: 0, lastSuccessMs: undefined },
    }),
    ...spoolMetrics({ stats: { bytes: 0, attempts: 0, oldestMs: undefined }, maxBytes: 1024 ** 3 }, 0),
  ]),
  ingest: {
    accepted: 12,
    duplicate: 3,
    rejected: 4,
    refused: new Map([
      ['overloaded', 2],
      ['store', 0],
    ]),
    ignored: new Map([
      ['logs', 2],
      ['traces', 0],
    ]),
    excluded: new Map([['same_run', 1]]),
    repaired: new Map([['cut', 2]]),
    late: 1,
    overlapping: 0,
  },
  requests: {
    inFlight: 1,
    samples: () => [
      { labels: { route: '/api/v1/attempts', method: 'POST', code: '200' }, value: 10 },
      { labels: { route: '/metrics', method: 'GET', code: '200' }, value: 2 },
    ],
  },
  dropped: 0,
  unread: { closed: 0 },
  questions: { inFlight: 0, refused: new Map([['questions', 0]]), answerBytes: 0 },
  logOutput: { dropped: 0 },
  eventLoopLag: { seconds: () => 0.003 },
  grpc: { samples: () => [{ labels: { method: 'logs', code: '0' }, value: 2 }], misdirected: 1 },
  notifications: {
    counts: new Map([['ops', { sent: 3, failed: 1, dropped: 0 }]]),
    pending: () => new Map([['ops', 2]]),
    evaluationSeconds: 0.012,
  },
  otlpPushes: { success: 3, failure: 1 },
}

/** Valid names that are easy to escape wrongly. The last two look equal and are not. */
export const HOSTILE_NAMES: readonly string[] = [
  '__proto__',
  'constructor',
  'toString',
  'le',
  'result',
  '+Inf',
  '"} 1',
  'a"b',
  'a\\b',
  'a\\',
  'a\\n',
  '\\"',
  'llama3:8b',
  'a,b',
  'agent_name="x",model_name',
  '{}',
  '# TYPE x counter',
  ' ',
  ' a ',
  '\u2028',
  '\ufeff',
  '\u202eevil',
  'émile 🦊 修理',
  '\u00e9',
  'e\u0301',
]
