/** Models: which one to use, for which issue type, and at which cost. */
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import {
  attempts,
  costPerSuccess,
  durationQuantile,
  perHour,
  rise,
  type Scope,
  SELECTED,
  successRatio,
  wilson,
} from './expressions.ts'
import { attemptFilters, dashboardOf, many, type Row } from './frame.ts'
import { lines, matrix, table } from './panel.ts'
import { COARSE, NO_ATTEMPTS, performanceColumns, UIDS } from './parts.ts'

const ALL: Scope = { select: SELECTED, by: 'model_name', span: '$__range' }
const OVER_TIME: Scope = { ...ALL, span: '$__rate_interval' }
const CELLS: Scope = { ...ALL, by: 'issue_type, model_name' }

const which: Row = {
  id: 100,
  title: 'Comparison',
  panels: [
    table({
      id: 1,
      title: 'Models',
      description:
        'Which model succeeds, and what does it cost? "At least" and "At most" are the 95 % interval of the success rate; overlapping intervals do not show a difference. A model that gets harder issues looks worse than it is: compare within an issue type, or use /api/v1/fair-comparison.',
      width: 12,
      height: 9,
      unit: 'none',
      noValue: NO_ATTEMPTS,
      sort: 'At least',
      columns: [
        { name: 'Model', label: 'model_name' },
        ...performanceColumns(ALL),
        { name: 'At most', expr: wilson('high', ALL), unit: 'percentunit' },
      ],
    }),
    matrix({
      id: 2,
      title: 'Success rate by issue type',
      description: 'Which model for which issue type? Success rate; an empty cell has fewer than 5 attempts.',
      width: 12,
      height: 9,
      unit: 'percentunit',
      noValue: 'No model with 5 attempts at an issue type',
      min: 0,
      max: 1,
      rows: 'issue_type',
      columns: 'model_name',
      expr: `${successRatio(CELLS)} and topk(200, ${attempts(CELLS)} >= 5)`,
    }),
  ],
}

const over: Row = {
  id: 101,
  title: 'Over time',
  panels: [
    lines({
      id: 3,
      title: 'Success rate by model',
      description: 'Did a model change without a new name? Success rate over time; a gap means no attempts.',
      width: 12,
      height: 9,
      unit: 'percentunit',
      noValue: NO_ATTEMPTS,
      min: 0,
      max: 1,
      interval: COARSE,
      lines: [{ expr: successRatio(OVER_TIME), legend: '{{model_name}}' }],
    }),
    lines({
      id: 4,
      title: 'Attempts by model',
      description: 'Which model gets the work? Attempts per point, by model.',
      width: 12,
      height: 9,
      unit: 'locale',
      noValue: NO_ATTEMPTS,
      interval: COARSE,
      stack: true,
      lines: [{ expr: attempts(OVER_TIME), legend: '{{model_name}}' }],
    }),
  ],
}

const expense: Row = {
  id: 102,
  title: 'Time and cost',
  panels: [
    lines({
      id: 5,
      title: 'Median time by model',
      description: 'Which model is slow, and since when? Half of its attempts took less time.',
      width: 12,
      height: 8,
      unit: 's',
      noValue: NO_ATTEMPTS,
      interval: COARSE,
      lines: [{ expr: durationQuantile(0.5, OVER_TIME), legend: '{{model_name}}' }],
    }),
    lines({
      id: 6,
      title: '90th percentile of time by model',
      description: 'Which model has slow attempts? One in ten of its attempts took longer.',
      width: 12,
      height: 8,
      unit: 's',
      noValue: NO_ATTEMPTS,
      interval: COARSE,
      lines: [{ expr: durationQuantile(0.9, OVER_TIME), legend: '{{model_name}}' }],
    }),
    lines({
      id: 7,
      title: 'Cost per success by model',
      description:
        'With which model is a success expensive? Cost of all attempts, failed ones included, divided by successes.',
      width: 8,
      height: 8,
      unit: 'currencyUSD',
      noValue: 'No success with a price',
      interval: COARSE,
      lines: [{ expr: costPerSuccess(OVER_TIME), legend: '{{model_name}}' }],
    }),
    lines({
      id: 8,
      title: 'Cost per hour by model',
      description: 'Which model costs the most? US dollars per hour, by model.',
      width: 8,
      height: 8,
      unit: 'currencyUSD',
      noValue: NO_ATTEMPTS,
      interval: COARSE,
      stack: true,
      lines: [
        {
          expr: perHour('agent_attempt_cost_usd_total', OVER_TIME),
          legend: '{{model_name}}',
        },
      ],
    }),
    lines({
      id: 9,
      title: 'Tokens per attempt by model',
      description: 'Which model uses the most tokens? Tokens of every type divided by attempts.',
      width: 8,
      height: 8,
      unit: 'locale',
      noValue: NO_ATTEMPTS,
      interval: COARSE,
      lines: [
        {
          expr: `${rise('agent_attempt_tokens_total', OVER_TIME)} / (${attempts(OVER_TIME)} > 0)`,
          legend: '{{model_name}}',
        },
      ],
    }),
  ],
}

/** The dashboard. */
export function models(): Dashboard {
  return dashboardOf({
    uid: UIDS.models,
    title: 'Models',
    description: 'Which model should be used, for which issue type, and at which cost?',
    past: '24h',
    variables: attemptFilters(many),
    rows: [which, over, expense],
  })
}
