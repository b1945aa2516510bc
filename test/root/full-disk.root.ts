/** A full tmpfs, because only a real file system makes short writes. */
import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { createRandom } from '../../src/core/statistics/random.ts'
import { audit } from '../chaos/audit.ts'
import { resendUnanswered, sendNumbers } from '../chaos/client.ts'
import { totalOf } from '../chaos/kill-runs.ts'
import { createLedger, type Ledger } from '../chaos/ledger.ts'
import { end, spawnSidecar, urlOf } from '../chaos/spawned.ts'
import { anAttempt } from '../support/sidecar.ts'
import { AS_NOBODY, needs } from './needs.ts'
import { mountSmallDisk, type SmallDisk } from './small-disk.ts'

const random = createRandom(1)
const statusOf = async (url: string, path: string): Promise<number> => {
  const answer = await fetch(url + path)
  await answer.arrayBuffer()
  return answer.status
}
const isReady = async (url: string): Promise<boolean> => (await statusOf(url, '/readyz')) === 200

/** Sends attempts until the sidecar refuses them. */
async function sendUntilRefused(url: string, ledger: Ledger, atOnce: number): Promise<void> {
  for (let i = 0; i < 10_000; i++) {
    if ((await sendNumbers(url, ledger.take(atOnce), ledger, random)) === 'refused') return
  }
  throw new Error('the sidecar refused no attempts')
}

/** The value of a counter of the sidecar's self-metrics. */
async function counter(url: string, name: string): Promise<number> {
  const scrape = await (await fetch(`${url}/metrics`)).text()
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(scrape)?.[1])
}

const NOTHING_WRONG = { lost: 0, double: 0, wrong: 0, faults: [] }

describe('a full disk', () => {
  beforeEach(context => needs(context, 'root', 'mount'))

  test.each([1, 700])(
    'refuses %d attempts at once with 503 and Retry-After, keeps answering, recovers by itself, and leaves no partial record',
    async atOnce => {
      using disk = mountSmallDisk('size=4m')
      const ledger = createLedger()
      await using sidecar = spawnSidecar(disk.store)
      const url = await urlOf(sidecar)
      await sendNumbers(url, ledger.take(10), ledger, random)
      // The free space is not a multiple of a group, so that the last write is partial.
      disk.fill(100_000)
      await sendUntilRefused(url, ledger, atOnce)
      expect(await statusOf(url, '/readyz')).toBe(503)
      expect(await statusOf(url, '/livez')).toBe(200)
      for (const path of ['/api/v1/report', '/api/v1/metrics', '/api/v1/attempts?limit=1000', '/metrics'])
        expect(await statusOf(url, path), path).toBe(200)
      expect(await totalOf(url)).toBe(ledger.counts.kept)
      disk.empty()
      await expect.poll(() => isReady(url), { timeout: 40_000, interval: 100 }).toBe(true)
      expect(await sendNumbers(url, ledger.take(20), ledger, random)).toBe('kept')
      expect(await end(sidecar, 'SIGKILL')).toBe('SIGKILL')
      await using again = spawnSidecar(disk.store)
      const next = await urlOf(again)
      expect(await audit(next, disk.store, ledger)).toEqual(NOTHING_WRONG)
      expect(ledger.counts.refused).toBeGreaterThan(0)
      expect(await counter(next, 'agent_performance_journal_torn_bytes_total')).toBe(0)
      expect(await counter(next, 'agent_performance_journal_corrupt_records_total')).toBe(0)
      expect(await end(again, 'SIGTERM')).toBe(0)
    },
  )

  test('keeps the old document byte for byte if a new one does not fit, and removes the temp file', async () => {
    using disk = mountSmallDisk('size=8m')
    await using sidecar = spawnSidecar(disk.store)
    const url = await urlOf(sidecar)
    const record = (attempts: unknown[]): Promise<Response> =>
      fetch(`${url}/api/v1/attempts`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(attempts),
      })
    await record(Array.from({ length: 8000 }, (_, i) => anAttempt({ agent_name: `agent-${i % 200}` })))
    const documentHolds = async (total: number): Promise<boolean> => {
      const { metrics } = JSON.parse(await readFile(disk.store, 'utf8')) as {
        metrics: Record<string, { total_attempts: number }>
      }
      return Object.values(metrics).reduce((sum, one) => sum + one.total_attempts, 0) === total
    }
    await expect.poll(() => documentHolds(8000).catch(() => false)).toBe(true)
    const before = await readFile(disk.store)
    disk.fill(before.length / 2)
    expect((await record([anAttempt()])).status).toBe(200)
    const errors = (): Promise<number> => counter(url, 'agent_performance_document_write_errors_total')
    await expect.poll(errors, { timeout: 20_000 }).toBeGreaterThan(0)
    expect((await readFile(disk.store)).equals(before)).toBe(true)
    const journal = await readdir(disk.store.replace(/\.json$/, '.journal'))
    expect(journal.filter(name => name.startsWith('document'))).toEqual([])
    expect(await isReady(url)).toBe(true)
    disk.empty()
    await expect.poll(() => documentHolds(8001), { timeout: 40_000, interval: 200 }).toBe(true)
    expect(await end(sidecar, 'SIGTERM')).toBe(0)
  })

  test('does not prevent a sidecar from stopping, nor the next one from starting and answering, and nothing is lost', async () => {
    using disk = mountSmallDisk('size=4m')
    const ledger = createLedger()
    await using first = spawnSidecar(disk.store)
    const url = await urlOf(first)
    for (let i = 0; i < 20; i++) await sendNumbers(url, ledger.take(100), ledger, random)
    disk.fill(0)
    const startMs = performance.now()
    // Exits with 0, because all attempts are in the journal already.
    expect(await end(first, 'SIGTERM')).toBe(0)
    expect(performance.now() - startMs).toBeLessThan(20_000)
    // The stop removed the preallocated end of the newest segment, which freed 2 MiB.
    disk.fill(0)
    await using second = spawnSidecar(disk.store)
    const next = await urlOf(second)
    expect(await totalOf(next)).toBe(ledger.counts.kept)
    expect(await sendNumbers(next, ledger.take(100), ledger, random)).toBe('refused')
    expect(await statusOf(next, '/readyz')).toBe(503)
    disk.empty()
    await expect.poll(() => isReady(next), { timeout: 40_000, interval: 100 }).toBe(true)
    expect(await sendNumbers(next, ledger.take(5), ledger, random)).toBe('kept')
    expect(await audit(next, disk.store, ledger)).toEqual(NOTHING_WRONG)
    expect(await end(second, 'SIGTERM')).toBe(0)
  })

  test('filled and emptied repeatedly under load: exactly the acknowledged attempts are counted', async () => {
    using disk = mountSmallDisk('size=24m')
    const ledger = createLedger()
    await using sidecar = spawnSidecar(disk.store)
    const url = await urlOf(sidecar)
    for (let i = 0; i < 4; i++) {
      disk.fill(50_000 + 30_000 * i)
      await sendUntilRefused(url, ledger, 40)
      disk.empty()
      await expect.poll(() => isReady(url), { timeout: 40_000, interval: 50 }).toBe(true)
    }
    await resendUnanswered(url, ledger, random)
    expect(await audit(url, disk.store, ledger)).toEqual(NOTHING_WRONG)
    expect(await end(sidecar, 'SIGKILL')).toBe('SIGKILL')
    await using again = spawnSidecar(disk.store)
    expect(await audit(await urlOf(again), disk.store, ledger)).toEqual(NOTHING_WRONG)
    await end(again, 'SIGTERM')
  })
})

describe('a disk that cannot be written', () => {
  beforeEach(context => needs(context, 'root', 'mount'))

  test.each([
    ['read-only', /EROFS|read-only/i, (disk: SmallDisk) => disk.makeReadOnly()],
    ['out of inodes', /ENOSPC/, (disk: SmallDisk) => disk.fill(4096)],
  ])(
    'because it is %s fails the start with the path and the reason, and leaves no file behind',
    async (_what, why, breakDisk) => {
      using disk = mountSmallDisk('size=1m,nr_inodes=2')
      breakDisk(disk)
      await using sidecar = spawnSidecar(disk.store)
      expect(await sidecar.ready).toBeUndefined()
      expect(await sidecar.ended).toBe(73)
      expect(sidecar.log()).toContain(disk.store)
      expect(sidecar.log()).toMatch(why)
      expect((await readdir(disk.path)).filter(name => name !== 'ballast')).toEqual([])
    },
  )
})

test('a folder of another user fails the start with the path and the reason, and no file is created in it', async context => {
  needs(context, 'root', 'nobody')
  const folder = await mkdtemp(join(tmpdir(), 'agent-performance-theirs-'))
  try {
    // Other users may read, but not write.
    await chmod(folder, 0o755)
    const store = join(folder, 'agent_performance.json')
    await using sidecar = spawnSidecar(store, { under: AS_NOBODY })
    expect(await sidecar.ready).toBeUndefined()
    expect(await sidecar.ended).toBe(77)
    expect(sidecar.log()).toContain(store)
    expect(sidecar.log()).toContain('EACCES')
    expect(await readdir(folder)).toEqual([])
  } finally {
    await rm(folder, { recursive: true })
  }
})
