/** One row of the table: a figure, its baseline, its target, and whether it meets the target. */
import type { Spread } from './statistics.ts'

export interface Row {
  readonly figure: string
  readonly against: string
  readonly target: string
  readonly measured: string
  /** Undefined if it was not measured or has no target. */
  readonly met: boolean | undefined
  readonly note: string
}

/** The parameters of a run. */
export interface Bench {
  readonly rounds: number
  readonly ms: number
  readonly warmUpMs: number
  /** A folder on a disk, removed after the run. */
  readonly folder: string
  /** Prints a line, and adds it to the details of the results. */
  log(text: string): void
  /** The maximum rate of single POSTs per second. Set by the group `single`, used by later groups. */
  topRate: number
}

export interface RowText {
  readonly figure: string
  readonly against: string
  readonly note?: string
}

export interface Bound {
  readonly value: number
  readonly unit: string
}

/** A figure that must not be lower than the bound. */
export function atLeast(text: RowText, { value, unit }: Bound, measured: Spread): Row {
  return {
    note: '',
    ...text,
    target: `≥ ${value}${unit}`,
    measured: show(measured, unit),
    met: measured.median >= value,
  }
}

/** A figure that must not be higher than the bound. */
export function atMost(text: RowText, { value, unit }: Bound, measured: Spread): Row {
  return {
    note: '',
    ...text,
    target: `≤ ${value}${unit}`,
    measured: show(measured, unit),
    met: measured.median <= value,
  }
}

/** A figure without a target, for comparison with others. */
export function withoutTarget(text: RowText, { unit }: Pick<Bound, 'unit'>, measured: Spread): Row {
  return { note: '', ...text, target: '–', measured: show(measured, unit), met: undefined }
}

/** A figure that was not measured, with the reason. */
export function absent(text: RowText, target: string, why: string): Row {
  return { figure: text.figure, against: text.against, target, measured: 'not measured', met: undefined, note: why }
}

function show({ median, min, max }: Spread, unit: string): string {
  return min === max ? `${short(median)}${unit}` : `${short(median)}${unit} (${short(min)}–${short(max)})`
}

/** A number with three significant digits, or grouped thousands from 1000 on. */
export function short(number: number): string {
  if (!Number.isFinite(number)) return '–'
  if (Math.abs(number) >= 1000) return Math.round(number).toLocaleString('en').replaceAll(',', ' ')
  return Number(number.toPrecision(3)).toString()
}

/** The table, as Markdown. */
export function table(rows: readonly Row[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`
  const met = (row: Row): string => (row.met === undefined ? '–' : row.met ? 'yes' : '**no**')
  return [
    line(['figure', 'compared with, in the same run', 'target', 'measured: median (min–max of the rounds)', 'met', '']),
    '|---|---|---|---|---|---|',
    ...rows.map(row => line([row.figure, row.against, row.target, row.measured, met(row), row.note])),
    '',
  ].join('\n')
}
