/** Every metric with its type and labels, from the sidecar's tables and the recording rules. */
import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { recordingGroups } from '../../prometheus/recording.ts'
import { TALLY_FAMILIES } from '../../src/expose/families.ts'
import { SELF_METRICS } from '../../src/sidecar/self-metrics.ts'

export interface Metric {
  readonly type: 'counter' | 'gauge'
  readonly labels: ReadonlySet<string>
}

/** Labels that Prometheus adds to every scraped series. A scrape configuration may add `store`. */
const TARGET = ['job', 'instance', 'store']
const LEVELS: ReadonlyMap<string, readonly string[]> = new Map([
  ['instance', ['job', 'instance', 'store']],
  ['agent', ['job', 'agent_name']],
  ['model', ['job', 'model_name']],
  ['issue_type', ['job', 'issue_type']],
])

/** Labels of alerts. */
const ALERT = ['alertname', 'alertstate', 'severity', 'agent_name', 'model_name', 'issue_type', 'experiment', 'variant']

/** Series that Prometheus itself creates. */
const PROMETHEUS: readonly (readonly [string, Metric])[] = [
  ['up', gauge(TARGET)],
  ['scrape_duration_seconds', gauge(TARGET)],
  ['scrape_samples_scraped', gauge(TARGET)],
  ['ALERTS', gauge([...TARGET, ...ALERT])],
]

function gauge(labels: readonly string[]): Metric {
  return { type: 'gauge', labels: new Set(labels) }
}

const EXPOSED: readonly (readonly [string, Metric])[] = [...TALLY_FAMILIES, ...SELF_METRICS].flatMap(
  ({ name, type, labels }) => {
    const known = [...TARGET, ...labels]
    if (type !== 'histogram') return [[name, { type, labels: new Set(known) }] as const]
    const part = (suffix: string, more: readonly string[] = []): readonly [string, Metric] => [
      name + suffix,
      { type: 'counter', labels: new Set([...known, ...more]) },
    ]
    return [part('_bucket', ['le']), part('_sum'), part('_count')]
  },
)

const EXPOSED_METRICS = new Map(EXPOSED)

const RECORDED: readonly (readonly [string, Metric])[] = [
  ...recordingGroups().flatMap(group => group.rules.map(rule => rule.record)),
  ...recordsOf('targets.yml'),
].map(record => {
  const raw = /^instance:(.+):first$/.exec(record)?.[1]
  // The first values of a counter keep all of its labels.
  if (raw !== undefined) return [record, gauge([...EXPOSED_METRICS.get(raw)!.labels])]
  const labels = LEVELS.get(record.split(':', 1)[0]!)!
  return [record, gauge(record.includes('_bucket:') ? [...labels, 'le'] : labels)]
})

function recordsOf(file: string): string[] {
  const text = readFileSync(new URL(`../../prometheus/rules/${file}`, import.meta.url), 'utf8')
  const { groups } = parse(text) as { groups: { rules: { record: string }[] }[] }
  return groups.flatMap(group => group.rules.map(rule => rule.record))
}

/** Every metric by its name. */
export const METRICS: ReadonlyMap<string, Metric> = new Map([...EXPOSED, ...RECORDED, ...PROMETHEUS])
