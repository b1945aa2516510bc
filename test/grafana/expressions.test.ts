import { describe, expect, it } from 'vitest'
import { ruleFiles } from '../prometheus/rule-files.ts'
import { faultsOf } from './promql.ts'
import { annotationQueries, panelQueries, variableQueries } from './queries.ts'

/** Counters that are set once at the start, or read as totals, so that they may be used without rate() or increase(). */
const AS_THEY_STAND = [
  'agent_performance_journal_corrupt_records_total',
  'agent_performance_journal_missing_records_total',
  'agent_performance_journal_replayed_records_total',
  'agent_attempt_confidence_count',
  'agent_experiment_attempts_total',
  'agent_experiment_attempt_duration_seconds_bucket',
  'agent_experiment_attempt_cost_usd_total',
]

/** Counters whose first value is recorded, or whose total over their whole life is compared. */
const TOTALS = [
  'agent_attempts_total',
  'agent_attempts_recorded_total',
  'agent_attempt_corrections_total',
  'agent_attempt_confidence_corrections_total',
  'agent_attempt_cost_usd_total',
  'agent_attempt_duration_seconds_bucket',
  'agent_attempt_confidence_sum',
]

describe('every expression parses, uses exposed metrics and labels, and reads each metric by its type', () => {
  it.each(panelQueries())('$dashboard: $title', ({ expr }) => {
    expect(faultsOf(expr, AS_THEY_STAND)).toEqual([])
  })

  it.each(annotationQueries())('$dashboard: $title', ({ expr }) => {
    expect(faultsOf(expr)).toEqual([])
  })

  it.each(variableQueries())('$dashboard: variable $name', ({ selector, label }) => {
    expect(faultsOf(`count by (${label}) (${selector})`)).toEqual([])
  })

  it.each(ruleFiles().flatMap(file => file.rules))('rule $record$alert', ({ record, alert, expr }) => {
    const readsTotals = record?.endsWith(':first') || alert === 'AgentNeverSucceeds'
    expect(faultsOf(expr, readsTotals ? [...AS_THEY_STAND, ...TOTALS] : AS_THEY_STAND)).toEqual([])
  })
})

describe('a fault is found', () => {
  it.each([
    ['sum(rate(agent_attempts_total[5m])', 'does not parse'],
    ['sum(rate(agent_attempt_total[5m]))', 'there is no metric agent_attempt_total'],
    ['rate(agent_attempts_total{agent="a"}[5m])', 'agent_attempts_total has no label agent'],
    ['sum by (agents) (rate(agent_attempts_total[5m]))', 'nothing that is grouped by agents has it'],
    ['sum by (token_type) (rate(agent_attempts_total[5m]))', 'nothing that is grouped by token_type has it'],
    ['sum(agent_attempts_total)', 'agent_attempts_total is a counter, and read as it stands'],
    ['max_over_time(agent_attempts_total[5m])', 'agent_attempts_total is a counter, and read as it stands'],
    ['histogram_quantile(0.5, agent_attempt_duration_seconds_bucket)', 'read as it stands'],
    ['rate(agent_success_drift[5m])', 'agent_success_drift is a gauge, and rate is for counters'],
    ['rate(agent:agent_attempts:increase1h[5m])', 'is a gauge'],
    ['agent:agent_attempts:increase1h{model_name="m"}', 'has no label model_name'],
    ['increase(agent_attempt_confidence_bucket{le="1"}[5m])', 'another spelling in Prometheus 3'],
  ])('%s', (expr, fault) => {
    expect(faultsOf(expr).join('\n')).toContain(fault)
  })
})
