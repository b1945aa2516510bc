/** Experiments: which ones run, whether a variant is better, whether the comparison is valid, and what it costs. */
import type { Dashboard, DynamicConfigValue, Threshold } from '@grafana/grafana-foundation-sdk/dashboard'
import { ratio, rise, total, wilsonOf } from './expressions.ts'
import { dashboardOf, many, one, type Row } from './frame.ts'
import { type Column, lines, stat, table } from './panel.ts'
import { COARSE, NO_ATTEMPTS, NO_EXPERIMENT, TO_EXPERIMENT, UIDS } from './parts.ts'

const ANY = 'job=~"$job"'
const ONE = 'job=~"$job", experiment="$experiment"'
const ATTEMPTS = 'agent_experiment_attempts_total'
const COST = 'agent_experiment_attempt_cost_usd_total'
const DURATION = 'agent_experiment_attempt_duration_seconds_bucket'
const DIFFERENCE = 'agent_experiment_success_ratio_difference'
const FEW = 'Fewer than 8 attempts per variant, or only one variant'
const ALONE = 'No second variant yet'

/** Below it, the shares of the variants are not as intended. */
const MISMATCH: readonly Threshold[] = [
  { value: null, color: 'red' },
  { value: 0.001, color: 'green' },
]
const COLOURED: readonly DynamicConfigValue[] = [{ id: 'custom.cellOptions', value: { type: 'color-text' } }]

/** Counters since the experiment began, by variant. The statistics cover the same attempts. */
const attempts = total(ATTEMPTS, ONE, 'variant')
const successes = total(ATTEMPTS, `${ONE}, result="success"`, 'variant')
const cost = total(COST, ONE, 'variant')
/** One interval of the panel, by variant. */
const OVER_TIME = { select: ONE, by: 'variant', span: '$__rate_interval' } as const
/** Absent without attempts. */
const median = (buckets: string): string => `histogram_quantile(0.5, ${buckets}) >= 0`
/** A statistic of a comparison; the largest value if several sidecars recorded the experiment. */
const compared = (statistic: string): string => `max by (variant, baseline) (${statistic}{${ONE}})`
/** E-values are unbounded; the limit keeps the axis readable and is far above the decision threshold. */
const evidence = (by: string, select: string): string =>
  `clamp_max(max by (${by}) (agent_experiment_e_value{${select}}), 1e9)`
const ENOUGH = `20 * count(max by (variant) (agent_experiment_e_value{${ONE}}))`
const SHARES_P = `min(agent_experiment_sample_ratio_p_value{${ONE}})`

const all: Row = {
  id: 100,
  title: 'All experiments',
  panels: [
    table({
      id: 1,
      title: 'Experiments',
      description:
        'Which experiments exist, and which are running? Select one to see it below. Sample ratio is the p-value of the observed shares under the intended assignment: the stored shares, else equal ones. Below 0.1 % (red), no comparison is valid.',
      width: 24,
      height: 8,
      unit: 'none',
      noValue: NO_EXPERIMENT,
      sort: 'In this time',
      thresholds: MISMATCH,
      columns: [
        { name: 'Experiment', label: 'experiment', properties: TO_EXPERIMENT },
        { name: 'Variants', expr: `count by (experiment) (sum by (experiment, variant) (${ATTEMPTS}{${ANY}}))` },
        { name: 'Attempts', expr: total(ATTEMPTS, ANY, 'experiment'), unit: 'locale' },
        {
          name: 'In this time',
          expr: `round(${rise(ATTEMPTS, { select: ANY, by: 'experiment', span: '$__range' })})`,
          unit: 'locale',
        },
        { name: 'Highest e-value', expr: evidence('experiment', ANY), unit: 'locale' },
        {
          name: 'Sample ratio',
          expr: `min by (experiment) (agent_experiment_sample_ratio_p_value{${ANY}})`,
          unit: 'percentunit',
          properties: COLOURED,
        },
      ],
    }),
  ],
}

const VARIANTS: readonly Column[] = [
  { name: 'Variant', label: 'variant' },
  { name: 'At least', expr: wilsonOf('low', successes, attempts), unit: 'percentunit' },
  { name: 'Success rate', expr: ratio(successes, attempts), unit: 'percentunit' },
  { name: 'At most', expr: wilsonOf('high', successes, attempts), unit: 'percentunit' },
  { name: 'Attempts', expr: attempts, unit: 'locale' },
  { name: 'Median time', expr: median(total(DURATION, ONE, 'le, variant')), unit: 's' },
  { name: 'Cost per attempt', expr: `(${cost} > 0) / ${attempts}`, unit: 'currencyUSD' },
  { name: 'Cost per success', expr: `(${cost} > 0) / (${successes} > 0)`, unit: 'currencyUSD' },
]

const result: Row = {
  id: 101,
  title: 'This experiment',
  panels: [
    table({
      id: 2,
      title: 'Variants',
      description:
        'How does each variant do since the experiment began? "At least" and "At most" are the 95 % interval of its success rate. Do not compare variants by these intervals: they are valid for one look only.',
      width: 14,
      height: 8,
      unit: 'none',
      noValue: NO_EXPERIMENT,
      sort: 'Success rate',
      columns: VARIANTS,
    }),
    table({
      id: 3,
      title: 'Against the baseline',
      description:
        'Is a variant better than the baseline (the stored one, else the variant with the earliest attempt)? Difference of success rates with a 95 % confidence sequence, valid at any time. Both bounds above 0: better. Both below 0: worse. The e-value decides at 20 times the number of other variants.',
      width: 10,
      height: 8,
      unit: 'percentunit',
      noValue: ALONE,
      sort: 'Difference',
      columns: [
        { name: 'Variant', label: 'variant' },
        { name: 'Baseline', label: 'baseline' },
        { name: 'Difference', expr: compared(DIFFERENCE), unit: 'percentunit' },
        { name: 'At least', expr: compared(`${DIFFERENCE}_lower_bound`), unit: 'percentunit' },
        { name: 'At most', expr: compared(`${DIFFERENCE}_upper_bound`), unit: 'percentunit' },
        { name: 'E-value', expr: evidence('variant, baseline', ONE), unit: 'locale' },
      ],
    }),
    lines({
      id: 4,
      title: 'Difference to the baseline',
      description:
        'Is it decided, and since when? Success rate of each variant minus that of the baseline, since the experiment began. Dashed: 95 % confidence sequence. It is decided when 0 lies outside.',
      width: 12,
      height: 9,
      unit: 'percentunit',
      noValue: ALONE,
      min: -1,
      max: 1,
      lines: [
        { expr: compared(DIFFERENCE), legend: '{{variant}} less {{baseline}}' },
        { expr: compared(`${DIFFERENCE}_lower_bound`), legend: '{{variant}} at least', dashed: true },
        { expr: compared(`${DIFFERENCE}_upper_bound`), legend: '{{variant}} at most', dashed: true },
      ],
    }),
    lines({
      id: 5,
      title: 'Evidence',
      description:
        'How far is it from a decision? E-value of each variant against "no difference", on a logarithmic scale. Above the dashed line (1/α for this number of variants) the difference is real. It is valid at any time, and can fall again.',
      width: 12,
      height: 9,
      unit: 'locale',
      noValue: ALONE,
      min: 1,
      logarithmic: true,
      lines: [
        { expr: evidence('variant', ONE), legend: '{{variant}}' },
        { expr: ENOUGH, legend: 'enough', dashed: true },
      ],
    }),
    lines({
      id: 6,
      title: 'Success rate so far',
      description:
        'Do the rates converge? Success rate of each variant since the experiment began. Dashed: its 95 % interval, valid for one look.',
      width: 24,
      height: 8,
      unit: 'percentunit',
      noValue: NO_EXPERIMENT,
      min: 0,
      max: 1,
      lines: [
        { expr: ratio(successes, attempts), legend: '{{variant}}' },
        { expr: wilsonOf('low', successes, attempts), legend: '{{variant}} at least', dashed: true },
        { expr: wilsonOf('high', successes, attempts), legend: '{{variant}} at most', dashed: true },
      ],
    }),
  ],
}

const traffic: Row = {
  id: 102,
  title: 'Shares',
  panels: [
    stat({
      id: 7,
      title: 'Sample ratio',
      description:
        'Is the comparison valid? p-value of the observed shares under equal assignment. Below 0.1 %, assignment or recording is broken.',
      width: 4,
      height: 8,
      unit: 'percentunit',
      noValue: FEW,
      thresholds: MISMATCH,
      expr: SHARES_P,
    }),
    lines({
      id: 8,
      title: 'Sample ratio over time',
      description:
        'Since when are the shares unequal? The p-value on a logarithmic scale. Below the dashed line it is not chance.',
      width: 6,
      height: 8,
      unit: 'percentunit',
      noValue: FEW,
      max: 1,
      logarithmic: true,
      lines: [
        { expr: `clamp_min(${SHARES_P}, 1e-9)`, legend: 'sample ratio' },
        { expr: `0 * ${SHARES_P} + 0.001`, legend: 'mismatch below', dashed: true },
      ],
    }),
    lines({
      id: 9,
      title: 'Shares',
      description:
        'Which variant gets too many attempts? Share of each variant since the experiment began. Dashed: equal shares.',
      width: 7,
      height: 8,
      unit: 'percentunit',
      noValue: NO_EXPERIMENT,
      max: 1,
      lines: [
        { expr: `${attempts} / on () group_left () ${total(ATTEMPTS, ONE)}`, legend: '{{variant}}' },
        { expr: `1 / count(${attempts})`, legend: 'equal', dashed: true },
      ],
    }),
    lines({
      id: 10,
      title: 'Attempts',
      description: 'Is the experiment running, and which variants get attempts now? Attempts per point, by variant.',
      width: 7,
      height: 8,
      unit: 'locale',
      noValue: NO_ATTEMPTS,
      interval: COARSE,
      stack: true,
      lines: [{ expr: rise(ATTEMPTS, OVER_TIME), legend: '{{variant}}' }],
    }),
  ],
}

const expense: Row = {
  id: 103,
  title: 'Time and cost',
  panels: [
    lines({
      id: 11,
      title: 'Median time',
      description: 'Does a variant take longer? Half of its attempts took less time.',
      width: 8,
      height: 8,
      unit: 's',
      noValue: NO_ATTEMPTS,
      interval: COARSE,
      lines: [
        {
          expr: median(rise(DURATION, { ...OVER_TIME, by: 'le, variant' })),
          legend: '{{variant}}',
        },
      ],
    }),
    lines({
      id: 12,
      title: 'Cost per attempt',
      description: 'Is a variant more expensive? Mean cost of an attempt, by variant.',
      width: 8,
      height: 8,
      unit: 'currencyUSD',
      noValue: 'No attempt with a price',
      interval: COARSE,
      lines: [{ expr: `(${rise(COST, OVER_TIME)} > 0) / (${rise(ATTEMPTS, OVER_TIME)} > 0)`, legend: '{{variant}}' }],
    }),
    lines({
      id: 13,
      title: 'Cost per success',
      description: 'Is a variant worth its cost? Cost of all attempts, failed ones included, divided by successes.',
      width: 8,
      height: 8,
      unit: 'currencyUSD',
      noValue: 'No success with a price',
      interval: COARSE,
      lines: [
        {
          expr: `(${rise(COST, OVER_TIME)} > 0) / (${rise(ATTEMPTS, OVER_TIME, 'result="success"')} > 0)`,
          legend: '{{variant}}',
        },
      ],
    }),
  ],
}

/** The dashboard. */
export function experiments(): Dashboard {
  return dashboardOf({
    uid: UIDS.experiments,
    title: 'Experiments',
    description: 'Which experiments are running, is a variant better, is the comparison valid, and what does it cost?',
    past: '7d',
    variables: [
      many({ name: 'job', label: 'Job', metric: 'agent_performance_build_info' }),
      one({ name: 'experiment', label: 'Experiment', metric: `${ATTEMPTS}{job=~"$job"}` }),
    ],
    rows: [all, result, traffic, expense],
  })
}
