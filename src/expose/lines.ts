/** The lines of a family. What they have in common is made once; labels and numbers are put in between. */
import type { Buckets, Family, FamilyOf, Labelled } from './family.ts'
import { escapeText, labelText } from './label-text.ts'
import { CHARACTER_BYTES, NUMBER_BYTES, type Page, putAgain, putBytes, putNumber, putText } from './page.ts'

/** Puts a family. What puts something takes for granted that the page has room for it. */
export interface Lines<One> {
  readonly head: Uint8Array
  /** Bytes that the series of one do not exceed. */
  atMost(one: One): number
  /** Puts all series of one, among so many of its kind. */
  put(page: Page, one: One, among: number): void
}

/** What stands before the labels, and between them and the number. */
interface Line {
  readonly start: Uint8Array
  readonly end: Uint8Array
}

interface HistogramLines {
  readonly count: Line
  readonly sum: Line
  /** Up to the bound. */
  readonly bucket: Line
  /** The bound, and what stands between it and the number. */
  readonly bounds: readonly Uint8Array[]
}

export function linesOf<One extends Labelled>(family: FamilyOf<One>): Lines<One> {
  const last = family.labels.at(-1)!
  const further = family.values?.map(value => `,${labelText({ [last]: value })}`) ?? ['']
  const head = Buffer.from(headText(family))
  if (family.type === 'histogram') {
    const histograms = further.map(label => histogramLines(family, label, family.bounds))
    return {
      head,
      atMost: atMost(histograms.flatMap(allLines)),
      put(page, one) {
        const values = family.read(one)
        for (let i = 0; i < histograms.length; i++) putHistogram(page, histograms[i]!, one.labels, values[i]!)
      },
    }
  }
  const lines = further.map(label => lineOf(family, '', label))
  return {
    head,
    atMost: atMost(lines),
    put(page, one, among) {
      const values = family.read(one, among)
      for (let i = 0; i < lines.length; i++) {
        const value = values[i]
        if (value !== undefined) putLine(page, lines[i]!, one.labels, value)
      }
    },
  }
}

function headText({ name, help, unit, type }: Family): string {
  return `# HELP ${name} ${escapeText(help)}\n${unit === '' ? '' : `# UNIT ${name} ${unit}\n`}# TYPE ${name} ${type}\n`
}

function lineOf({ name }: Family, suffix: string, further: string): Line {
  return { start: Buffer.from(`${name}${suffix}{`), end: Buffer.from(`${further}} `) }
}

function histogramLines(family: Family, further: string, bounds: readonly number[]): HistogramLines {
  return {
    count: lineOf(family, '_count', further),
    sum: lineOf(family, '_sum', further),
    bucket: { start: Buffer.from(`${family.name}_bucket{`), end: Buffer.from(`${further},le="`) },
    bounds: [...bounds, '+Inf'].map(bound => Buffer.from(`${bound}"} `)),
  }
}

function allLines({ count, sum, bucket: { start, end }, bounds }: HistogramLines): readonly Line[] {
  return [count, sum, ...bounds.map(bound => ({ start, end: Buffer.concat([end, bound]) }))]
}

function atMost(lines: readonly Line[]): (one: Labelled) => number {
  const fixed = lines.reduce((sum, { start, end }) => sum + start.length + end.length + NUMBER_BYTES, 0)
  const byCharacter = lines.length * CHARACTER_BYTES
  return ({ labels }) => fixed + byCharacter * labels.length
}

function putLine(page: Page, { start, end }: Line, labels: string, value: number): void {
  putBytes(page, start)
  putText(page, labels)
  putBytes(page, end)
  putNumber(page, value)
}

function putHistogram(page: Page, lines: HistogramLines, labels: string, { counts, count, sum }: Buckets): void {
  putLine(page, lines.count, labels, count)
  putLine(page, lines.sum, labels, sum)
  const from = page.at
  putBytes(page, lines.bucket.start)
  putText(page, labels)
  putBytes(page, lines.bucket.end)
  const to = page.at
  let below = 0
  for (let i = 0; i < lines.bounds.length; i++) {
    // Buckets are most of all lines, and begin alike.
    if (i > 0) putAgain(page, from, to)
    putBytes(page, lines.bounds[i]!)
    below += counts[i] ?? 0
    putNumber(page, below)
  }
}
