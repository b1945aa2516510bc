/** What the sidecar keeps, and how well the disk does. */
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
      description: 'How fast is the disk? Every answer waits for one of these. Median and 99th percentile.',
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
      description: 'Does keeping fail? Failed writes a second, of the journal and of the document.',
      unit: 'cps',
      lines: [
        { expr: rate('agent_performance_journal_write_errors_total'), legend: '{{instance}} journal' },
        { expr: rate('agent_performance_document_write_errors_total'), legend: '{{instance}} document' },
      ],
    }),
    third({
      id: 13,
      title: 'Size on disk',
      description: 'How much room does it take? Journal and document.',
      unit: 'bytes',
      lines: [
        { ...now('agent_performance_journal_bytes'), legend: '{{instance}} journal' },
        { ...now('agent_performance_document_bytes'), legend: '{{instance}} document' },
      ],
    }),
    third({
      id: 14,
      title: 'Document age',
      description: 'How old is what readers of the document see? It is only written when attempts come.',
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
      description: 'How long does the last writing of the document take? It grows with the keys.',
      unit: 's',
      lines: [now('agent_performance_document_write_duration_seconds')],
    }),
    third({
      id: 16,
      title: 'Segments',
      description: 'Does old data leave? Files the journal consists of.',
      unit: 'locale',
      lines: [now('agent_performance_journal_segments')],
    }),
    third({
      id: 17,
      title: 'Replayed at start',
      description: 'How much had to be counted again after the last start? Records of the journal.',
      unit: 'locale',
      lines: [now('agent_performance_journal_replayed_records_total')],
    }),
    third({
      id: 18,
      title: 'Keys and arms',
      description:
        'How fast does the number of combinations of agent, model and issue type grow, and that of variants of experiments?',
      unit: 'locale',
      lines: [
        { ...now('agent_performance_keys'), legend: '{{instance}} keys' },
        { ...now('agent_performance_arms'), legend: '{{instance}} arms' },
      ],
    }),
  ],
}

/** Absent where nothing was written. */
function syncQuantile(quantile: number): string {
  return `histogram_quantile(${quantile}, ${rate('agent_performance_journal_fsync_duration_seconds_bucket', 'le')}) >= 0`
}
