/** The metric families of experiments: the results of each arm, and each variant compared with the baseline. */
import { DURATION_BOUNDS } from '../core/aggregate/histogram-bounds.ts'
import { costs, durations, failures, type Histogram, type Summary, successes } from '../core/aggregate/summary.ts'
import type { ArmCopy, ComparisonCopy, ExperimentCopy } from './experiments.ts'
import type { Buckets, FamilyOf } from './family.ts'

const ARM = ['experiment', 'variant'] as const
const COMPARISON = ['experiment', 'variant', 'baseline'] as const
const ANY_TIME =
  'at a level of 95 % over all variants and all times of evaluation, if assignment does not depend on outcomes'

/** The families of each arm. --max-arms bounds the number of arms. */
export const ARM_FAMILIES: readonly FamilyOf<ArmCopy>[] = [
  {
    name: 'agent_experiment_attempts_total',
    type: 'counter',
    unit: '{attempt}',
    help: 'Attempts of an experiment by the result that they counted with first. They are included in agent_attempts_total.',
    labels: [...ARM, 'result'],
    values: ['success', 'failure'],
    read: ({ summary }) => [successes(summary), failures(summary)],
  },
  {
    name: 'agent_experiment_attempts_recorded_total',
    type: 'counter',
    unit: '{attempt}',
    help: 'Recorded attempts of an experiment, pending ones included. They are included in agent_attempts_recorded_total.',
    labels: ARM,
    read: ({ recorded }) => [recorded],
  },
  {
    name: 'agent_experiment_attempt_duration_seconds',
    type: 'histogram',
    unit: 's',
    help: 'Duration of attempts of an experiment.',
    labels: ARM,
    bounds: DURATION_BOUNDS,
    read: ({ summary }) => [allDurations(summary)],
  },
  {
    name: 'agent_experiment_attempt_cost_usd_total',
    type: 'counter',
    unit: '{USD}',
    help: 'Cost of attempts of an experiment in US dollars: as reported, otherwise computed from tokens and prices.',
    labels: ARM,
    read: ({ summary }) => [costs(summary).sum],
  },
  {
    name: 'agent_experiment_attempt_corrections_total',
    type: 'counter',
    unit: '{correction}',
    help: 'Results of an experiment that an outcome corrected, by the result that counts since. They are included in agent_attempt_corrections_total.',
    labels: [...ARM, 'result'],
    values: ['success', 'failure'],
    read: ({ corrections }) => corrections,
  },
]

/** The families of each variant but the baseline. */
export const COMPARISON_FAMILIES: readonly FamilyOf<ComparisonCopy>[] = [
  {
    name: 'agent_experiment_success_ratio_difference',
    type: 'gauge',
    unit: '',
    help: 'Success ratio of the variant minus that of the baseline since the experiment began, -1 to 1. The baseline is the stored one, else the variant of the earliest attempt. Never average it.',
    labels: COMPARISON,
    read: ({ rates }) => [rates.difference / 100],
  },
  {
    name: 'agent_experiment_success_ratio_difference_lower_bound',
    type: 'gauge',
    unit: '',
    help: `Lower bound of the confidence sequence of the difference, -1 to 1, ${ANY_TIME}. Above 0 the variant is better. Never average it.`,
    labels: COMPARISON,
    read: ({ rates }) => [rates.difference_interval.low / 100],
  },
  {
    name: 'agent_experiment_success_ratio_difference_upper_bound',
    type: 'gauge',
    unit: '',
    help: `Upper bound of the confidence sequence of the difference, -1 to 1, ${ANY_TIME}. Below 0 the variant is worse. Never average it.`,
    labels: COMPARISON,
    read: ({ rates }) => [rates.difference_interval.high / 100],
  },
  {
    name: 'agent_experiment_e_value',
    type: 'gauge',
    unit: '',
    help: 'Evidence against "no difference", 1 and above: the inverse of the always-valid p-value. It is significant from 20 times the number of variants without the baseline on. Never average it.',
    labels: COMPARISON,
    // Infinity is not a valid number in JSON, which OTLP and dashboards use.
    read: ({ rates }) => [Math.min(1 / rates.p_value, Number.MAX_VALUE)],
  },
]

/** The families of each experiment. */
export const EXPERIMENT_FAMILIES: readonly FamilyOf<ExperimentCopy>[] = [
  {
    name: 'agent_experiment_sample_ratio_p_value',
    type: 'gauge',
    unit: '',
    help: 'Always-valid p-value of the sample ratio test, 0 to 1, from 8 attempts per variant on. It tests the stored shares of the experiment, else equal shares. Below 0.001 the assignment is broken and no comparison is valid. Never average it.',
    labels: ['experiment'],
    read: ({ sampleRatioP }) => [sampleRatioP],
  },
]

function allDurations(summary: Summary): Buckets {
  const [failed, succeeded]: Histogram[] = [durations(summary, false), durations(summary, true)]
  const counts = succeeded!.counts.map((n, bucket) => n + failed!.counts[bucket]!)
  return { counts, count: failed!.count + succeeded!.count, sum: failed!.sum + succeeded!.sum }
}
