/**
 * The cost of a scrape compared with OpenTelemetry's exporter, and how long it blocks the event loop.
 * `node --expose-gc bench/scrape.ts [keys …]`
 */
import { once } from 'node:events'
import { createServer, get, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus'
import { createTally, type Tally } from '../src/core/aggregate/tally.ts'
import { createRandom } from '../src/core/statistics/random.ts'
import { createExposition, type Exposition } from '../src/expose/exposition.ts'
import { createMetricsHandler } from '../src/expose/handler.ts'

const ROUNDS = 7
const ATTEMPTS_PER_KEY = 20

function tallyOf(keys: number): Tally {
  const tally = createTally({ maxKeys: keys, maxArms: 0, tiers: [] })
  const random = createRandom(1)
  const ms = Date.now()
  for (let i = 0; i < keys * ATTEMPTS_PER_KEY; i++) {
    const key = i % keys
    const names = { agent_name: `agent-${key % 200}`, model_name: `model-${key % 7}`, issue_type: `issue-type-${key}` }
    const measured = { success: random() < 0.7, confidence: random(), time_seconds: random() * 300, cost_usd: random() }
    tally.add({ ...names, ...measured, timestamp: new Date(ms).toISOString() }, { ms, local: false }, ms)
  }
  return tally
}

/** Renders to bytes, like an HTTP answer, and discards them. */
async function render(exposition: Exposition): Promise<{ lines: number; bytes: number }> {
  let lines = 0
  let bytes = 0
  for await (const slice of (await exposition.scrape()).body) {
    const buffer = Buffer.from(slice)
    bytes += buffer.length
    for (let at = buffer.indexOf(10); at >= 0; at = buffer.indexOf(10, at + 1)) lines++
  }
  return { lines, bytes }
}

async function exporter({ producer }: Exposition): Promise<void> {
  const { resourceMetrics } = await producer.collect()
  Buffer.from(new PrometheusSerializer('', false, undefined, true, true).serialize(resourceMetrics))
}

async function medianMs(work: () => Promise<unknown>): Promise<number> {
  const times: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now()
    await work()
    times.push(performance.now() - start)
  }
  return median(times)
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]!
}

/** Live memory after garbage collection, on the heap and external, in megabytes. */
function liveMb(): number {
  globalThis.gc?.()
  globalThis.gc?.()
  const { heapUsed, external } = process.memoryUsage()
  return (heapUsed + external) / 1e6
}

/** The longest event-loop stall during `work`, in milliseconds: the largest delay of a 1 ms timer. */
async function longestStallMs(work: () => Promise<void>): Promise<number> {
  const delays = monitorEventLoopDelay({ resolution: 1 })
  delays.enable()
  await work()
  delays.disable()
  return Math.max(0, delays.max / 1e6 - 1)
}

interface Fetched {
  readonly ms: number
  readonly bytes: number
}

async function answers(scraper: Worker, headers: Record<string, string>): Promise<Record<string, string>> {
  const fetched: Fetched[] = []
  const stalls: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const stall = await longestStallMs(async () => {
      scraper.postMessage(headers)
      const [answer] = await once(scraper, 'message')
      fetched.push(answer)
    })
    stalls.push(stall)
  }
  return {
    'HTTP ms': median(fetched.map(({ ms }) => ms)).toFixed(1),
    'sent MB': (fetched[0]!.bytes / 1e6).toFixed(2),
    'longest stall ms, median': median(stalls).toFixed(1),
    worst: Math.max(...stalls).toFixed(1),
  }
}

async function overHttp(exposition: Exposition): Promise<Record<string, Record<string, string>>> {
  const handle = createMetricsHandler(exposition)
  const server = createServer((req, res) => void handle(req, res)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const scraper = new Worker(new URL(import.meta.url), { workerData: (server.address() as AddressInfo).port })
  await answers(scraper, {})
  const plain = await answers(scraper, {})
  const gzip = await answers(scraper, { 'accept-encoding': 'gzip' })
  await scraper.terminate()
  server.close()
  return { plain, gzip }
}

async function measure(keys: number): Promise<void> {
  const tally = tallyOf(keys)
  const exposition = createExposition({ tally, selfMetrics: () => [], version: '0.0.0', clock: Date.now })
  const before = liveMb()
  const { lines, bytes } = await render(exposition)
  const kept = liveMb() - before
  const ours = await medianMs(() => render(exposition))
  const theirs = await medianMs(() => exporter(exposition))
  console.log(
    `\n${keys} keys, ${lines} lines, ${(bytes / 1e6).toFixed(1)} MB; kept between scrapes: ${kept.toFixed(1)} MB`,
  )
  console.table({
    ours: { ms: ours.toFixed(1), 'µs per line': ((ours * 1000) / lines).toFixed(2) },
    'OpenTelemetry exporter': { ms: theirs.toFixed(1), 'µs per line': ((theirs * 1000) / lines).toFixed(2) },
    'exporter ÷ ours': { ms: (theirs / ours).toFixed(1) },
  })
  console.table(await overHttp(exposition))
}

/** Runs in a worker thread: one scrape per message. */
function scrapeOnDemand(port: number): void {
  parentPort!.on('message', async (headers: Record<string, string>) => {
    const start = performance.now()
    let bytes = 0
    const [res] = (await once(get({ port, path: '/metrics', headers }), 'response')) as [IncomingMessage]
    for await (const chunk of res) bytes += chunk.length
    parentPort!.postMessage({ ms: performance.now() - start, bytes })
  })
}

if (isMainThread) {
  const requested = process.argv.slice(2).map(Number)
  for (const keys of requested.length > 0 ? requested : [1, 100, 1000, 10_000]) await measure(keys)
  console.log(`Medians of ${ROUNDS} rounds. Rendered to bytes in one thread, fetched by another.`)
} else {
  scrapeOnDemand(workerData)
}
