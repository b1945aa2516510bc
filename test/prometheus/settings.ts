/**
 * The unit tests of the rules in three settings: one sidecar, as they are written; two sidecars on one store, of which the second is down for
 * an hour; and two sidecars with a store each. Every setting is a job of its own, and all of them must lead to the same alerts and ratios.
 */
import { parse, stringify } from 'yaml'

interface InputSeries {
  readonly series: string
  readonly values: string
}

interface Alert {
  readonly exp_labels: Readonly<Record<string, string>>
  readonly exp_annotations: Readonly<Record<string, string>>
}

interface Sample {
  readonly labels: string
  readonly value: number
}

interface UnitTest {
  readonly input_series: readonly InputSeries[]
  readonly alert_rule_test?: readonly { readonly exp_alerts?: readonly Alert[] }[]
  readonly promql_expr_test?: readonly { readonly exp_samples?: readonly Sample[] }[]
}

interface UnitTests {
  readonly rule_files: readonly string[]
  readonly tests: readonly UnitTest[]
}

/** Added to the job of a setting. */
const SHARED = ' shared'
const STORES = ' stores'
/** Longer than any test, in steps. */
const FOR_EVER = '1x2000'
/** The steps at which the second sidecar is down. */
const DOWN = { from: 30, to: 90 }

/** The text of a file of unit tests, with the two further settings. `rules` is the URL of the folder of the rules. */
export function inEverySetting(text: string, rules: URL): string {
  const { rule_files, tests, ...rest } = parse(text) as UnitTests
  // What is recorded adds up over stores. The other rules decide for each store.
  const isAdded = rule_files.some(file => file.endsWith('/recording.yml'))
  const all = {
    ...rest,
    rule_files: rule_files.map(file => new URL(file.replace('../rules/', ''), rules).pathname),
    tests: tests.map(test => withSettings(test, isAdded)),
  }
  return stringify(all, { aliasDuplicateObjects: false })
}

function withSettings(test: UnitTest, isAdded: boolean): UnitTest {
  const { input_series, alert_rule_test = [], promql_expr_test = [] } = test
  return {
    ...test,
    input_series: [...input_series, ...input_series.flatMap(one => copies(one, isAdded)), ...storesOf(input_series)],
    alert_rule_test: alert_rule_test.map(({ exp_alerts = [], ...one }) => ({
      ...one,
      exp_alerts: exp_alerts.flatMap(alert => [alert, ofJob(alert, SHARED), ofJob(alert, STORES)]),
    })),
    promql_expr_test: promql_expr_test.map(({ exp_samples = [], ...one }) => ({
      ...one,
      exp_samples: exp_samples.flatMap(sample => [sample, sampleOf(sample, SHARED), sampleOf(sample, STORES)]),
    })),
  }
}

/** The series of the further settings. A recorded series belongs to a job, others to the two sidecars of it. */
function copies({ series, values }: InputSeries, isAdded: boolean): InputSeries[] {
  if (isRecorded(series)) return [SHARED, STORES].map(job => ({ series: seriesOf(series, job), values }))
  const part = isAdded ? halved(values) : values
  return [
    { series: seriesOf(series, SHARED, 1), values },
    { series: seriesOf(series, SHARED, 2), values: withGap(values) },
    { series: seriesOf(series, STORES, 1), values: part },
    { series: seriesOf(series, STORES, 2), values: part },
  ]
}

function seriesOf(series: string, job: string, sidecar?: number): string {
  const named = series.replace(/job="([^"]*)"/, `job="$1${job}"`)
  if (sidecar === undefined) return named
  const instance = `instance="${instanceOf(series)} ${sidecar}"`
  return /instance="/.test(named) ? named.replace(/instance="[^"]*"/, instance) : named.replace('{', `{${instance},`)
}

const isRecorded = (series: string): boolean => /^\w+:/.test(series)
const jobOf = (series: string): string => /job="([^"]*)"/.exec(series)![1]!
const instanceOf = (series: string): string => /instance="([^"]*)"/.exec(series)?.[1] ?? ''

/** One series for each sidecar of the further settings. */
function storesOf(all: readonly InputSeries[]): InputSeries[] {
  const raw = all.filter(({ series }) => !isRecorded(series))
  const sidecars = new Map(raw.map(({ series }) => [`${jobOf(series)} ${instanceOf(series)}`, series]))
  return [...sidecars.values()].flatMap(series => {
    const info = `agent_performance_store_info{job="${jobOf(series)}",instance="${instanceOf(series)}"}`
    const of = (job: string, sidecar: number, store: string, values: string): InputSeries => ({
      series: seriesOf(info, job, sidecar).replace('}', `,store="${store}"}`),
      values,
    })
    const store = `store of ${instanceOf(series)}`
    return [
      of(SHARED, 1, store, FOR_EVER),
      of(SHARED, 2, store, withGap(FOR_EVER)),
      of(STORES, 1, `${store} 1`, FOR_EVER),
      of(STORES, 2, `${store} 2`, FOR_EVER),
    ]
  })
}

function ofJob({ exp_labels, exp_annotations }: Alert, job: string): Alert {
  const named = `${exp_labels.job}${job}`
  const dashboard = exp_annotations.dashboard!.replace(/var-job=[^&]*/, `var-job=${named.replaceAll(' ', '+')}`)
  return { exp_labels: { ...exp_labels, job: named }, exp_annotations: { ...exp_annotations, dashboard } }
}

function sampleOf({ labels, value }: Sample, job: string): Sample {
  if (!labels.includes('job="')) throw new Error(`${labels} has no job, so that the settings cannot be distinguished`)
  return { labels: labels.replace(/job="([^"]*)"/, `job="$1${job}"`), value }
}

/** Half of each value. */
function halved(values: string): string {
  return values.replaceAll(/(?<![\w.])([+-]?\d+(?:\.\d+)?)([+-]\d+(?:\.\d+)?)?(?=x|\s|$)/g, (_, start, step) =>
    step === undefined ? String(Number(start) / 2) : `${Number(start) / 2}${signed(Number(step) / 2)}`,
  )
}

const signed = (value: number): string => (value < 0 ? String(value) : `+${value}`)

/** The values without those while the second sidecar is down. */
function withGap(values: string): string {
  return expanded(values)
    .map((value, step) => (step >= DOWN.from && step < DOWN.to ? '_' : value))
    .join(' ')
}

/** promtool's notation as one value for each step: `a+bxn` is a, a+b … a+nb; `axn` is a, n more times; `_xn` is n gaps. */
function expanded(values: string): string[] {
  return values.split(/\s+/).flatMap(part => {
    const [, start, step = '0', more = '0'] = /^(_|[+-]?[\d.]+)([+-][\d.]+)?(?:x(\d+))?$/.exec(part)!
    if (start === '_') return Array.from({ length: Math.max(1, Number(more)) }, () => '_')
    return Array.from({ length: Number(more) + 1 }, (_, i) => String(Number(start) + i * Number(step)))
  })
}
