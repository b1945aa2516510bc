/**
 * Every metric of the sidecar about itself, one row each, in the order they are exposed. A new metric is a new row here: /metrics, OTLP
 * and the documented list read this table. The file is longer than others because it is a table.
 */
import { readdirSync } from 'node:fs'
import type { Tally } from '../core/aggregate/tally.ts'
import type { StoreMetricValues } from '../core/store-metrics.ts'
import type { PushCounts } from '../expose/otlp-out.ts'
import type { SelfMetric } from '../expose/self-metrics.ts'
import type { NotifierFacts } from '../notify/notifier.ts'
import type { QuestionsInFlight } from '../questions/in-flight.ts'
import type { LogOutput } from '../server/log-output.ts'
import type { UnreadAnswers } from '../server/unread-answers.ts'
import type { OpenStore } from '../store/backend.ts'
import { STORE_METRICS } from '../store/open.ts'
import type { AgentPerformanceTracker } from '../tracker.ts'
import type { EventLoopLag } from './event-loop-lag.ts'
import type { GrpcCounts } from './grpc-counts.ts'
import type { IngestTotals } from './ingest-counts.ts'
import type { RequestCounts } from './request-counts.ts'

/** What the metrics are read from, as it is at the time of one collection. */
export interface SidecarFacts {
  readonly version: string
  /** What all sidecars of the store share. */
  readonly info: OpenStore['info']
  readonly ready: boolean
  readonly tally: Pick<Tally, 'keyCount' | 'arms' | 'overflowed' | 'currentLimits'>
  readonly tracker: Pick<AgentPerformanceTracker, 'skewed'>
  /** Values of the store's own metrics by name. A store that is no file has others, or none. */
  readonly store: StoreMetricValues
  readonly ingest: IngestTotals
  readonly requests: Pick<RequestCounts, 'inFlight' | 'samples'>
  /** Connections that the listeners dropped. */
  readonly dropped: number
  readonly unread: Pick<UnreadAnswers, 'closed'>
  readonly questions: Pick<QuestionsInFlight, 'inFlight' | 'refused' | 'answerBytes'>
  readonly logOutput: Pick<LogOutput, 'dropped'>
  readonly eventLoopLag: Pick<EventLoopLag, 'seconds'>
  readonly otlpPushes: PushCounts
  readonly notifications: NotifierFacts
  readonly grpc: Pick<GrpcCounts, 'samples' | 'misdirected'>
}

/** The table. Counters start at 0 with the process. */
export const SELF_METRICS: readonly SelfMetric<SidecarFacts>[] = [
  {
    name: 'agent_performance_build_info',
    type: 'gauge',
    unit: '',
    help: 'Always 1. The label is the version of the sidecar.',
    labels: ['version'],
    read: ({ version }) => [{ labels: { version }, value: 1 }],
  },
  {
    name: 'agent_performance_store_info',
    type: 'gauge',
    unit: '',
    help: 'Always 1. The label identifies the store: sidecars that share a store have the same one, and expose the same metrics of agents and experiments. Absent for a store that only one sidecar can open.',
    labels: ['store'],
    read: ({ info }) => (info.id === undefined ? undefined : [{ labels: { store: shortId(info.id) }, value: 1 }]),
  },
  {
    name: 'agent_performance_ready',
    type: 'gauge',
    unit: '',
    help: '1 while the sidecar accepts attempts, 0 while it drains or the store is not writable.',
    labels: [],
    read: ({ ready }) => (ready ? 1 : 0),
  },
  {
    name: 'agent_performance_start_time_seconds',
    type: 'gauge',
    unit: 's',
    help: 'Start time of the process in seconds since the epoch.',
    labels: [],
    read: () => performance.timeOrigin / 1000,
  },
  {
    name: 'agent_performance_attempts_accepted_total',
    type: 'counter',
    unit: '{attempt}',
    help: 'Attempts that were recorded and counted.',
    labels: [],
    read: ({ ingest }) => ingest.accepted,
  },
  {
    name: 'agent_performance_attempts_duplicate_total',
    type: 'counter',
    unit: '{attempt}',
    help: 'Attempts that were ignored because their id was already recorded.',
    labels: [],
    read: ({ ingest }) => ingest.duplicate,
  },
  {
    name: 'agent_performance_attempts_rejected_total',
    type: 'counter',
    unit: '{attempt}',
    help: 'Invalid attempts, which are never recorded, by reason.',
    labels: ['reason'],
    read: ({ ingest }) => samples('reason', [['invalid', ingest.rejected]]),
  },
  {
    name: 'agent_performance_attempts_refused_total',
    type: 'counter',
    unit: '{attempt}',
    help: 'Valid attempts that could not be recorded at that time and may be sent again, by reason.',
    labels: ['reason'],
    read: ({ ingest }) => samples('reason', ingest.refused),
  },
  {
    name: 'agent_performance_attempts_skewed_total',
    type: 'counter',
    unit: '{attempt}',
    help: 'Attempts with a timestamp too far in the future, recorded with the time of receipt.',
    labels: [],
    read: ({ tracker }) => tracker.skewed,
  },
  {
    name: 'agent_performance_outcomes_total',
    type: 'counter',
    unit: '{outcome}',
    help: 'Outcomes of recorded attempts that were received, by result: accepted, duplicate, unknown (the attempt is not stored), rejected (invalid), refused (not recorded at that time).',
    labels: ['result'],
    read: ({ ingest }) => samples('result', ingest.outcomes),
  },
  {
    name: 'agent_performance_otlp_ignored_total',
    type: 'counter',
    unit: '{record}',
    help: 'OTLP log records, spans and metric data points that are not attempts, by signal.',
    labels: ['signal'],
    read: ({ ingest }) => samples('signal', ingest.ignored),
  },
  {
    name: 'agent_performance_otlp_excluded_total',
    type: 'counter',
    unit: '{record}',
    help: 'Ignored OTLP records that a rule matches, by reason: same_run (another span of the run counts), no_agent, no_outcome, interrupted, aborted.',
    labels: ['reason'],
    read: ({ ingest }) => samples('reason', ingest.excluded),
  },
  {
    name: 'agent_performance_otlp_repaired_fields_total',
    type: 'counter',
    unit: '{field}',
    help: 'Fields of attempts from OTLP that were not usable as sent, by what was done: dropped, cut, clamped (to 0 or a whole number), defaulted (unknown, or 0 seconds).',
    labels: ['repair'],
    read: ({ ingest }) => samples('repair', ingest.repaired),
  },
  {
    name: 'agent_performance_otlp_late_model_calls_total',
    type: 'counter',
    unit: '{span}',
    help: 'Spans of model calls that came after the run that they belong to had been counted. Its model and tokens stay as they are.',
    labels: [],
    read: ({ ingest }) => ingest.late,
  },
  {
    name: 'agent_performance_otlp_overlapping_points_total',
    type: 'counter',
    unit: '{point}',
    help: 'OTLP metric points that overlap in time with those of another process in the same series. Give each process its own service.instance.id.',
    labels: [],
    read: ({ ingest }) => ingest.overlapping,
  },
  {
    name: 'agent_performance_attempts_overflowed_total',
    type: 'counter',
    unit: '{attempt}',
    help: 'Attempts counted under the overflow key because the limit of keys was reached.',
    labels: [],
    read: ({ tally }) => tally.overflowed(),
  },
  {
    name: 'agent_performance_keys',
    type: 'gauge',
    unit: '{key}',
    help: 'Distinct keys, without the overflow key.',
    labels: [],
    read: ({ tally }) => tally.keyCount,
  },
  {
    name: 'agent_performance_keys_limit',
    type: 'gauge',
    unit: '{key}',
    help: 'Maximum number of distinct keys. Attempts of further keys count under the overflow key.',
    labels: [],
    read: ({ tally }) => tally.currentLimits.maxKeys,
  },
  {
    name: 'agent_performance_arms',
    type: 'gauge',
    unit: '{arm}',
    help: 'Arms of experiments: distinct pairs of experiment and variant.',
    labels: [],
    read: ({ tally }) => tally.arms().length,
  },
  {
    name: 'agent_performance_arms_limit',
    type: 'gauge',
    unit: '{arm}',
    help: 'Maximum number of arms. Attempts of further arms count in no experiment.',
    labels: [],
    read: ({ tally }) => tally.currentLimits.maxArms,
  },
  ...STORE_METRICS.map(metric => ({ ...metric, read: ({ store }: SidecarFacts) => store.get(metric.name) })),
  {
    name: 'agent_performance_http_requests_total',
    type: 'counter',
    unit: '{request}',
    help: 'HTTP requests answered, by route, method and status code.',
    labels: ['route', 'method', 'code'],
    read: ({ requests }) => requests.samples(),
  },
  {
    name: 'agent_performance_http_requests_in_flight',
    type: 'gauge',
    unit: '{request}',
    help: 'HTTP requests in progress.',
    labels: [],
    read: ({ requests }) => requests.inFlight,
  },
  {
    name: 'agent_performance_grpc_calls_total',
    type: 'counter',
    unit: '{call}',
    help: 'Calls of OTLP over gRPC, by method (the signal, or other) and gRPC status code.',
    labels: ['method', 'code'],
    read: ({ grpc }) => grpc.samples(),
  },
  {
    name: 'agent_performance_http2_refused_total',
    type: 'counter',
    unit: '{connection}',
    help: 'Connections to the HTTP port that speak HTTP/2, as OTLP over gRPC does. The port speaks HTTP/1.1 only.',
    labels: [],
    read: ({ grpc }) => grpc.misdirected,
  },
  {
    name: 'agent_performance_connections_dropped_total',
    type: 'counter',
    unit: '{connection}',
    help: 'Connections dropped because the limit of connections was reached.',
    labels: [],
    read: ({ dropped }) => dropped,
  },
  {
    name: 'agent_performance_otlp_pushes_total',
    type: 'counter',
    unit: '{push}',
    help: 'Pushes of metrics to an OpenTelemetry Collector, by result: success or failure.',
    labels: ['result'],
    read: ({ otlpPushes }) => samples('result', Object.entries(otlpPushes)),
  },
  {
    name: 'agent_performance_notifications_total',
    type: 'counter',
    unit: '{notification}',
    help: 'Notifications of alerts by sink and result: sent, failed (a try that failed, or that the sink refused), dropped (more alerts than are sent).',
    labels: ['sink', 'result'],
    read: ({ notifications: { counts } }) =>
      [...counts].flatMap(([sink, results]) =>
        Object.entries(results).map(([result, value]) => ({ labels: { sink, result }, value })),
      ),
  },
  {
    name: 'agent_performance_notifications_pending',
    type: 'gauge',
    unit: '{notification}',
    help: 'Notifications that a sink has not accepted yet, by sink. Sidecars that share a store have the same ones.',
    labels: ['sink'],
    read: ({ notifications }) => samples('sink', notifications.pending()),
  },
  {
    name: 'agent_performance_alert_evaluation_seconds',
    type: 'gauge',
    unit: 's',
    help: 'Duration of the last evaluation of the rules of alerts. Absent before the first.',
    labels: [],
    read: ({ notifications }) => notifications.evaluationSeconds,
  },
  {
    name: 'agent_performance_log_lines_dropped_total',
    type: 'counter',
    unit: '{line}',
    help: 'Log lines dropped because standard error was not writable or not read.',
    labels: [],
    read: ({ logOutput }) => logOutput.dropped,
  },
  {
    name: 'agent_performance_connections_unread_total',
    type: 'counter',
    unit: '{connection}',
    help: 'Connections closed because the client did not read its response for 10 seconds.',
    labels: [],
    read: ({ unread }) => unread.closed,
  },
  {
    name: 'agent_performance_questions_in_flight',
    type: 'gauge',
    unit: '{question}',
    help: 'Questions that are queued or being computed, or whose answer is being sent.',
    labels: [],
    read: ({ questions }) => questions.inFlight,
  },
  {
    name: 'agent_performance_questions_refused_total',
    type: 'counter',
    unit: '{question}',
    help: 'Questions refused because a limit was reached, by the limit: questions, answer_bytes, or connection (questions on one connection).',
    labels: ['reason'],
    read: ({ questions }) => samples('reason', questions.refused),
  },
  {
    name: 'agent_performance_answer_bytes',
    type: 'gauge',
    unit: 'By',
    help: 'Bytes of answers that clients have not read yet.',
    labels: [],
    read: ({ questions }) => questions.answerBytes,
  },
  {
    name: 'agent_performance_event_loop_lag_seconds',
    type: 'gauge',
    unit: 's',
    help: 'Longest event loop delay of at least the last 10 seconds.',
    labels: [],
    read: ({ eventLoopLag }) => eventLoopLag.seconds(),
  },
  {
    name: 'agent_performance_resident_memory_bytes',
    type: 'gauge',
    unit: 'By',
    help: 'Resident set size of the process.',
    labels: [],
    read: () => process.memoryUsage.rss(),
  },
  {
    name: 'agent_performance_cpu_seconds_total',
    type: 'counter',
    unit: 's',
    help: 'User and system CPU time of the process.',
    labels: [],
    read: () => cpuSeconds(),
  },
  {
    name: 'agent_performance_open_fds',
    type: 'gauge',
    unit: '{file}',
    help: 'Open file descriptors of the process.',
    labels: [],
    read: () => openFileDescriptors(),
  },
]

/** The first 8 of 32 random digits of a UUID: 100 stores share one with a probability of 1 in 860,000. */
function shortId(id: string): string {
  return id.slice(0, 8)
}

/** One sample for each value of the only label of a metric. */
function samples(
  label: string,
  values: Iterable<readonly [string, number]>,
): { readonly labels: Readonly<Record<string, string>>; readonly value: number }[] {
  return Array.from(values, ([text, value]) => ({ labels: { [label]: text }, value }))
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

/** Undefined if the operating system does not list them. */
function openFileDescriptors(): number | undefined {
  try {
    // One of them belongs to the directory that is being read.
    return readdirSync('/proc/self/fd').length - 1
  } catch {
    return undefined
  }
}
