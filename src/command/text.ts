/** Text as a terminal shows it: tables with bold titles, and sentences that break where it ends. */
import { bold, type Io, widthOf } from './io.ts'
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
