/** The sidecar itself: does it record attempts, and does it have capacity left? */
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { dashboardOf, many, type Row } from './frame.ts'
import { stat } from './panel.ts'
import { READY, redFrom, UIDS } from './parts.ts'
import { journal } from './sidecar-journal.ts'
import { NOTHING, now, OWN, rate, third } from './sidecar-parts.ts'

const small = { width: 4, height: 4, noValue: NOTHING, legend: '{{instance}}' } as const

const health: Row = {
  id: 100,
  title: 'Health',
  panels: [
    stat({
      ...small,
      id: 1,
      title: 'Ready',
      description: 'Does the sidecar record attempts? It does not while it starts, shuts down or cannot write.',
      unit: 'none',
      ...READY,
      expr: `agent_performance_ready{${OWN}}`,
    }),
    stat({
      ...small,
      id: 2,
      title: 'Scraped',
      description: 'Can Prometheus reach the sidecar? 0 if the last scrape failed.',
      unit: 'none',
      thresholds: READY.thresholds,
      expr: `up{${OWN}}`,
    }),
    stat({
      ...small,
      id: 3,
      title: 'Running for',
      description: 'Did the sidecar restart? Time since the process started.',
      unit: 's',
      expr: `time() - agent_performance_start_time_seconds{${OWN}}`,
    }),
    stat({
      ...small,
      id: 4,
      title: 'Version',
      description: 'Which version runs?',
      unit: 'none',
      legend: '{{version}}',
      text: 'name',
      expr: `count by (version) (agent_performance_build_info{${OWN}})`,
    }),
    stat({
      ...small,
      id: 5,
      title: 'Keys taken',
      description:
        'Is there capacity for more keys? Share of --max-keys in use. From 90 % on, find the name with too many values. Beyond the limit, attempts count under __overflow__.',
      unit: 'percentunit',
      thresholds: redFrom(0.9),
      expr: `agent_performance_keys{${OWN}} / agent_performance_keys_limit{${OWN}}`,
    }),
    stat({
      ...small,
      id: 6,
      title: 'Damaged records',
      description: 'Were records lost on disk? Records found damaged or missing since the last start.',
      unit: 'locale',
      thresholds: redFrom(1),
      expr: `agent_performance_journal_corrupt_records_total{${OWN}} + agent_performance_journal_missing_records_total{${OWN}}`,
    }),
  ],
}

const attempts: Row = {
  id: 101,
  title: 'Attempts',
  panels: [
    third({
      id: 7,
      title: 'Recorded',
      description: 'How many attempts arrive? Recorded attempts and duplicates per second.',
      unit: 'cps',
      lines: [
        { expr: rate('agent_performance_attempts_accepted_total'), legend: '{{instance}} accepted' },
        { expr: rate('agent_performance_attempts_duplicate_total'), legend: '{{instance}} duplicate' },
      ],
    }),
    third({
      id: 8,
      title: 'Rejected and refused',
      description:
        'Are attempts lost? Rejected attempts are invalid and lost. Refused attempts could not be recorded and are sent again.',
      unit: 'cps',
      lines: [
        { expr: rate('agent_performance_attempts_rejected_total', 'reason'), legend: 'rejected: {{reason}}' },
        { expr: rate('agent_performance_attempts_refused_total', 'reason'), legend: 'refused: {{reason}}' },
      ],
    }),
    third({
      id: 9,
      title: 'Skewed, overflowed, ignored',
      description:
        'Are clocks, names and telemetry in order? Skewed: the timestamp was in the future and was replaced by the time of receipt. Overflowed: counted under __overflow__ because of --max-keys. Ignored: OTLP records that are not attempts.',
      unit: 'cps',
      lines: [
        { expr: rate('agent_performance_attempts_skewed_total'), legend: '{{instance}} skewed' },
        { expr: rate('agent_performance_attempts_overflowed_total'), legend: '{{instance}} overflowed' },
        { expr: rate('agent_performance_otlp_ignored_total', 'signal'), legend: 'ignored: {{signal}}' },
      ],
    }),
  ],
}

const http: Row = {
  id: 103,
  title: 'HTTP',
  panels: [
    third({
      id: 19,
      title: 'Requests by route',
      description: 'Which routes are used? Requests per second, by method and route.',
      unit: 'reqps',
      lines: [{ expr: rate('agent_performance_http_requests_total', 'method, route'), legend: '{{method}} {{route}}' }],
    }),
    third({
      id: 20,
      title: 'Requests by code',
      description: 'Do requests succeed? Requests per second, by status code.',
      unit: 'reqps',
      lines: [{ expr: rate('agent_performance_http_requests_total', 'code'), legend: '{{code}}' }],
    }),
    third({
      id: 21,
      title: 'In flight and dropped',
      description:
        'Is the sidecar overloaded? Requests and questions in flight; per second: refused questions, dropped connections, connections closed because the client did not read, and dropped log lines.',
      unit: 'locale',
      lines: [
        { ...now('agent_performance_http_requests_in_flight'), legend: '{{instance}} in flight' },
        { expr: rate('agent_performance_connections_dropped_total'), legend: '{{instance}} dropped per second' },
        {
          expr: rate('agent_performance_log_lines_dropped_total'),
          legend: '{{instance}} log lines dropped per second',
        },
        { expr: rate('agent_performance_connections_unread_total'), legend: '{{instance}} unread, closed per second' },
        { ...now('agent_performance_questions_in_flight'), legend: '{{instance}} questions in flight' },
        {
          expr: rate('agent_performance_questions_refused_total'),
          legend: '{{instance}} questions refused per second',
        },
      ],
    }),
  ],
}

const process: Row = {
  id: 104,
  title: 'Process',
  panels: [
    third({
      id: 22,
      title: 'Event loop lag',
      description: 'Does anything block the event loop? Longest delay in the last 10 seconds or more.',
      unit: 's',
      lines: [now('agent_performance_event_loop_lag_seconds')],
    }),
    third({
      id: 23,
      title: 'Memory',
      description: 'Does memory grow? Resident memory.',
      unit: 'bytes',
      lines: [now('agent_performance_resident_memory_bytes')],
    }),
    third({
      id: 24,
      title: 'Processor',
      description: 'How much CPU is used? 100 % is one core.',
      unit: 'percentunit',
      lines: [{ expr: rate('agent_performance_cpu_seconds_total'), legend: '{{instance}}' }],
    }),
    third({
      id: 25,
      title: 'Open files',
      description: 'Do file descriptors leak? Open descriptors.',
      unit: 'locale',
      lines: [now('agent_performance_open_fds')],
    }),
    third({
      id: 26,
      title: 'Scrape',
      description: 'Is scraping expensive? Duration of a scrape.',
      unit: 's',
      lines: [now('scrape_duration_seconds')],
    }),
    third({
      id: 27,
      title: 'Series',
      description:
        'How many series does Prometheus store? Samples per scrape: about 75 per key and 26 per arm of an experiment.',
      unit: 'locale',
      lines: [now('scrape_samples_scraped')],
    }),
  ],
}

/** The dashboard. */
export function sidecar(): Dashboard {
  return dashboardOf({
    uid: UIDS.sidecar,
    title: 'Sidecar',
    description: 'Does the sidecar record attempts, and does it have capacity left?',
    past: '6h',
    variables: [
      many({ name: 'job', label: 'Job', metric: 'agent_performance_build_info' }),
      many({ name: 'instance', label: 'Instance', metric: 'agent_performance_build_info{job=~"$job"}' }),
    ],
    rows: [health, attempts, journal, http, process],
  })
}
