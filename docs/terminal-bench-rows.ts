/** What docs/terminal-bench.md compares: questions, the fields of their answers, the answers before the change, and why they differ. */

/** The attempts as they are recorded. `tasks`: every task is an issue type. `suite`: one issue type, whose attempts state their `task_id`. */
export type Recording = 'tasks' | 'suite'

export interface ComparedField {
  /** The path of the field in the answer, as a JSON pointer without its first slash. A last part of `#` is the number of members. */
  readonly field: string
  readonly before: string
  readonly why: string
}

export interface ComparedQuestion {
  readonly recording: Recording
  readonly path: string
  readonly parameters: Readonly<Record<string, string>>
  readonly fields: readonly ComparedField[]
}

const SUITE = 'terminal-bench'
const NEW = 'new field'
const CLUSTERED = 'clustered by task: five runs of a task are not five independent attempts'
const SAME = 'the same'

export const QUESTIONS: readonly ComparedQuestion[] = [
  {
    recording: 'suite',
    path: 'success-rate',
    parameters: { group_by: 'model_name', agent_name: 'droid' },
    fields: [
      { field: 'details/claude-opus-4.1/success_rate', before: '58.75', why: SAME },
      { field: 'details/claude-opus-4.1/success_rate_interval', before: '[53.865, 63.469]', why: CLUSTERED },
      { field: 'details/claude-opus-4.1/clusters', before: '–', why: NEW },
      { field: 'details/claude-opus-4.1/effective_attempts', before: '–', why: NEW },
      { field: 'details/claude-opus-4.1/evidence', before: 'high', why: 'counts effective attempts' },
      { field: 'details/gpt-5/success_rate_interval', before: '[47.606, 57.347]', why: CLUSTERED },
    ],
  },
  {
    recording: 'suite',
    path: 'best-agent',
    parameters: { issue_type: SUITE },
    fields: [
      { field: 'agent_name', before: 'droid', why: SAME },
      { field: 'model_name', before: 'claude-opus-4.1', why: SAME },
      { field: 'p_best', before: '0.956', why: 'from effective attempts' },
      { field: 'expected_loss', before: '0.061', why: 'from effective attempts' },
      { field: 'decisive', before: 'false', why: SAME },
      {
        field: 'contenders/#',
        before: '2',
        why: 'safe to look at any time, and from effective attempts: 165 of 400 may still be 235 of 400 with other tasks',
      },
      {
        field: 'attempts_to_decide',
        before: '1543',
        why: 'attempts at new tasks, until all contenders together are decided at any look',
      },
      {
        field: 'avg_time_seconds_interval',
        before: '–',
        why: 'new here; runs of a task count as equally long. Within an agent, 68 to 88 % of the variance of log times is between tasks',
      },
      { field: 'time_seconds/p50_interval', before: '–', why: NEW },
      { field: 'time_seconds/p95_interval', before: '–', why: NEW },
    ],
  },
  {
    recording: 'suite',
    path: 'fair-comparison',
    parameters: { by: 'model_name', agent_name: 'droid' },
    fields: [
      { field: 'best/decisive', before: 'false', why: SAME },
      { field: 'by_task/1/difference', before: '–', why: 'new: claude-opus-4.1 minus gpt-5, every task once' },
      { field: 'by_task/1/difference_interval', before: '–', why: NEW },
    ],
  },
  {
    recording: 'tasks',
    path: 'fair-comparison',
    parameters: { by: 'model_name', agent_name: 'droid' },
    fields: [
      {
        field: 'rates/0/adjusted_rate_interval',
        before: '[54.983, 62.418]',
        why: 'the same: every task is a stratum. It is about these 80 tasks, the one above about all tasks like them',
      },
      { field: 'best/name', before: 'claude-opus-4.1', why: SAME },
      {
        field: 'best/decisive',
        before: 'true',
        why: 'safe to look at any time. Before, it was a test for one look',
      },
      { field: 'best/contenders', before: 'none', why: 'as above' },
    ],
  },
  {
    recording: 'tasks',
    path: 'fair-comparison',
    parameters: { by: 'agent_name' },
    fields: [
      { field: 'best/name', before: 'droid', why: SAME },
      { field: 'best/decisive', before: 'true', why: 'the same: droid is far enough ahead for any number of looks' },
    ],
  },
  {
    recording: 'suite',
    path: 'experiments/{name}',
    parameters: { name: 'droid-model' },
    fields: [
      { field: 'comparisons/0/difference', before: '-6.25', why: SAME },
      {
        field: 'comparisons/0/difference_interval',
        before: '[-17.214, 4.714]',
        why: 'narrower: both variants ran the same tasks, so a task that is hard for both adds no error',
      },
      { field: 'comparisons/0/common_tasks', before: '–', why: NEW },
      { field: 'comparisons/0/verdict', before: 'cannot_tell_yet', why: SAME },
      { field: 'comparisons/0/attempts_needed', before: '1828', why: 'as the interval' },
      { field: 'comparisons/0/minimum_detectable_effect', before: '–', why: NEW },
      { field: 'comparisons/0/futile', before: '–', why: NEW },
      { field: 'comparisons/0/avg_time_seconds_difference', before: '–', why: NEW },
      { field: 'comparisons/0/avg_time_seconds_difference_interval', before: '–', why: NEW },
      {
        field: 'variants/0/avg_time_seconds_interval',
        before: '[335.049, 376.273]',
        why: 'log scale instead of Student’s t; runs of a task count as equally long',
      },
      { field: 'sample_ratio/status', before: 'as_intended', why: SAME },
    ],
  },
  {
    recording: 'tasks',
    path: 'trends',
    parameters: { until: '2025-08-16T00:00:00Z' },
    fields: [
      { field: 'range/until', before: '–', why: 'new: the range as it is answered' },
      {
        field: 'until',
        before: '2025-08-21T00:00:00.000Z',
        why: 'the end of the range is no longer widened to whole intervals',
      },
      { field: 'points/0/since', before: '2025-07-10T00:00:00.000Z', why: 'weeks begin on Monday' },
      {
        field: 'points/5/total_attempts',
        before: '256',
        why: 'another week, and nothing after the range: before, 93 attempts after it counted',
      },
      {
        field: 'direction',
        before: 'cannot_tell_yet',
        why: 'halves of the attempts in the range: 34 % of the earlier 635, 22 % of the later 400. Another agent worked later',
      },
      { field: 'verdict', before: '–', why: NEW },
      { field: 'drifted_keys/#', before: '0', why: 'the same: no key has 59 attempts' },
    ],
  },
  {
    recording: 'suite',
    path: 'trends',
    parameters: {},
    fields: [
      { field: 'direction', before: 'improving', why: SAME },
      {
        field: 'change/difference_interval',
        before: '[15.976, 28.245]',
        why: 'clustered by task; the field was named `evidence`',
      },
      {
        field: 'agents/openhands/statistic',
        before: '2.023',
        why: 'the baseline also learns from tested attempts while the statistic is 0; before, it was the earlier half',
      },
      { field: 'agents/openhands/direction', before: 'none', why: SAME },
      { field: 'drifted_keys/#', before: '0', why: SAME },
    ],
  },
  {
    recording: 'tasks',
    path: 'trends',
    parameters: {},
    fields: [
      {
        field: 'agents/droid/statistic',
        before: '1.711',
        why: 'issue types with fewer than 30 attempts are learned and not tested, because a new type is no drift',
      },
      { field: 'agents/droid/direction', before: 'none', why: SAME },
    ],
  },
  {
    recording: 'tasks',
    path: 'report',
    parameters: {},
    fields: [
      { field: 'summary/overall_success_rate', before: '41.532', why: SAME },
      {
        field: 'recommendations/#',
        before: '80',
        why: 'an agent without a success is no longer recommended: 20 tasks that no agent solved',
      },
      { field: 'recommendations/chess-best-move', before: 'openhands', why: 'no agent solved it' },
    ],
  },
  {
    recording: 'tasks',
    path: 'model-comparison',
    parameters: {},
    fields: [
      { field: 'gpt-5/avg_success_rate', before: '52.5', why: SAME },
      { field: 'gpt-5/success_rate_interval', before: '[47.606, 57.347]', why: 'the same: no attempt states a task' },
      { field: 'gpt-5/time_seconds/p95', before: '–', why: NEW },
    ],
  },
  {
    recording: 'tasks',
    path: 'route',
    parameters: { issue_type: 'create-bucket', min_success_rate: '50' },
    fields: [
      {
        field: 'ranked/#',
        before: '4',
        why: 'goose solved 1 of 5: its interval reaches 62 %. Before, its rate of 20 % was excluded',
      },
      { field: 'excluded/#', before: '3', why: 'as above' },
    ],
  },
  {
    recording: 'suite',
    path: 'route',
    parameters: { issue_type: SUITE },
    fields: [
      { field: 'ranked/0/model_name', before: 'claude-opus-4.1', why: SAME },
      { field: 'ranked/0/lower_bound', before: '53.865', why: CLUSTERED },
      {
        field: 'ranked/3/agent_name',
        before: 'goose',
        why: 'goose and openhands both solved 165 of 400, openhands with a higher effective number',
      },
    ],
  },
  {
    recording: 'tasks',
    path: 'success-rate',
    parameters: { group_by: 'agent_name', since: '2025-09-22T00:00:00Z', until: '2025-09-25T00:00:00Z' },
    fields: [
      { field: 'range/since', before: '–', why: 'new: the range as it is answered' },
      { field: 'details/droid/total_attempts', before: '1200', why: SAME },
    ],
  },
  {
    recording: 'tasks',
    path: 'calibration',
    parameters: {},
    fields: [
      { field: 'overall/attempts', before: '0', why: 'the same: no attempt states a confidence' },
      { field: 'overall/degenerate', before: 'true', why: 'nothing is degenerate at 0 attempts' },
    ],
  },
  {
    recording: 'tasks',
    path: 'costs',
    parameters: {},
    fields: [
      { field: 'overall/unpriced', before: '2728', why: 'the same: no attempt states a cost or tokens' },
      { field: 'overall/cost_per_success', before: 'null', why: SAME },
    ],
  },
]
