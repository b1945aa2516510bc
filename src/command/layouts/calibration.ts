/** `calibration`: whether stated confidence matches the success rate. */
import type { CalibrationReport } from '../../core/reports/calibration-report.ts'
import type { Grouping } from '../../core/reports/grouped-rates.ts'
import type { Selection } from '../../core/reports/selection.ts'
import type { Calibration, ReliabilityBin } from '../../core/statistics/calibration.ts'
import { evidenceOf } from '../../core/statistics/intervals.ts'
import { counted, points, pointsInterval, RATE_COLUMNS, rateCells, whole } from '../format.ts'
import type { Io } from '../io.ts'
import type { Layout } from '../layout.ts'
import { isNarrowed } from '../parameters.ts'
import { PLOT_COLUMN, plot } from '../plot.ts'
import type { Column } from '../table.ts'
import { tableText, wrapped } from '../text.ts'

const HELP = `
An agent that states 0.9 should succeed at nine of ten. "states" is its mean
confidence, "succeeds" its success rate over the same attempts, and the
difference, with its 95 % interval, is how much too sure it is.

  over-confident    it succeeds less often than it states
  under-confident   it succeeds more often than it states
  uneven            right on average, but too high or too low in some bins
  believable        no fault found in 30 attempts or more

In the plot, o is the stated confidence, # the success rate, and - its 95 %
interval.

Examples:
  agent-performance calibration
  agent-performance calibration --group-by model_name --since 30d
  agent-performance calibration --json | jq .overall.brier_score`

export const layout: Layout<'calibration'> = {
  help: HELP,
  isEmpty: ({ overall }) => overall.attempts === 0,
  text: calibrationText,
}

function calibrationText({ overall, groups, group_by }: CalibrationReport, given: Selection, io: Io): string {
  if (overall.attempts === 0) return noneStated(given)
  const rows = Object.entries(groups)
    .sort(([, a], [, b]) => (b.over_confidence ?? -2) - (a.over_confidence ?? -2))
    .map(([name, group]) => [name, ...groupCells(group)])
  const isDegenerate = Object.values(groups).some(group => group.attempts > 0 && group.degenerate)
  const remark = '* it states nearly always the same confidence, which does not distinguish its attempts'
  return [
    tableText([{ title: TITLES[group_by], align: 'left' }, ...GROUP_COLUMNS], rows, io),
    ...(isDegenerate ? [wrapped(remark, io, '  ')] : []),
    '',
    `Over all ${counted(overall.attempts, 'attempt')} that stated a confidence:`,
    '',
    tableText([{ title: 'stated', align: 'right' }, PLOT_COLUMN, ...RATE_COLUMNS], overall.bins.flatMap(binRow), io),
    '',
    ...overallLines(overall).map(line => wrapped(line, io)),
  ].join('\n')
}

function noneStated(given: Selection): string {
  const hint = 'Record it with each attempt: "confidence", a number from 0 to 1'
  if (!isNarrowed(given)) return `No attempt stated a confidence. ${hint}.`
  return `No attempt that fits that question stated a confidence. ${hint}; or widen --since and --until.`
}

const TITLES: Readonly<Record<Grouping, string>> = {
  agent_name: 'agent',
  model_name: 'model',
  issue_type: 'issue type',
  key: 'key',
}

const GROUP_COLUMNS: readonly Column[] = [
  { title: 'attempts', align: 'right' },
  { title: 'states', align: 'right' },
  { title: 'succeeds', align: 'right' },
  { title: 'too sure by', align: 'right' },
  { title: '', align: 'right' },
]

function groupCells(group: Calibration): string[] {
  const { attempts, over_confidence, over_confidence_interval, degenerate } = group
  if (attempts === 0 || over_confidence === null) return ['0', '-', '-', '-', 'none stated  ']
  const stated = group.bins.reduce((sum, bin) => sum + (bin.mean_confidence ?? 0) * bin.attempts, 0) / attempts
  const by = over_confidence_interval && {
    low: over_confidence_interval.low * 100,
    high: over_confidence_interval.high * 100,
  }
  return [
    whole(attempts),
    `${(stated * 100).toFixed(1)} %`,
    `${((stated - over_confidence) * 100).toFixed(1)} %`,
    by === null ? points(over_confidence * 100) : `${points(over_confidence * 100)} ${pointsInterval(by)}`,
    `${verdictOf(group)}${degenerate ? ' *' : '  '}`,
  ]
}

function verdictOf(group: Calibration): string {
  const { attempts, effective_attempts = attempts, over_confidence_interval: by } = group
  const { expected_calibration_error: error } = group
  if (by !== null && by.low > 0) return 'over-confident'
  if (by !== null && by.high < 0) return 'under-confident'
  if ((error ?? 0) > (group.expected_calibration_error_band?.high ?? 1)) return 'uneven'
  // Runs of one task tell less than as many tasks.
  return by !== null && MEDIUM.has(evidenceOf(effective_attempts)) ? 'believable' : 'cannot tell yet'
}

const MEDIUM: ReadonlySet<string> = new Set(['medium', 'high'])

function binRow(bin: ReliabilityBin): string[][] {
  const { attempts, mean_confidence, success_rate, success_rate_interval } = bin
  if (mean_confidence === null || success_rate === null) return []
  const picture = plot(success_rate_interval, { o: mean_confidence * 100, '#': success_rate })
  const rate = rateCells({ success_rate, success_rate_interval, total_attempts: attempts })
  return [[`${bin.from} to ${bin.to}`, picture, ...rate]]
}

function overallLines(overall: Calibration): string[] {
  const { brier_score, uncertainty, expected_calibration_error: error, expected_calibration_error_band: band } = overall
  const three = (value: number | null): string => (value === null ? '-' : value.toFixed(3))
  return [
    `Brier score ${three(brier_score)}: 0 is perfect, and always stating the success rate would get ${three(uncertainty)}.`,
    ...(band === null
      ? []
      : [
          `Calibration error ${three(error)}: an agent whose every confidence is true shows ${three(band.mean)} on so many attempts, and seldom more than ${three(band.high)}.`,
        ]),
    overall.auroc === null
      ? 'Whether more confidence means more success is known after 100 attempts, some of them failures.'
      : `AUROC ${overall.auroc.toFixed(2)}: how often a success was stated with more confidence than a failure; 0.50 is no better than chance.`,
  ]
}
