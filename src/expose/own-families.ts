/** The families that tell of the sidecar itself: whether it keeps what it is sent, and what that takes. */
import type { Buckets } from './family.ts'

/** In the order they are exposed. Counters start at 0 with the process. */
export const OWN_FAMILIES = [
  {
    name: 'agent_performance_build_info',
    type: 'gauge',
    unit: '',
    help: 'Always 1; the label says which version runs.',
    labels: ['version'],
  },
  {
    name: 'agent_performance_ready',
    type: 'gauge',
    unit: '',
    help: 'Whether attempts are taken: 1, or 0 while starting, draining or unable to keep them.',
    labels: [],
  },
  {
    name: 'agent_performance_start_time_seconds',
    type: 'gauge',
    unit: 's',
    help: 'When the process started, in seconds since the epoch.',
    labels: [],
  },
  {
    name: 'agent_performance_attempts_accepted_total',
    type: 'counter',
    unit: '{attempt}',
    help: 'Attempts that were kept and counted.',
    labels: [],
  },
  {
    name: 'agent_performance_attempts_duplicate_total',
    type: 'counter',
    unit: '{attempt}',
    help: 'Attempts that were known already by their id.',
    labels: [],
  },
  {
    name: 'agent_performance_attempts_rejected_total',
    type: 'counter',
    unit: '{attempt}',
    help: 'Attempts that were wrong and will never be kept, by reason.',
    labels: ['reason'],
  },
  {
    name: 'agent_performance_attempts_refused_total',
    type: 'counter',
    unit: '{attempt}',
    help: 'Attempts that could not be kept at the time and may be sent again, by reason.',
    labels: ['reason'],
  },
  {
    name: 'agent_performance_attempts_skewed_total',
    type: 'counter',
    unit: '{attempt}',
    help: 'Attempts dated too far ahead, which were taken as of the time of receipt.',
    labels: [],
  },
  {
    name: 'agent_performance_otlp_ignored_total',
    type: 'counter',
    unit: '{record}',
    help: 'Log records, spans and data points of metrics that came by OTLP and are no attempts, by signal.',
    labels: ['signal'],
  },
  {
    name: 'agent_performance_attempts_overflowed_total',
    type: 'counter',
    unit: '{attempt}',
    help: 'Attempts counted under the overflow key because there were too many keys.',
    labels: [],
  },
  {
    name: 'agent_performance_keys',
    type: 'gauge',
    unit: '{key}',
    help: 'Distinct keys, the overflow key aside.',
    labels: [],
  },
  {
    name: 'agent_performance_keys_limit',
    type: 'gauge',
    unit: '{key}',
    help: 'Distinct keys there may be before attempts count under the overflow key.',
    labels: [],
  },
  {
    name: 'agent_performance_arms',
    type: 'gauge',
    unit: '{arm}',
    help: 'Arms of experiments: distinct pairs of experiment and variant.',
    labels: [],
  },
  {
    name: 'agent_performance_arms_limit',
    type: 'gauge',
    unit: '{arm}',
    help: 'Arms there may be before attempts of further ones are left out of experiments.',
    labels: [],
  },
  {
    name: 'agent_performance_journal_bytes',
    type: 'gauge',
    unit: 'By',
    help: 'Size of the journal on disk.',
    labels: [],
  },
  {
    name: 'agent_performance_journal_segments',
    type: 'gauge',
    unit: '{segment}',
    help: 'Files the journal consists of.',
    labels: [],
  },
  {
    name: 'agent_performance_journal_pending_requests',
    type: 'gauge',
    unit: '{request}',
    help: 'Requests waiting for their attempts to be on disk.',
    labels: [],
  },
  {
    name: 'agent_performance_journal_fsync_duration_seconds',
    type: 'histogram',
    unit: 's',
    help: 'How long the disk took to confirm a write of the journal.',
    labels: [],
  },
  {
    name: 'agent_performance_journal_write_errors_total',
    type: 'counter',
    unit: '{error}',
    help: 'Writes of the journal that failed.',
    labels: [],
  },
  {
    name: 'agent_performance_journal_torn_bytes_total',
    type: 'counter',
    unit: 'By',
    help: 'Bytes of a last write cut short by a crash, found at the start and cut off.',
    labels: [],
  },
  {
    name: 'agent_performance_journal_corrupt_records_total',
    type: 'counter',
    unit: '{record}',
    help: 'Records found damaged, at the start or while the files were read or verified.',
    labels: [],
  },
  {
    name: 'agent_performance_journal_missing_records_total',
    type: 'counter',
    unit: '{record}',
    help: 'Records found to be gone from the journal, with files that are missing or cut short.',
    labels: [],
  },
  {
    name: 'agent_performance_store_damaged_files',
    type: 'gauge',
    unit: '{file}',
    help: 'Files of the store that are known to be damaged, cut short or missing now.',
    labels: [],
  },
  {
    name: 'agent_performance_journal_replayed_records_total',
    type: 'counter',
    unit: '{record}',
    help: 'Records counted again from the journal at the start.',
    labels: [],
  },
  {
    name: 'agent_performance_journal_forked_records_total',
    type: 'counter',
    unit: '{record}',
    help: 'Records that another process wrote to the same store at the same time, found at the start and counted.',
    labels: [],
  },
  {
    name: 'agent_performance_document_write_duration_seconds',
    type: 'gauge',
    unit: 's',
    help: 'How long the last writing of the document took.',
    labels: [],
  },
  {
    name: 'agent_performance_document_bytes',
    type: 'gauge',
    unit: 'By',
    help: 'Size of the document as last written.',
    labels: [],
  },
  {
    name: 'agent_performance_document_write_errors_total',
    type: 'counter',
    unit: '{error}',
    help: 'Writings of the document that failed.',
    labels: [],
  },
  {
    name: 'agent_performance_document_last_success_timestamp_seconds',
    type: 'gauge',
    unit: 's',
    help: 'When the document was last written, in seconds since the epoch.',
    labels: [],
  },
  {
    name: 'agent_performance_http_requests_total',
    type: 'counter',
    unit: '{request}',
    help: 'Requests answered, by route, method and status code.',
    labels: ['route', 'method', 'code'],
  },
  {
    name: 'agent_performance_http_requests_in_flight',
    type: 'gauge',
    unit: '{request}',
    help: 'Requests being answered.',
    labels: [],
  },
  {
    name: 'agent_performance_connections_dropped_total',
    type: 'counter',
    unit: '{connection}',
    help: 'Connections dropped because there were too many.',
    labels: [],
  },
  {
    name: 'agent_performance_log_lines_dropped_total',
    type: 'counter',
    unit: '{line}',
    help: 'Lines of the log dropped because standard error could not be written or was not read.',
    labels: [],
  },
  {
    name: 'agent_performance_connections_unread_total',
    type: 'counter',
    unit: '{connection}',
    help: 'Connections closed because the client did not read its answer for 10 seconds.',
    labels: [],
  },
  {
    name: 'agent_performance_questions_in_flight',
    type: 'gauge',
    unit: '{question}',
    help: 'Questions that wait, are being worked out, or whose answer is being read.',
    labels: [],
  },
  {
    name: 'agent_performance_questions_refused_total',
    type: 'counter',
    unit: '{question}',
    help: 'Questions refused because there were too many, by what there was too much of: questions, answer_bytes, or questions on one connection.',
    labels: ['reason'],
  },
  {
    name: 'agent_performance_answer_bytes',
    type: 'gauge',
    unit: 'By',
    help: 'Bytes of answers held for clients that have not read them yet.',
    labels: [],
  },
  {
    name: 'agent_performance_event_loop_lag_seconds',
    type: 'gauge',
    unit: 's',
    help: 'The longest the event loop was late in the last 10 seconds or more.',
    labels: [],
  },
  {
    name: 'agent_performance_resident_memory_bytes',
    type: 'gauge',
    unit: 'By',
    help: 'Memory of the process that is in RAM.',
    labels: [],
  },
  {
    name: 'agent_performance_cpu_seconds_total',
    type: 'counter',
    unit: 's',
    help: 'Processor time the process took, user and system.',
    labels: [],
  },
  {
    name: 'agent_performance_open_fds',
    type: 'gauge',
    unit: '{file}',
    help: 'Open file descriptors of the process.',
    labels: [],
  },
] as const

/** One number of a family that has labels. No two samples of a family have the same labels. */
interface Sample<Label extends string = string> {
  readonly labels: Readonly<Record<Label, string>>
  readonly value: number
}

/** A histogram and the upper bounds (inclusive) of its buckets; one more bucket holds what is above them. */
interface BoundedBuckets extends Buckets {
  readonly bounds: readonly number[]
}

type OwnFamily = (typeof OWN_FAMILIES)[number]

type ValueOf<F extends OwnFamily> = F['type'] extends 'histogram'
  ? BoundedBuckets
  : F['labels'] extends readonly []
    ? number
    : readonly Sample<F['labels'][number]>[]

/** A value for each family by its name; a family without one is left out. */
export type OwnValues = { readonly [F in OwnFamily as F['name']]?: ValueOf<F> | undefined }

/** What the exposition knows without being told. */
type Known =
  | 'agent_performance_build_info'
  | 'agent_performance_keys'
  | 'agent_performance_arms'
  | 'agent_performance_arms_limit'
  | 'agent_performance_attempts_overflowed_total'

/**
 * What the sidecar tells of itself: by the name of the family a number, or samples where it has labels. Leave out what does
 * not apply (a store without a journal). Give samples of known reasons from the start, at 0: Prometheus cannot see a rise
 * from nothing.
 */
export type OwnHealth = Omit<OwnValues, Known>
