/** Every panel shows the same numbers for two sidecars on one store as for one of them. A real Prometheus scrapes real sidecars. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { copyConfiguration, openPrometheus, type PrometheusServer, type Series } from '../prometheus/servers.ts'
import { anAttempt, type TestSidecar, testSidecar } from '../support/sidecar.ts'
import { temporaryFolder } from '../support/sidecar-process.ts'
import { needs } from '../support/tool.ts'
import { withVariables } from './promql.ts'
import { panelQueries, type Query } from './queries.ts'

const WAIT = { timeout: 60_000, interval: 250 }
/** The dashboard about sidecars shows each of them. */
const PANELS = panelQueries().filter(({ dashboard }) => dashboard !== 'agent-performance-sidecar')
/** Jobs by the sidecars that they scrape: one, two on a store, and two with a store each. */
const ONE = 'agent-performance'
const SHARED = 'shared'
const STORES = 'stores'
/** Targets of a job are scraped at different times, so that increases over some seconds differ by a sample. Counting twice is 100 %. */
const TOLERANCE = 0.25

it('panels and recorded series count a store once, and add two stores', async context => {
  needs('prometheus', context)
  await using folder = await temporaryFolder()
  const store = `sqlite:${join(folder.path, 'shared.db')}`
  await using first = await testSidecar({ store })
  await using second = await testSidecar({ store })
  await using other = await testSidecar({ store: `sqlite:${join(folder.path, 'other.db')}` })
  const jobs = new Map([
    [ONE, [first]],
    [SHARED, [first, second]],
    [STORES, [first, other]],
  ])
  await using prometheus = await openPrometheus(await configured(folder.path, jobs))

  // Prometheus sees no increase in the first sample of a series.
  await work([first, other], 1)
  await expectTotals(prometheus, jobs, 1)
  await work([first, second, other, other], 2)
  await expectTotals(prometheus, jobs, 5)
  const recorded = 'sum by (job) (agent:agent_attempts:increase5m)'
  const doubled = `${recorded} > on () group_left () 1.5 * sum(agent:agent_attempts:increase5m{job="${ONE}"})`
  await expect.poll(async () => jobsOf(await prometheus.query(doubled)), WAIT).toEqual([STORES])
  // Prometheus extrapolates an increase to its whole span, and from few samples differently for each target.
  const complete = 'min(count_over_time(agent_attempts_total[5m])) >= 12'
  await expect.poll(() => prometheus.query(complete), WAIT).toHaveLength(1)

  const now = Date.now() / 1000
  const differences: string[] = []
  for (const query of PANELS) {
    const [one, shared] = await Promise.all([ask(prometheus, query, ONE, now), ask(prometheus, query, SHARED, now)])
    if (!areAlike(one, shared)) differences.push(`${query.title}: ${print(one)} and ${print(shared)}`)
  }
  expect(differences).toEqual([])

  const attempts = PANELS.find(({ dashboard, title }) => dashboard.endsWith('overview') && title === 'Attempts')!
  const [one, stores] = await Promise.all([ask(prometheus, attempts, ONE, now), ask(prometheus, attempts, STORES, now)])
  expect(stores.get('{}')![0]! / one.get('{}')![0]!).toBeCloseTo(2, 0)
}, 120_000)

/** Writes the shipped configuration with these jobs, and returns its folder. Scrapes and evaluates every second. */
async function configured(folder: string, jobs: ReadonlyMap<string, readonly TestSidecar[]>): Promise<string> {
  const tokenFile = join(folder, 'token')
  await writeFile(tokenFile, 'unused')
  const hosts = (sidecars: readonly TestSidecar[]): string[] => sidecars.map(({ url }) => new URL(url).host)
  const more = [SHARED, STORES].map(
    job => `  - job_name: ${job}\n    static_configs: [{ targets: ${JSON.stringify(hosts(jobs.get(job)!))} }]\n`,
  )
  await copyConfiguration(folder, {
    sidecar: hosts(jobs.get(ONE)!)[0]!,
    tokenFile,
    replace: [
      [/^scrape_configs:\n/gm, `scrape_configs:\n${more.join('')}`],
      [/scrape_interval: 15s/g, 'scrape_interval: 1s'],
      [/scrape_timeout: 10s/g, 'scrape_timeout: 1s'],
      [/evaluation_interval: 30s/g, 'evaluation_interval: 1s'],
      [/^( +interval): \d+[sm]$/gm, '$1: 1s'],
    ],
  })
  return folder
}

/** Posts 64 attempts, `times` times, to each of the sidecars. */
async function work(sidecars: readonly TestSidecar[], times: number): Promise<void> {
  const attempts = Array.from({ length: 64 }, (_, i) =>
    anAttempt({
      agent_name: i % 2 === 0 ? 'fixer' : 'explorer',
      model_name: i % 4 < 2 ? 'large' : 'small',
      success: i % 5 !== 0,
      confidence: (i % 10) / 10 + 0.05,
      time_seconds: 1 + i,
      input_tokens: 100,
      cost_usd: 0.01,
      ...(i % 2 === 0 && { experiment: 'prompt', variant: i % 4 === 0 ? 'long' : 'short' }),
    }),
  )
  for (let n = 0; n < times; n++)
    for (const sidecar of sidecars) expect((await sidecar.post(attempts)).status).toBe(200)
}

/** Waits until every target of the jobs has been scraped with `posts` posts of 64 attempts. */
async function expectTotals(
  prometheus: PrometheusServer,
  jobs: ReadonlyMap<string, readonly TestSidecar[]>,
  posts: number,
): Promise<void> {
  const targets = [...jobs.values()].reduce((sum, sidecars) => sum + sidecars.length, 0)
  const complete = `sum by (job, instance) (agent_attempts_total) == ${64 * posts}`
  await expect.poll(() => prometheus.query(complete), WAIT).toHaveLength(targets)
}

const jobsOf = (all: readonly Series[]): string[] => all.map(({ metric }) => metric.job!).sort()

/** Values by label set. */
type Values = ReadonlyMap<string, readonly number[]>

/** The answer of a panel for a job, as it looks at a time in seconds since the epoch. */
async function ask(prometheus: PrometheusServer, query: Query, job: string, at: number): Promise<Values> {
  const one = { agent_name: 'fixer', experiment: 'prompt' }
  const single = query.dashboard.endsWith('-agent') || query.dashboard.endsWith('-experiments') ? one : {}
  const expr = withVariables(query.expr, { __range: '15m', __rate_interval: '1m', ...single, job })
  const times = query.instant ? `time=${at}` : `start=${at - 2}&end=${at}&step=1`
  const path = `${query.instant ? 'query' : 'query_range'}?query=${encodeURIComponent(expr)}&${times}`
  const { result } = (await prometheus.get(path)) as { result: Series[] }
  return new Map(
    result.map(({ metric, value, values }) => {
      const { job: _, ...labels } = metric
      return [JSON.stringify(labels), [...(values ?? []), ...(value ? [value] : [])].map(([, text]) => Number(text))]
    }),
  )
}

function areAlike(one: Values, shared: Values): boolean {
  const labels = [...one.keys()].sort()
  if (JSON.stringify(labels) !== JSON.stringify([...shared.keys()].sort())) return false
  return labels.every(label => {
    const [expected, found] = [one.get(label)!.at(-1)!, shared.get(label)!.at(-1)!]
    return Math.abs(expected - found) <= TOLERANCE * Math.abs(expected) + 0.02
  })
}

const print = (values: Values): string => JSON.stringify([...values]).slice(0, 300)
