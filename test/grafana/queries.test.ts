/** Runs every query of every dashboard and alert on a real Prometheus that scrapes a real sidecar, and compares with docs/expected-queries.ts. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { BLANK, RAISED } from '../../docs/expected-queries.ts'
import { alerts } from '../prometheus/rule-files.ts'
import { copyConfiguration, openPrometheus, type PrometheusServer, type Series } from '../prometheus/servers.ts'
import { startSidecarProcess, temporaryFolder } from '../support/sidecar-process.ts'
import { needs } from '../support/tool.ts'
import { metricsOf, withVariables } from './promql.ts'
import { annotationQueries, panelQueries, type Query, variableQueries } from './queries.ts'

const TOKEN = 'reads-and-records'
const PANELS = panelQueries()
const QUERIES = [...PANELS, ...annotationQueries()]
const AT_WORK = { timeout: 60_000, interval: 500 }
/** Scrapes and evaluates rules every second, so that the test does not wait 15 s. */
const QUICKLY = [
  [/scrape_interval: 15s/g, 'scrape_interval: 1s'],
  [/scrape_timeout: 10s/g, 'scrape_timeout: 1s'],
  [/evaluation_interval: 30s/g, 'evaluation_interval: 1s'],
  [/^( +interval): \d+[sm]$/gm, '$1: 1s'],
] as const

/** How many queries of each panel return data, as in the tables. */
type Returned = Readonly<Record<string, string>>

it('panels show no NaN while idle; while agents work, panels and alerts return what docs/alerts-and-panels.md says', async context => {
  needs('prometheus', context)
  await using folder = await temporaryFolder()
  const tokenFile = join(folder.path, 'token')
  await writeFile(tokenFile, TOKEN)
  const args = ['--auth-token-file', tokenFile]
  await using sidecar = await startSidecarProcess(join(folder.path, 'agent_performance.json'), { args })
  await copyConfiguration(folder.path, { sidecar: new URL(sidecar.url).host, tokenFile, replace: QUICKLY })
  await using prometheus = await openPrometheus(folder.path)
  await expect.poll(() => prometheus.query('up{job="agent-performance"} == 1'), AT_WORK).toHaveLength(1)
  await expectNumbers(prometheus)

  const atWork = async (): Promise<object> => {
    await work(sidecar.url)
    return { panels: await returned(prometheus), alerts: await raised(prometheus) }
  }
  await expect.poll(atWork, AT_WORK).toEqual({ panels: asDocumented(), alerts: RAISED })
  await expectNumbers(prometheus)

  expect(await Promise.all(exposedToAlerts().map(name => prometheus.query(`count(${name})`)))).not.toContainEqual([])
  for (const { label, selector, name } of variableQueries()) {
    const match = encodeURIComponent(withVariables(selector))
    expect(await prometheus.get(`label/${label}/values?match[]=${match}`), name).not.toEqual([])
  }
  await expect.poll(() => rulesNotWell(prometheus), AT_WORK).toEqual([])
}, 150_000)

/** The expected result of each panel, by dashboard and panel. */
function asDocumented(): Returned {
  return counted(query => !BLANK.has(`${query.dashboard} ${query.panel}`))
}

async function returned(prometheus: PrometheusServer): Promise<Returned> {
  const answers = await Promise.all(PANELS.map(query => ask(prometheus, query)))
  return counted((_, i) => answers[i]!.length > 0)
}

function counted(hasData: (query: Query, i: number) => boolean): Returned {
  const counts = new Map<string, { all: number; some: number }>()
  for (const [i, query] of PANELS.entries()) {
    const panel = `${query.dashboard} ${query.panel} ${query.title}`
    const { all, some } = counts.get(panel) ?? { all: 0, some: 0 }
    counts.set(panel, { all: all + 1, some: some + (hasData(query, i) ? 1 : 0) })
  }
  return Object.fromEntries([...counts].map(([panel, { all, some }]) => [panel, `${some} of ${all}`]))
}

/** Alerts whose condition holds now, sorted. */
async function raised(prometheus: PrometheusServer): Promise<string[]> {
  const answers = await Promise.all(alerts().map(({ expr }) => prometheus.query(expr)))
  return [...new Set(alerts().flatMap(({ alert }, i) => (answers[i]!.length > 0 ? [alert] : [])))].sort()
}

/** Metrics about the sidecar that alerts read: an alert on a missing metric would never fire. */
function exposedToAlerts(): string[] {
  const names = new Set(alerts().flatMap(({ expr }) => metricsOf(expr)))
  // The spool belongs to a shared store. The sidecar here has a file.
  return [...names].filter(name => !name.includes(':') && !name.startsWith('agent_performance_spool_'))
}

async function expectNumbers(prometheus: PrometheusServer): Promise<void> {
  for (const query of QUERIES) {
    expect(numbersOf(await ask(prometheus, query)).filter(isNoNumber), query.title).toEqual([])
  }
}

/** The attempts: every field, every tenth of confidence, names that need escaping, experiments, and one malformed attempt. */
async function work(url: string): Promise<void> {
  const attempts = ['fixer "1"', 'a.b|c'].flatMap(agent_name =>
    ['llama3:8b', 'model\\2'].flatMap(model_name =>
      ['type error', 'complexity'].flatMap(issue_type =>
        Array.from({ length: 20 }, (_, i) => ({
          agent_name,
          model_name,
          issue_type,
          success: i % 4 !== 0,
          confidence: (i % 10) / 10 + 0.05,
          time_seconds: 0.5 * (i + 1),
          input_tokens: 100,
          output_tokens: 20,
          cost_usd: 0.01,
        })),
      ),
    ),
  )
  const arm = (experiment: string, variant: string, length: number, successes: number): object[] =>
    Array.from({ length }, (_, i) => ({
      ...attempts[i],
      agent_name: 'experimenter',
      experiment,
      variant,
      success: i < successes,
    }))
  const post = (body: unknown): Promise<Response> =>
    fetch(`${url}/api/v1/attempts`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${TOKEN}` },
      body: JSON.stringify(body),
    })
  expect((await post(attempts)).status).toBe(200)
  const experiments = [
    ...[...arm('prompt "1"', 'a\\b', 12, 9), ...arm('prompt "1"', 'short', 12, 3)],
    ...[...arm('canary', 'a', 12, 9), ...arm('canary', 'b', 2, 1)],
  ]
  expect((await post(experiments)).status).toBe(200)
  expect((await post({ ...attempts[0], confidence: 2 })).status).toBe(400)
}

/** The values selected on dashboards with single-value variables. */
const CHOSEN: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'agent-performance-agent': { agent_name: 'fixer \\"1\\"' },
  'agent-performance-experiments': { experiment: 'prompt \\"1\\"' },
}

/** Runs a query as a panel that shows the last minutes. */
async function ask(prometheus: PrometheusServer, { expr, instant, dashboard }: Query): Promise<readonly Series[]> {
  const text = withVariables(expr, { __range: '15m', __rate_interval: '1m', ...CHOSEN[dashboard] })
  if (instant) return prometheus.query(text)
  const now = Date.now() / 1000
  const range = `query_range?query=${encodeURIComponent(text)}&start=${now - 60}&end=${now}&step=5`
  return ((await prometheus.get(range)) as { result: Series[] }).result
}

function numbersOf(all: readonly Series[]): string[] {
  return all.flatMap(({ value, values }) =>
    [...(values ?? []), ...(value === undefined ? [] : [value])].map(([, text]) => text),
  )
}

const isNoNumber = (text: string): boolean => !Number.isFinite(Number(text))

async function rulesNotWell(prometheus: PrometheusServer): Promise<unknown[]> {
  const { groups } = (await prometheus.get('rules')) as {
    groups: { rules: { health: string; lastError?: string }[] }[]
  }
  return groups.flatMap(group => group.rules).filter(rule => rule.health !== 'ok')
}
