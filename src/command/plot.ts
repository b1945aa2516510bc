/** Draws intervals on a text scale from 0 to 100 %. */
import type { Column } from './table.ts'

const CELLS = 21

/** The column of {@link plot}. */
export const PLOT_COLUMN: Column = { title: `${'0 %'.padEnd(CELLS - 5)}100 %`, align: 'right' }

/** An interval as a line of `-` with marks, in percent. Later marks overwrite earlier ones. The text is as wide as its column. */
export function plot(
  { low, high }: { readonly low: number; readonly high: number },
  marks: Readonly<Record<string, number>>,
): string {
  const cells = new Array<string>(CELLS).fill(' ')
  cells.fill('-', cellOf(low), cellOf(high) + 1)
  for (const [mark, value] of Object.entries(marks)) cells[cellOf(value)] = mark
  return cells.join('')
}

const cellOf = (value: number): number => Math.round((Math.min(100, Math.max(0, value)) / 100) * (CELLS - 1))
