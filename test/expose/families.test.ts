import { expect, it } from 'vitest'
import { createExposition } from '../../src/expose/exposition.ts'
import { TALLY_FAMILIES } from '../../src/expose/families.ts'
import { SELF_METRICS } from '../../src/sidecar/self-metrics.ts'
import { armAttempts, attempt, sourcesOf, tallyOf, textOf } from './fixture.ts'
import { readText } from './text-format.ts'

const KEY = 'agent_name,model_name,issue_type'

/** As documented: name, labels, type. */
const PROMISED = `
agent_attempts_total{${KEY},result} counter
agent_attempt_confidence_bucket{${KEY},result,le} histogram
agent_attempt_confidence_sum{${KEY},result} histogram
agent_attempt_confidence_count{${KEY},result} histogram
agent_attempt_duration_seconds_bucket{${KEY},result,le} histogram
agent_attempt_duration_seconds_sum{${KEY},result} histogram
agent_attempt_duration_seconds_count{${KEY},result} histogram
agent_attempt_cost_usd_total{${KEY}} counter
agent_attempt_tokens_total{${KEY},token_type} counter
agent_attempt_corrections_total{${KEY},result} counter
agent_attempts_recorded_total{${KEY}} counter
agent_attempt_confidence_corrections_total{${KEY},result} counter
agent_experiment_attempts_recorded_total{experiment,variant} counter
agent_last_attempt_timestamp_seconds{${KEY}} gauge
agent_success_ratio_lower_bound{${KEY}} gauge
agent_confidence_calibration_error{${KEY}} gauge
agent_success_drift{${KEY}} gauge
agent_experiment_attempts_total{experiment,variant,result} counter
agent_experiment_attempt_duration_seconds_bucket{experiment,variant,le} histogram
agent_experiment_attempt_duration_seconds_sum{experiment,variant} histogram
agent_experiment_attempt_duration_seconds_count{experiment,variant} histogram
agent_experiment_attempt_cost_usd_total{experiment,variant} counter
agent_experiment_attempt_corrections_total{experiment,variant,result} counter
agent_experiment_success_ratio_difference{experiment,variant,baseline} gauge
agent_experiment_success_ratio_difference_lower_bound{experiment,variant,baseline} gauge
agent_experiment_success_ratio_difference_upper_bound{experiment,variant,baseline} gauge
agent_experiment_e_value{experiment,variant,baseline} gauge
agent_experiment_sample_ratio_p_value{experiment} gauge
agent_performance_build_info{version} gauge
agent_performance_ready{} gauge
agent_performance_start_time_seconds{} gauge
agent_performance_attempts_accepted_total{} counter
agent_performance_attempts_duplicate_total{} counter
agent_performance_attempts_rejected_total{reason} counter
agent_performance_attempts_refused_total{reason} counter
agent_performance_attempts_skewed_total{} counter
agent_performance_attempts_overflowed_total{} counter
agent_performance_otlp_ignored_total{signal} counter
agent_performance_otlp_excluded_total{reason} counter
agent_performance_otlp_pushes_total{result} counter
agent_performance_otlp_repaired_fields_total{repair} counter
agent_performance_otlp_late_model_calls_total{} counter
agent_performance_otlp_overlapping_points_total{} counter
agent_performance_outcomes_total{result} counter
agent_performance_keys{} gauge
agent_performance_keys_limit{} gauge
agent_performance_arms{} gauge
agent_performance_arms_limit{} gauge
agent_performance_journal_bytes{} gauge
agent_performance_journal_segments{} gauge
agent_performance_journal_pending_requests{} gauge
agent_performance_journal_fsync_duration_seconds_bucket{le} histogram
agent_performance_journal_fsync_duration_seconds_sum{} histogram
agent_performance_journal_fsync_duration_seconds_count{} histogram
agent_performance_journal_write_errors_total{} counter
agent_performance_journal_torn_bytes_total{} counter
agent_performance_journal_corrupt_records_total{} counter
agent_performance_journal_missing_records_total{} counter
agent_performance_store_damaged_files{} gauge
agent_performance_store_info{store} gauge
agent_performance_journal_replayed_records_total{} counter
agent_performance_journal_forked_records_total{} counter
agent_performance_document_write_duration_seconds{} gauge
agent_performance_document_bytes{} gauge
agent_performance_document_write_errors_total{} counter
agent_performance_document_last_success_timestamp_seconds{} gauge
agent_performance_spool_bytes{} gauge
agent_performance_spool_limit_bytes{} gauge
agent_performance_spool_attempts{} gauge
agent_performance_spool_oldest_age_seconds{} gauge
agent_performance_http_requests_total{route,method,code} counter
agent_performance_grpc_calls_total{method,code} counter
agent_performance_http2_refused_total{} counter
agent_performance_http_requests_in_flight{} gauge
agent_performance_connections_dropped_total{} counter
agent_performance_log_lines_dropped_total{} counter
agent_performance_notifications_pending{sink} gauge
agent_performance_notifications_total{sink,result} counter
agent_performance_alert_evaluation_seconds{} gauge
agent_performance_connections_unread_total{} counter
agent_performance_questions_in_flight{} gauge
agent_performance_questions_refused_total{reason} counter
agent_performance_answer_bytes{} gauge
agent_performance_event_loop_lag_seconds{} gauge
agent_performance_resident_memory_bytes{} gauge
agent_performance_cpu_seconds_total{} counter
agent_performance_open_fds{} gauge
`

async function readAll(): Promise<ReturnType<typeof readText>> {
  return readText(
    await textOf(
      createExposition(
        sourcesOf(
          tallyOf([
            ...Array.from({ length: 60 }, () => attempt({ confidence: 0.8 })),
            ...armAttempts('prompt', 'old', 20, 10),
            ...armAttempts('prompt', 'new', 20, 15),
          ]),
        ),
      ),
    ),
  )
}

it('exposes exactly the promised names, labels and types', async () => {
  const exposed = new Set<string>()
  for (const family of (await readAll()).values()) {
    for (const { name, labels } of family.samples)
      exposed.add(`${name}{${[...labels.keys()].join(',')}} ${family.type}`)
  }
  expect([...exposed].sort()).toEqual(PROMISED.trim().split('\n').sort())
})

it('exposes every family of the tables once, with its type and help', async () => {
  const exposed = [...(await readAll()).values()].map(({ name, type, help }) => ({ name, type, help }))
  expect(exposed).toEqual([...TALLY_FAMILIES, ...SELF_METRICS].map(({ name, type, help }) => ({ name, type, help })))
})

it('has the bucket bounds that the instruments have', async () => {
  const exposed = await readAll()
  const les = (name: string): (string | undefined)[] =>
    exposed
      .get(name)!
      .samples.filter(({ name, labels }) => name.endsWith('_bucket') && labels.get('result') === 'success')
      .map(({ labels }) => labels.get('le'))
  const tenths = ['0.1', '0.2', '0.3', '0.4', '0.5', '0.6', '0.7', '0.8', '0.9', '1', '+Inf']
  expect(les('agent_attempt_confidence')).toEqual(tenths)
  const doubling = '0.1 0.2 0.4 0.8 1.6 3.2 6.4 12.8 25.6 51.2 102.4 204.8 409.6 819.2 1638.4 3276.8 +Inf'
  expect(les('agent_attempt_duration_seconds')).toEqual(doubling.split(' '))
})

it('says in the help of every statistic never to average it', async () => {
  const statistics = TALLY_FAMILIES.filter(({ name }) => /bound$|error$|drift$|difference$|_value$/.test(name))
  expect(statistics).toHaveLength(8)
  for (const { help } of statistics) expect(help).toMatch(/never average/i)
})
