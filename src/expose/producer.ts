/** The same families as OpenTelemetry metric data: for the SDK's readers and exporters. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { type Attributes, type HrTime, ValueType } from '@opentelemetry/api'
import { emptyResource } from '@opentelemetry/resources'
import {
  AggregationTemporality,
  type DataPoint,
  DataPointType,
  type Histogram,
  type MetricData,
  type MetricProducer,
} from '@opentelemetry/sdk-metrics'
import type { Collection } from './collection.ts'
import { ARM_FAMILIES, COMPARISON_FAMILIES, EXPERIMENT_FAMILIES } from './experiment-families.ts'
import { KEY_FAMILIES } from './families.ts'
import type { Buckets, Family, FamilyOf, Labelled } from './family.ts'
import { OWN_FAMILIES, type OwnValues } from './own-families.ts'

/** Keys or arms turned into data points before others have their turn: about a millisecond. */
const AT_ONCE = 100

/**
 * When the series began: totals outlive the process, and with any later time what earlier processes counted would look like
 * a sudden rise. In OTLP 0 stands for an unknown start.
 */
const UNKNOWN: HrTime = [0, 0]

interface Series {
  readonly attributes: Attributes
  readonly value: number | Histogram
}

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
      const times = { startTime: UNKNOWN, endTime: hrTime(collection.atMs) }
      const keys = collection.keys.filter((_, i) => i % count === part)
      const all = await seriesOf(KEY_FAMILIES, keys, collection.keys.length)
      if (part === 0) all.push(...(await experimentSeries(collection)), ...ownSeries(collection.own))
      const metrics = all.map(([family, series]) => metricData(family, series, times))
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
    series.push({ attributes, value: typeof value === 'number' ? value : histogram(value, bounds) })
  }
}

function ownSeries(own: OwnValues): [Family, Series[]][] {
  return OWN_FAMILIES.flatMap((family): [Family, Series[]][] => {
    const value = own[family.name]
    if (value === undefined) return []
    if (typeof value === 'number') return [[family, [{ attributes: {}, value }]]]
    if ('counts' in value) return [[family, [{ attributes: {}, value: histogram(value, value.bounds) }]]]
    return [[family, value.map(({ labels, value }) => ({ attributes: { ...labels }, value }))]]
  })
}

function histogram({ counts, count, sum }: Buckets, bounds: readonly number[]): Histogram {
  const all = Array.from({ length: bounds.length + 1 }, (_, bucket) => counts[bucket] ?? 0)
  return { buckets: { boundaries: [...bounds], counts: all }, count, sum }
}

function metricData(
  { name, help, unit, type }: Family,
  series: readonly Series[],
  times: { readonly startTime: HrTime; readonly endTime: HrTime },
): MetricData {
  const dataPoints = series.map(one => ({ ...times, ...one }))
  const common = {
    descriptor: { name, description: help, unit, valueType: ValueType.DOUBLE },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
  }
  if (type === 'histogram') {
    return { ...common, dataPointType: DataPointType.HISTOGRAM, dataPoints: dataPoints as DataPoint<Histogram>[] }
  }
  const numbers = dataPoints as DataPoint<number>[]
  if (type === 'gauge') return { ...common, dataPointType: DataPointType.GAUGE, dataPoints: numbers }
  return { ...common, dataPointType: DataPointType.SUM, isMonotonic: true, dataPoints: numbers }
}

function hrTime(ms: number): HrTime {
  return [Math.floor(ms / 1000), Math.round((ms % 1000) * 1e6)]
}
