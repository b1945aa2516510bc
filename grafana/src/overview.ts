/** Overview: is everything working, which agent is best, and what got worse? */
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { attempts, busiest, costPerSuccess, type Scope, SELECTED, successRatio, wilson } from './expressions.ts'
import { attemptFilters, dashboardOf, many, type Row } from './frame.ts'
import { lines, stat, table } from './panel.ts'
import {
  COARSE,
  NO_ATTEMPTS,
  NO_EXPERIMENT,
  performanceColumns,
  READY,
  redFrom,
  TO_AGENT,
  TO_EXPERIMENT,
  UIDS,
} from './parts.ts'

const ALL: Scope = { select: SELECTED, span: '$__range' }
const BY_AGENT: Scope = { select: SELECTED, by: 'agent_name', span: '$__rate_interval' }
const BY_KEY: Scope = { select: SELECTED, by: 'issue_type, agent_name, model_name', span: '$__range' }
const KEY_COLUMNS = [
  { name: 'Issue type', label: 'issue_type' },
  { name: 'Agent', label: 'agent_name', properties: TO_AGENT },
  { name: 'Model', label: 'model_name' },
] as const

const now: Row = {
  id: 100,
  title: 'Now',
  panels: [
    stat({
      id: 1,
      title: 'Success rate',
      description: 'How often do agents succeed? Successes divided by attempts, in the selected time range.',
      width: 4,
      height: 4,
      unit: 'percentunit',
      noValue: NO_ATTEMPTS,
      expr: successRatio(ALL),
    }),
    stat({
      id: 2,
      title: 'Attempts',
      description:
        'How much do agents do? Attempts in the selected time range. Prometheus cannot count the first attempt of a new key.',
      width: 4,
      height: 4,
      unit: 'locale',
      noValue: NO_ATTEMPTS,
      expr: `round(${attempts(ALL)})`,
    }),
    stat({
      id: 3,
      title: 'Cost per success',
      description: 'What does a success cost? Cost of all attempts, failed ones included, divided by successes.',
      width: 4,
      height: 4,
      unit: 'currencyUSD',
      noValue: 'No success with a price',
      expr: costPerSuccess(ALL),
    }),
    stat({
      id: 4,
      title: 'Since the last attempt',
      description: 'Are agents working? Time since the latest attempt ended.',
      width: 4,
      height: 4,
      unit: 's',
      noValue: 'No attempt yet',
      expr: `time() - max(agent_last_attempt_timestamp_seconds{${SELECTED}})`,
    }),
    stat({
      id: 5,
      title: 'Sidecar',
      description: 'Are attempts being recorded? "Ready" if all sidecars are ready.',
      width: 4,
      height: 4,
      unit: 'none',
      noValue: 'No sidecar is scraped',
      ...READY,
      expr: 'min(agent_performance_ready{job=~"$job"})',
    }),
    stat({
      id: 6,
      title: 'Alerts',
      description: 'Does anything need action? Number of alerts that fire now; the table below names them.',
      width: 4,
      height: 4,
      unit: 'none',
      noValue: '0',
      thresholds: redFrom(1),
      expr: 'count(ALERTS{alertstate="firing", job=~"$job"}) or vector(0)',
    }),
  ],
}

const best: Row = {
  id: 101,
  title: 'Best agents',
  panels: [
    table({
      id: 7,
      title: 'Best for each issue type',
      description:
        'Which agent should get the next issue? The agent and model with the highest lower end of the 95 % interval ("At least"), among those with at least 5 attempts. The lower end is used because a few successes can be luck.',
      width: 10,
      height: 9,
      unit: 'none',
      noValue: 'No agent with 5 attempts in this time',
      sort: 'Issue type',
      ascending: true,
      columns: [
        ...KEY_COLUMNS,
        {
          name: 'At least',
          expr: `topk by (issue_type) (1, ${wilson('low', BY_KEY)} and ${attempts(BY_KEY)} >= 5)`,
          unit: 'percentunit',
        },
      ],
    }),
    table({
      id: 8,
      title: 'All keys',
      description:
        'How does each agent do with each model and issue type? The 100 keys with the most attempts. "At least" is the lower end of the 95 % interval of the success rate.',
      width: 14,
      height: 9,
      unit: 'none',
      noValue: NO_ATTEMPTS,
      sort: 'At least',
      columns: [
        ...KEY_COLUMNS,
        ...performanceColumns(BY_KEY).map(column => ({
          ...column,
          expr: `${column.expr} and topk(100, ${attempts(BY_KEY)} > 0)`,
        })),
      ],
    }),
  ],
}

const RECENT = 'agent:agent_successes_per_attempts:ratio_increase6h{job=~"$job", agent_name=~"$agent_name"}'
const BEFORE = 'agent:agent_successes_per_attempts:ratio_increase30d{job=~"$job", agent_name=~"$agent_name"} offset 6h'

const worse: Row = {
  id: 102,
  title: 'Regressions',
  panels: [
    table({
      id: 9,
      title: 'Change against the past',
      description:
        'Which agent succeeds less often than before? Success rate of the last 6 hours minus that of the 30 days before, by agent, worst first. Needs the recording rules and 6 hours of history.',
      width: 8,
      height: 9,
      unit: 'percentunit',
      noValue: 'No agent with attempts in the last 6 hours and before',
      sort: 'Change',
      ascending: true,
      columns: [
        { name: 'Agent', label: 'agent_name', properties: TO_AGENT },
        { name: 'Change', expr: `max by (agent_name) (${RECENT} - ${BEFORE})`, unit: 'percentunit' },
        { name: 'Last 6 hours', expr: `max by (agent_name) (${RECENT} and ${BEFORE})`, unit: 'percentunit' },
        {
          name: 'Attempts',
          expr: `round(sum by (agent_name) (agent:agent_attempts:increase6h{job=~"$job", agent_name=~"$agent_name"} and ${BEFORE}))`,
          unit: 'locale',
        },
      ],
    }),
    table({
      id: 10,
      title: 'Drift',
      description:
        'Which agent is getting worse? Evidence that a key succeeds less often than before, in percent of the alarm threshold. The 20 highest keys.',
      width: 8,
      height: 9,
      unit: 'none',
      noValue: 'No key with enough attempts yet',
      sort: 'Drift',
      thresholds: redFrom(1),
      columns: [
        ...KEY_COLUMNS,
        {
          name: 'Drift',
          expr: `topk(20, max by (issue_type, agent_name, model_name) (agent_success_drift{${SELECTED}}))`,
          unit: 'percentunit',
          properties: [{ id: 'custom.cellOptions', value: { type: 'color-text' } }],
        },
      ],
    }),
    table({
      id: 11,
      title: 'Firing alerts',
      description: 'What needs action? Alerts that fire now; each has a runbook.',
      width: 8,
      height: 9,
      unit: 'none',
      noValue: 'No alert fires',
      sort: 'Alert',
      ascending: true,
      columns: [
        { name: 'Alert', label: 'alertname' },
        { name: 'Severity', label: 'severity' },
        { name: 'Agent', label: 'agent_name', properties: TO_AGENT },
        { name: 'Experiment', label: 'experiment', properties: TO_EXPERIMENT },
        { name: 'Sidecar', label: 'instance' },
        {
          name: 'Count',
          expr: 'count by (alertname, severity, agent_name, experiment, instance) (ALERTS{alertstate="firing", job=~"$job"})',
          unit: 'none',
        },
      ],
    }),
  ],
}

const over: Row = {
  id: 103,
  title: 'Over time',
  panels: [
    lines({
      id: 12,
      title: 'Success rate by agent',
      description:
        'Which agent got better or worse, and when? The 20 agents with the most attempts. A gap means no attempts.',
      width: 12,
      height: 9,
      unit: 'percentunit',
      noValue: NO_ATTEMPTS,
      min: 0,
      max: 1,
      interval: COARSE,
      lines: [
        {
          expr: `${successRatio(BY_AGENT)} and ${busiest(20, BY_AGENT)}`,
          legend: '{{agent_name}}',
        },
      ],
    }),
    lines({
      id: 13,
      title: 'Attempts by agent',
      description: 'Which agent does how much? The 20 agents with the most attempts.',
      width: 12,
      height: 9,
      unit: 'locale',
      noValue: NO_ATTEMPTS,
      interval: COARSE,
      stack: true,
      lines: [{ expr: `${attempts(BY_AGENT)} and ${busiest(20, BY_AGENT)}`, legend: '{{agent_name}}' }],
    }),
  ],
}

const RUNS =
  'and on (experiment, variant) sum by (experiment, variant) (increase(agent_experiment_attempts_recorded_total{job=~"$job"}[$__range])) > 0'

/** A statistic of the comparisons of running experiments. */
const compared = (statistic: string): string =>
  `max by (experiment, variant, baseline) (${statistic}{job=~"$job"}) ${RUNS}`

const experiments: Row = {
  id: 104,
  title: 'Experiments',
  panels: [
    table({
      id: 14,
      title: 'Running experiments',
      description:
        'Is a variant better than the baseline (the stored one, else the variant with the earliest attempt)? Difference of success rates with a 95 % confidence sequence, valid at any time. Both bounds above 0: better. Both below 0: worse. The filters for agent, model and issue type do not apply.',
      width: 24,
      height: 8,
      unit: 'percentunit',
      noValue: NO_EXPERIMENT,
      sort: 'Experiment',
      ascending: true,
      columns: [
        { name: 'Experiment', label: 'experiment', properties: TO_EXPERIMENT },
        { name: 'Variant', label: 'variant' },
        { name: 'Baseline', label: 'baseline' },
        { name: 'Difference', expr: compared('agent_experiment_success_ratio_difference') },
        { name: 'At least', expr: compared('agent_experiment_success_ratio_difference_lower_bound') },
        { name: 'At most', expr: compared('agent_experiment_success_ratio_difference_upper_bound') },
      ],
    }),
  ],
}

/** The dashboard. */
export function overview(): Dashboard {
  return dashboardOf({
    uid: UIDS.overview,
    title: 'Agents',
    description: 'Is everything working, which agent is best, and what got worse?',
    past: '24h',
    variables: attemptFilters(many),
    rows: [now, best, worse, over, experiments],
  })
}
