/** `report`: everything at a glance. */
import type { Command } from 'commander'
import type { ModelPerformance } from '../core/reports/model-comparison.ts'
import type { PerformanceReport } from '../core/reports/report.ts'
import type { Question } from '../tracker.ts'
import { confidence, counted, interval, percent, RATE_COLUMNS, rateCells, seconds } from './format.ts'
import { bold, type Io, print, printJson, widthOf } from './io.ts'
import { isNarrowed, type QuestionOptions, questionOf, withQuestion, withWhere } from './options.ts'
import { withSource } from './source.ts'
import { type Column, tableLines } from './table.ts'

const EXAMPLES = `
Examples:
  agent-performance report                      all that the local sidecar has
  agent-performance report --since 7d           the last week
  agent-performance report --agent-name droid   one agent
  agent-performance report --store agents.json  a file, read only`

export function addReport(program: Command, io: Io): void {
  const command = program.command('report').summary('success rates of agents, models and issue types, and who is best')
  command.description('Success rates of agents, models and issue types, and the best agent of each issue type.')
  withQuestion(withWhere(command))
    .addHelpText('after', EXAMPLES)
    .action(async (options: QuestionOptions) => {
      const question = questionOf(options)
      const report = await withSource(options, io, 'ask', source => source.report(question))
      if (options.json) await printJson(io.stdout, report)
      else await print(io.stdout, reportText(report, question, io))
    })
}

function reportText(report: PerformanceReport, question: Question, io: Io): string {
  if (report.summary.total_attempts === 0) return nothingYet(question)
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

/** The columns of {@link modelRows} after the model's name. */
export const MODEL_COLUMNS: readonly Column[] = [
  ...RATE_COLUMNS,
  { title: 'conf.', align: 'right' },
  { title: 'mean time', align: 'right' },
]

/** Models, best first. */
export function modelRows(models: Readonly<Record<string, ModelPerformance>>): string[][] {
  return byRate(models, model => [
    model.avg_success_rate,
    [
      ...rateCells({ ...model, success_rate: model.avg_success_rate }),
      confidence(model.avg_confidence),
      seconds(model.avg_time_seconds),
    ],
  ])
}

/** Rows of a name and cells, the highest rate first. */
function byRate<T>(
  groups: Readonly<Record<string, T>>,
  row: (group: T) => readonly [number, readonly string[]],
): string[][] {
  return Object.entries(groups)
    .map(([name, group]) => ({ name, row: row(group) }))
    .sort((a, b) => b.row[0] - a.row[0])
    .map(one => [one.name, ...one.row[1]])
}

/** What to do where there is nothing to show. */
export function nothingYet(question: Question): string {
  if (isNarrowed(question)) return 'No attempt fits that question. Widen --since and --until, or leave out a name.'
  return `No attempts yet. Record one:

  curl -H 'content-type: application/json' http://127.0.0.1:9464/api/v1/attempts -d '{
    "agent_name": "droid", "model_name": "gpt-5", "issue_type": "bug",
    "success": true, "confidence": 0.9, "time_seconds": 12.5}'

or bring in earlier ones: agent-performance import FILE`
}

/** What to do where nobody has enough attempts. */
export function tooFew(who: string, minAttempts: number | undefined, at: string): string {
  const hint = 'lower --min-attempts or record more; "agent-performance report" lists what there is'
  return `${who} has ${counted(minAttempts ?? 5, 'attempt')} ${at} that fit the question: ${hint}.`
}
