/** The table of a plot: the same numbers for a screen reader, for reading them exactly, and as CSV. */
import { Component, type ComponentChildren } from 'preact'
import { useRef, useState } from 'preact/hooks'
import type { CsvValue } from '../data/csv.ts'
import { count } from '../data/format.ts'
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

/** Rows at first, and those that one click adds: thousands at once would block the browser. */
const FIRST_ROWS = 25
const MORE_ROWS = 150

export function DataTable<Row>({ caption, columns, rows, keyOf }: DataTableProps<Row>) {
  const [limit, setLimit] = useState(FIRST_ROWS)
  const hidden = rows.length - limit
  const shown = rows.slice(0, limit)
  const elements = useElements(shown.map(keyOf))
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by the keyboard. */}
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
            {shown.map((row, i) => (
              <DataRow key={elements[i]} row={row} columns={columns} />
            ))}
          </tbody>
        </table>
      </section>
      {hidden > 0 && (
        <p class="more">
          <button type="button" class="button" onClick={() => setLimit(limit + MORE_ROWS)}>
            Show {count(Math.min(hidden, MORE_ROWS))} more
          </button>
        </p>
      )}
    </>
  )
}

/**
 * The number of the element of each row. A row keeps its element, and a new one takes over that of a row that left: on a fast stream all rows are
 * others at each update, and to make their cells takes longer than to change their texts. Rows with equal keys are numbered.
 */
function useElements(keys: readonly string[]): readonly number[] {
  const held = useRef<ReadonlyMap<string, number>>(new Map())
  const before = held.current
  const seen = new Map<string, number>()
  const rows = keys.map(key => {
    const count = (seen.get(key) ?? 0) + 1
    seen.set(key, count)
    return `${count} ${key}`
  })
  const kept = new Set(rows.map(row => before.get(row)))
  const free = [...before.values()].filter(element => !kept.has(element)).values()
  let next = Math.max(-1, ...before.values()) + 1
  held.current = new Map(rows.map(row => [row, before.get(row) ?? free.next().value ?? next++]))
  return [...held.current.values()]
}

interface DataRowProps<Row> {
  row: Row
  columns: readonly Column<Row>[]
}

/** A row is drawn again only if it is another one: attempts arrive many times a second, and push the same rows down. */
class DataRow<Row> extends Component<DataRowProps<Row>> {
  override shouldComponentUpdate({ row, columns }: DataRowProps<Row>): boolean {
    const before = this.props
    return (
      row !== before.row ||
      columns.length !== before.columns.length ||
      columns.some((one, i) => one !== before.columns[i])
    )
  }

  override render({ row, columns }: DataRowProps<Row>) {
    return (
      <tr>
        {columns.map((column, i) =>
          i === 0 ? (
            <th key={column.title} scope="row" class={column.isText ? '' : 'number'}>
              {column.cell(row)}
            </th>
          ) : (
            <td key={column.title} data-label={column.title} class={column.isText ? '' : 'number'}>
              {column.cell(row)}
            </td>
          ),
        )}
      </tr>
    )
  }
}

export function tableCsv<Row>(file: string, columns: readonly Column<Row>[], rows: readonly Row[]): Csv {
  return {
    file,
    header: columns.map(({ title }) => title),
    rows: () => rows.map(row => columns.map(column => column.csv(row))),
  }
}

/** The table below a plot, closed at first. Its rows are drawn while it is open. */
export function PlotTable<Row>({ file, ...table }: DataTableProps<Row> & { file: string }) {
  const [isOpen, setOpen] = useState(false)
  return (
    <details class="plot-table" onToggle={event => setOpen(event.currentTarget.open)}>
      <summary>Show as a table</summary>
      <CsvButton csv={tableCsv(file, table.columns, table.rows)} />
      {isOpen && <DataTable {...table} />}
    </details>
  )
}
