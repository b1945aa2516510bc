/** `experiment`: the results of an A/B test so far. */
import type { ComparedVariant, ExperimentReport, VariantReport } from '../../core/reports/experiment-report.ts'
import type { DifferenceInterval } from '../../core/statistics/mean-difference.ts'
import { counted, RATE_COLUMNS, rateCells, seconds, usd } from '../format.ts'
import { bold, type Io } from '../io.ts'
import type { Layout } from '../layout.ts'
import { type Column, printable } from '../table.ts'
import { tableText, wrapped } from '../text.ts'

const HELP = `
Record attempts with "experiment" and "variant" to compare them. You may look as
often as you like and stop at any time: at most 5 % of tests without a real
difference report one. Give --adaptive if earlier outcomes decided which variant
came next, as a bandit does. Give --margin to ask whether a variant is worse by
less than that. Shares, baseline and end can be stored with the experiment: see
PUT /api/v1/experiments/{name} in docs/http-api.md.

Exits with 1 if there is no such experiment, or no such baseline in it.

Examples:
  agent-performance experiment prompt-2026-01
  agent-performance experiment prompt-2026-01 --baseline control --since 7d
  agent-performance experiment rollout --shares control:90,canary:10 --margin 3
  agent-performance experiment router --adaptive --json`

export const layout: Layout<'experiments/{name}'> = {
  help: HELP,
  noAnswer: (report, { name, baseline }) => (report === undefined ? noSuch(name, baseline) : undefined),
  text: (report, _given, io) => experimentText(report, io),
}

function noSuch(name: string, baseline: string | undefined): string {
  const which = baseline === undefined ? '' : `, or none of it to the variant "${printable(baseline)}"`
  const hint = 'record attempts with "experiment" and "variant", or widen --since and --until'
  return `No attempt belongs to the experiment "${printable(name)}"${which}: ${hint}.`
}

const COLUMNS: readonly Column[] = [
  { title: 'variant', align: 'left' },
  ...RATE_COLUMNS,
  { title: 'mean time', align: 'right' },
  { title: 'per success', align: 'right' },
]

function experimentText(report: ExperimentReport, io: Io): string {
  const attempts = report.variants.reduce((sum, variant) => sum + variant.total_attempts, 0)
  const title = `${printable(report.experiment)}: ${counted(attempts, 'attempt')} of ${counted(report.variants.length, 'variant')}`
  const remarks = [...overflowRemark(report), ...endRemark(report), ...shareRemarks(report)]
  return [
    bold(title, io.stdout, io.env),
    tableText(COLUMNS, report.variants.map(variantCells), io),
    '',
    ...[...report.comparisons.flatMap(comparisonText), ...remarks].map(line => wrapped(line, io)),
  ].join('\n')
}

function comparisonText(comparison: ComparedVariant): string[] {
  const { summary, verdict, variant, baseline, minimum_detectable_effect: effect } = comparison
  const differences = [
    ...meanText(comparison.avg_time_seconds_difference, comparison.avg_time_seconds_difference_interval, seconds),
    ...meanText(comparison.avg_cost_usd_difference, comparison.avg_cost_usd_difference_interval, usd),
  ]
  return [
    summary,
    // An older sidecar does not report the fields.
    ...(verdict === 'cannot_tell_yet' && typeof effect === 'number'
      ? [`The attempts so far find differences from ${effect.toFixed(1)} percentage points on.`]
      : []),
    ...(differences.length > 0 && verdict !== 'unsound'
      ? [`Compared with "${baseline}", an attempt of "${variant}" differs on average by ${differences.join(' and ')}.`]
      : []),
  ]
}

const signed = (value: number, print: (value: number) => string): string =>
  `${value < 0 ? '-' : '+'}${print(Math.abs(value))}`

function meanText(
  difference: number | null | undefined,
  interval: DifferenceInterval | null | undefined,
  print: (value: number) => string,
): string[] {
  // An older sidecar does not report the difference.
  if (difference === null || difference === undefined) return []
  const range = interval ? ` (interval ${signed(interval.low, print)} to ${signed(interval.high, print)})` : ''
  return [`${signed(difference, print)}${range}`]
}

function variantCells(variant: VariantReport): string[] {
  const perSuccess = usd(variant.costs.cost_per_success?.cost_usd)
  return [variant.variant, ...rateCells(variant), seconds(variant.avg_time_seconds), perSuccess]
}

function overflowRemark({ overflowed_attempts }: ExperimentReport): string[] {
  // An older sidecar does not report the field.
  if (!(overflowed_attempts > 0)) return []
  return [
    `This is not all of the experiment: ${counted(overflowed_attempts, 'attempt')} of it came when the limit of arms (--max-arms) was reached, and belong to other variants, or to one of these before there was room for it.`,
  ]
}

function endRemark({ end }: ExperimentReport): string[] {
  return typeof end === 'string' ? [`The experiment ends at ${end}: attempts from then on do not count.`] : []
}

function shareRemarks({ sample_ratio, comparisons, variants, intended_shares }: ExperimentReport): string[] {
  if (comparisons.length === 0) {
    if (variants.length === 0) return ['No attempt belongs to it yet.']
    return [
      `There is only "${variants[0]?.variant}" so far: record attempts with another "variant" to compare it with.`,
    ]
  }
  if (sample_ratio === null) return ['How attempts were shared out is not checked: what was seen decided it.']
  const how = intended_shares ? 'in the intended shares' : 'evenly'
  switch (sample_ratio.status) {
    case 'mismatch':
      return [
        `Attempts were not shared out ${how} (p = ${sample_ratio.p_value?.toExponential(1)}): find out what loses or prefers some before believing anything here. ${remedyOf(intended_shares)}`,
      ]
    case 'too_few':
      return [`There are too few attempts to check whether they are shared out ${how}.`]
    case 'as_intended':
      return [
        `No sign that attempts are shared out otherwise than ${how} (p = ${sample_ratio.p_value?.toFixed(3)}). Small deviations show with many attempts only.`,
      ]
  }
}

function remedyOf(shares: ExperimentReport['intended_shares']): string {
  const stated = shares ? '' : ' If unequal shares are intended, state them with --shares, or store them.'
  return `Where that is meant, because what was seen decides which variant comes next, ask with --adaptive.${stated}`
}
