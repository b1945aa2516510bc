/** `report`: an overview of agents, models and issue types. */
import type { PerformanceReport } from '../../core/reports/report.ts'
import type { Selection } from '../../core/reports/selection.ts'
import { counted, interval, percent, RATE_COLUMNS, rateCells } from '../format.ts'
import { bold, type Io, widthOf } from '../io.ts'
import type { Layout } from '../layout.ts'
import { byRate, MODEL_COLUMNS, modelRows } from '../models.ts'
import { type Column, tableLines } from '../table.ts'
import { nothingYet } from '../text.ts'

const EXAMPLES = `
Examples:
  agent-performance report                      all that the local sidecar has
  agent-performance report --since 7d           the last week
  agent-performance report --agent-name droid   one agent
  agent-performance report --store agents.json  a file, read only`

export const layout: Layout<'report'> = { help: EXAMPLES, text: reportText }

function reportText(report: PerformanceReport, given: Selection, io: Io): string {
  if (report.summary.total_attempts === 0) return nothingYet(given)
  const table = (title: string, columns: readonly Column[], rows: readonly (readonly string[])[]): string => {
    const [titles = '', ...lines] = tableLines([{ title, align: 'left' }, ...columns], rows, widthOf(io.stdout))
    return ['', bold(titles, io.stdout, io.env), ...lines].join('\n')
  }
  return [
    summaryLine(report.summary),
    table(
      'agent',
      RATE_COLUMNS,
      byRate(report.by_agent, rate => [rate.success_rate, rateCells(rate)]),
    ),
    table('model', MODEL_COLUMNS, modelRows(report.by_model)),
    table(
      'issue type',
      RATE_COLUMNS,
      byRate(report.by_issue_type, rate => [rate.success_rate, rateCells(rate)]),
    ),
    ...bestTable(report, table),
  ].join('\n')
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

function bestTable(
  { recommendations }: PerformanceReport,
  table: (title: string, columns: readonly Column[], rows: readonly (readonly string[])[]) => string,
): string[] {
  const rows = Object.entries(recommendations).map(([issue, best]) => [
    issue,
    best.agent_name,
    best.model_name,
    ...rateCells(best),
  ])
  const columns: Column[] = [
    { title: 'best agent', align: 'left' },
    { title: 'with model', align: 'left' },
  ]
  return rows.length === 0 ? [] : [table('for', [...columns, ...RATE_COLUMNS], rows)]
}
