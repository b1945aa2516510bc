/** Parts that several dashboards share: thresholds, columns, links between dashboards. */
import {
  type DynamicConfigValue,
  MappingType,
  type Threshold,
  type ValueMapping,
} from '@grafana/grafana-foundation-sdk/dashboard'
import { attempts, costPerSuccess, durationQuantile, type Scope, successRatio, wilson } from './expressions.ts'
import type { Column } from './panel.ts'

export const UIDS = {
  overview: 'agent-performance-overview',
  agent: 'agent-performance-agent',
  models: 'agent-performance-models',
  experiments: 'agent-performance-experiments',
  sidecar: 'agent-performance-sidecar',
} as const

/** Red from a value on that needs action. */
export const redFrom = (value: number): readonly Threshold[] => [
  { value: null, color: 'green' },
  { value, color: 'red' },
]

/** Colours and texts for whether a sidecar records attempts. */
export const READY: { readonly thresholds: readonly Threshold[]; readonly mappings: readonly ValueMapping[] } = {
  thresholds: [
    { value: null, color: 'red' },
    { value: 1, color: 'green' },
  ],
  mappings: [
    {
      type: MappingType.ValueToText,
      options: { 0: { text: 'Not ready', color: 'red' }, 1: { text: 'Ready', color: 'green' } },
    },
  ],
}

/** Texts of panels without data. */
export const NO_ATTEMPTS = 'No attempts in this time'
export const NO_CONFIDENCE = 'No confidence stated in this time'
export const NO_EXPERIMENT = 'No experiment yet. To start one, record attempts with "experiment" and "variant".'

/** The minimum span of one point: shorter spans hold one or two attempts each. */
export const COARSE = '10m'

const KEEP = `\${__url_time_range}&\${datasource:queryparam}&\${job:queryparam}`

/** Opens the dashboard of the agent in this cell, with the same time range and filters. */
export const TO_AGENT: readonly DynamicConfigValue[] = [
  {
    id: 'links',
    value: [
      {
        title: 'Open this agent',
        url: `/d/${UIDS.agent}?${KEEP}&\${model_name:queryparam}&\${issue_type:queryparam}&var-agent_name=\${__value.raw:percentencode}`,
      },
    ],
  },
]

/** Opens the experiment in this cell, with the same time range. */
export const TO_EXPERIMENT: readonly DynamicConfigValue[] = [
  {
    id: 'links',
    value: [
      {
        title: 'Open this experiment',
        url: `/d/${UIDS.experiments}?${KEEP}&var-experiment=\${__value.raw:percentencode}`,
      },
    ],
  },
]

/** The columns of every table of agents or models: rate, interval, attempts, duration, cost. */
export function performanceColumns(scope: Scope): readonly Column[] {
  return [
    { name: 'At least', expr: wilson('low', scope), unit: 'percentunit' },
    { name: 'Success rate', expr: successRatio(scope), unit: 'percentunit' },
    { name: 'Attempts', expr: `round(${attempts(scope)})`, unit: 'locale' },
    { name: 'Median time', expr: durationQuantile(0.5, scope), unit: 's' },
    { name: 'Cost per success', expr: costPerSuccess(scope), unit: 'currencyUSD' },
  ]
}
