/** Produces all metrics as OpenTelemetry metric data, for the SDK's readers and exporters. */
import { setImmediate as nextIteration } from 'node:timers/promises'
import type { Attributes } from '@opentelemetry/api'
import { emptyResource } from '@opentelemetry/resources'
import type { MetricProducer } from '@opentelemetry/sdk-metrics'
import type { Collection } from './collection.ts'
import { ARM_FAMILIES, COMPARISON_FAMILIES, EXPERIMENT_FAMILIES } from './experiment-families.ts'
import { KEY_FAMILIES } from './families.ts'
import type { Family, FamilyOf, Labelled } from './family.ts'
import { histogramValue, metricData, type Series, timesAt } from './metric-data.ts'
import { selfMetricData } from './self-metrics.ts'

/** Subjects converted per iteration of the event loop: about 1 ms. */
const SUBJECTS_PER_STEP = 100

/**
 * Producers among which the keys are divided. From its first result on, a key always belongs to the same producer. The first one also has the
 * keys whose attempts are all pending, the experiments and the sidecar's metrics. Exporters convert all data without yielding, so that with many keys several readers block the event loop for less time
 * each. The resource is empty: readers replace it with that of the SDK.
 */
export function createProducers(
  collect: () => Promise<Collection>,
  version: string,
  count: number,
): readonly MetricProducer[] {
  const scope = { name: 'agent-performance', version }
  return Array.from({ length: count }, (_, part) => ({
    async collect() {
      const collection = await collect()
      const times = timesAt(collection.atMs)
      const keys = collection.keys.filter((_, i) => (i < collection.listed ? i % count : 0) === part)
      const all = await seriesOf(KEY_FAMILIES, keys)
      if (part === 0) all.push(...(await experimentSeries(collection)))
      const metrics = all.map(([family, series]) => metricData(family, series, times))
      if (part === 0) metrics.push(...selfMetricData(collection.self, times))
      return { resourceMetrics: { resource: emptyResource(), scopeMetrics: [{ scope, metrics }] }, errors: [] }
    },
  }))
}

/** The series of `subjects` by family. */
async function seriesOf<One extends Labelled>(
  families: readonly FamilyOf<One>[],
  subjects: readonly One[],
): Promise<[Family, Series[]][]> {
  const all = families.map((family): [FamilyOf<One>, Series[]] => [family, []])
  for (const [i, one] of subjects.entries()) {
    if (i > 0 && i % SUBJECTS_PER_STEP === 0) await nextIteration()
    for (const [family, series] of all) addSeries(series, family, one)
  }
  return all
}

async function experimentSeries({ experiments }: Collection): Promise<[Family, Series[]][]> {
  const arms = experiments.flatMap(one => one.arms)
  const comparisons = experiments.flatMap(one => one.comparisons)
  return [
    ...(await seriesOf(ARM_FAMILIES, arms)),
    ...(await seriesOf(COMPARISON_FAMILIES, comparisons)),
    ...(await seriesOf(EXPERIMENT_FAMILIES, experiments)),
  ]
}

function addSeries<One extends Labelled>(series: Series[], family: FamilyOf<One>, one: One): void {
  const last = family.labels.at(-1)!
  const bounds = family.type === 'histogram' ? family.bounds : []
  for (const [i, value] of family.read(one).entries()) {
    if (value === undefined) continue
    const attributes: Attributes = { ...one.key }
    if (family.values !== undefined) attributes[last] = family.values[i]!
    series.push({ attributes, value: typeof value === 'number' ? value : histogramValue(value, bounds) })
  }
}
