/** Rows for the evaluation of the alert rules. */
import type { AlertTimes } from '../measures/alerts.ts'
import { measureRounds } from '../support/in-process.ts'
import { atLeast, atMost, type Bench, type Row, short, withoutTarget } from '../support/row.ts'
import { median, ratios, spread } from '../support/statistics.ts'

export async function alertRows(bench: Bench): Promise<Row[]> {
  const times = await measureRounds<AlertTimes>(Math.ceil(bench.rounds / 2), 'alerts')
  const [first, few, all] = [times.map(one => one.firstMs), times.map(one => one.fewMs), times.map(one => one.allMs)]
  const figure = 'alerts at 10,000 keys'
  const note = `CPU: ${short(median(few))} ms if 100 keys changed, ${short(median(all))} ms if all did, ${short(median(first))} ms for a first evaluation`
  return [
    atLeast(
      { figure: `${figure}: CPU of an evaluation after 100 keys changed`, against: 'a first evaluation', note },
      { value: 5, unit: '×' },
      ratios(first, few),
    ),
    withoutTarget(
      { figure: `${figure}: CPU of an evaluation after all keys changed`, against: '' },
      { unit: ' ms' },
      spread(all),
    ),
    atMost(
      { figure: `${figure}: longest stall`, against: '', note: 'in steps, all keys changed or none known' },
      { value: 10, unit: ' ms' },
      spread(times.map(one => one.stallMs)),
    ),
  ]
}
