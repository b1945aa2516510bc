import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished, vi } from 'vitest'
import { createExposition } from '../../src/expose/exposition.ts'
import { createMetricsHandler } from '../../src/expose/handler.ts'
import { needs } from '../support/tool.ts'
import { attempt, count, HOSTILE_NAMES, key, sourcesOf, tallyOf, tallyOfKeys } from './fixture.ts'
import { serve } from './serve.ts'

const WAIT = { timeout: 40_000, interval: 100 }

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

interface Prometheus {
  /** The instant vector that a query yields: labels and values. */
  query(promql: string): Promise<{ metric: Record<string, string>; value: [number, string] }[]>
  /** Why the last scrape failed. Empty if it succeeded. */
  lastError(): Promise<string>
}

/** A Prometheus server that scrapes the port until the test ends. */
async function openPrometheus(target: number): Promise<Prometheus> {
  const folder = await mkdtemp(join(tmpdir(), 'prometheus-'))
  const port = await freePort()
  const config = `scrape_configs: [{job_name: agents, scrape_interval: 500ms, scrape_timeout: 500ms, static_configs: [{targets: ['127.0.0.1:${target}']}]}]`
  await writeFile(join(folder, 'prometheus.yml'), config)
  const child = spawn(
    'prometheus',
    [
      `--config.file=${folder}/prometheus.yml`,
      `--storage.tsdb.path=${folder}/data`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { stdio: 'ignore' },
  )
  onTestFinished(async () => {
    await stop(child)
    await rm(folder, { recursive: true })
  })
  const get = async (path: string): Promise<Record<string, unknown>> => {
    const answer = (await (await fetch(`http://127.0.0.1:${port}/api/v1/${path}`)).json()) as {
      data: Record<string, unknown>
    }
    return answer.data
  }
  return {
    query: async promql => (await get(`query?query=${encodeURIComponent(promql)}`)).result as never,
    lastError: async () => ((await get('targets')).activeTargets as { lastError: string }[])[0]?.lastError ?? '',
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  child.kill()
  await once(child, 'exit')
}

it('Prometheus stores a separate series for every name, and sees counters rise from 0', async context => {
  needs('prometheus', context)
  const attempts = HOSTILE_NAMES.map(name =>
    attempt({
      agent_name: name,
      model_name: name,
      issue_type: name,
      confidence: 0.7,
      experiment: name,
      variant: name,
    }),
  )
  const tally = tallyOf(attempts)
  const { port } = await serve(createMetricsHandler(createExposition(sourcesOf(tally))))
  const prometheus = await openPrometheus(port)
  await vi.waitUntil(async () => {
    const up = await prometheus.query('up').catch(() => [])
    return up[0]?.value[1] === '1'
  }, WAIT)

  const series = await prometheus.query('agent_attempts_total')
  const read = series.map(({ metric, value }) => [
    metric.agent_name,
    metric.model_name,
    metric.issue_type,
    metric.result,
    value[1],
  ])
  const expected = HOSTILE_NAMES.flatMap(name => [
    [name, name, name, 'success', '1'],
    [name, name, name, 'failure', '0'],
  ])
  expect(read.sort()).toEqual(expected.sort())
  const arms = await prometheus.query('agent_experiment_attempts_total{result="success"} == 1')
  expect(arms.map(({ metric }) => [metric.experiment, metric.variant]).sort()).toEqual(
    HOSTILE_NAMES.map(name => [name, name]).sort(),
  )
  const median = 'histogram_quantile(0.5, sum by (le) (agent_attempt_confidence_bucket))'
  expect(Number((await prometheus.query(median))[0]?.value[1])).toBeCloseTo(0.65)
  expect((await prometheus.query('agent_performance_ready'))[0]?.value[1]).toBe('1')

  count(tally, attempt({ ...key('le', 'le', 'le'), success: false }))
  const rise = 'increase(agent_attempts_total{agent_name="le",result="failure"}[1m]) > 0'
  await vi.waitUntil(async () => (await prometheus.query(rise)).length === 1, WAIT)
  expect(await prometheus.lastError()).toBe('')
})

it('Prometheus scrapes a large compressed text, and a failed collection makes the target down', async context => {
  needs('prometheus', context)
  let broken = false
  const sources = sourcesOf(tallyOfKeys(100))
  const selfMetrics: typeof sources.selfMetrics = () => {
    if (broken) throw new Error('no facts')
    return sources.selfMetrics()
  }
  const served = await serve(createMetricsHandler(createExposition({ ...sources, selfMetrics })))
  const prometheus = await openPrometheus(served.port)
  const up = async (): Promise<string | undefined> => (await prometheus.query('up').catch(() => []))[0]?.value[1]
  await vi.waitUntil(async () => (await up()) === '1', WAIT)
  const counted = await prometheus.query('sum(agent_attempts_total)')
  expect(counted[0]?.value[1]).toBe('100')
  expect(served.answers.at(-1)!.res.req.headers['accept-encoding']).toContain('gzip')
  broken = true
  await vi.waitUntil(async () => (await up()) === '0', WAIT)
  expect(await prometheus.lastError()).toContain('500')
})
