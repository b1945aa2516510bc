/**
 * A strict parser of the Prometheus text format 0.0.4: throws on everything that a scraper could refuse or misread, on a duplicate series,
 * and on a family whose lines are not contiguous.
 */
interface ReadSample {
  readonly name: string
  readonly labels: ReadonlyMap<string, string>
  readonly value: number
}

export interface ReadFamily {
  readonly name: string
  readonly type: string
  readonly help: string
  readonly samples: ReadSample[]
}

const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/s
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\["\\n])*)"(?:,|$)/y

export function readText(text: string): ReadonlyMap<string, ReadFamily> {
  if (!text.endsWith('\n')) throw new Error('the last line does not end')
  const families = new Map<string, ReadFamily>()
  const seen = new Set<string>()
  let help: { name: string; text: string } | undefined
  let current: ReadFamily | undefined
  for (const line of text.slice(0, -1).split('\n')) {
    const [, kind, name = '', rest = ''] = /^# (HELP|UNIT|TYPE) (\S+) (.*)$/.exec(line) ?? []
    if (kind === 'HELP') help = { name, text: rest }
    else if (kind === 'UNIT' && name !== help?.name) throw new Error(`a unit without help: ${line}`)
    else if (kind === 'TYPE') {
      if (families.has(name)) throw new Error(`a second ${line}`)
      if (help?.name !== name) throw new Error(`no help before ${line}`)
      current = { name, type: rest, help: help.text, samples: [] }
      families.set(name, current)
    } else if (kind === undefined) {
      const sample = readSample(line)
      const series = JSON.stringify([sample.name, [...sample.labels].sort()])
      if (seen.has(series)) throw new Error(`a second ${line}`)
      seen.add(series)
      if (current === undefined || !belongs(sample, current)) throw new Error(`out of its family: ${line}`)
      current.samples.push(sample)
    }
  }
  return families
}

function readSample(line: string): ReadSample {
  const [whole, name = '', inside = '', number = ''] = SAMPLE.exec(line) ?? []
  if (whole === undefined) throw new Error(`not a sample: ${line}`)
  const labels = new Map<string, string>()
  LABEL.lastIndex = 0
  while (LABEL.lastIndex < inside.length) {
    const [label, labelName = '', value = ''] = LABEL.exec(inside) ?? []
    if (label === undefined) throw new Error(`not labels: ${line}`)
    if (labels.has(labelName)) throw new Error(`a label twice: ${line}`)
    labels.set(
      labelName,
      value.replaceAll(/\\(.)/g, (_, escaped) => (escaped === 'n' ? '\n' : escaped)),
    )
  }
  const value = number === '+Inf' ? Number.POSITIVE_INFINITY : Number(number)
  if (Number.isNaN(value)) throw new Error(`not a number: ${line}`)
  return { name, labels, value }
}

function belongs(sample: ReadSample, family: ReadFamily): boolean {
  if (family.type !== 'histogram') return sample.name === family.name
  const suffix = sample.name.slice(family.name.length)
  return sample.name.startsWith(family.name) && ['_bucket', '_sum', '_count'].includes(suffix)
}

/** The value of the series with that name and exactly those labels. Undefined if there is none. */
export function readValue(
  text: string,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  const wanted = JSON.stringify(Object.entries(labels).sort())
  for (const family of readText(text).values()) {
    const found = family.samples.find(s => s.name === name && JSON.stringify([...s.labels].sort()) === wanted)
    if (found !== undefined) return found.value
  }
  return undefined
}
