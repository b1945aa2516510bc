/** More connections than there may be, and fewer descriptors than are wanted. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createRandom } from '../../src/core/statistics/random.ts'
import { type RecordingRequest, requestOf } from '../chaos/attempts.ts'
import { audit } from '../chaos/audit.ts'
import { sendNumbers, settle } from '../chaos/client.ts'
import { createLedger } from '../chaos/ledger.ts'
import { end, spawnSidecar, urlOf } from '../chaos/spawned.ts'
import { needs } from './needs.ts'

const random = createRandom(3)

/** Asks over a connection that is there already, so that it needs no descriptor. */
function askOver(agent: Agent, url: string, sent?: RecordingRequest): Promise<number> {
  return new Promise((resolve, reject) => {
    const options = sent === undefined ? { agent } : { agent, method: 'POST', headers: sent.headers }
    request(url, options, res => res.resume().on('end', () => resolve(res.statusCode!)))
      .on('error', reject)
      .end(sent?.body)
  })
}

/** Fewer than the system lets wait to be accepted: it drops what is beyond, and the sidecar would never see those. */
const WAVE = 250

/** Opens connections that say nothing, after the one of the agent. */
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

/** Nobody is cut for being silent: who is in stays in. */
const PATIENT = ['--headers-timeout', '10m', '--keep-alive-timeout', '10m']

async function aStore(): Promise<{ store: string } & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), 'agent-performance-crowd-'))
  return {
    store: join(folder, 'agent_performance.json'),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  }
}

const dropped = (sockets: readonly Socket[]): number => sockets.filter(socket => socket.destroyed).length

test('with 64 descriptors and 200 connections it goes on keeping attempts of those who are in, and takes others when they leave', async context => {
  needs(context, 'prlimit')
  await using place = await aStore()
  await using sidecar = spawnSidecar(place.store, { under: ['prlimit', '--nofile=64:64'], args: PATIENT })
  const url = await urlOf(sidecar)
  const ledger = createLedger()
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const sockets = await crowd(agent, url, 200)
  await expect.poll(() => dropped(sockets), { timeout: 20_000 }).toBe(189)
  for (let i = 0; i < 50; i++) {
    const numbers = ledger.take(3)
    expect(await askOver(agent, `${url}/api/v1/attempts`, requestOf(numbers, random))).toBe(200)
    ledger.kept(numbers, { accepted: numbers.length, duplicates: 0 })
  }
  for (const socket of sockets) socket.destroy()
  await expect.poll(() => sendNumbers(url, ledger.take(1), ledger, random), { timeout: 20_000 }).toBe('kept')
  await settle(url, ledger, random)
  agent.destroy()
  await end(sidecar, 'SIGKILL')
  await using again = spawnSidecar(place.store)
  expect(await audit(await urlOf(again), place.store, ledger)).toEqual({ lost: 0, double: 0, wrong: 0, faults: [] })
})

const CROWD = 10_000

test('of 10,000 connections it serves as many as it may, drops and counts the rest, and is itself again when they leave', async context => {
  needs(context, 'descriptors')
  await using place = await aStore()
  await using sidecar = spawnSidecar(place.store, { args: PATIENT })
  const url = await urlOf(sidecar)
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const sockets = await crowd(agent, url, CROWD)
  await expect.poll(() => dropped(sockets), { timeout: 60_000 }).toBe(CROWD - 1023)
  const askedMs = performance.now()
  expect(await askOver(agent, `${url}/livez`)).toBe(200)
  const tookMs = performance.now() - askedMs
  const memory = /VmRSS:\s+(\d+) kB/.exec(await readFile(`/proc/${sidecar.process.pid}/status`, 'utf8'))?.[1]
  process.stdout.write(`among ${CROWD} connections: /livez in ${Math.round(tookMs)} ms, ${memory} kB of memory\n`)
  expect(tookMs).toBeLessThan(5000)
  expect(Number(memory)).toBeLessThan(512 * 1024)
  for (const socket of sockets) socket.destroy()
  const isWell = async (): Promise<boolean> => (await fetch(`${url}/livez`).catch(() => undefined))?.status === 200
  await expect.poll(isWell, { timeout: 20_000 }).toBe(true)
  const scrape = await (await fetch(`${url}/metrics`)).text()
  expect(scrape).toMatch(new RegExp(`^agent_performance_connections_dropped_total ${CROWD - 1023}$`, 'm'))
  agent.destroy()
  expect(await end(sidecar, 'SIGTERM')).toBe(0)
})
