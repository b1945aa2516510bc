/** The journal and the document: size, errors, and how fast the disk is. */
import type { Row } from './frame.ts'
import { now, OWN, rate, third } from './sidecar-parts.ts'

/** The row. */
export const journal: Row = {
  id: 102,
  title: 'Journal and document',
  panels: [
    third({
      id: 10,
      title: 'Journal sync',
      description:
        'How fast is the disk? Duration of a journal sync, median and 99th percentile. Every recording request waits for one.',
      unit: 's',
      lines: [
        {
          expr: syncQuantile(0.5),
          legend: 'median',
        },
        {
          expr: syncQuantile(0.99),
          legend: '99th percentile',
        },
      ],
    }),
    third({
      id: 11,
      title: 'Waiting for the disk',
      description: 'Does the disk keep up? Requests whose attempts are not on disk yet.',
      unit: 'locale',
      lines: [now('agent_performance_journal_pending_requests')],
    }),
    third({
      id: 12,
      title: 'Errors',
      description: 'Do writes fail? Failed writes of the journal and of the document per second.',
      unit: 'cps',
      lines: [
        { expr: rate('agent_performance_journal_write_errors_total'), legend: '{{instance}} journal' },
        { expr: rate('agent_performance_document_write_errors_total'), legend: '{{instance}} document' },
      ],
    }),
    third({
      id: 13,
      title: 'Size on disk',
      description: 'How much disk space is used? Journal and document.',
      unit: 'bytes',
      lines: [
        { ...now('agent_performance_journal_bytes'), legend: '{{instance}} journal' },
        { ...now('agent_performance_document_bytes'), legend: '{{instance}} document' },
      ],
    }),
    third({
      id: 14,
      title: 'Document age',
      description: 'How old is the document? It is written only after new attempts.',
      unit: 's',
      lines: [
        {
          expr: `time() - agent_performance_document_last_success_timestamp_seconds{${OWN}}`,
          legend: '{{instance}}',
        },
      ],
    }),
    third({
      id: 15,
      title: 'Writing the document',
      description: 'How long did the last write of the document take? It grows with the number of keys.',
      unit: 's',
      lines: [now('agent_performance_document_write_duration_seconds')],
    }),
    third({
      id: 16,
      title: 'Segments',
      description: 'Does retention remove old data? Number of journal files.',
      unit: 'locale',
      lines: [now('agent_performance_journal_segments')],
    }),
    third({
      id: 17,
      title: 'Replayed at start',
      description: 'How much was replayed at the last start? Journal records.',
      unit: 'locale',
      lines: [now('agent_performance_journal_replayed_records_total')],
    }),
    third({
      id: 18,
      title: 'Keys and arms',
      description: 'How fast do keys (agent, model, issue type) and arms (experiment, variant) grow? Current numbers.',
      unit: 'locale',
      lines: [
        { ...now('agent_performance_keys'), legend: '{{instance}} keys' },
        { ...now('agent_performance_arms'), legend: '{{instance}} arms' },
      ],
    }),
  ],
}

/** Absent if nothing was written. */
function syncQuantile(quantile: number): string {
  return `histogram_quantile(${quantile}, ${rate('agent_performance_journal_fsync_duration_seconds_bucket', 'le')}) >= 0`
}
