/**
 * The metric families that the tally provides, in the order they are exposed: names, types, units, help texts, labels and values. Names
 * include the unit and suffix, as Prometheus and the OpenTelemetry Collector print them.
 */

import { CONFIDENCE_BOUNDS, DURATION_BOUNDS } from '../core/aggregate/histogram-bounds.ts'
import {
  calibrationBins,
  confidences,
  durations,
  failures,
  type Summary,
  statedConfidences,
  successes,
  TOKEN_TYPES,
  tokens,
  totalCost,
} from '../core/aggregate/summary.ts'
import { calibrationError } from '../core/statistics/calibration.ts'
import { wilsonBounds } from '../core/statistics/intervals.ts'
import type { KeyCopy } from './collection.ts'
import { ARM_FAMILIES, COMPARISON_FAMILIES, EXPERIMENT_FAMILIES } from './experiment-families.ts'
import type { Family, FamilyOf } from './family.ts'

const KEY_LABELS = ['agent_name', 'model_name', 'issue_type'] as const
const BY_RESULT = { labels: [...KEY_LABELS, 'result'], values: ['success', 'failure'] } as const

/** The families of each key. */
export const KEY_FAMILIES: readonly FamilyOf<KeyCopy>[] = [
  {
    name: 'agent_attempts_total',
    type: 'counter',
    unit: '{attempt}',
    help: 'Attempts by the result that they counted with first: as reported, or by the first outcome of a pending attempt. A later outcome changes agent_attempt_corrections_total only. Imported attempts of which only averages are known count here and in no histogram.',
    ...BY_RESULT,
    read: ({ summary }) => [successes(summary), failures(summary)],
  },
  {
    name: 'agent_attempt_confidence',
    type: 'histogram',
    unit: '1',
    help: 'Confidence that agents stated, 0 to 1. Attempts without a stated confidence are not included.',
    ...BY_RESULT,
    bounds: CONFIDENCE_BOUNDS,
    read: ({ summary }) => [confidences(summary, true), confidences(summary, false)],
  },
  {
    name: 'agent_attempt_duration_seconds',
    type: 'histogram',
    unit: 's',
    help: 'Duration of attempts.',
    ...BY_RESULT,
    bounds: DURATION_BOUNDS,
    read: ({ summary }) => [durations(summary, true), durations(summary, false)],
  },
  {
    name: 'agent_attempt_cost_usd_total',
    type: 'counter',
    unit: '{USD}',
    help: 'Cost of attempts in US dollars: as reported, otherwise computed from tokens and prices.',
    labels: KEY_LABELS,
    read: ({ summary }) => [totalCost(summary)],
  },
  {
    name: 'agent_attempt_tokens_total',
    type: 'counter',
    unit: '{token}',
    help: 'Tokens of attempts by type. Tokens read from or written to a prompt cache are not included in input.',
    labels: [...KEY_LABELS, 'token_type'],
    values: TOKEN_TYPES,
    read: ({ summary }) => tokens(summary),
  },
  {
    name: 'agent_attempt_corrections_total',
    type: 'counter',
    unit: '{correction}',
    help: 'Results that an outcome corrected, by the result that counts since. Successes by the latest results: agent_attempts_total of success, plus the corrections to success, minus those to failure.',
    ...BY_RESULT,
    read: ({ corrections }) => corrections,
  },
  {
    name: 'agent_attempt_confidence_corrections_total',
    type: 'counter',
    unit: '{correction}',
    help: 'Corrections in agent_attempt_corrections_total of attempts that stated a confidence.',
    ...BY_RESULT,
    read: ({ confidentCorrections }) => confidentCorrections,
  },
  {
    name: 'agent_attempts_recorded_total',
    type: 'counter',
    unit: '{attempt}',
    help: 'Recorded attempts, pending ones included. It counts an attempt when it is recorded, and never again. Pending attempts: this minus agent_attempts_total of both results.',
    labels: KEY_LABELS,
    read: ({ recorded }) => [recorded],
  },
  {
    name: 'agent_last_attempt_timestamp_seconds',
    type: 'gauge',
    unit: 's',
    help: 'End time of the latest attempt in seconds since the epoch, pending ones included.',
    labels: KEY_LABELS,
    read: ({ lastMs }) => [seconds(lastMs)],
  },
  {
    name: 'agent_success_ratio_lower_bound',
    type: 'gauge',
    unit: '',
    help: 'Lower bound of the 95 % Wilson interval of the success ratio over all attempts of the key, clustered where tasks repeat, 0 to 1. Never average or sum it over keys: use agent_attempts_total.',
    labels: KEY_LABELS,
    read: ({ counts }) => [counts.attempts === 0 ? undefined : wilsonBounds(counts).low],
  },
  {
    name: 'agent_confidence_calibration_error',
    type: 'gauge',
    unit: '',
    help: 'Expected calibration error of stated confidence over all attempts of the key, 0 to 1, from 5 stated confidences on. A perfectly calibrated agent shows about 0.1 at 50 attempts: /api/v1/calibration tells the usual range. Never average it.',
    labels: KEY_LABELS,
    read: ({ summary }) => [statedError(summary)],
  },
  {
    name: 'agent_success_drift',
    type: 'gauge',
    unit: '',
    help: 'Evidence that the key succeeds less often than before: 0 is none, 1 and above is an alarm. All keys together raise at most one false alarm in 2,000 attempts of each; if many fall at once, each needs less evidence. An alarm ends after 300 attempts. Never average it.',
    labels: KEY_LABELS,
    read: ({ decline }) => [decline],
  },
]

/** All families that the tally provides, in the order they are exposed. */
export const TALLY_FAMILIES: readonly Family[] = [
  ...KEY_FAMILIES,
  ...ARM_FAMILIES,
  ...COMPARISON_FAMILIES,
  ...EXPERIMENT_FAMILIES,
]

function seconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / 1000
}

/** With fewer stated confidences the error says nothing about the agent. */
const MIN_STATED = 5

function statedError(summary: Summary): number | undefined {
  return statedConfidences(summary) < MIN_STATED ? undefined : (calibrationError(calibrationBins(summary)) ?? undefined)
}
