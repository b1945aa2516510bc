/** CSV (RFC 4180), in plain numbers and ISO times, for programs and spreadsheets. */

export type CsvValue = string | number | boolean | null | undefined

interface Range {
  readonly low: number
  readonly high: number
}

/** A rate as it is, and at the same mix of issue types. */
interface MixedRate {
  readonly success_rate: number
  readonly success_rate_interval: Range
  readonly adjusted_rate: number | null
  readonly adjusted_rate_interval: Range | null
  readonly total_attempts: number
}

/** The names of {@link rateValues}. */
export const RATE_NAMES: readonly string[] =
  'success_rate low high adjusted_rate adjusted_low adjusted_high total_attempts'.split(' ')

export const rateValues = (row: MixedRate): readonly CsvValue[] => [
  ...[row.success_rate, row.success_rate_interval.low, row.success_rate_interval.high],
  ...[row.adjusted_rate, row.adjusted_rate_interval?.low, row.adjusted_rate_interval?.high, row.total_attempts],
]

export function csvOf(header: readonly string[], rows: readonly (readonly CsvValue[])[]): string {
  return [header, ...rows].map(row => `${row.map(fieldOf).join(',')}\r\n`).join('')
}

function fieldOf(value: CsvValue): string {
  if (value === null || value === undefined) return ''
  if (typeof value !== 'string') return String(value)
  // A spreadsheet runs a text that begins like this as a formula. Names come from outside.
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/** Saves a file in the browser. */
export function download(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: 'text/csv;charset=utf-8' }))
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(url), 1000)
}
