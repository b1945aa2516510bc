/** Text as a terminal shows it: tables with bold titles, and sentences that break where it ends. */
import { bold, type Io, widthOf } from './io.ts'
import { type Column, displayWidth, printable, tableLines } from './table.ts'

/** A table with its titles in bold. */
export function tableText(columns: readonly Column[], rows: readonly (readonly string[])[], io: Io): string {
  const [titles = '', ...lines] = tableLines(columns, rows, widthOf(io.stdout))
  return [bold(titles, io.stdout, io.env), ...lines].join('\n')
}

/** A sentence with its names made harmless, in lines that fit; all but the first stand in by `indent`. */
export function wrapped(text: string, io: Io, indent = ''): string {
  const width = widthOf(io.stdout)
  const lines: string[] = []
  let line = ''
  for (const word of printable(text).split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`
    if (line !== '' && displayWidth(longer) > width) {
      lines.push(line)
      line = indent + word
    } else line = longer
  }
  return [...lines, line].join('\n')
}
