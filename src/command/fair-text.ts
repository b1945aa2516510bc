/** A comparison at the same mix of issue types, for people. */
import type { FairGrouping } from '../core/fair-report.ts'
import type { FairComparison, FairRate, TurnedPair } from '../core/statistics/fair-comparison.ts'
import type { Question } from '../tracker.ts'
import { interval, percent, points, pointsInterval, RATE_COLUMNS, rateCells, whole } from './format.ts'
import { bold, type Io } from './io.ts'
import { nothingYet } from './report.ts'
import { type Column, printable } from './table.ts'
import { tableText, wrapped } from './text.ts'

const TITLES: Readonly<Record<FairGrouping, string>> = {
  agent_name: 'agent',
  model_name: 'model',
  agent_and_model: 'agent:model',
}

const COLUMNS: readonly Column[] = [
  ...RATE_COLUMNS,
  { title: 'at one mix', align: 'right' },
  { title: '95 % interval', align: 'right' },
  { title: 'of', align: 'right' },
]

/** The table, best at the same mix first; what it rests on; and a warning for every pair that turns over. */
export function fairText(comparison: FairComparison, by: FairGrouping, question: Question, io: Io): string {
  const { rates, strata, turned_over } = comparison
  if (rates.length === 0) return nothingYet(question)
  const rows = rates.toSorted((a, b) => merit(b) - merit(a)).map(fairCells)
  const names = strata.map(printable).join(', ')
  const basis =
    strata.length === 0
      ? 'They cannot be compared: no issue type was tried by two of them. Give each the same kinds of issues.'
      : `Compared at the mix of all attempts at the issue types that all compared have tried: ${names}.`
  const isPartial = strata.length > 0 && rates.some(({ adjusted_rate }) => adjusted_rate === null)
  return [
    tableText([{ title: TITLES[by], align: 'left' }, ...COLUMNS], rows, io),
    '',
    wrapped(basis, io),
    ...(isPartial
      ? [wrapped('Left out (-): those without an attempt at the issue type that most have tried.', io)]
      : []),
    ...turned_over.map(pair => `\n${bold(wrapped(warning(pair), io), io.stdout, io.env)}`),
  ].join('\n')
}

const merit = ({ adjusted_rate, success_rate }: FairRate): number => adjusted_rate ?? success_rate - 1000

function fairCells(rate: FairRate): string[] {
  const { adjusted_rate, adjusted_rate_interval, compared_attempts } = rate
  if (adjusted_rate === null || adjusted_rate_interval === null) return [rate.name, ...rateCells(rate), '-', '-', '-']
  return [
    rate.name,
    ...rateCells(rate),
    percent(adjusted_rate),
    interval(adjusted_rate_interval),
    whole(compared_attempts),
  ]
}

function warning({
  better,
  worse,
  difference,
  adjusted_difference,
  adjusted_difference_interval: range,
}: TurnedPair): string {
  const mayBeChance = range.low <= 0 && range.high >= 0
  const by = `${points(adjusted_difference)} points ${pointsInterval(range)}`
  const does = mayBeChance ? 'may do better' : 'does better'
  return `Warning: "${better}" ${does} than "${worse}" at the same issues, by ${by}, though its plain rate is lower, by ${points(difference)}: it got the harder issues.`
}
