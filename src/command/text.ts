/** Text for a terminal: tables with bold titles, and sentences wrapped to its width. */
import { asOfOf, type Ranged, rangeOf } from '../core/reports/range.ts'
import type { Selection } from '../core/reports/selection.ts'
import { counted } from './format.ts'
import { bold, type Io, widthOf } from './io.ts'
import { isNarrowed } from './parameters.ts'
import { type Column, displayWidth, printable, tableLines } from './table.ts'

/** A table with bold titles. */
export function tableText(columns: readonly Column[], rows: readonly (readonly string[])[], io: Io): string {
  const [titles = '', ...lines] = tableLines(columns, rows, widthOf(io.stdout))
  return [bold(titles, io.stdout, io.env), ...lines].join('\n')
}

/** Wraps a sentence to the terminal, without control characters. Every line but the first begins with `indent`. */
export const wrapped = (text: string, io: Io, indent = ''): string =>
  wrapLines(text, widthOf(io.stdout), indent).join('\n')

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
export function nothingYet(given: Selection): string {
  if (isNarrowed(given)) return 'No attempt fits that question. Widen --since and --until, or leave out a name.'
  return `No attempts yet. Record one:

  curl -H 'content-type: application/json' http://127.0.0.1:9464/api/v1/attempts -d '{
    "agent_name": "droid", "model_name": "gpt-5", "issue_type": "bug",
    "success": true, "confidence": 0.9, "time_seconds": 12.5}'

or bring in earlier ones: agent-performance import FILE`
}

/** The hint if no agent or model has enough attempts. */
export function tooFew(who: string, minAttempts: number | undefined, at: string): string {
  const hint = 'lower --min-attempts or record more; "agent-performance report" lists what there is'
  return `${who} has ${counted(minAttempts ?? 5, 'attempt')} ${at} that fit the question: ${hint}.`
}

/** The text of an answer, with what it states about itself on lines of their own. */
export function withAnswered(text: string, answer: Ranged): string {
  const [range, asOf] = [rangeOf(answer), asOfOf(answer)]
  const lines = [
    ...(range === undefined ? [] : [`Range: ${range.since} to ${range.until}`]),
    ...(asOf === undefined ? [] : [`As of ${asOf}: later attempts of other sidecars may be missing.`]),
  ]
  return lines.length === 0 ? text : `${text}\n\n${lines.join('\n')}`
}
