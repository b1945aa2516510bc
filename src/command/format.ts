/** Formats numbers for the terminal. */
import type { Rate } from '../core/reports/rate.ts'
import type { RateInterval } from '../core/statistics/intervals.ts'
import type { Column } from './table.ts'

const grouped = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 })

/** `2,728` */
export const whole = (value: number): string => grouped.format(value)

/** `1 attempt`, `2,728 attempts` */
export const counted = (value: number, one: string, many = `${one}s`): string =>
  `${whole(value)} ${value === 1 ? one : many}`

/** `58.75 %` */
export const percent = (value: number): string => `${value.toFixed(2)} %`

/** `[53.9, 63.5]` */
export const interval = ({ low, high }: Pick<RateInterval, 'low' | 'high'>): string =>
  `[${low.toFixed(1)}, ${high.toFixed(1)}]`

/** `0.68`. A dash for null. */
export const confidence = (value: number | null): string => (value === null ? '-' : value.toFixed(2))

/** `12.3 s` */
export const seconds = (value: number): string => `${value.toFixed(1)} s`

/** `+12.3`, `-0.5`: percentage points. */
export const points = (value: number): string => `${value > 0 ? '+' : ''}${value.toFixed(1)}`

/** `[+2.1, +22.4]` */
export const pointsInterval = ({ low, high }: Pick<RateInterval, 'low' | 'high'>): string =>
  `[${points(low)}, ${points(high)}]`

const dollars = new Intl.NumberFormat('en-US', { style: 'currency', currency: 'USD' })
const cents = new Intl.NumberFormat('en-US', {
  style: 'currency',
  currency: 'USD',
  minimumSignificantDigits: 3,
  maximumSignificantDigits: 3,
})

/** `$1,234.50`, `$0.0123`. A dash if unknown. */
export function usd(value: number | null | undefined): string {
  if (value === null || value === undefined) return '-'
  return (value > 0 && value < 1 ? cents : dollars).format(value)
}

/** `[$0.0101, $0.0150]`. A dash if there is no interval. */
export const usdInterval = (of: { readonly low: number; readonly high: number } | null | undefined): string =>
  of === null || of === undefined ? '-' : `[${usd(of.low)}, ${usd(of.high)}]`

const UNITS = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
] as const

/** `1 day`, `6 hours`: the largest unit that divides the length. */
export function lengthText(lengthSeconds: number): string {
  const [unit, size] = UNITS.find(([, size]) => lengthSeconds % size === 0) ?? ['second', 1]
  return counted(lengthSeconds / size, unit)
}

/** The columns of a rate. A rate is always shown with its interval and the number of attempts. */
export const RATE_COLUMNS: readonly Column[] = [
  { title: 'success', align: 'right' },
  { title: '95 % interval', align: 'right' },
  { title: 'attempts', align: 'right' },
]

/** The cells of {@link RATE_COLUMNS}. */
export const rateCells = (rate: Omit<Rate, 'evidence'>): string[] => [
  percent(rate.success_rate),
  interval(rate.success_rate_interval),
  whole(rate.total_attempts),
]

/** A sentence as the text of a help line: without a capital, unless it begins with an abbreviation such as IANA or A/B. */
export const uncapitalized = (sentence: string): string =>
  /^[A-Z](?![a-z ])/.test(sentence) ? sentence : `${sentence.charAt(0).toLowerCase()}${sentence.slice(1)}`
