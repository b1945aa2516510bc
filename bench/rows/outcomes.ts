/** A row for each store: outcomes in batches, beside attempts in the same batches. */
import { join } from 'node:path'
import type { OutcomeRates } from '../measures/outcomes.ts'
import { measure } from '../support/in-process.ts'
import { absent, atLeast, type Bench, type Row, short } from '../support/row.ts'
import { interleave, median, spread } from '../support/statistics.ts'

/** Batches of 1,000. Few: all stores together take seconds for a round. */
const BATCHES = 10
const TARGET = { value: 20_000, unit: ' outcomes/s' }

interface Kind {
  readonly name: string
  /** Undefined where its server is not installed. */
  readonly targetOf: ((use: string) => string) | undefined
}

export async function outcomeRows(bench: Bench, kinds: readonly Kind[]): Promise<Row[]> {
  const file: Kind = { name: 'file', targetOf: use => join(bench.folder, `${use}.json`) }
  const all = [file, ...kinds]
  const there = all.filter(({ targetOf }) => targetOf !== undefined)
  const measured = await interleave(
    Math.ceil(bench.rounds / 4),
    Object.fromEntries(
      there.map(({ name, targetOf }) => [
        name,
        () => measure<OutcomeRates>('store-outcomes', targetOf!('outcomes'), String(BATCHES)),
      ]),
    ),
  )
  return all.map(({ name }) => {
    const text = { figure: `${name}: outcomes in batches of 1,000, kept`, against: 'attempts in the same batches' }
    const rates = measured[name]
    if (rates === undefined) return absent(text, `≥ 20,000${TARGET.unit}`, 'its server is not installed')
    const of = (kind: keyof OutcomeRates, figure: 'perSecond' | 'cpu'): string =>
      short(median(rates.map(one => one[kind][figure])))
    const note = `${of('outcomes', 'cpu')} µs of CPU each, against ${of('attempts', 'perSecond')} attempts/s of ${of('attempts', 'cpu')} µs`
    return atLeast({ ...text, note }, TARGET, spread(rates.map(one => one.outcomes.perSecond)))
  })
}
