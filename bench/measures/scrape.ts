/** Times scrapes, OpenTelemetry's exporter and prom-client. Serves them over HTTP, so that the scraper can run on another core. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus'
import { createTally, type Tally } from '../../src/core/aggregate/tally.ts'
import { createExposition, type Exposition } from '../../src/expose/exposition.ts'
import { createMetricsHandler } from '../../src/expose/handler.ts'
import { promClientRegistry } from '../peers/prom-client.ts'
import { attemptOf } from '../support/attempts.ts'

export interface ScrapeTimes {
  readonly lines: number
  readonly oursMs: number
  /** If nothing changed since the last scrape. */
  readonly unchangedMs: number
  /** If all keys changed, as for `oursMs`. */
  readonly exporterMs: number
  /** prom-client's time, scaled to the same number of lines. */
  readonly promClientMs: number
}

/**
 * Serves four paths until the process ends. `/metrics`; `/render` changes all keys and returns {@link ScrapeTimes}; `/change` changes all
 * keys; `/stall` returns the longest event-loop stall in milliseconds since the last request.
 */
export async function serveScrapes(lines = ''): Promise<void> {
  const { tally, exposition } = await ofLines(Number(lines))
  const peer = await promClientRegistry((await count(exposition)).lines)
  const scrape = createMetricsHandler(exposition)
  const delays = monitorEventLoopDelay({ resolution: 1 })
  delays.enable()
  const server = createServer(async (req, res) => {
    if (req.url === '/metrics') return scrape(req, res)
    if (req.url === '/change') changeAll(tally)
    const answer =
      req.url === '/render' ? await render(tally, exposition, peer) : { ms: Math.max(0, delays.max / 1e6 - 1) }
    delays.reset()
    res.end(JSON.stringify(answer))
  })
  server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`))
  await new Promise(() => undefined)
}

/** A tally whose exposition has about `target` lines. */
async function ofLines(target: number): Promise<{ tally: Tally; exposition: Exposition }> {
  const linesOf = async (keys: number): Promise<number> => (await count(expose(tallyOf(keys)))).lines
  const [few, more] = [await linesOf(50), await linesOf(100)]
  const tally = tallyOf(Math.round((target - 2 * few + more) / ((more - few) / 50)))
  return { tally, exposition: expose(tally) }
}

const expose = (tally: Tally): Exposition =>
  createExposition({ tally, selfMetrics: () => [], version: '0.0.0', clock: Date.now })

function tallyOf(keys: number): Tally {
  const tally = createTally({ maxKeys: keys, maxArms: 0, tiers: [] })
  for (let at = 0; at < keys * 20; at++) add(tally, at % keys)
  return tally
}

function add(tally: Tally, key: number): void {
  const ms = Date.now()
  tally.add({ ...attemptOf(key), timestamp: '' }, { ms, local: false }, ms)
}

function changeAll(tally: Tally): void {
  for (let key = tally.keys().length - 1; key >= 0; key--) add(tally, key)
}

async function count(exposition: Exposition): Promise<{ lines: number }> {
  let lines = 0
  for await (const slice of (await exposition.scrape()).body) {
    const bytes = Buffer.from(slice)
    for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) lines++
  }
  return { lines }
}

async function render(
  tally: Tally,
  exposition: Exposition,
  peer: Awaited<ReturnType<typeof promClientRegistry>>,
): Promise<ScrapeTimes> {
  const scrape = async (): Promise<void> => {
    for await (const slice of (await exposition.scrape()).body) Buffer.from(slice)
  }
  changeAll(tally)
  const oursMs = await timed(scrape)
  const unchangedMs = await timed(scrape)
  // The exporter must copy every key too, for a fair comparison.
  changeAll(tally)
  const exporterMs = await timed(async () => {
    const { resourceMetrics } = await exposition.producer.collect()
    Buffer.from(new PrometheusSerializer('', false, undefined, true, true).serialize(resourceMetrics))
  })
  const { lines } = await count(exposition)
  const peerMs = await timed(async () => {
    Buffer.from(await peer.text())
  })
  return { lines, oursMs, unchangedMs, exporterMs, promClientMs: (peerMs * lines) / peer.lines }
}

async function timed(work: () => Promise<void>): Promise<number> {
  const startMs = performance.now()
  await work()
  return performance.now() - startMs
}
