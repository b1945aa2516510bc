/** SIGTERM under load, twice, during the start, and behind a router that notices later. Every acknowledged attempt counts. */
import { cp, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
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

/** Starts a sidecar, sends unanswered attempts again, and checks that everything counts. */
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

describe('on SIGTERM a sidecar', () => {
  test('under load refuses with 503 or closes, and loses no acknowledged attempt', async () => {
    await using place = await aStore()
    const ledger = createLedger()
    await using sidecar = spawnSidecar(place.store)
    const running = load(await urlOf(sidecar), { ledger, random, sizes: mixedSizes, clients: 8 })
    await expect.poll(() => ledger.counts.kept).toBeGreaterThan(500)
    expect(await end(sidecar, 'SIGTERM')).toBe(0)
    await running
    await expectAllCounted(place.store, ledger)
  })

  test('under load exits at once on a second signal, and loses no acknowledged attempt', async () => {
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

  test('behind a router reports at once that it is not ready, and serves until the router has noticed: no request fails', async () => {
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

describe('a signal during the replay of a long journal', () => {
  let made: { store: string } & AsyncDisposable
  const ledger = createLedger()
  beforeAll(async () => {
    made = await aStore()
    await using sidecar = spawnSidecar(made.store)
    const url = await urlOf(sidecar)
    for (let i = 0; i < 12; i++) expect(await sendNumbers(url, ledger.take(5000), ledger, random)).toBe('kept')
    await end(sidecar, 'SIGKILL')
  })
  afterAll(() => made[Symbol.asyncDispose]())

  /** A copy of the store of a killed sidecar, whose journal takes some time to read: it has no snapshot. */
  async function withLongJournal(): Promise<{ store: string } & AsyncDisposable> {
    const copy = await aStore()
    await cp(dirname(made.store), dirname(copy.store), { recursive: true })
    return copy
  }

  test.each<[string, NodeJS.Signals[], number[]]>([
    ['once it ends with 0 and never says that it is ready', ['SIGTERM'], [0]],
    // The system may deliver two concurrent signals in any order.
    ['twice it ends at once', ['SIGTERM', 'SIGINT'], [130, 143]],
  ])(
    '%s, and loses nothing',
    async (_what, signals, exit) => {
      await using place = await withLongJournal()
      await using sidecar = spawnSidecar(place.store)
      // The holder file exists once it starts to read.
      await expect.poll(() => holds(place.store, sidecar.process.pid), { interval: 5 }).toBe(true)
      const startMs = performance.now()
      for (const signal of signals) sidecar.process.kill(signal)
      expect(exit).toContain(await sidecar.ended)
      expect(performance.now() - startMs).toBeLessThan(20_000)
      expect(await sidecar.ready).toBeUndefined()
      // No attempt is unanswered, so none is sent again before they are counted.
      await expectAllCounted(place.store, ledger)
    },
    150_000,
  )

  test('that asks for a reload does not end the sidecar', async () => {
    await using place = await withLongJournal()
    await using sidecar = spawnSidecar(place.store)
    await expect.poll(() => holds(place.store, sidecar.process.pid), { interval: 5 }).toBe(true)
    sidecar.process.kill('SIGHUP')
    expect(await totalOf(await urlOf(sidecar))).toBe(ledger.counts.kept)
    expect(await end(sidecar, 'SIGTERM')).toBe(0)
  })
})

test('signals that come when a sidecar has closed, as those that npm forwards late, do not change its exit code', async () => {
  await using place = await aStore()
  await using sidecar = spawnSidecar(place.store)
  await urlOf(sidecar)
  const late = setInterval(() => {
    if (sidecar.log().includes('"msg":"closed"')) sidecar.process.kill('SIGTERM')
  }, 1)
  try {
    expect(await end(sidecar, 'SIGTERM')).toBe(0)
  } finally {
    clearInterval(late)
  }
})

test('a suspended sidecar keeps its lock: a second one exits with 75, and the first one resumes', async () => {
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
