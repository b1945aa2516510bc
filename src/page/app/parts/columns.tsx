/** Columns that several tables have. */
import type { ComponentChildren } from 'preact'
import { count, interval, money, NONE, rate } from '../data/format.ts'
import type { Column } from './data-table.tsx'

interface Between {
  readonly low: number
  readonly high: number
}

/** A name or a word. `cell` prints it in another way, such as a link. */
export function textColumn<Row>(
  title: string,
  of: (row: Row) => string | undefined,
  cell: (row: Row) => ComponentChildren = of,
): Column<Row> {
  return { title, isText: true, cell, csv: of }
}

/** A number that may not be known. */
export function numberColumn<Row>(
  title: string,
  of: (row: Row) => number | null | undefined,
  print: (value: number) => ComponentChildren,
): Column<Row> {
  return {
    title,
    cell(row) {
      const value = of(row)
      return value == null ? NONE : print(value)
    },
    csv: of,
  }
}

export const countColumn = <Row,>(title: string, of: (row: Row) => number): Column<Row> =>
  numberColumn(title, of, count)

export const rateColumn = <Row,>(title: string, of: (row: Row) => number | null | undefined): Column<Row> =>
  numberColumn(title, of, rate)

export const moneyColumn = <Row,>(title: string, of: (row: Row) => number | null | undefined): Column<Row> =>
  numberColumn(title, of, money)

/** The 95 % interval of a rate. Undefined for none. */
export function intervalColumn<Row>(of: (row: Row) => Between | undefined): Column<Row> {
  return {
    title: '95% interval',
    cell(row) {
      const between = of(row)
      return between === undefined ? NONE : interval(between)
    },
    csv(row) {
      const between = of(row)
      return between && `${between.low} to ${between.high}`
    },
  }
}
