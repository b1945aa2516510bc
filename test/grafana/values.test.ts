/** Results of the panels' expressions on series with a known answer. */
import { spawnSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { stringify } from 'yaml'
import {
  attempts,
  attemptsByConfidence,
  confidentSuccess,
  costPerSuccess,
  durationQuantile,
  type Scope,
  statedConfidence,
  successByConfidence,
  successRatio,
  wilson,
} from '../../grafana/src/expressions.ts'
import { STORE_OF_INSTANCE } from '../../prometheus/stores.ts'
import { wilsonBounds } from '../../src/core/statistics/intervals.ts'
import { temporaryFolder } from '../support/sidecar-process.ts'
import { needs } from '../support/tool.ts'
import { withVariables } from './promql.ts'
import { panelQueries } from './queries.ts'

const OF = (agent: string): Scope => ({ select: `agent_name="${agent}"`, span: '$__range' })

/** Counters that increase evenly to a number within an hour. */
const RISES: Readonly<Record<string, number>> = {
  'agent_attempts_total{agent_name="good",model_name="m",result="success"}': 60,
  'agent_attempts_total{agent_name="good",model_name="n",result="success"}': 30,
  'agent_attempts_total{agent_name="good",model_name="n",result="failure"}': 10,
  'agent_attempt_cost_usd_total{agent_name="good",model_name="m"}': 9,
  'agent_attempts_total{agent_name="hapless",model_name="m",result="failure"}': 12,
  'agent_attempt_cost_usd_total{agent_name="hapless",model_name="m"}': 9,
  'agent_attempts_total{agent_name="idle",model_name="m",result="success"}': 0,
  'agent_attempt_duration_seconds_bucket{agent_name="idle",le="+Inf"}': 0,
  'agent_attempt_duration_seconds_bucket{agent_name="good",le="1.6"}': 0,
  'agent_attempt_duration_seconds_bucket{agent_name="good",le="3.2"}': 100,
  'agent_attempt_duration_seconds_bucket{agent_name="good",le="+Inf"}': 100,
  'agent_attempt_confidence_sum{agent_name="good",result="success"}': 54,
  'agent_attempt_confidence_sum{agent_name="good",result="failure"}': 36,
  'agent_attempt_confidence_count{agent_name="good",result="success"}': 60,
  'agent_attempt_confidence_count{agent_name="good",result="failure"}': 40,
  'agent_experiment_attempts_total{experiment="prompt",variant="old",result="success"}': 45,
  'agent_experiment_attempts_total{experiment="prompt",variant="old",result="failure"}': 15,
  'agent_experiment_attempts_total{experiment="prompt",variant="new",result="success"}': 20,
  'agent_experiment_attempts_total{experiment="prompt",variant="new",result="failure"}': 0,
  'agent_experiment_attempts_total{experiment="model",variant="new",result="success"}': 600,
  'agent_experiment_attempt_cost_usd_total{experiment="prompt",variant="old"}': 6,
  'agent_experiment_e_value{experiment="prompt",variant="new",baseline="old"}': 60,
  'agent_experiment_e_value{experiment="prompt",variant="newer",baseline="old"}': 1e300,
  ...bins('success', [0, 0, 0, 0, 0, 0, 0, 20, 20, 60]),
  ...bins('failure', [0, 0, 0, 0, 0, 0, 0, 0, 10, 40]),
}

/** Cumulative, as exposed. */
function bins(result: string, cumulative: readonly number[]): Record<string, number> {
  const name = (le: string): string =>
    `agent_attempt_confidence_bucket{agent_name="good",result="${result}",le="${le}"}`
  const bounds = ['0.1', '0.2', '0.3', '0.4', '0.5', '0.6', '0.7', '0.8', '0.9', '1']
  return Object.fromEntries([...bounds.map((le, i) => [name(le), cumulative[i]!]), [name('+Inf'), cumulative.at(-1)!]])
}

const interval = wilsonBounds({ successes: 90, attempts: 100 })
const some = wilsonBounds({ successes: 45, attempts: 60 })
const every = wilsonBounds({ successes: 20, attempts: 20 })

/** The query at an index of a panel on the Experiments dashboard. */
function asked(title: string, place = 0): string {
  const { expr } = panelQueries().filter(one => one.dashboard.endsWith('experiments') && one.title === title)[place]!
  return expr.replaceAll('$experiment', 'prompt')
}

const CASES: readonly (readonly [promise: string, expr: string, samples: Readonly<Record<string, number>>])[] = [
  ['counts add up over models before they are divided', successRatio(OF('good')), { '{}': 0.9 }],
  [
    'counts by model',
    attempts({ ...OF('good'), by: 'model_name' }),
    { '{model_name="m"}': 60, '{model_name="n"}': 40 },
  ],
  ['the lower end of the interval is that of the core', wilson('low', OF('good')), { '{}': interval.low }],
  ['the upper end of the interval is that of the core', wilson('high', OF('good')), { '{}': interval.high }],
  ['an agent whose successes were never exposed succeeds in 0 %', successRatio(OF('hapless')), { '{}': 0 }],
  [
    'an agent that only fails is surely at most',
    wilson('high', OF('hapless')),
    { '{}': wilsonBounds({ successes: 0, attempts: 12 }).high },
  ],
  ['without attempts there is no ratio', successRatio(OF('idle')), {}],
  ['without attempts there is no interval', wilson('low', OF('idle')), {}],
  ['without attempts there is no median', durationQuantile(0.5, OF('idle')), {}],
  ['the median lies in its bucket', durationQuantile(0.5, OF('good')), { '{}': 2.4 }],
  ['failures cost too', costPerSuccess(OF('good')), { '{}': 0.1 }],
  ['without success there is no cost of one', costPerSuccess(OF('hapless')), {}],
  ['stated confidence is a mean over both results', statedConfidence(OF('good')), { '{}': 0.9 }],
  ['and success that of the attempts that stated one', confidentSuccess(OF('good')), { '{}': 0.6 }],
  [
    'a tenth of confidence holds its own attempts only, and one without attempts is left out',
    successByConfidence(OF('good')),
    { '{stated="0.7 to 0.8"}': 1, '{stated="0.8 to 0.9"}': 0, '{stated="0.9 to 1.0"}': 40 / 70 },
  ],
  [
    'attempts of each tenth are counted',
    `(${attemptsByConfidence('failure', OF('good'))}) > 0`,
    { '{stated="0.8 to 0.9"}': 10, '{stated="0.9 to 1.0"}': 30 },
  ],
]

const EXPERIMENTS: typeof CASES = [
  [
    'variants are counted by themselves',
    asked('Success rate so far'),
    { '{variant="old"}': 0.75, '{variant="new"}': 1 },
  ],
  [
    'the interval of a variant is that of the core',
    asked('Success rate so far', 1),
    { '{variant="old"}': some.low, '{variant="new"}': every.low },
  ],
  ['shares add up to one', asked('Shares'), { '{variant="old"}': 0.75, '{variant="new"}': 0.25 }],
  ['and are equal at one half of two variants', asked('Shares', 1), { '{}': 0.5 }],
  [
    'evidence without end ends where it is beyond doubt',
    asked('Evidence'),
    { '{variant="new"}': 60, '{variant="newer"}': 1e9 },
  ],
  ['enough is 20 for each of two variants beside the baseline', asked('Evidence', 1), { '{}': 40 }],
  ['a variant without a price has no cost', asked('Cost per attempt'), { '{variant="old"}': 0.1 }],
  ['a variant costs by its successes', asked('Cost per success'), { '{variant="old"}': 6 / 45 }],
]

it.for([...CASES, ...EXPERIMENTS])('%s', async ([, expr, samples], context) => {
  needs('promtool', context)
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'test.yml')
  const test = {
    interval: '1m',
    input_series: [
      ...Object.entries(RISES).map(([series, total]) => ({
        series: series.replace('{', '{job="j",'),
        values: `0+${total / 60}x60`,
      })),
      { series: `${STORE_OF_INSTANCE}{job="j"}`, values: '0x60' },
    ],
    promql_expr_test: [
      {
        expr: `round(${withVariables(expr)}, 0.0001)`,
        eval_time: '1h',
        exp_samples: Object.entries(samples).map(([labels, value]) => ({
          labels,
          value: Math.round(value * 1e4) / 1e4,
        })),
      },
    ],
  }
  await writeFile(path, stringify({ evaluation_interval: '1m', tests: [test] }))
  const { status, stderr } = spawnSync('promtool', ['test', 'rules', path], { encoding: 'utf8' })
  expect({ status, stderr }).toMatchObject({ status: 0 })
})
