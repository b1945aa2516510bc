/** One agent in depth: how often it succeeds and how sure that is, whether its confidence can be believed, how long it takes, what it costs. */
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { confidence } from './agent-confidence.ts'
import {
  attempts,
  confidentSuccess,
  costPerSuccess,
  durationQuantile,
  highest,
  ONE_AGENT,
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
      description: 'How often does it succeed? Successes over attempts, in the time on display.',
      width: 4,
      height: 4,
      unit: 'percentunit',
      noValue: NO_ATTEMPTS,
      expr: successRatio(ALL),
    }),
    stat({
      id: 2,
      title: 'Surely at least',
      description:
        'How good is it surely? The lower end of the 95 % Wilson interval of the success rate: far below the rate where attempts are few.',
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
        'How much does it do? Attempts in the time on display; the first attempt of a key that was never seen before is not among them.',
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
        'Is it surer than it is right? Stated confidence less success rate of the attempts that stated one. Above 15 points do not decide by it; below 0 it is too modest.',
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
      description: 'How long does an attempt take? Half of them took less.',
      width: 4,
      height: 4,
      unit: 's',
      noValue: NO_ATTEMPTS,
      expr: durationQuantile(0.5, ALL),
    }),
    stat({
      id: 6,
      title: 'Cost per success',
      description: 'What does a success cost? All costs, those of failures too, over successes.',
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
        'Did it change, or is it chance? The success rate within its 95 % Wilson interval: where the band is wide, attempts are few. A gap is a time without attempts.',
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
        'What is it good at, and with which model? The 100 keys with the most attempts. At least: lower end of the 95 % interval of the success rate.',
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
      description: 'How much does it do, and how much of it fails?',
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
        'Is it getting worse, slowly and surely? Evidence that a key succeeds less than it used to, as a share of what an alarm takes: at 100 % it is one. The 10 highest keys.',
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
        'How long do attempts take, and is there more than one kind? The darker, the more attempts took that long.',
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
      description: 'Do failures take longer? Median and 90th percentile of successes and failures.',
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
      description: 'With which model is a success dear? All costs, those of failures too, over successes.',
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
      description: 'What is it spending?',
      width: 8,
      height: 8,
      unit: 'currencyUSD',
      noValue: NO_ATTEMPTS,
      interval: COARSE,
      stack: true,
      lines: [
        {
          expr: `3600 * sum by (model_name) (rate(agent_attempt_cost_usd_total{${ONE_AGENT}}[$__rate_interval]))`,
          legend: '{{model_name}}',
        },
      ],
    }),
    lines({
      id: 19,
      title: 'Tokens by type',
      description: 'Why is it dear? Tokens by type; where those read from a cache fall, input rises.',
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
      'How often does it succeed and how sure is that, can its confidence be believed, how long does it take, what does it cost?',
    past: '24h',
    variables: attemptFilters(one),
    rows: [glance, success, confidence, expense],
  })
}
