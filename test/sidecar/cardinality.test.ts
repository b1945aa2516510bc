/** A client that invents a new agent for every attempt does not affect others, and no attempt is lost. */
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { type ClientRequest, type IncomingMessage, request } from 'node:http'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { anAttempt } from '../support/sidecar.ts'
import { startSidecarProcess, temporaryFolder } from '../support/sidecar-process.ts'

const ATTEMPTS = 1_000_000
const STREAMS = 2
const MAX_KEYS = 10_000
const OVERFLOW = '__overflow__:__overflow__:__overflow__'

/** Attempts of `count` distinct agents, as lines. */
function* inventedAgents(stream: number, count: number): Generator<string> {
  const LINES = 1000
  for (let from = 0; from < count; from += LINES) {
    let lines = ''
    for (let i = from; i < Math.min(count, from + LINES); i++) {
      lines += `{"agent_name":"agent-${stream}-${i}","model_name":"m","issue_type":"i","success":${i % 4 !== 0},"time_seconds":1}\n`
    }
    yield lines
  }
}

async function answerTo(req: ClientRequest): Promise<IncomingMessage> {
  const [res] = (await once(req, 'response')) as [IncomingMessage]
  return res
}

async function record(url: string, stream: number, count: number): Promise<{ accepted: number }> {
  const req = request(`${url}/api/v1/attempts`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/x-ndjson' },
  })
  Readable.from(inventedAgents(stream, count)).pipe(req)
  const res = await answerTo(req)
  let text = ''
  for await (const chunk of res.setEncoding('utf8')) text += chunk as string
  expect(res.statusCode, text).toBe(200)
  return JSON.parse(text) as { accepted: number }
}

interface Scrape {
  /** From the request to the last byte of the response. */
  readonly ms: number
  readonly bytes: number
  readonly lines: number
  /** Over all series of `agent_attempts_total`. */
  readonly attempts: number
  /** The metrics of the sidecar itself. */
  readonly text: string
}

async function scrape(url: string): Promise<Scrape> {
  const startMs = performance.now()
  const chunks: Buffer[] = []
  for await (const chunk of await answerTo(request(`${url}/metrics`).end())) chunks.push(chunk as Buffer)
  const ms = performance.now() - startMs
  const body = Buffer.concat(chunks)
  let [lines, attempts, text] = [0, 0, '']
  for (const line of body.toString().split('\n')) {
    lines++
    if (line.startsWith('agent_attempts_total{')) attempts += Number(line.slice(line.lastIndexOf(' ')))
    if (line.startsWith('agent_performance_')) text += `${line}\n`
  }
  return { ms, bytes: body.length, lines, attempts, text }
}

const json = async (url: string): Promise<Record<string, never>> =>
  (await fetch(url)).json() as Promise<Record<string, never>>

test('a million agents from one client stay within --max-keys: totals are exact, known keys keep counting, the scrape and memory are bounded', async () => {
  await using folder = await temporaryFolder()
  await using sidecar = await startSidecarProcess(join(folder.path, 'agent_performance.json'))
  const { url } = sidecar
  const recordKnown = (): Promise<Response> =>
    fetch(`${url}/api/v1/attempts`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(anAttempt({ agent_name: 'known' })),
    })
  await recordKnown()
  const startMs = performance.now()
  const streams = Array.from({ length: STREAMS }, (_, stream) => record(url, stream, ATTEMPTS / STREAMS))
  expect((await recordKnown()).status).toBe(200)
  const taken = await Promise.all(streams)
  const seconds = (performance.now() - startMs) / 1000
  expect(taken.reduce((sum, one) => sum + one.accepted, 0)).toBe(ATTEMPTS)
  expect((await recordKnown()).status).toBe(200)

  const { metrics } = (await json(`${url}/api/v1/metrics?recent=false`)) as unknown as {
    metrics: Record<string, { total_attempts: number }>
  }
  const totals = Object.values(metrics).map(one => one.total_attempts)
  expect(totals).toHaveLength(MAX_KEYS + 1)
  expect(totals.reduce((sum, total) => sum + total, 0)).toBe(ATTEMPTS + 3)
  expect(metrics[OVERFLOW]?.total_attempts).toBe(ATTEMPTS - (MAX_KEYS - 1))
  expect(metrics['known:m:i']?.total_attempts).toBe(3)
  const { summary } = (await json(`${url}/api/v1/report`)) as unknown as { summary: object }
  expect(summary).toMatchObject({ total_attempts: ATTEMPTS + 3, total_successful: ATTEMPTS * 0.75 + 3 })

  const scrapes = [await scrape(url), await scrape(url), await scrape(url)]
  const scrapeMs = Math.min(...scrapes.map(one => one.ms))
  const { bytes, lines, attempts, text } = scrapes[2]!
  expect(attempts).toBe(ATTEMPTS + 3)
  expect(text).toMatch(new RegExp(`^agent_performance_keys ${MAX_KEYS}$`, 'm'))
  expect(text).toMatch(new RegExp(`^agent_performance_attempts_overflowed_total ${ATTEMPTS - MAX_KEYS + 1}$`, 'm'))
  expect(lines / (MAX_KEYS + 1)).toBeLessThan(100)
  expect(bytes / (MAX_KEYS + 1)).toBeLessThan(10_000)
  // Less than a second on an idle machine.
  expect(scrapeMs).toBeLessThan(5000)

  const status = await readFile(`/proc/${sidecar.process.pid}/status`, 'utf8').catch(() => 'VmHWM: 0 kB')
  const peakMiB = Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) / 1024
  process.stdout.write(
    `${ATTEMPTS} agents in ${seconds.toFixed(1)} s; scrape: ${lines} lines, ${bytes >> 20} MiB in ${Math.round(scrapeMs)} ms at best; peak memory ${Math.round(peakMiB)} MiB\n`,
  )
  expect(peakMiB).toBeLessThan(1024)
  expect(await sidecar.stop()).toBe(0)
}, 240_000)
