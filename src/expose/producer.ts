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
import type { KeySummary } from '../core/ports.ts'
import type { Collection } from './collection.ts'
import { KEY_FAMILIES } from './families.ts'
import type { Buckets, Family, KeyFamily } from './family.ts'
import { OWN_FAMILIES, type OwnValues } from './own-families.ts'

/** Keys turned into data points before others have their turn: about a millisecond. */
const KEYS_AT_ONCE = 100

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
 * Producers that share the keys among them, each key always with the same one; the first has the sidecar's own families
 * too. An exporter works through all it is given in one go, so that many keys are better pushed by several readers, each
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
      const all: [Family, Series[]][] = await keySeries(collection.keys, part, count)
      if (part === 0) all.push(...ownSeries(collection.own))
      const metrics = all.map(([family, series]) => metricData(family, series, times))
      return { resourceMetrics: { resource: emptyResource(), scopeMetrics: [{ scope, metrics }] }, errors: [] }
    },
  }))
}

/** The series of every `step`th key from the one at `first` on, by family. */
async function keySeries(keys: readonly KeySummary[], first: number, step: number): Promise<[KeyFamily, Series[]][]> {
  const all = KEY_FAMILIES.map((family): [KeyFamily, Series[]] => [family, []])
  for (let i = first, done = 0; i < keys.length; i += step) {
    for (const [family, series] of all) addSeries(series, family, keys[i]!, keys.length)
    if (++done % KEYS_AT_ONCE === 0) await nextTurn()
  }
  return all
}

function addSeries(series: Series[], family: KeyFamily, one: KeySummary, keys: number): void {
  const { agent_name, model_name, issue_type } = one.key
  const last = family.labels.at(-1)!
  const bounds = family.type === 'histogram' ? family.bounds : []
  for (const [i, value] of family.read(one, keys).entries()) {
    if (value === undefined) continue
    const attributes: Attributes = { agent_name, model_name, issue_type }
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
