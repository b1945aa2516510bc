/** Text as a terminal shows it: tables with bold titles, and sentences that break where it ends. */
import type { Selection } from '../core/reports/selection.ts'
import { counted } from './format.ts'
import { bold, type Io, widthOf } from './io.ts'
import { isNarrowed } from './parameters.ts'
import { type Column, displayWidth, printable, tableLines } from './table.ts'

/** A table with its titles in bold. */
export function tableText(columns: readonly Column[], rows: readonly (readonly string[])[], io: Io): string {
  const [titles = '', ...lines] = tableLines(columns, rows, widthOf(io.stdout))
  return [bold(titles, io.stdout, io.env), ...lines].join('\n')
}

/** A sentence in lines that fit the terminal, its names made harmless; all lines but the first begin with `indent`. */
export const wrapped = (text: string, io: Io, indent = ''): string =>
  wrapLines(text, widthOf(io.stdout), indent).join('\n')

/** {@link wrapped} to a width, line by line. A word longer than that stands alone. */
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

/** What to do where there is nothing to show. */
export function nothingYet(given: Selection): string {
  if (isNarrowed(given)) return 'No attempt fits that question. Widen --since and --until, or leave out a name.'
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
