/**
 * `npm run test:pressure -- [minutes]`: runs all known heavy loads at once, for 10 minutes by default. Over 1,000 keys it sends 1,000 POSTs
 * per second in an open loop over 64 connections, and 20 streams of padded lines. It asks for a scrape every second and /trends every 2 s.
 * 50 clients stop reading their answers. Exits with 1 if RSS exceeds 512 MiB, the p99 of a POST exceeds 20 ms, or an acknowledged attempt is missing.
 */
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { end, spawnSidecar, urlOf } from '../chaos/spawned.ts'
import { KEYS, pressureAttempt } from './attempts.ts'
import type { PostsOptions, PostsResult } from './posts.ts'
import { startStoppedReaders } from './readers.ts'
import { startStreams } from './streams.ts'

const BOUNDS = { rssMib: 512, p99Ms: 20 }
const POSTS = { perSecond: 1000, connections: 64 }
const READERS = 50
const STREAMS = 20

const minutes = Number(process.argv[2] ?? '10')
if (!(minutes > 0)) throw new Error(`not a number of minutes: ${process.argv[2]}`)
const ms = minutes * 60_000
const folder = await mkdtemp(join(tmpdir(), 'agent-performance-pressure-'))
const store = join(folder, 'agent_performance.json')
const sidecar = spawnSidecar(store)
const url = await urlOf(sidecar)
const port = Number(new URL(url).port)
await recordKeys()

const rss: number[] = []
const scrapes = { ok: 0, other: 0 }
const trends = { ok: 0, other: 0 }
const endMs = performance.now() + ms
const readers = startStoppedReaders(port, READERS)
const streams = startStreams(port, STREAMS, ms)
const posts = startPosts({ port, ms, ...POSTS })
const asking = [every(1000, '/metrics', scrapes), every(2000, '/api/v1/trends?since=24h', trends), watchMemory()]
const [posted] = await Promise.all([posts, streams.done, ...asking])
readers.stop()

const expected = KEYS + posted.sent + streams.kept
const counted = await countedAttempts()
const listed = await listedIds()
const exit = await end(sidecar, 'SIGTERM')
const peakMib = Math.max(...rss) / 1024
const quantile = (q: number): number => posted.latencies[Math.floor(posted.latencies.length * q)] ?? Number.NaN
const faults = [
  ...(peakMib > BOUNDS.rssMib ? [`RSS ${peakMib.toFixed(0)} MiB, limit ${BOUNDS.rssMib}`] : []),
  ...(quantile(0.99) > BOUNDS.p99Ms ? [`p99 ${quantile(0.99).toFixed(1)} ms, limit ${BOUNDS.p99Ms}`] : []),
  ...(counted === expected ? [] : [`${counted} counted, ${expected} acknowledged`]),
  ...(listed === expected ? [] : [`${listed} ids listed, ${expected} acknowledged`]),
  ...(exit === 0 ? [] : [`the sidecar exited with ${exit}`]),
  ...(scrapes.ok === 0 || trends.ok === 0 ? ['no scrape or no trend was answered'] : []),
]
const text = (value: object): string => JSON.stringify(value)
process.stdout.write(
  [
    `${minutes} min: ${posted.sent} POSTs, ${streams.kept} lines of streams, all acknowledged; ${counted} counted, ${listed} listed`,
    `POST p50 ${quantile(0.5).toFixed(2)} ms, p99 ${quantile(0.99).toFixed(2)} ms, p99.9 ${quantile(0.999).toFixed(1)} ms, most ${quantile(1 - 1e-9).toFixed(0)} ms; sent again, by status: ${text(posted.again)}`,
    `RSS at most ${peakMib.toFixed(0)} MiB, median ${(rss.sort((a, b) => a - b)[rss.length >> 1]! / 1024).toFixed(0)} MiB`,
    `streams ${text(streams.answers)}, scrapes ${text(scrapes)}, trends ${text(trends)}, readers cut ${readers.cut} times`,
    ...faults.map(fault => `FAULT: ${fault}`),
    '',
  ].join('\n'),
)
if (faults.length > 0) {
  process.stdout.write(`${sidecar.log().slice(-4000)}\nthe store is in ${folder}\n`)
  process.exitCode = 1
} else await rm(folder, { recursive: true })

async function recordKeys(): Promise<void> {
  const attempts = Array.from({ length: KEYS }, (_, i) => pressureAttempt('first', i))
  const body = JSON.stringify(attempts)
  const answer = await fetch(`${url}/api/v1/attempts`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body,
  })
  if (answer.status !== 200) throw new Error(`${answer.status}: ${await answer.text()}`)
}

function startPosts(options: PostsOptions): Promise<PostsResult> {
  const worker = new Worker(new URL('posts.ts', import.meta.url), { workerData: options })
  return new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))
}

async function every(intervalMs: number, path: string, counts: { ok: number; other: number }): Promise<void> {
  while (performance.now() < endMs) {
    const nextMs = performance.now() + intervalMs
    const answer = await fetch(url + path).catch(() => undefined)
    await answer?.text().catch(() => undefined)
    counts[answer?.status === 200 ? 'ok' : 'other']++
    await pause(Math.max(0, nextMs - performance.now()))
  }
}

async function watchMemory(): Promise<void> {
  while (performance.now() < endMs) {
    const status = readFileSync(`/proc/${sidecar.process.pid}/status`, 'utf8')
    rss.push(Number(/VmRSS:\s+(\d+)/.exec(status)![1]))
    await pause(200)
  }
}

/** Asks until the question is answered with 200. Buffers of disconnected readers may make the sidecar refuse it for a while. */
async function askAgain(path: string): Promise<unknown> {
  for (;;) {
    const answer = await fetch(url + path)
    if (answer.status === 200) return await answer.json()
    await answer.text()
    await pause(500)
  }
}

async function countedAttempts(): Promise<number> {
  const { summary } = (await askAgain('/api/v1/report')) as { summary: { total_attempts: number } }
  return summary.total_attempts
}

async function listedIds(): Promise<number> {
  const ids = new Set<string>()
  for (let cursor: string | null = ''; cursor !== null; ) {
    const next: string = cursor === '' ? '' : `&cursor=${cursor}`
    const page = (await askAgain(`/api/v1/attempts?limit=1000${next}`)) as {
      attempts: { attempt_id: string }[]
      next_cursor: string | null
    }
    for (const { attempt_id } of page.attempts) ids.add(attempt_id)
    cursor = page.next_cursor
  }
  return ids.size
}
