/** The sidecar itself: does it take attempts, keep them, and have room? */
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
      description: 'Does it take attempts? Not while starting, draining or unable to keep them.',
      unit: 'none',
      ...READY,
      expr: `agent_performance_ready{${OWN}}`,
    }),
    stat({
      ...small,
      id: 2,
      title: 'Scraped',
      description: 'Can Prometheus reach it? 0 where the last scrape failed.',
      unit: 'none',
      thresholds: READY.thresholds,
      expr: `up{${OWN}}`,
    }),
    stat({
      ...small,
      id: 3,
      title: 'Running for',
      description: 'Did it restart? Time since the process started.',
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
        'Is there room for more agents, models and issue types? From 90 % on look which name has too many values: beyond the limit attempts count under __overflow__.',
      unit: 'percentunit',
      thresholds: redFrom(0.9),
      expr: `agent_performance_keys{${OWN}} / agent_performance_keys_limit{${OWN}}`,
    }),
    stat({
      ...small,
      id: 6,
      title: 'Damaged records',
      description: 'Was anything lost on disk? Records found damaged or missing since the last start.',
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
      title: 'Taken in',
      description:
        'How much comes in? Attempts a second that were kept and counted, and those that were known already.',
      unit: 'cps',
      lines: [
        { expr: rate('agent_performance_attempts_accepted_total'), legend: '{{instance}} accepted' },
        { expr: rate('agent_performance_attempts_duplicate_total'), legend: '{{instance}} duplicate' },
      ],
    }),
    third({
      id: 8,
      title: 'Not taken in',
      description:
        'Is anything lost? Rejected attempts were wrong and never come back; refused ones could not be kept and are sent again.',
      unit: 'cps',
      lines: [
        { expr: rate('agent_performance_attempts_rejected_total', 'reason'), legend: 'rejected: {{reason}}' },
        { expr: rate('agent_performance_attempts_refused_total', 'reason'), legend: 'refused: {{reason}}' },
      ],
    }),
    third({
      id: 9,
      title: 'Taken in otherwise',
      description:
        'Are clocks, names and telemetry in order? Skewed attempts were dated ahead and taken as of receipt; overflowed ones lost their names to the limit of keys; what came by OTLP and is no attempt was ignored.',
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
      description: 'Who asks what? Requests a second.',
      unit: 'reqps',
      lines: [{ expr: rate('agent_performance_http_requests_total', 'method, route'), legend: '{{method}} {{route}}' }],
    }),
    third({
      id: 20,
      title: 'Requests by code',
      description: 'Are they answered well? Requests a second by status code.',
      unit: 'reqps',
      lines: [{ expr: rate('agent_performance_http_requests_total', 'code'), legend: '{{code}}' }],
    }),
    third({
      id: 21,
      title: 'In flight and dropped',
      description:
        'Is it too much? Requests being answered, questions among them, and how many a second are refused, connections dropped or closed unread, and lines of the log lost.',
      unit: 'locale',
      lines: [
        { ...now('agent_performance_http_requests_in_flight'), legend: '{{instance}} in flight' },
        { expr: rate('agent_performance_connections_dropped_total'), legend: '{{instance}} dropped a second' },
        { expr: rate('agent_performance_log_lines_dropped_total'), legend: '{{instance}} log lines dropped a second' },
        { expr: rate('agent_performance_connections_unread_total'), legend: '{{instance}} unread, closed a second' },
        { ...now('agent_performance_questions_in_flight'), legend: '{{instance}} questions in flight' },
        { expr: rate('agent_performance_questions_refused_total'), legend: '{{instance}} questions refused a second' },
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
      description: 'Does anything block it? The longest the event loop was late.',
      unit: 's',
      lines: [now('agent_performance_event_loop_lag_seconds')],
    }),
    third({
      id: 23,
      title: 'Memory',
      description: 'Does it grow? Memory in RAM.',
      unit: 'bytes',
      lines: [now('agent_performance_resident_memory_bytes')],
    }),
    third({
      id: 24,
      title: 'Processor',
      description: 'How much of a processor does it take? At 100 % one is full.',
      unit: 'percentunit',
      lines: [{ expr: rate('agent_performance_cpu_seconds_total'), legend: '{{instance}}' }],
    }),
    third({
      id: 25,
      title: 'Open files',
      description: 'Do descriptors leak?',
      unit: 'locale',
      lines: [now('agent_performance_open_fds')],
    }),
    third({
      id: 26,
      title: 'Scrape',
      description: 'Is exposing the metrics itself a burden? How long a scrape takes.',
      unit: 's',
      lines: [now('scrape_duration_seconds')],
    }),
    third({
      id: 27,
      title: 'Series',
      description:
        'What does it cost Prometheus? Samples in one scrape: about 75 for each key and 26 for each arm of an experiment.',
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
    description: 'Does it take attempts, keep them, and have room?',
    past: '6h',
    variables: [
      many({ name: 'job', label: 'Job', metric: 'agent_performance_build_info' }),
      many({ name: 'instance', label: 'Instance', metric: 'agent_performance_build_info{job=~"$job"}' }),
    ],
    rows: [health, attempts, journal, http, process],
  })
}
