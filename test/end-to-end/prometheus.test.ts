/** A sidecar and a real Prometheus: the scraped counters are correct, and the same after a restart. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { anAttempt } from '../support/sidecar.ts'
import { startSidecarProcess, temporaryFolder } from '../support/sidecar-process.ts'
import { checkMetrics, needs } from '../support/tool.ts'

const WAIT = { timeout: 40_000, interval: 100 }

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

test('Prometheus finds the sidecar up, and its counters equal to the document, before and after a restart', async context => {
  needs('prometheus', context)
  await using folder = await temporaryFolder()
  const store = join(folder.path, 'agent_performance.json')
  const listen = `127.0.0.1:${await freePort()}`
  await using first = await startSidecarProcess(store, { args: ['--listen', listen] })
  const post = (count: number, success: boolean): Promise<Response> =>
    fetch(`${first.url}/api/v1/attempts`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(Array.from({ length: count }, () => anAttempt({ success, confidence: 0.7 }))),
    })
  await post(5, true)
  await post(3, false)

  const port = await freePort()
  const config = `scrape_configs: [{job_name: agents, scrape_interval: 500ms, scrape_timeout: 500ms, static_configs: [{targets: ['${listen}']}]}]`
  await writeFile(join(folder.path, 'prometheus.yml'), config)
  const prometheus = spawn(
    'prometheus',
    [
      `--config.file=${folder.path}/prometheus.yml`,
      `--storage.tsdb.path=${folder.path}/data`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { stdio: 'ignore' },
  )
  const query = async (promql: string): Promise<number[]> => {
    const answer = await fetch(`http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(promql)}`)
    const { data } = (await answer.json()) as { data: { result: { value: [number, string] }[] } }
    return data.result.map(({ value }) => Number(value[1]))
  }
  const quietly = (promql: string) => (): Promise<number[] | undefined> => query(promql).catch(() => undefined)
  try {
    await expect.poll(quietly('up{job="agents"}'), WAIT).toEqual([1])
    await expect.poll(quietly('sum by (result) (agent_attempts_total)'), WAIT).toEqual(expect.arrayContaining([5, 3]))
    await expect.poll(quietly('agent_attempt_confidence_count{result="success"}'), WAIT).toEqual([5])
    await first.stop('SIGKILL')
    await expect.poll(quietly('up{job="agents"}'), WAIT).toEqual([0])
    await using _second = await startSidecarProcess(store, { args: ['--listen', listen] })
    await expect.poll(quietly('up{job="agents"}'), WAIT).toEqual([1])
    await expect.poll(quietly('sum(agent_attempts_total)'), WAIT).toEqual([8])
    expect(await query('sum(resets(agent_attempts_total[5m]))')).toEqual([0])
  } finally {
    prometheus.kill()
    await once(prometheus, 'exit')
  }
})

test('promtool finds no problem in the scrape', async context => {
  needs('promtool', context)
  await using folder = await temporaryFolder()
  await using sidecar = await startSidecarProcess(join(folder.path, 's.json'))
  const attempts = ['🦊', '__proto__', 'a"b\\c', 'le', 'é', 'e\u0301'].map(agent_name =>
    anAttempt({ agent_name, confidence: 0.5 }),
  )
  await fetch(`${sidecar.url}/api/v1/attempts`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(attempts),
  })
  const scrape = await fetch(`${sidecar.url}/metrics`)
  expect(scrape.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
  expect(await checkMetrics(await scrape.text())).toEqual({ code: 0, output: '' })
})
