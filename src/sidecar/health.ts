/** What the sidecar knows of itself: whether it is ready, and the numbers behind `agent_performance_*`. */
import { type IncomingMessage, METHODS, type ServerResponse } from 'node:http'
import type { Config } from '../config/config.ts'
import type { OwnHealth } from '../expose/own-families.ts'
import type { ProcessHealth } from '../expose/process-health.ts'
import type { Questions } from '../questions/questions.ts'
import type { OtlpCounts } from '../receive/otlp/handler.ts'
import type { Listener } from '../server/listener.ts'
import type { LogOutput } from '../server/log-output.ts'
import { OTLP_SIGNALS } from '../server/paths.ts'
import { refusalOf } from '../server/problem.ts'
import type { RefusalLog } from '../server/refusal-log.ts'
import type { UnreadAnswers } from '../server/unread-answers.ts'
import { SYNC_BOUNDS } from '../store/file/counters.ts'
import type { FileStore } from '../store/file/file-store.ts'
import type { AgentPerformanceTracker } from '../tracker.ts'

/** One thing that should hold. */
export interface Check {
  readonly name: string
  readonly ok: boolean
  readonly detail?: string
  /** Present where attempts are taken although it does not hold. */
  readonly advisory?: true
}

/** Whether all holds that must hold for attempts to be taken. */
export const isReady = (checks: readonly Check[]): boolean =>
  checks.every(({ ok, advisory }) => ok || advisory === true)

export interface Health {
  readonly ingest: OtlpCounts
  checks(): readonly Check[]
  /** Counts a request when its answer is out. */
  observe(req: IncomingMessage, res: ServerResponse, route: string): void
  /** Counts an answer to what never became a request. */
  countUnparsed(status: number): void
  watch(listener: Listener): void
  read(): OwnHealth
}

export interface HealthSources {
  readonly store: FileStore
  readonly tracker: AgentPerformanceTracker
  readonly processHealth: ProcessHealth
  readonly config: Config
  readonly questions: Questions
  readonly unread: UnreadAnswers
  readonly draining: () => boolean
  readonly refusals: RefusalLog
  readonly logOutput: Pick<LogOutput, 'dropped'>
}

const REFUSALS: ReadonlyMap<number, string> = new Map([
  [429, 'overloaded'],
  [503, 'store'],
])

export function createHealth(sources: HealthSources): Health {
  const { store, tracker, processHealth, config, questions, unread, draining, refusals, logOutput } = sources
  const counts = { accepted: 0, duplicate: 0, rejected: 0, inFlight: 0 }
  const ignored = new Map(OTLP_SIGNALS.map(signal => [signal, 0]))
  const refused = new Map([...REFUSALS.values()].map(reason => [reason, 0]))
  const requests = createRequestCounts()
  let listener: Listener | undefined

  function checks(): readonly Check[] {
    const { writable, reason } = store.health()
    const { detail: damage } = store.stats().damage
    return [
      { name: 'store', ok: writable, ...(reason !== undefined && { detail: reason }) },
      { name: 'serving', ok: !draining(), ...(draining() && { detail: 'the sidecar is shutting down' }) },
      // What is damaged cannot be listed, and new attempts are kept all the same.
      ...(damage === undefined ? [] : [{ name: 'damage', ok: false, advisory: true, detail: damage } as const]),
    ]
  }

  return {
    checks,
    ingest: {
      accepted: n => {
        counts.accepted += n
      },
      duplicate: n => {
        counts.duplicate += n
      },
      rejected: n => {
        counts.rejected += n
      },
      refused: (status, n) => {
        const reason = REFUSALS.get(status) ?? 'store'
        refused.set(reason, (refused.get(reason) ?? 0) + n)
      },
      ignored: (signal, n) => ignored.set(signal, (ignored.get(signal) ?? 0) + n),
    },
    observe(req, res, route) {
      counts.inFlight++
      res.on('close', () => {
        counts.inFlight--
        requests.count(route, req.method ?? '', res.statusCode)
        const refusal = refusalOf(res)
        if (refusal !== undefined) refusals.log(req.method ?? '', route, refusal)
      })
    },
    countUnparsed: status => requests.count('other', 'other', status),
    watch(opened) {
      listener = opened
    },
    read() {
      const stats = store.stats()
      return {
        ...processHealth.read(),
        agent_performance_ready: isReady(checks()) ? 1 : 0,
        agent_performance_attempts_accepted_total: counts.accepted,
        agent_performance_attempts_duplicate_total: counts.duplicate,
        agent_performance_attempts_rejected_total: [{ labels: { reason: 'invalid' }, value: counts.rejected }],
        agent_performance_attempts_refused_total: [...refused].map(([reason, value]) => ({
          labels: { reason },
          value,
        })),
        agent_performance_attempts_skewed_total: tracker.skewed,
        agent_performance_otlp_ignored_total: [...ignored].map(([signal, value]) => ({ labels: { signal }, value })),
        agent_performance_keys_limit: config.maxKeys,
        agent_performance_journal_bytes: stats.journalBytes,
        agent_performance_journal_segments: stats.segments,
        agent_performance_journal_pending_requests: stats.pendingRequests,
        agent_performance_journal_fsync_duration_seconds: {
          bounds: SYNC_BOUNDS,
          counts: stats.syncs.buckets,
          count: stats.syncs.count,
          sum: stats.syncs.sum,
        },
        agent_performance_journal_write_errors_total: stats.writeErrors,
        agent_performance_journal_torn_bytes_total: stats.tornBytes,
        agent_performance_journal_corrupt_records_total: stats.corruptRecords,
        agent_performance_journal_missing_records_total: stats.missingRecords,
        agent_performance_store_damaged_files: stats.damage.files,
        agent_performance_journal_replayed_records_total: stats.replayedRecords,
        agent_performance_journal_forked_records_total: stats.forkedRecords,
        agent_performance_document_write_duration_seconds: stats.document.seconds,
        agent_performance_document_bytes: stats.document.bytes,
        agent_performance_document_write_errors_total: stats.document.errors,
        agent_performance_document_last_success_timestamp_seconds:
          stats.document.lastSuccessMs === undefined ? undefined : stats.document.lastSuccessMs / 1000,
        agent_performance_http_requests_total: requests.read(),
        agent_performance_http_requests_in_flight: counts.inFlight,
        agent_performance_connections_dropped_total: listener?.dropped ?? 0,
        agent_performance_log_lines_dropped_total: logOutput.dropped,
        agent_performance_connections_unread_total: unread.cut,
        agent_performance_questions_in_flight: questions.inFlight,
        agent_performance_questions_refused_total: [...questions.refused].map(([reason, value]) => ({
          labels: { reason },
          value,
        })),
        agent_performance_answer_bytes: questions.answerBytes,
      }
    },
  }
}

interface RequestCount {
  readonly labels: { readonly route: string; readonly method: string; readonly code: string }
  value: number
}

/** Requests by route, method and status. Each is found by looking up what it has, without a text being made for it. */
function createRequestCounts(): { count(route: string, method: string, status: number): void; read(): RequestCount[] } {
  const byRoute = new Map<string, Map<string, Map<number, RequestCount>>>()
  return {
    count(route, given, status) {
      const method = KNOWN_METHODS.has(given) ? given : 'other'
      const byStatus = getOr(
        getOr(byRoute, route, newMap<string, Map<number, RequestCount>>),
        method,
        newMap<number, RequestCount>,
      )
      getOr(byStatus, status, () => ({ labels: { route, method, code: String(status) }, value: 0 })).value++
    },
    read: () =>
      [...byRoute.values()].flatMap(byMethod => [...byMethod.values()].flatMap(byStatus => [...byStatus.values()])),
  }
}

const KNOWN_METHODS: ReadonlySet<string> = new Set(METHODS)

const newMap = <K, V>(): Map<K, V> => new Map()

function getOr<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key)
  if (known !== undefined) return known
  const made = make()
  map.set(key, made)
  return made
}
