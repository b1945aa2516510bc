/** The text of a comparison at the same mix of issue types. */
import type { FairGrouping } from '../core/reports/fair-report.ts'
import type { Selection } from '../core/reports/selection.ts'
import type { FairBest, FairComparison, FairRate } from '../core/statistics/fair-comparison.ts'
import type { TurnedPair } from '../core/statistics/reversed-pairs.ts'
import { counted, interval, percent, points, pointsInterval, RATE_COLUMNS, rateCells, whole } from './format.ts'
import type { Hints } from './hints.ts'
import { bold, type Io, styled } from './io.ts'
import type { Column } from './table.ts'
import { nothingYet, tableText, wrapped } from './text.ts'

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

/** The table (highest adjusted rate first), the leader, the compared issue types, and a warning for every reversed pair. */
export function fairText(comparison: FairComparison, by: FairGrouping, given: Selection, io: Io, hints: Hints): string {
  const { rates, strata, best, turned_over } = comparison
  if (rates.length === 0) return nothingYet(given, hints)
  const rows = rates.toSorted((a, b) => merit(b) - merit(a)).map(fairCells)
  const isPartial = best !== null && rates.some(({ adjusted_rate }) => adjusted_rate === null)
  return [
    tableText([{ title: TITLES[by], align: 'left' }, ...COLUMNS], rows, io),
    '',
    ...(best === null
      ? [wrapped(NOT_COMPARED, io)]
      : [bold(wrapped(leadText(best), io), io.stdout, io.env), wrapped(basisText(strata), io)]),
    ...(isPartial
      ? [wrapped('Left out (-): those without an attempt at the issue type that most have tried.', io)]
      : []),
    ...turned_over.map(pair => `\n${styled('yellow', wrapped(warning(pair), io), io.stdout, io.env)}`),
  ].join('\n')
}

const NOT_COMPARED =
  'They cannot be compared: no issue type was tried by two of them. Give each the same kinds of issues.'

/** Maximum number of contenders and issue types named. The text only counts the others. */
const NAMED = 3

function leadText({ name, decisive, contenders }: FairBest): string {
  if (decisive) return `At one mix "${name}" is better than every other compared.`
  const named = contenders.slice(0, NAMED).map(one => `"${one}"`)
  const rest = contenders.length - named.length
  const others = [...named, ...(rest > 0 ? [counted(rest, 'other')] : [])].join(', ')
  return `At one mix "${name}" leads, but that is not decided: as good may be ${others}.`
}

function basisText(strata: readonly string[]): string {
  const names = strata.length > NAMED ? '' : ` (${strata.join(', ')})`
  const types = strata.length === 1 ? 'the issue type' : `the ${whole(strata.length)} issue types`
  return `The mix is that of all attempts at ${types} that all compared have tried${names}.`
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
