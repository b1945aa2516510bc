/** `report`: an overview of agents, models and issue types. */
import { InvalidArgumentError, Option } from 'commander'
import type { Rate } from '../../core/reports/rate.ts'
import type { PerformanceReport } from '../../core/reports/report.ts'
import type { Selection } from '../../core/reports/selection.ts'
import { counted, interval, percent, RATE_COLUMNS, rateCells, whole } from '../format.ts'
import type { Hints } from '../hints.ts'
import { heightOf, type Io, styled } from '../io.ts'
import type { Layout, Shown } from '../layout.ts'
import { byRate, MODEL_COLUMNS, modelRows } from '../models.ts'
import type { Column } from '../table.ts'
import { nothingYet, tableText } from '../text.ts'

const HELP = `
On a terminal, each table shows as many rows as fit the screen, the best first.
--top shows more or fewer. Without a terminal, all rows are shown.

Examples:
  agent-performance report                      all that the local sidecar has
  agent-performance report --since 7d           the last week
  agent-performance report --agent-name droid   one agent
  agent-performance report --top 20             the best 20 of each table
  agent-performance report --store agents.json  a file, read only`

export const layout: Layout<'report'> = {
  help: HELP,
  isEmpty: ({ summary }) => summary.total_attempts === 0,
  options: [new Option('--top <count>', 'rows of each table (default: as many as fit the screen)').argParser(parseTop)],
  text: reportText,
}

function parseTop(given: string): number {
  if (/^[1-9]\d{0,8}$/.test(given)) return Number(given)
  throw new InvalidArgumentError('It must be a whole number from 1 on.')
}

/** A table of the report: the columns with its title, and its rows, best first. */
interface ReportTable {
  readonly columns: readonly Column[]
  readonly rows: readonly (readonly string[])[]
}

function reportText(report: PerformanceReport, given: Selection, io: Io, hints: Hints, shown: Shown): string {
  if (report.summary.total_attempts === 0) return nothingYet(given, hints)
  const tables = tablesOf(report).filter(({ rows }) => rows.length > 0)
  const height = heightOf(io.stdout)
  const rowsOf = typeof shown.top === 'number' ? atMost(shown.top) : rowsThatFit(tables, height)
  return [summaryLine(report.summary), ...tables.map(table => tableOf(table, rowsOf(table), io))].join('\n')
}

/** How many rows of a table are shown. */
type RowsShown = (table: Pick<ReportTable, 'rows'>) => number

const atMost =
  (top: number): RowsShown =>
  ({ rows }) =>
    Math.min(top, rows.length)

function tablesOf(report: PerformanceReport): readonly ReportTable[] {
  const table = (title: string, columns: readonly Column[], rows: ReportTable['rows']): ReportTable => ({
    columns: [{ title, align: 'left' }, ...columns],
    rows,
  })
  const rates = (groups: Readonly<Record<string, Rate>>): string[][] =>
    byRate(groups, rate => [rate.success_rate, rateCells(rate)])
  return [
    table('agent', RATE_COLUMNS, rates(report.by_agent)),
    table('model', MODEL_COLUMNS, modelRows(report.by_model)),
    table('issue type', RATE_COLUMNS, rates(report.by_issue_type)),
    table('for', BEST_COLUMNS, bestRows(report)),
  ]
}

/** Lines beside the tables: the summary, a range with its blank line, and the prompt. */
const OTHER_LINES = 4
/** Lines of a table beside its rows: a blank line and the titles. */
const TABLE_LINES = 2

/** As many rows of each table as fit `height` lines, the same for all, and at least 1. */
function rowsThatFit(tables: readonly ReportTable[], height: number): RowsShown {
  // A line that says "1 more" takes the place of that row.
  const shownOf =
    (top: number): RowsShown =>
    ({ rows }) =>
      rows.length <= top + 1 ? rows.length : top
  const linesOf = (top: number): number =>
    tables.reduce((sum, table) => sum + TABLE_LINES + Math.min(table.rows.length, shownOf(top)(table) + 1), OTHER_LINES)
  const most = Math.max(...tables.map(({ rows }) => rows.length), 1)
  let top = 1
  while (top < most && linesOf(top + 1) <= height) top++
  return shownOf(top)
}

function tableOf({ columns, rows }: ReportTable, shown: number, io: Io): string {
  const rest = rows.length - shown
  const more = rest > 0 ? ['\n', styled('dim', `… ${whole(rest)} more: --top ${rows.length}`, io.stdout, io.env)] : []
  return ['\n', tableText(columns, rows.slice(0, shown), io), ...more].join('')
}

function summaryLine(summary: PerformanceReport['summary']): string {
  const { total_attempts, overall_success_rate, success_rate_interval } = summary
  const many = [
    counted(summary.total_agents, 'agent'),
    counted(summary.total_models, 'model'),
    counted(summary.total_issue_types, 'issue type'),
  ]
  const rate = `${percent(overall_success_rate)} ${interval(success_rate_interval)}`
  return `${counted(total_attempts, 'attempt')}, ${rate} succeeded; ${many.join(', ')}`
}

const BEST_COLUMNS: readonly Column[] = [
  { title: 'best agent', align: 'left' },
  { title: 'with model', align: 'left' },
  ...RATE_COLUMNS,
]

const bestRows = ({ recommendations }: PerformanceReport): string[][] =>
  Object.entries(recommendations).map(([issue, best]) => [issue, best.agent_name, best.model_name, ...rateCells(best)])
