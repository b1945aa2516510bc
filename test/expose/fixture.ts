/** What the tests of this folder are made of. */

import { createTally, type Tally } from '../../src/core/aggregate/tally.ts'
import type { AgentAttempt, AttemptKey } from '../../src/core/attempt/attempt.ts'
import { parseTimestamp } from '../../src/core/attempt/timestamp.ts'
import type { Sources } from '../../src/expose/collection.ts'
import type { Exposition } from '../../src/expose/exposition.ts'
import type { OwnHealth } from '../../src/expose/own-families.ts'

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

/** A tally of so many keys with one attempt each: 1,000 of them make about 9 MB of text. */
export function tallyOfKeys(keys: number): Tally {
  return tallyOf(Array.from({ length: keys }, (_, i) => attempt({ agent_name: `agent-${i}`, confidence: 0.8 })))
}

/** So many attempts of an arm, of which the first `successes` succeed. */
export function armAttempts(experiment: string, variant: string, attempts: number, successes: number): AgentAttempt[] {
  return Array.from({ length: attempts }, (_, i) => attempt({ experiment, variant, success: i < successes }))
}

export function sourcesOf(tally: Tally, health: () => OwnHealth = () => ({})): Sources {
  return { tally, maxArms: 1000, health, version: '1.2.3', clock: () => NOW_MS }
}

export async function textOf(exposition: Pick<Exposition, 'scrape'>): Promise<string> {
  return Buffer.concat(await slicesOf(exposition)).toString()
}

export async function slicesOf(exposition: Pick<Exposition, 'scrape'>): Promise<Buffer[]> {
  const slices: Buffer[] = []
  for await (const slice of (await exposition.scrape()).body) slices.push(Buffer.from(slice))
  return slices
}

/** A value for everything a sidecar can tell. */
export const FULL_HEALTH: { readonly [Name in keyof OwnHealth]-?: NonNullable<OwnHealth[Name]> } = {
  agent_performance_ready: 1,
  agent_performance_start_time_seconds: 1772366400.5,
  agent_performance_attempts_accepted_total: 12,
  agent_performance_attempts_duplicate_total: 3,
  agent_performance_attempts_rejected_total: [
    { labels: { reason: 'invalid' }, value: 4 },
    { labels: { reason: 'too_large' }, value: 0 },
  ],
  agent_performance_attempts_refused_total: [{ labels: { reason: 'storage' }, value: 0 }],
  agent_performance_attempts_skewed_total: 1,
  agent_performance_otlp_ignored_total: [
    { labels: { signal: 'logs' }, value: 2 },
    { labels: { signal: 'traces' }, value: 0 },
  ],
  agent_performance_keys_limit: 10_000,
  agent_performance_journal_bytes: 123_456,
  agent_performance_journal_segments: 2,
  agent_performance_journal_pending_requests: 0,
  agent_performance_journal_fsync_duration_seconds: {
    bounds: [0.001, 0.01, 0.1],
    counts: [5, 2, 0, 1],
    count: 8,
    sum: 0.2125,
  },
  agent_performance_journal_write_errors_total: 0,
  agent_performance_journal_torn_bytes_total: 17,
  agent_performance_journal_corrupt_records_total: 0,
  agent_performance_journal_missing_records_total: 0,
  agent_performance_store_damaged_files: 0,
  agent_performance_journal_replayed_records_total: 9,
  agent_performance_journal_forked_records_total: 0,
  agent_performance_document_write_duration_seconds: 0.012,
  agent_performance_document_bytes: 4096,
  agent_performance_document_write_errors_total: 0,
  agent_performance_document_last_success_timestamp_seconds: 1772366399,
  agent_performance_http_requests_total: [
    { labels: { route: '/api/v1/attempts', method: 'POST', code: '200' }, value: 10 },
    { labels: { route: '/metrics', method: 'GET', code: '200' }, value: 2 },
  ],
  agent_performance_http_requests_in_flight: 1,
  agent_performance_connections_dropped_total: 0,
  agent_performance_log_lines_dropped_total: 0,
  agent_performance_connections_unread_total: 0,
  agent_performance_questions_in_flight: 0,
  agent_performance_questions_refused_total: [{ labels: { reason: 'questions' }, value: 0 }],
  agent_performance_answer_bytes: 0,
  agent_performance_event_loop_lag_seconds: 0.003,
  agent_performance_resident_memory_bytes: 70_000_000,
  agent_performance_cpu_seconds_total: 1.75,
  agent_performance_open_fds: 21,
}

/** Names that are legal and easy to get wrong. The last two look alike and are not. */
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
