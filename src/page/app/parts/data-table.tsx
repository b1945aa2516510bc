/** The table of a plot: the same numbers for a screen reader, for reading them exactly, and as CSV. */
import type { ComponentChildren } from 'preact'
import type { CsvValue } from '../data/csv.ts'
import { type Csv, CsvButton } from './card.tsx'

export interface Column<Row> {
  readonly title: string
  cell(row: Row): ComponentChildren
  csv(row: Row): CsvValue
  readonly isText?: boolean
}

interface DataTableProps<Row> {
  caption: string
  columns: readonly Column<Row>[]
  rows: readonly Row[]
  keyOf(row: Row): string
}

export function DataTable<Row>({ caption, columns, rows, keyOf }: DataTableProps<Row>) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by the keyboard.
    <section class="scroll" aria-label={`Table: ${caption}`} tabIndex={0}>
      <table class="data">
        <caption class="hidden">{caption}</caption>
        <thead>
          <tr>
            {columns.map(({ title, isText }) => (
              <th key={title} scope="col" class={isText ? '' : 'number'}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(row => (
            <tr key={keyOf(row)}>
              {columns.map((column, i) =>
                i === 0 ? (
                  <th key={column.title} scope="row" class={column.isText ? '' : 'number'}>
                    {column.cell(row)}
                  </th>
                ) : (
                  <td key={column.title} class={column.isText ? '' : 'number'}>
                    {column.cell(row)}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}

export function tableCsv<Row>(file: string, columns: readonly Column<Row>[], rows: readonly Row[]): Csv {
  return {
    file,
    header: columns.map(({ title }) => title),
    rows: rows.map(row => columns.map(column => column.csv(row))),
  }
}

/** The table below a plot, closed at first. */
export function PlotTable<Row>({ file, ...table }: DataTableProps<Row> & { file: string }) {
  return (
    <details class="plot-table">
      <summary>Show as a table</summary>
      <CsvButton csv={tableCsv(file, table.columns, table.rows)} />
      <DataTable {...table} />
    </details>
  )
}
