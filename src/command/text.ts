/** Text for a terminal: tables with bold titles, and sentences wrapped to its width. */
import type { WithOutcomes } from '../core/reports/outcome-totals.ts'
import { asOfOf, type Ranged, rangeOf } from '../core/reports/range.ts'
import type { Selection } from '../core/reports/selection.ts'
import { counted, whole } from './format.ts'
import type { Hints } from './hints.ts'
import { bold, type Io, styled, widthOf } from './io.ts'
import { isNarrowed } from './parameters.ts'
import { type Column, displayWidth, printable, tableLines } from './table.ts'

/** A table with bold titles. */
export function tableText(columns: readonly Column[], rows: readonly (readonly string[])[], io: Io): string {
  const [titles = '', ...lines] = tableLines(columns, rows, widthOf(io.stdout))
  return [bold(titles, io.stdout, io.env), ...lines].join('\n')
}

/** Answers of the groups of each grouping, by name. */
interface Grouped<Group> {
  readonly by_agent: Readonly<Record<string, Group>>
  readonly by_model: Readonly<Record<string, Group>>
  readonly by_issue_type: Readonly<Record<string, Group>>
}

/** A table for each grouping, after an empty line. Its first column has the names of the groups. */
export function groupTables<Group>(
  { by_agent, by_model, by_issue_type }: Grouped<Group>,
  columns: readonly Column[],
  rowsOf: (groups: Readonly<Record<string, Group>>) => string[][],
  io: Io,
): string[] {
  const groupings = [
    ['agent', by_agent],
    ['model', by_model],
    ['issue type', by_issue_type],
  ] as const
  return groupings.map(
    ([title, groups]) => `\n${tableText([{ title, align: 'left' }, ...columns], rowsOf(groups), io)}`,
  )
}

/** Wraps a sentence to the terminal, without control characters. Every line but the first begins with `indent`. */
export const wrapped = (text: string, io: Io, indent = ''): string =>
  wrapLines(text, widthOf(io.stdout), indent).join('\n')

/** A secondary sentence: wrapped, and dim on a terminal with colours. */
export const note = (text: string, io: Io): string => styled('dim', wrapped(text, io), io.stdout, io.env)

/** The lines of {@link wrapped} at a given width. A longer word gets its own line. */
export function wrapLines(text: string, width: number, indent = ''): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of printable(text).split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`
    if (line !== '' && displayWidth(longer) > width) {
      lines.push(line)
      line = indent + word
    } else line = longer
  }
  return [...lines, line]
}

/** The hint for an answer without attempts. */
export function nothingYet(given: Selection, { options, url }: Hints): string {
  if (isNarrowed(given)) return 'No attempt fits that question. Widen --since and --until, or leave out a name.'
  const curl =
    url === undefined
      ? ''
      : `or by HTTP:

  curl -H 'content-type: application/json' ${url}/api/v1/attempts -d '{
    "agent_name": "droid", "model_name": "gpt-5", "issue_type": "bug",
    "success": true, "confidence": 0.9, "time_seconds": 12.5}'

`
  return `No attempts yet. Record one:

  agent-performance record${options} --agent-name droid \\
    --model-name gpt-5 --issue-type bug --success --time-seconds 12.5

${curl}or bring in earlier ones: agent-performance import${options} FILE`
}

/** The hint if no agent or model has enough attempts. */
export function tooFew(who: string, minAttempts: number | undefined, at: string, { options }: Hints): string {
  const hint = `lower --min-attempts or record more; "agent-performance report${options}" lists what there is`
  return `${who} has ${counted(minAttempts ?? 5, 'attempt')} ${at} that fit the question: ${hint}.`
}

/** How the attempts were judged, where that is not only by what they reported. */
function judgedLine(answer: object): string[] {
  const { outcomes } = answer as Partial<WithOutcomes>
  if (outcomes === undefined || outcomes.verified + outcomes.pending === 0) return []
  const { verified, reported, pending } = outcomes
  return [`Judged by: outcomes ${whole(verified)}, own reports ${whole(reported)}; pending ${whole(pending)}`]
}

/** The text of an answer, with what it states about itself on lines of their own. */
export function withAnswered(text: string, answer: Ranged, io: Pick<Io, 'stdout' | 'env'>): string {
  const [range, asOf] = [rangeOf(answer), asOfOf(answer)]
  const lines = [
    ...(range === undefined ? [] : [`Range: ${range.since} to ${range.until}`]),
    ...judgedLine(answer),
    ...(asOf === undefined ? [] : [`As of ${asOf}: later attempts of other sidecars may be missing.`]),
  ]
  return lines.length === 0 ? text : `${text}\n\n${styled('dim', lines.join('\n'), io.stdout, io.env)}`
}
