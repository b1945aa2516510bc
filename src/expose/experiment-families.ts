/** The families that tell of experiments: what each arm did, and each variant against the one that came first. */

import { DURATION_BOUNDS } from '../core/aggregate/histogram-bounds.ts'
import { costs, durations, failures, type Histogram, type Summary, successes } from '../core/aggregate/summary.ts'
import type { ArmCopy, ComparisonCopy, ExperimentCopy } from './experiments.ts'
import type { Buckets, FamilyOf } from './family.ts'

const ARM = ['experiment', 'variant'] as const
const COMPARISON = ['experiment', 'variant', 'baseline'] as const
const ANY_TIME =
  'at a level of 95 % over all variants and all looks together, where assignment does not follow outcomes'

/** What is exposed of each arm, bounded by max-arms. */
export const ARM_FAMILIES: readonly FamilyOf<ArmCopy>[] = [
  {
    name: 'agent_experiment_attempts_total',
    type: 'counter',
    unit: '{attempt}',
    help: 'Attempts of an experiment, by result. They are in agent_attempts_total too.',
    labels: [...ARM, 'result'],
    values: ['success', 'failure'],
    read: ({ summary }) => [successes(summary), failures(summary)],
  },
  {
    name: 'agent_experiment_attempt_duration_seconds',
    type: 'histogram',
    unit: 's',
    help: 'How long attempts of an experiment took.',
    labels: ARM,
    bounds: DURATION_BOUNDS,
    read: ({ summary }) => [allDurations(summary)],
  },
  {
    name: 'agent_experiment_attempt_cost_usd_total',
    type: 'counter',
    unit: '{USD}',
    help: 'Cost of attempts of an experiment in US dollars: as reported, else as computed from tokens and prices.',
    labels: ARM,
    read: ({ summary }) => [costs(summary).sum],
  },
]

/** What is exposed of each variant but the baseline. */
export const COMPARISON_FAMILIES: readonly FamilyOf<ComparisonCopy>[] = [
  {
    name: 'agent_experiment_success_ratio_difference',
    type: 'gauge',
    unit: '',
    help: 'Ratio of successes of the variant less that of the baseline, the variant that came first, since the experiment began, -1 to 1. Never to be averaged.',
    labels: COMPARISON,
    read: ({ rates }) => [rates.difference / 100],
  },
  {
    name: 'agent_experiment_success_ratio_difference_lower_bound',
    type: 'gauge',
    unit: '',
    help: `Lower end of the confidence sequence of the difference, -1 to 1, ${ANY_TIME}. Above 0 the variant does better. Never to be averaged.`,
    labels: COMPARISON,
    read: ({ rates }) => [rates.difference_interval.low / 100],
  },
  {
    name: 'agent_experiment_success_ratio_difference_upper_bound',
    type: 'gauge',
    unit: '',
    help: `Upper end of the confidence sequence of the difference, -1 to 1, ${ANY_TIME}. Below 0 the variant does worse. Never to be averaged.`,
    labels: COMPARISON,
    read: ({ rates }) => [rates.difference_interval.high / 100],
  },
  {
    name: 'agent_experiment_e_value',
    type: 'gauge',
    unit: '',
    help: 'Evidence against "no difference", 1 and above: the inverse of the always-valid p-value. Enough is 20 times the number of variants beside the baseline. Never to be averaged.',
    labels: COMPARISON,
    // Infinity is no number to everybody who reads on from here.
    read: ({ rates }) => [Math.min(1 / rates.p_value, Number.MAX_VALUE)],
  },
]

/** What is exposed of each experiment. */
export const EXPERIMENT_FAMILIES: readonly FamilyOf<ExperimentCopy>[] = [
  {
    name: 'agent_experiment_sample_ratio_p_value',
    type: 'gauge',
    unit: '',
    help: 'How likely attempts are shared out among the variants as unequally as they are, were equal shares intended, 0 to 1, from 8 attempts a variant on. Below 0.001 something is broken and no comparison can be believed. Never to be averaged.',
    labels: ['experiment'],
    read: ({ sampleRatioP }) => [sampleRatioP],
  },
]

function allDurations(summary: Summary): Buckets {
  const [failed, succeeded]: Histogram[] = [durations(summary, false), durations(summary, true)]
  const counts = succeeded!.counts.map((n, bucket) => n + failed!.counts[bucket]!)
  return { counts, count: failed!.count + succeeded!.count, sum: failed!.sum + succeeded!.sum }
}
