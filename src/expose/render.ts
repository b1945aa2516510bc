/**
 * The Prometheus text format 0.0.4, line for line as OpenTelemetry's exporter prints the same metrics, at a twentieth of
 * its cost.
 * Source: https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Collection } from './collection.ts'
import { ARM_FAMILIES, COMPARISON_FAMILIES, EXPERIMENT_FAMILIES } from './experiment-families.ts'
import { KEY_FAMILIES } from './families.ts'
import type { Buckets, Family, FamilyOf, Labelled } from './family.ts'
import { escapeText, labelText } from './label-text.ts'
import { OWN_FAMILIES, type OwnValues } from './own-families.ts'

/**
 * Characters rendered before others have their turn: about 250 lines, a tenth of a millisecond. Much longer texts would be
 * large objects to the garbage collector, whose pauses are then what others wait for.
 */
const SLICE = 32 * 1024

/**
 * The text, in slices that end with whole lines, each rendered when it is asked for and in a turn of the event loop of its
 * own. Text is not kept from scrape to scrape: it would take ten times the room of the numbers it is made of, and save half
 * the time.
 */
export async function* renderText({ keys, experiments, own }: Collection): AsyncGenerator<string, void, void> {
  let rest = yield* render('', KEY_FAMILIES, keys)
  rest = yield* render(
    rest,
    ARM_FAMILIES,
    experiments.flatMap(({ arms }) => arms),
  )
  rest = yield* render(
    rest,
    COMPARISON_FAMILIES,
    experiments.flatMap(({ comparisons }) => comparisons),
  )
  rest = yield* render(rest, EXPERIMENT_FAMILIES, experiments)
  yield rest + ownText(own)
}

/** Goes on from `text`, and returns what is too short for a slice yet. */
async function* render<One extends Labelled>(
  text: string,
  families: readonly FamilyOf<One>[],
  all: readonly One[],
): AsyncGenerator<string, string, void> {
  let slice = text
  for (const family of families) {
    const lines = renderer(family, all.length)
    slice += head(family)
    for (const one of all) {
      slice += lines(one)
      if (slice.length < SLICE) continue
      yield slice
      slice = ''
      await nextTurn()
    }
  }
  return slice
}

function head({ name, help, unit, type }: Family): string {
  return `# HELP ${name} ${escapeText(help)}\n${unit === '' ? '' : `# UNIT ${name} ${unit}\n`}# TYPE ${name} ${type}\n`
}

/** Renders all series of one. */
function renderer<One extends Labelled>(family: FamilyOf<One>, among: number): (one: One) => string {
  const last = family.labels.at(-1)!
  const further = family.values?.map(value => `,${labelText({ [last]: value })}`) ?? ['']
  if (family.type !== 'histogram') {
    return one => {
      const values = family.read(one, among)
      let text = ''
      for (let i = 0; i < further.length; i++) {
        const value = values[i]
        if (value !== undefined) text += line(family.name, one.labels + further[i]!, value)
      }
      return text
    }
  }
  const les = bucketLabels(family.bounds)
  return one => {
    const values = family.read(one)
    let text = ''
    for (let i = 0; i < further.length; i++) text += histogram(family.name, les, one.labels + further[i]!, values[i]!)
    return text
  }
}

function ownText(own: OwnValues): string {
  let text = ''
  for (const family of OWN_FAMILIES) {
    const value = own[family.name]
    if (value === undefined) continue
    text += head(family)
    if (typeof value === 'number') text += line(family.name, '', value)
    else if ('counts' in value) text += histogram(family.name, bucketLabels(value.bounds), '', value)
    else for (const sample of value) text += line(family.name, labelText(sample.labels), sample.value)
  }
  return text
}

function line(name: string, labels: string, value: number): string {
  return `${sample(name, labels, value)}\n`
}

function sample(name: string, labels: string, value: number): string {
  return labels === '' ? `${name} ${numberText(value)}` : `${name}{${labels}} ${numberText(value)}`
}

function histogram(name: string, les: readonly string[], labels: string, { counts, count, sum }: Buckets): string {
  // Buckets are most of all lines: each begins with the end of the line before, which is one piece of text less to join.
  const start = labels === '' ? `\n${name}_bucket{` : `\n${name}_bucket{${labels},`
  let text = line(`${name}_count`, labels, count) + sample(`${name}_sum`, labels, sum)
  let below = 0
  for (let i = 0; i < les.length; i++) {
    below += counts[i] ?? 0
    text += start + les[i]! + below
  }
  return `${text}\n`
}

/** What follows the other labels in the lines of a histogram's buckets, up to the number. */
function bucketLabels(bounds: readonly number[]): readonly string[] {
  return [...bounds, '+Inf'].map(bound => `le="${bound}"} `)
}

function numberText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf'
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value)
}
