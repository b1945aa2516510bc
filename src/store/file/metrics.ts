/** The self-metrics of the file store, one row each. A new metric is a new row. The file is long because it is a table. */
import type { StoreMetric, StoreMetricValue, StoreMetricValues } from '../../core/store-metrics.ts'
import { SYNC_BOUNDS } from './counters.ts'
import type { FileStoreStats } from './file-store.ts'

interface FileMetric extends StoreMetric {
  /** Undefined if there is no value yet. */
  read(stats: FileStoreStats): StoreMetricValue | undefined
}

export const FILE_METRICS: readonly FileMetric[] = [
  {
    name: 'agent_performance_journal_bytes',
    type: 'gauge',
    unit: 'By',
    help: 'Size of the journal on disk.',
    labels: [],
    read: stats => stats.journalBytes,
  },
  {
    name: 'agent_performance_journal_segments',
    type: 'gauge',
    unit: '{segment}',
    help: 'Number of segment files in the journal.',
    labels: [],
    read: stats => stats.segments,
  },
  {
    name: 'agent_performance_journal_pending_requests',
    type: 'gauge',
    unit: '{request}',
    help: 'Requests that wait until their attempts are durable.',
    labels: [],
    read: stats => stats.pendingRequests,
  },
  {
    name: 'agent_performance_journal_fsync_duration_seconds',
    type: 'histogram',
    unit: 's',
    help: 'Duration of an fsync of the journal.',
    labels: [],
    read: ({ syncs }) => ({
      bounds: SYNC_BOUNDS,
      counts: syncs.buckets,
      count: syncs.count,
      sum: syncs.sum,
    }),
  },
  {
    name: 'agent_performance_journal_write_errors_total',
    type: 'counter',
    unit: '{error}',
    help: 'Failed writes of the journal.',
    labels: [],
    read: stats => stats.writeErrors,
  },
  {
    name: 'agent_performance_journal_torn_bytes_total',
    type: 'counter',
    unit: 'By',
    help: 'Bytes of incomplete writes that were truncated at the start, after a crash.',
    labels: [],
    read: stats => stats.tornBytes,
  },
  {
    name: 'agent_performance_journal_corrupt_records_total',
    type: 'counter',
    unit: '{record}',
    help: 'Damaged records, found at the start or while the files were read or verified.',
    labels: [],
    read: stats => stats.corruptRecords,
  },
  {
    name: 'agent_performance_journal_missing_records_total',
    type: 'counter',
    unit: '{record}',
    help: 'Records that were lost with missing or truncated journal files.',
    labels: [],
    read: stats => stats.missingRecords,
  },
  {
    name: 'agent_performance_store_damaged_files',
    type: 'gauge',
    unit: '{file}',
    help: 'Files of the store that are damaged, truncated or missing at present.',
    labels: [],
    read: stats => stats.damage.files,
  },
  {
    name: 'agent_performance_journal_replayed_records_total',
    type: 'counter',
    unit: '{record}',
    help: 'Journal records that were replayed at the start.',
    labels: [],
    read: stats => stats.replayedRecords,
  },
  {
    name: 'agent_performance_journal_forked_records_total',
    type: 'counter',
    unit: '{record}',
    help: 'Records written by another process to the same store at the same time, found and counted at the start.',
    labels: [],
    read: stats => stats.forkedRecords,
  },
  {
    name: 'agent_performance_document_write_duration_seconds',
    type: 'gauge',
    unit: 's',
    help: 'Duration of the last write of the document.',
    labels: [],
    read: stats => stats.document.seconds,
  },
  {
    name: 'agent_performance_document_bytes',
    type: 'gauge',
    unit: 'By',
    help: 'Size of the document as last written.',
    labels: [],
    read: stats => stats.document.bytes,
  },
  {
    name: 'agent_performance_document_write_errors_total',
    type: 'counter',
    unit: '{error}',
    help: 'Failed writes of the document.',
    labels: [],
    read: stats => stats.document.errors,
  },
  {
    name: 'agent_performance_document_last_success_timestamp_seconds',
    type: 'gauge',
    unit: 's',
    help: 'Time of the last successful write of the document in seconds since the epoch.',
    labels: [],
    read: ({ document }) => (document.lastSuccessMs === undefined ? undefined : document.lastSuccessMs / 1000),
  },
]

export function metricValues(stats: FileStoreStats): StoreMetricValues {
  return new Map(
    FILE_METRICS.flatMap(metric => {
      const value = metric.read(stats)
      return value === undefined ? [] : [[metric.name, value] as const]
    }),
  )
}
