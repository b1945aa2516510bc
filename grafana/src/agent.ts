/** One agent in detail: success rate and its interval, calibration, duration, cost. */
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { confidence } from './agent-confidence.ts'
import {
  attempts,
  confidentSuccess,
  costPerSuccess,
  durationQuantile,
  highest,
  ONE_AGENT,
  perHour,
  rise,
  type Scope,
  statedConfidence,
  successRatio,
  wilson,
} from './expressions.ts'
import { attemptFilters, dashboardOf, one, type Row } from './frame.ts'
import { heatmap, lines, stat, table } from './panel.ts'
import { COARSE, NO_ATTEMPTS, NO_CONFIDENCE, performanceColumns, redFrom, UIDS } from './parts.ts'

const ALL: Scope = { select: ONE_AGENT, span: '$__range' }
const OVER_TIME: Scope = { select: ONE_AGENT, span: '$__rate_interval' }
const BY_MODEL: Scope = { ...OVER_TIME, by: 'model_name' }
const BY_KEY: Scope = { ...ALL, by: 'issue_type, model_name' }

const glance: Row = {
  id: 100,
  title: 'At a glance',
  panels: [
    stat({
      id: 1,
      title: 'Success rate',
      description: 'How often does it succeed? Successes divided by attempts, in the selected time range.',
      width: 4,
      height: 4,
      unit: 'percentunit',
      noValue: NO_ATTEMPTS,
      expr: successRatio(ALL),
    }),
    stat({
      id: 2,
      title: 'Rate, lower bound',
      description:
        'How good is it at least? Lower end of the 95 % Wilson interval of the success rate. It is far below the rate while attempts are few.',
      width: 4,
      height: 4,
      unit: 'percentunit',
      noValue: NO_ATTEMPTS,
      expr: wilson('low', ALL),
    }),
    stat({
      id: 3,
      title: 'Attempts',
      description:
        'How much does it do? Attempts in the selected time range. Prometheus cannot count the first attempt of a new key.',
      width: 4,
      height: 4,
      unit: 'locale',
      noValue: NO_ATTEMPTS,
      expr: `round(${attempts(ALL)})`,
    }),
    stat({
      id: 4,
      title: 'Over-confidence',
      description:
        'Is its confidence too high? Mean stated confidence minus success rate, over the attempts that stated a confidence. Above 15 points, do not base decisions on it. Below 0 it is too low.',
      width: 4,
      height: 4,
      unit: 'percentunit',
      noValue: NO_CONFIDENCE,
      thresholds: redFrom(0.15),
      expr: `${statedConfidence(ALL)} - ${confidentSuccess(ALL)}`,
    }),
    stat({
      id: 5,
      title: 'Median time',
      description: 'How long does an attempt take? Half of the attempts took less time.',
      width: 4,
      height: 4,
      unit: 's',
      noValue: NO_ATTEMPTS,
      expr: durationQuantile(0.5, ALL),
    }),
    stat({
      id: 6,
      title: 'Cost per success',
      description: 'What does a success cost? Cost of all attempts, failed ones included, divided by successes.',
      width: 4,
      height: 4,
      unit: 'currencyUSD',
      noValue: 'No success with a price',
      expr: costPerSuccess(ALL),
    }),
  ],
}

const success: Row = {
  id: 101,
  title: 'Success',
  panels: [
    lines({
      id: 7,
      title: 'Success rate and its interval',
      description:
        'Did the rate change, or is it chance? Success rate with its 95 % Wilson interval. A wide band means few attempts; a gap means none.',
      width: 12,
      height: 9,
      unit: 'percentunit',
      noValue: NO_ATTEMPTS,
      min: 0,
      max: 1,
      interval: COARSE,
      lines: [
        { expr: wilson('high', OVER_TIME), legend: 'at most' },
        { expr: successRatio(OVER_TIME), legend: 'success rate' },
        { expr: wilson('low', OVER_TIME), legend: 'at least' },
      ],
      overrides: {
        'at most': [
          { id: 'custom.fillBelowTo', value: 'at least' },
          { id: 'custom.fillOpacity', value: 15 },
          { id: 'custom.lineWidth', value: 0 },
        ],
        'at least': [{ id: 'custom.lineWidth', value: 0 }],
        'success rate': [{ id: 'custom.lineWidth', value: 2 }],
      },
    }),
    table({
      id: 8,
      title: 'By issue type and model',
      description:
        'What is it good at, and with which model? The 100 keys with the most attempts. "At least" is the lower end of the 95 % interval of the success rate.',
      width: 12,
      height: 9,
      unit: 'none',
      noValue: NO_ATTEMPTS,
      sort: 'At least',
      columns: [
        { name: 'Issue type', label: 'issue_type' },
        { name: 'Model', label: 'model_name' },
        ...performanceColumns(BY_KEY).map(column => ({
          ...column,
          expr: `${column.expr} and topk(100, ${attempts(BY_KEY)} > 0)`,
        })),
      ],
    }),
    lines({
      id: 9,
      title: 'Attempts by result',
      description: 'How many attempts succeed, and how many fail? Attempts per point, by result.',
      width: 12,
      height: 8,
      unit: 'locale',
      noValue: NO_ATTEMPTS,
      interval: COARSE,
      stack: true,
      lines: [{ expr: attempts({ ...OVER_TIME, by: 'result' }), legend: '{{result}}' }],
    }),
    lines({
      id: 10,
      title: 'Drift',
      description:
        'Is it getting worse? Evidence that a key succeeds less often than before, in percent of the alarm threshold. The 10 highest keys.',
      width: 12,
      height: 8,
      unit: 'percentunit',
      noValue: 'No key with enough attempts yet',
      lines: [
        {
          expr: highest(10, `agent_success_drift{${ONE_AGENT}}`, 'issue_type, model_name'),
          legend: '{{issue_type}} {{model_name}}',
        },
      ],
    }),
  ],
}

const expense: Row = {
  id: 103,
  title: 'Time and cost',
  panels: [
    heatmap({
      id: 15,
      title: 'Durations',
      description:
        'How long do attempts take, and is there more than one typical duration? A darker cell means more attempts.',
      width: 12,
      height: 9,
      unit: 's',
      noValue: NO_ATTEMPTS,
      interval: COARSE,
      expr: rise('agent_attempt_duration_seconds_bucket', { ...OVER_TIME, by: 'le' }),
    }),
    lines({
      id: 16,
      title: 'Time by result',
      description: 'Do failures take longer? Median and 90th percentile of the duration, by result.',
      width: 12,
      height: 9,
      unit: 's',
      noValue: NO_ATTEMPTS,
      interval: COARSE,
      lines: [
        { expr: durationQuantile(0.5, { ...OVER_TIME, by: 'result' }), legend: '{{result}}, median' },
        { expr: durationQuantile(0.9, { ...OVER_TIME, by: 'result' }), legend: '{{result}}, 90th percentile' },
      ],
    }),
    lines({
      id: 17,
      title: 'Cost per success by model',
      description:
        'With which model is a success expensive? Cost of all attempts, failed ones included, divided by successes.',
      width: 8,
      height: 8,
      unit: 'currencyUSD',
      noValue: 'No success with a price',
      interval: COARSE,
      lines: [{ expr: costPerSuccess(BY_MODEL), legend: '{{model_name}}' }],
    }),
    lines({
      id: 18,
      title: 'Cost per hour by model',
      description: 'How much does it spend? US dollars per hour, by model.',
      width: 8,
      height: 8,
      unit: 'currencyUSD',
      noValue: NO_ATTEMPTS,
      interval: COARSE,
      stack: true,
      lines: [
        {
          expr: perHour('agent_attempt_cost_usd_total', BY_MODEL),
          legend: '{{model_name}}',
        },
      ],
    }),
    lines({
      id: 19,
      title: 'Tokens by type',
      description: 'Why is it expensive? Tokens per point, by type. If cache reads fall, input rises.',
      width: 8,
      height: 8,
      unit: 'locale',
      noValue: NO_ATTEMPTS,
      interval: COARSE,
      stack: true,
      lines: [
        { expr: rise('agent_attempt_tokens_total', { ...OVER_TIME, by: 'token_type' }), legend: '{{token_type}}' },
      ],
    }),
  ],
}

/** The dashboard. */
export function agent(): Dashboard {
  return dashboardOf({
    uid: UIDS.agent,
    title: 'One agent',
    description:
      'How often does one agent succeed, can its confidence be trusted, how long does it take, and what does it cost?',
    past: '24h',
    variables: attemptFilters(one),
    rows: [glance, success, confidence, expense],
  })
}
