/** Told to stop: under load, twice, while it starts, and behind a router that takes a moment to see it. What was acknowledged is counted. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { createRandom } from '../../src/core/statistics/random.ts'
import { audit } from '../chaos/audit.ts'
import { load, mixedSizes, resendUnanswered, sendNumbers } from '../chaos/client.ts'
import { totalOf } from '../chaos/kill-runs.ts'
import { createLedger, type Ledger } from '../chaos/ledger.ts'
import { end, spawnSidecar, urlOf } from '../chaos/spawned.ts'
import { temporaryFolder } from '../support/sidecar-process.ts'

const random = createRandom(4)
const NOTHING_WRONG = { lost: 0, double: 0, wrong: 0, faults: [] }

async function aStore(): Promise<{ store: string } & AsyncDisposable> {
  const folder = await temporaryFolder()
  return { store: join(folder.path, 'agent_performance.json'), [Symbol.asyncDispose]: folder[Symbol.asyncDispose] }
}

/** After a start of its own: what got no answer is sent again, and everything is counted. */
async function expectAllCounted(store: string, ledger: Ledger): Promise<void> {
  await using sidecar = spawnSidecar(store)
  const url = await urlOf(sidecar)
  await resendUnanswered(url, ledger, random)
  expect(await audit(url, store, ledger)).toEqual(NOTHING_WRONG)
  expect(await end(sidecar, 'SIGTERM')).toBe(0)
}

async function isReady(url: string): Promise<boolean> {
  const { status } = await fetch(`${url}/readyz`)
  return status === 200
}

describe('told to stop', () => {
  test('under load it refuses with 503 or closes, and nothing it acknowledged is missing', async () => {
    await using place = await aStore()
    const ledger = createLedger()
    await using sidecar = spawnSidecar(place.store)
    const running = load(await urlOf(sidecar), { ledger, random, sizes: mixedSizes, clients: 8 })
    await expect.poll(() => ledger.counts.kept).toBeGreaterThan(500)
    expect(await end(sidecar, 'SIGTERM')).toBe(0)
    await running
    await expectAllCounted(place.store, ledger)
  })

  test('and told again, under load, it ends at once, and nothing it acknowledged is missing', async () => {
    await using place = await aStore()
    const ledger = createLedger()
    await using sidecar = spawnSidecar(place.store, { args: ['--drain-delay', '30s'] })
    const url = await urlOf(sidecar)
    const running = load(url, { ledger, random, sizes: mixedSizes, clients: 8 })
    await expect.poll(() => ledger.counts.kept).toBeGreaterThan(500)
    sidecar.process.kill('SIGTERM')
    await expect.poll(() => isReady(url)).toBe(false)
    const startMs = performance.now()
    expect(await end(sidecar, 'SIGTERM')).toBe(143)
    expect(performance.now() - startMs).toBeLessThan(15_000)
    await running
    await expectAllCounted(place.store, ledger)
  })

  test('behind a router it says at once that it is not ready, and serves until the router has seen it: no request fails', async () => {
    await using place = await aStore()
    const ledger = createLedger()
    await using sidecar = spawnSidecar(place.store, { args: ['--drain-delay', '6s'] })
    const url = await urlOf(sidecar)
    await sendNumbers(url, ledger.take(1), ledger, random)
    sidecar.process.kill('SIGTERM')
    await expect.poll(() => isReady(url)).toBe(false)
    // The router probes every second, and forwards new requests until a probe fails.
    const fates = new Set<string>()
    const seenMs = performance.now() + 1500
    while (performance.now() < seenMs) {
      fates.add(await sendNumbers(url, ledger.take(3), ledger, random))
      expect((await fetch(`${url}/livez`)).status).toBe(200)
      await pause(20)
    }
    expect([...fates]).toEqual(['kept'])
    expect(await sidecar.ended).toBe(0)
    await expectAllCounted(place.store, ledger)
  })
})

/** A journal that takes a moment to read: no snapshot was taken. */
async function withLongJournal(store: string): Promise<Ledger> {
  const ledger = createLedger()
  await using sidecar = spawnSidecar(store)
  const url = await urlOf(sidecar)
  for (let i = 0; i < 12; i++) await sendNumbers(url, ledger.take(5000), ledger, random)
  await end(sidecar, 'SIGKILL')
  return ledger
}

describe('told to stop while it reads a long journal', () => {
  test.each<[string, NodeJS.Signals[], number[]]>([
    ['once it ends with 0 and never says that it is ready', ['SIGTERM'], [0]],
    // Of two signals that come together the system may hand over either one first.
    ['twice it ends at once', ['SIGTERM', 'SIGINT'], [130, 143]],
  ])('%s, and loses nothing', async (_what, signals, exit) => {
    await using place = await aStore()
    const ledger = await withLongJournal(place.store)
    await using sidecar = spawnSidecar(place.store)
    // It has named itself when it begins to read.
    await expect.poll(() => holds(place.store, sidecar.process.pid), { interval: 5 }).toBe(true)
    const startMs = performance.now()
    for (const signal of signals) sidecar.process.kill(signal)
    expect(exit).toContain(await sidecar.ended)
    expect(performance.now() - startMs).toBeLessThan(20_000)
    expect(await sidecar.ready).toBeUndefined()
    await using again = spawnSidecar(place.store)
    expect(await totalOf(await urlOf(again))).toBe(ledger.counts.kept)
    await end(again, 'SIGKILL')
    await expectAllCounted(place.store, ledger)
  })
})

test('told to read its files again while it reads a long journal, it goes on', async () => {
  await using place = await aStore()
  const ledger = await withLongJournal(place.store)
  await using sidecar = spawnSidecar(place.store)
  await expect.poll(() => holds(place.store, sidecar.process.pid), { interval: 5 }).toBe(true)
  sidecar.process.kill('SIGHUP')
  expect(await totalOf(await urlOf(sidecar))).toBe(ledger.counts.kept)
  expect(await end(sidecar, 'SIGTERM')).toBe(0)
})

test('a sidecar that stands still for a while keeps its file: a second exits 75, and the first goes on', async () => {
  await using place = await aStore()
  const ledger = createLedger()
  await using first = spawnSidecar(place.store)
  const url = await urlOf(first)
  await sendNumbers(url, ledger.take(10), ledger, random)
  first.process.kill('SIGSTOP')
  await using second = spawnSidecar(place.store)
  expect(await second.ended).toBe(75)
  expect(second.log()).toContain(`process ${first.process.pid} `)
  first.process.kill('SIGCONT')
  expect(await sendNumbers(url, ledger.take(10), ledger, random)).toBe('kept')
  expect(await audit(url, place.store, ledger)).toEqual(NOTHING_WRONG)
  expect(await end(first, 'SIGTERM')).toBe(0)
})

async function holds(store: string, pid: number | undefined): Promise<boolean> {
  const holder = store.replace(/\.json$/, '.journal/holder.json')
  return (await readFile(holder, 'utf8').catch(() => '')).includes(`"pid":${pid}`)
}
