/** Table rows of models, and of other groups with a rate. */
import type { ModelPerformance } from '../core/reports/model-comparison.ts'
import { confidence, RATE_COLUMNS, rateCells, seconds } from './format.ts'
import type { Column } from './table.ts'

/** The columns of {@link modelRows} after the model's name. */
export const MODEL_COLUMNS: readonly Column[] = [
  ...RATE_COLUMNS,
  { title: 'conf.', align: 'right' },
  { title: 'mean time', align: 'right' },
]

/** Models, best first. */
export function modelRows(models: Readonly<Record<string, ModelPerformance>>): string[][] {
  return byRate(models, model => [
    model.avg_success_rate,
    [
      ...rateCells({ ...model, success_rate: model.avg_success_rate }),
      confidence(model.avg_confidence),
      seconds(model.avg_time_seconds),
    ],
  ])
}

/** Rows of a name and its cells, highest rate first. */
export function byRate<T>(
  groups: Readonly<Record<string, T>>,
  row: (group: T) => readonly [number, readonly string[]],
): string[][] {
  return Object.entries(groups)
    .map(([name, group]) => ({ name, row: row(group) }))
    .sort((a, b) => b.row[0] - a.row[0])
    .map(one => [one.name, ...one.row[1]])
}
