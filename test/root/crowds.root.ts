/** More connections than the limit, too few file descriptors, a small heap, and clients that do not read. */
import { mkdtemp, rm } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { createRandom } from '../../src/core/statistics/random.ts'
import { MAX_ITEMS } from '../../src/receive/rejected-items.ts'
import { type RecordingRequest, requestOf } from '../chaos/attempts.ts'
import { audit } from '../chaos/audit.ts'
import { resendUnanswered, sendNumbers } from '../chaos/client.ts'
import { totalOf } from '../chaos/kill-runs.ts'
import { createLedger } from '../chaos/ledger.ts'
import { end, spawnSidecar, urlOf } from '../chaos/spawned.ts'
import { memoryOf } from './memory.ts'
import { needs } from './needs.ts'

const random = createRandom(3)

/** Sends a request over an open connection, so that it needs no new file descriptor. Resolves with the status. */
function askOver(agent: Agent, url: string, sent?: RecordingRequest): Promise<number> {
  return new Promise((resolve, reject) => {
    const options = sent === undefined ? { agent } : { agent, method: 'POST', headers: sent.headers }
    request(url, options, res => res.resume().on('end', () => resolve(res.statusCode!)))
      .on('error', reject)
      .end(sent?.body)
  })
}

/** Below the system's accept backlog: connections beyond it would be dropped before the sidecar sees them. */
const WAVE = 250

/** Opens `count` connections that send nothing. The agent's connection is opened first. */
async function crowd(agent: Agent, url: string, count: number): Promise<Socket[]> {
  const { hostname, port } = new URL(url)
  const sockets: Socket[] = []
  while (sockets.length < count) {
    expect(await askOver(agent, `${url}/livez`)).toBe(200)
    const wave = Array.from({ length: Math.min(WAVE, count - sockets.length) }, () =>
      connect(Number(port), hostname).on('error', () => undefined),
    )
    await Promise.all(
      wave.map(socket => new Promise(resolve => socket.once('connect', resolve).once('close', resolve))),
    )
    sockets.push(...wave)
  }
  return sockets
}

/** Timeouts long enough that no connection is closed for being silent. */
const LONG_TIMEOUTS = ['--headers-timeout', '10m', '--keep-alive-timeout', '10m']

async function temporaryStore(): Promise<{ store: string } & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), 'agent-performance-crowd-'))
  return {
    store: join(folder, 'agent_performance.json'),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  }
}

const dropped = (sockets: readonly Socket[]): number => sockets.filter(socket => socket.destroyed).length

test('with 64 file descriptors and 200 connections it keeps recording for connected clients, and accepts others when they leave', async context => {
  needs(context, 'prlimit')
  await using folder = await temporaryStore()
  await using sidecar = spawnSidecar(folder.store, { under: ['prlimit', '--nofile=64:64'], args: LONG_TIMEOUTS })
  const url = await urlOf(sidecar)
  const ledger = createLedger()
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const sockets = await crowd(agent, url, 200)
  await expect.poll(() => dropped(sockets), { timeout: 20_000 }).toBe(189)
  for (let i = 0; i < 50; i++) {
    const numbers = ledger.take(3)
    const request = requestOf(numbers, random)
    expect(await askOver(agent, url + request.path, request)).toBe(200)
    ledger.kept(numbers, { accepted: numbers.length, duplicates: 0 })
  }
  for (const socket of sockets) socket.destroy()
  await expect.poll(() => sendNumbers(url, ledger.take(1), ledger, random), { timeout: 20_000 }).toBe('kept')
  await resendUnanswered(url, ledger, random)
  agent.destroy()
  await end(sidecar, 'SIGKILL')
  await using again = spawnSidecar(folder.store)
  expect(await audit(await urlOf(again), folder.store, ledger)).toEqual({ lost: 0, double: 0, wrong: 0, faults: [] })
})

const CROWD = 10_000

test('with 10,000 connections it serves up to its limit, drops and counts the rest, and recovers when they close', async context => {
  needs(context, 'descriptors')
  await using folder = await temporaryStore()
  await using sidecar = spawnSidecar(folder.store, { args: LONG_TIMEOUTS })
  const url = await urlOf(sidecar)
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const sockets = await crowd(agent, url, CROWD)
  await expect.poll(() => dropped(sockets), { timeout: 60_000 }).toBe(CROWD - 1023)
  const askedMs = performance.now()
  expect(await askOver(agent, `${url}/livez`)).toBe(200)
  const tookMs = performance.now() - askedMs
  const memory = await memoryOf(sidecar)
  process.stdout.write(`with ${CROWD} connections: /livez in ${Math.round(tookMs)} ms, ${memory} MiB of memory\n`)
  expect(tookMs).toBeLessThan(5000)
  expect(memory).toBeLessThan(512)
  for (const socket of sockets) socket.destroy()
  const isLive = async (): Promise<boolean> => (await fetch(`${url}/livez`).catch(() => undefined))?.status === 200
  await expect.poll(isLive, { timeout: 20_000 }).toBe(true)
  const scrape = await (await fetch(`${url}/metrics`)).text()
  expect(scrape).toMatch(new RegExp(`^agent_performance_connections_dropped_total ${CROWD - 1023}$`, 'm'))
  agent.destroy()
  expect(await end(sidecar, 'SIGTERM')).toBe(0)
})

/** A list with the maximum number of attempts, just below the body limit of 5 MiB. */
function largestList(first: number): string {
  const error_type = 'x'.repeat(200)
  const one = { model_name: 'm', issue_type: 'i', success: true, time_seconds: 1, error_type }
  const list = Array.from({ length: MAX_ITEMS }, (_, i) => {
    const number = first + i
    return { ...one, agent_name: `agent-${number % 20_000}`, attempt_id: `n${number}` }
  })
  return JSON.stringify(list)
}

test('with 256 MiB of heap it survives 24 clients that send the largest lists and two that ask all questions', async () => {
  await using folder = await temporaryStore()
  await using sidecar = spawnSidecar(folder.store, { under: ['env', 'NODE_OPTIONS=--max-old-space-size=256'] })
  const url = await urlOf(sidecar)
  const endMs = performance.now() + 10_000
  const counts = { accepted: 0, refused: 0, sent: 0 }
  const sender = async (number: number): Promise<void> => {
    while (performance.now() < endMs) {
      const list = largestList(counts.sent++ * MAX_ITEMS)
      const gzip = number % 2 === 0
      const headers = { 'Content-Type': 'application/json', ...(gzip && { 'Content-Encoding': 'gzip' }) }
      const body = gzip ? gzipSync(list, { level: 1 }) : list
      const answer = await fetch(`${url}/api/v1/attempts`, { method: 'POST', headers, body })
      const { accepted = 0 } = (await answer.json()) as { accepted?: number }
      expect([200, 429]).toContain(answer.status)
      counts.accepted += accepted
      if (answer.status === 429) counts.refused++
    }
  }
  const reader = async (): Promise<void> => {
    while (performance.now() < endMs) {
      for (const path of ['/metrics', '/api/v1/metrics', '/api/v1/attempts?limit=1000', '/api/v1/report'])
        await (await fetch(url + path)).arrayBuffer()
    }
  }
  await Promise.all([...Array.from({ length: 24 }, (_, number) => sender(number)), reader(), reader()])
  process.stdout.write(`with 256 MiB of heap: ${counts.accepted} kept, ${counts.refused} lists refused, `)
  process.stdout.write(`${await memoryOf(sidecar)} MiB of memory\n`)
  expect(counts.accepted).toBeGreaterThan(0)
  expect(await totalOf(url)).toBe(counts.accepted)
  expect(await end(sidecar, 'SIGTERM')).toBe(0)
})

test('it disconnects 400 clients that request 20 MB and do not read, and one with 1000 requests, while recording continues', async () => {
  await using folder = await temporaryStore()
  await using sidecar = spawnSidecar(folder.store)
  const url = await urlOf(sidecar)
  const one = { model_name: 'm', issue_type: 'i', success: true, time_seconds: 1, confidence: 0.5 }
  const attempts = Array.from({ length: MAX_ITEMS }, (_, i) => ({ ...one, agent_name: `agent-${i}` }))
  const body = JSON.stringify(attempts)
  const post = (text: string): Promise<Response> =>
    fetch(`${url}/api/v1/attempts`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: text })
  expect((await post(body)).status).toBe(200)
  const { hostname, port } = new URL(url)
  const ask = (times: number): Socket => {
    const socket = connect(Number(port), hostname).on('error', () => undefined)
    socket.pause()
    socket.write('GET /api/v1/calibration HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(times))
    return socket
  }
  const sockets = [...Array.from({ length: 400 }, () => ask(1)), ask(1000)]
  let peak = 0
  const isReleased = async (): Promise<boolean> => {
    peak = Math.max(peak, await memoryOf(sidecar))
    expect((await post(JSON.stringify({ ...one, agent_name: 'beside' }))).status).toBe(200)
    const scrape = await (await fetch(`${url}/metrics`)).text()
    return (
      /^agent_performance_questions_in_flight 0$/m.test(scrape) && /^agent_performance_answer_bytes 0$/m.test(scrape)
    )
  }
  await expect.poll(isReleased, { timeout: 45_000, interval: 500 }).toBe(true)
  process.stdout.write(`with 401 clients that do not read: at most ${peak} MiB of memory\n`)
  expect(peak).toBeLessThan(1024)
  for (const socket of sockets) socket.destroy()
  expect((await fetch(`${url}/api/v1/report`)).status).toBe(200)
  expect(await end(sidecar, 'SIGTERM')).toBe(0)
})
