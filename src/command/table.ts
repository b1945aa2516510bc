/** Text tables. Columns are aligned for names in any script, and fit the terminal. */

export interface Column {
  readonly title: string
  /** Numbers are aligned right. Only names in left-aligned columns are elided if the table is too wide. */
  readonly align: 'left' | 'right'
}

const GAP = '  '
/** Minimum width of a column with elided names. */
const LEAST_WIDTH = 8

/** The lines of a table, titles first. Elides names to make it at most `width` wide, if possible. */
export function tableLines(columns: readonly Column[], rows: readonly (readonly string[])[], width: number): string[] {
  const clean = rows.map(row => row.map(printable))
  const widths = columns.map(({ title }, i) =>
    Math.max(displayWidth(title), ...clean.map(row => displayWidth(row[i] ?? ''))),
  )
  shrink(columns, widths, width)
  const line = (cells: readonly string[]): string =>
    columns
      .map(({ align }, i) => pad(cells[i]!, widths[i]!, align))
      .join(GAP)
      .trimEnd()
  const cut = columns.map((_, i) =>
    elide(
      clean.map(row => row[i] ?? ''),
      widths[i]!,
    ),
  )
  return [line(columns.map(column => column.title)), ...clean.map((_, place) => line(cut.map(cells => cells[place]!)))]
}

/** Shares of the width before the ellipsis, the preferred one first. */
const HEADS = [1 / 2, 1 / 4, 3 / 4, 0, 1]

/**
 * The names of a column, elided to at most `width`. Names such as model names differ at their end, so the middle is left out: at the first of
 * {@link HEADS} that keeps different names different, if there is one.
 */
function elide(names: readonly string[], width: number): readonly string[] {
  if (names.every(name => displayWidth(name) <= width)) return names
  const different = new Set(names).size
  const elided = HEADS.map(head => names.map(name => withoutMiddle(name, width, head)))
  return elided.find(each => new Set(each).size === different) ?? elided[0]!
}

function shrink(columns: readonly Column[], widths: number[], width: number): void {
  const total = (): number => widths.reduce((sum, one) => sum + one, GAP.length * (widths.length - 1))
  for (let over = total() - width; over > 0; over--) {
    let widest = -1
    for (const [i, { align }] of columns.entries()) {
      if (align === 'left' && widths[i]! > LEAST_WIDTH && widths[i]! > (widths[widest] ?? 0)) widest = i
    }
    if (widest === -1) return
    widths[widest]!--
  }
}

function pad(text: string, width: number, align: Column['align']): string {
  const blank = ' '.repeat(Math.max(0, width - displayWidth(text)))
  return align === 'right' ? blank + text : text + blank
}

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' })

/** A text of at most `width` columns, with an ellipsis at `head` of the width if it is longer. */
function withoutMiddle(text: string, width: number, head: number): string {
  if (displayWidth(text) <= width) return text
  const parts = Array.from(graphemes.segment(text), ({ segment }) => segment)
  const start = fitting(parts, Math.ceil((width - 1) * head))
  const end = fitting(parts.toReversed(), width - 1 - displayWidth(start.join('')))
  return `${start.join('')}…${end.reverse().join('')}`
}

/** The first parts that take at most `width` columns. */
function fitting(parts: readonly string[], width: number): string[] {
  let taken = 0
  const end = parts.findIndex(part => {
    taken += graphemeWidth(part)
    return taken > width
  })
  return parts.slice(0, end === -1 ? parts.length : end)
}

/** Width of a text on a terminal, in columns: two for wide characters and emoji, none for combining ones. */
export function displayWidth(text: string): number {
  if (/^[ -~]*$/.test(text)) return text.length
  let width = 0
  for (const { segment } of graphemes.segment(text)) width += graphemeWidth(segment)
  return width
}

/** East Asian wide and fullwidth blocks (Unicode Standard Annex 11), and what is shown as an emoji. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{16fe0}-\u{18dff}\u{1aff0}-\u{1b2ff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}|\ufe0f/u

function graphemeWidth(grapheme: string): number {
  if (WIDE.test(grapheme)) return 2
  return /^[\p{Mn}\p{Me}\p{Cf}]+$/u.test(grapheme) ? 0 : 1
}

/** Replaces control characters, line breaks and bidirectional controls, so that names cannot control the terminal. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, '\ufffd')
}
