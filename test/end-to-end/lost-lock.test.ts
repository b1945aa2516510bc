/** The lock of a store is removed while a sidecar runs, as cleaners of old files do. A second sidecar can then start. */
import { readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createRandom } from '../../src/core/statistics/random.ts'
import { listedAttempts } from '../chaos/audit.ts'
import { load, sendNumbers } from '../chaos/client.ts'
import { createLedger, type Ledger } from '../chaos/ledger.ts'
import { end, type Spawned, spawnSidecar, urlOf } from '../chaos/spawned.ts'
import { temporaryFolder } from '../support/sidecar-process.ts'

const random = createRandom(7)

async function aStore(): Promise<{ store: string; journal: string; lock: string } & AsyncDisposable> {
  const folder = await temporaryFolder()
  const journal = join(folder.path, 'agent_performance.journal')
  const store = join(folder.path, 'agent_performance.json')
  return { store, journal, lock: join(journal, 'lock.db'), [Symbol.asyncDispose]: folder[Symbol.asyncDispose] }
}

const statusOf = async (url: string, path: string): Promise<number> => (await fetch(url + path)).status
const notReady = (url: string): Promise<void> =>
  expect.poll(() => statusOf(url, '/readyz'), { timeout: 30_000 }).toBe(503)

/** Starts a second sidecar while the first one is stopped by a signal, so that it cannot acquire the lock again before. */
async function startBeside(first: Spawned, { store, lock }: { store: string; lock: string }): Promise<Spawned> {
  first.process.kill('SIGSTOP')
  await rm(lock)
  const second = spawnSidecar(store)
  await second.ready
  first.process.kill('SIGCONT')
  return second
}

/** Two ledgers send different attempts. */
function ledgerFrom(first: number): Ledger {
  const ledger = createLedger()
  if (first > 0) ledger.take(first)
  return ledger
}

/** Checks that a third sidecar lists and counts every acknowledged attempt of both, once. */
async function expectAllKept(store: string, ...ledgers: readonly Ledger[]): Promise<Spawned> {
  const third = spawnSidecar(store)
  const url = await urlOf(third)
  const listed: string[] = []
  for await (const { attempt_id } of listedAttempts(url)) listed.push(attempt_id)
  const known = new Set(listed)
  expect(known.size).toBe(listed.length)
  const numbers = new Set(listed.map(id => Number(/\d+$/.exec(id)?.[0])))
  const lost = ledgers.flatMap(ledger => [...ledger.acknowledged()]).filter(number => !numbers.has(number))
  expect(lost).toEqual([])
  const scrape = await (await fetch(`${url}/metrics`)).text()
  const counted = [...scrape.matchAll(/^agent_attempts_total\{.*\} (\d+)/gm)].reduce(
    (sum, one) => sum + Number(one[1]),
    0,
  )
  expect(counted).toBe(listed.length)
  return third
}

test('no acknowledged attempt of two sidecars on one store is lost if its lock is removed under load', async () => {
  await using place = await aStore()
  const ledgers = [ledgerFrom(0), ledgerFrom(1_000_000)] as const
  await using first = spawnSidecar(place.store)
  const firstUrl = await urlOf(first)
  const loads = [load(firstUrl, { ledger: ledgers[0], random, sizes: () => 5, clients: 4 })]
  await expect.poll(() => ledgers[0].counts.kept, { timeout: 10_000 }).toBeGreaterThan(200)
  await rm(place.lock)
  await using second = spawnSidecar(place.store)
  // Both are correct: the second one has the lock, or the first one acquired it again before.
  const secondUrl = await second.ready
  if (secondUrl === undefined) expect(await second.ended).toBe(75)
  else {
    loads.push(load(secondUrl, { ledger: ledgers[1], random, sizes: () => 5, clients: 4 }))
    await expect.poll(() => ledgers[1].counts.kept, { timeout: 10_000 }).toBeGreaterThan(200)
    await notReady(firstUrl)
    const { kept } = ledgers[0].counts
    await expect.poll(() => ledgers[1].counts.kept, { timeout: 10_000 }).toBeGreaterThan(400)
    expect(ledgers[0].counts.kept).toBe(kept)
  }
  await Promise.all([end(first, 'SIGTERM'), end(second, 'SIGTERM'), ...loads])
  await using _ = await expectAllKept(place.store, ...ledgers)
}, 40_000)

test('an idle sidecar whose lock was removed and acquired by another one detects it, reports the reason, and changes no file', async () => {
  await using place = await aStore()
  const ledger = createLedger()
  await using first = spawnSidecar(place.store)
  const url = await urlOf(first)
  await sendNumbers(url, ledger.take(3), ledger, random)
  await using second = await startBeside(first, place)
  const secondUrl = await urlOf(second)
  await expect.poll(() => first.log(), { timeout: 30_000 }).toContain('is in use by process')
  const readiness = await fetch(`${url}/readyz?verbose`)
  expect(readiness.status).toBe(503)
  expect(await readiness.text()).toMatch(/lock\.db was removed .* restart this process/)
  expect(await statusOf(url, '/api/v1/attempts')).toBe(503)
  expect(await sendNumbers(url, ledger.take(1), ledger, random)).toBe('refused')
  expect(await statusOf(url, '/api/v1/report')).toBe(200)
  expect(await sendNumbers(secondUrl, ledger.take(4), ledger, random)).toBe('kept')
  expect(await end(second, 'SIGTERM')).toBe(0)
  const document = await readFile(place.store, 'utf8')
  await end(first, 'SIGTERM')
  expect(await readFile(place.store, 'utf8')).toBe(document)
  await using third = await expectAllKept(place.store, ledger)
  expect(third.log()).not.toContain('two processes')
}, 40_000)

test('a sidecar that was suspended while its lock was removed and another one started answers no 200 when it resumes', async () => {
  await using place = await aStore()
  const ledgers = [ledgerFrom(0), ledgerFrom(1_000_000)] as const
  await using first = spawnSidecar(place.store)
  const url = await urlOf(first)
  const running = load(url, { ledger: ledgers[0], random, sizes: () => 5, clients: 4 })
  await expect.poll(() => ledgers[0].counts.kept, { timeout: 10_000 }).toBeGreaterThan(200)
  first.process.kill('SIGSTOP')
  await rm(place.lock)
  await using second = spawnSidecar(place.store)
  const secondUrl = await urlOf(second)
  expect(await sendNumbers(secondUrl, ledgers[1].take(20), ledgers[1], random)).toBe('kept')
  first.process.kill('SIGCONT')
  await notReady(url)
  expect(await sendNumbers(secondUrl, ledgers[1].take(20), ledgers[1], random)).toBe('kept')
  expect(await statusOf(secondUrl, '/readyz')).toBe(200)
  await Promise.all([end(first, 'SIGTERM'), running])
  expect(await end(second, 'SIGTERM')).toBe(0)
  await using _ = await expectAllKept(place.store, ...ledgers)
}, 40_000)

test('a sidecar whose journal directory was moved is not ready, refuses attempts and lists until it is moved back', async () => {
  await using place = await aStore()
  const ledger = createLedger()
  await using sidecar = spawnSidecar(place.store)
  const url = await urlOf(sidecar)
  await sendNumbers(url, ledger.take(5), ledger, random)
  await rename(place.journal, `${place.journal}.away`)
  expect(await statusOf(url, '/api/v1/attempts')).toBe(503)
  expect(await statusOf(url, '/readyz')).toBe(503)
  expect(await sendNumbers(url, ledger.take(1), ledger, random)).toBe('refused')
  expect(await (await fetch(`${url}/readyz?verbose`)).text()).toContain(`moved to ${place.journal}.away`)
  await rename(`${place.journal}.away`, place.journal)
  await expect.poll(() => statusOf(url, '/readyz'), { timeout: 10_000 }).toBe(200)
  expect(await sendNumbers(url, ledger.take(5), ledger, random)).toBe('kept')
  expect(await end(sidecar, 'SIGTERM')).toBe(0)
  await using _ = await expectAllKept(place.store, ledger)
}, 30_000)

test('a sidecar whose lock was removed acquires it again if no other one did, and then a second is refused', async () => {
  await using place = await aStore()
  const ledger = createLedger()
  await using sidecar = spawnSidecar(place.store)
  const url = await urlOf(sidecar)
  await sendNumbers(url, ledger.take(5), ledger, random)
  await rm(place.lock)
  await notReady(url)
  await expect.poll(() => statusOf(url, '/readyz'), { timeout: 10_000 }).toBe(200)
  await using second = spawnSidecar(place.store)
  expect(await second.ended).toBe(75)
  expect(await sendNumbers(url, ledger.take(5), ledger, random)).toBe('kept')
  expect(await end(sidecar, 'SIGTERM')).toBe(0)
  await using _ = await expectAllKept(place.store, ledger)
}, 30_000)
