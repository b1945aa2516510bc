/** Templates for the lines of a family: the constant bytes are encoded once, labels and numbers are inserted. */
import type { Buckets, Family, FamilyOf, Labelled } from './family.ts'
import { escapeText, labelText } from './label-text.ts'
import {
  appendBytes,
  appendNumber,
  appendText,
  CHARACTER_BYTES,
  NUMBER_BYTES,
  repeatBytes,
  type TextBuffer,
} from './text-buffer.ts'

/** Appends the series of a family. The buffer must have space for them. */
export interface FamilyTemplate<One> {
  readonly head: Uint8Array
  /** Upper bound of the bytes that all series of one subject take. */
  maxBytes(one: One): number
  /** Appends all series of one subject. */
  append(buffer: TextBuffer, one: One): void
}

/** The bytes before the labels, and those between the labels and the number. */
interface LineTemplate {
  readonly start: Uint8Array
  readonly end: Uint8Array
}

interface HistogramTemplate {
  readonly count: LineTemplate
  readonly sum: LineTemplate
  /** The part up to the bound. */
  readonly bucket: LineTemplate
  /** The bound and the bytes between it and the number. */
  readonly bounds: readonly Uint8Array[]
}

/** The template of a family, which must have at least one label. */
export function familyTemplate<One extends Labelled>(family: FamilyOf<One>): FamilyTemplate<One> {
  const last = family.labels.at(-1)!
  const further = family.values?.map(value => `,${labelText({ [last]: value })}`) ?? ['']
  const head = Buffer.from(headText(family))
  if (family.type === 'histogram') {
    const histograms = further.map(label => histogramTemplate(family, label, family.bounds))
    return {
      head,
      maxBytes: maxBytes(histograms.flatMap(allLines)),
      append(buffer, one) {
        const values = family.read(one)
        for (let i = 0; i < histograms.length; i++) appendHistogram(buffer, histograms[i]!, one.labels, values[i]!)
      },
    }
  }
  const lines = further.map(label => lineTemplate(family, '', label))
  return {
    head,
    maxBytes: maxBytes(lines),
    append(buffer, one) {
      const values = family.read(one)
      for (let i = 0; i < lines.length; i++) {
        const value = values[i]
        if (value !== undefined) appendLine(buffer, lines[i]!, one.labels, value)
      }
    },
  }
}

function headText({ name, help, unit, type }: Family): string {
  return `# HELP ${name} ${escapeText(help)}\n${unit === '' ? '' : `# UNIT ${name} ${unit}\n`}# TYPE ${name} ${type}\n`
}

function lineTemplate({ name }: Family, suffix: string, further: string): LineTemplate {
  return { start: Buffer.from(`${name}${suffix}{`), end: Buffer.from(`${further}} `) }
}

function histogramTemplate(family: Family, further: string, bounds: readonly number[]): HistogramTemplate {
  return {
    count: lineTemplate(family, '_count', further),
    sum: lineTemplate(family, '_sum', further),
    bucket: { start: Buffer.from(`${family.name}_bucket{`), end: Buffer.from(`${further},le="`) },
    bounds: [...bounds, '+Inf'].map(bound => Buffer.from(`${bound}"} `)),
  }
}

function allLines({ count, sum, bucket: { start, end }, bounds }: HistogramTemplate): readonly LineTemplate[] {
  return [count, sum, ...bounds.map(bound => ({ start, end: Buffer.concat([end, bound]) }))]
}

function maxBytes(lines: readonly LineTemplate[]): (one: Labelled) => number {
  const fixed = lines.reduce((sum, { start, end }) => sum + start.length + end.length + NUMBER_BYTES, 0)
  const byCharacter = lines.length * CHARACTER_BYTES
  return ({ labels }) => fixed + byCharacter * labels.length
}

function appendLine(buffer: TextBuffer, { start, end }: LineTemplate, labels: string, value: number): void {
  appendBytes(buffer, start)
  appendText(buffer, labels)
  appendBytes(buffer, end)
  appendNumber(buffer, value)
}

function appendHistogram(
  buffer: TextBuffer,
  lines: HistogramTemplate,
  labels: string,
  { counts, count, sum }: Buckets,
): void {
  appendLine(buffer, lines.count, labels, count)
  appendLine(buffer, lines.sum, labels, sum)
  const from = buffer.at
  appendBytes(buffer, lines.bucket.start)
  appendText(buffer, labels)
  appendBytes(buffer, lines.bucket.end)
  const to = buffer.at
  let below = 0
  for (let i = 0; i < lines.bounds.length; i++) {
    // Most lines of a scrape are buckets, and all buckets of a histogram start with the same bytes.
    if (i > 0) repeatBytes(buffer, from, to)
    appendBytes(buffer, lines.bounds[i]!)
    below += counts[i] ?? 0
    appendNumber(buffer, below)
  }
}
