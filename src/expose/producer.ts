/** The same families as OpenTelemetry metric data: for the SDK's readers and exporters. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Attributes } from '@opentelemetry/api'
import { emptyResource } from '@opentelemetry/resources'
import type { MetricProducer } from '@opentelemetry/sdk-metrics'
import type { Collection } from './collection.ts'
import { ARM_FAMILIES, COMPARISON_FAMILIES, EXPERIMENT_FAMILIES } from './experiment-families.ts'
import { KEY_FAMILIES } from './families.ts'
import type { Family, FamilyOf, Labelled } from './family.ts'
import { histogramValue, metricData, type Series, timesAt } from './metric-data.ts'
import { selfMetricData } from './self-metrics.ts'

/** Keys or arms turned into data points before others have their turn: about a millisecond. */
const AT_ONCE = 100

/**
 * Producers that share the keys among them, each key always with the same one; the first has experiments and the sidecar's
 * own families too. An exporter works through all it is given in one go, so that many keys are better pushed by several readers, each
 * with its part. The resource is empty: readers put the SDK's in its place.
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
      const keys = collection.keys.filter((_, i) => i % count === part)
      const all = await seriesOf(KEY_FAMILIES, keys, collection.keys.length)
      if (part === 0) all.push(...(await experimentSeries(collection)))
      const metrics = all.map(([family, series]) => metricData(family, series, times))
      if (part === 0) metrics.push(...selfMetricData(collection.self, times))
      return { resourceMetrics: { resource: emptyResource(), scopeMetrics: [{ scope, metrics }] }, errors: [] }
    },
  }))
}

/** The series of all of `ones`, which are some `among` more of their kind, by family. */
async function seriesOf<One extends Labelled>(
  families: readonly FamilyOf<One>[],
  ones: readonly One[],
  among = ones.length,
): Promise<[Family, Series[]][]> {
  const all = families.map((family): [FamilyOf<One>, Series[]] => [family, []])
  for (const [i, one] of ones.entries()) {
    if (i > 0 && i % AT_ONCE === 0) await nextTurn()
    for (const [family, series] of all) addSeries(series, family, one, among)
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

function addSeries<One extends Labelled>(series: Series[], family: FamilyOf<One>, one: One, among: number): void {
  const last = family.labels.at(-1)!
  const bounds = family.type === 'histogram' ? family.bounds : []
  for (const [i, value] of family.read(one, among).entries()) {
    if (value === undefined) continue
    const attributes: Attributes = { ...one.key }
    if (family.values !== undefined) attributes[last] = family.values[i]!
    series.push({ attributes, value: typeof value === 'number' ? value : histogramValue(value, bounds) })
  }
}
