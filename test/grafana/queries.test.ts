/** Every query of every dashboard, asked of a real Prometheus that scrapes a real sidecar. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { copyConfiguration, openPrometheus, type PrometheusServer, type Series } from '../prometheus/servers.ts'
import { startSidecarProcess, temporaryFolder } from '../support/sidecar-process.ts'
import { needs } from '../support/tool.ts'
import { withVariables } from './promql.ts'
import { annotationQueries, panelQueries, type Query, variableQueries } from './queries.ts'

const TOKEN = 'reads-and-records'
const QUERIES = [...panelQueries(), ...annotationQueries()]
const AT_WORK = { timeout: 50_000, interval: 500 }
/** Scrapes and rules every second: what takes 15 s there is there at once. */
const QUICKLY = [
  [/scrape_interval: 15s/g, 'scrape_interval: 1s'],
  [/scrape_timeout: 10s/g, 'scrape_timeout: 1s'],
  [/evaluation_interval: 30s/g, 'evaluation_interval: 1s'],
  [/^( +interval): \d+[sm]$/gm, '$1: 1s'],
] as const

it('panels are blank without a NaN while nobody works, and each shows something while agents do', async context => {
  needs('prometheus', context)
  await using folder = await temporaryFolder()
  const tokenFile = join(folder.path, 'token')
  await writeFile(tokenFile, TOKEN)
  const args = ['--auth-token-file', tokenFile]
  const sidecar = await startSidecarProcess(join(folder.path, 'agent_performance.json'), { args })
  try {
    await copyConfiguration(folder.path, { sidecar: new URL(sidecar.url).host, tokenFile, replace: QUICKLY })
    await using prometheus = await openPrometheus(folder.path)
    await expect.poll(() => prometheus.query('up{job="agent-performance"} == 1'), AT_WORK).toHaveLength(1)
    for (const query of QUERIES)
      expect(numbersOf(await ask(prometheus, query)).filter(isNoNumber), query.title).toEqual([])

    await work(sidecar.url)
    await expect.poll(() => prometheus.query('agent_attempts_total > 0'), AT_WORK).not.toEqual([])
    let blank = QUERIES.filter(({ mayBeEmpty }) => mayBeEmpty === undefined)
    const stillBlank = async (): Promise<string[]> => {
      await work(sidecar.url)
      const answers = await Promise.all(blank.map(query => ask(prometheus, query)))
      blank = blank.filter((_, i) => answers[i]!.length === 0)
      return blank.map(({ dashboard, title, expr }) => `${dashboard}: ${title}: ${expr}`)
    }
    await expect.poll(stillBlank, AT_WORK).toEqual([])

    for (const query of QUERIES) {
      expect(numbersOf(await ask(prometheus, query)).filter(isNoNumber), query.title).toEqual([])
    }
    for (const { label, selector, name } of variableQueries()) {
      const match = encodeURIComponent(withVariables(selector))
      expect(await prometheus.get(`label/${label}/values?match[]=${match}`), name).not.toEqual([])
    }
    await expect.poll(() => rulesNotWell(prometheus), AT_WORK).toEqual([])
  } finally {
    await sidecar.stop()
  }
}, 120_000)

/** What agents do: every field, every tenth of confidence, names that are easy to get wrong; and one attempt that is no good. */
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
  const post = (body: unknown): Promise<Response> =>
    fetch(`${url}/api/v1/attempts`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${TOKEN}` },
      body: JSON.stringify(body),
    })
  expect((await post(attempts)).status).toBe(200)
  expect((await post({ ...attempts[0], confidence: 2 })).status).toBe(400)
}

/** Asks as a panel would that shows the last minutes. */
async function ask(prometheus: PrometheusServer, { expr, instant, dashboard }: Query): Promise<readonly Series[]> {
  const agent = dashboard === 'agent-performance-agent' ? { agent_name: 'fixer \\"1\\"' } : {}
  const text = withVariables(expr, { __range: '15m', __rate_interval: '1m', ...agent })
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
