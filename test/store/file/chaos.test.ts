/** Runs of a store, one after the other on the same disk, which fails at random. Each process ends at random. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { FileStore } from '../../../src/store/file/file-store.ts'
import { afterPowerLoss, createDisk, type Disk } from './fake-disk.ts'
import { createFakeFileSystem, type FakeFileSystem, type Fault } from './fake-file-system.ts'
import { countedIn, createLedger, idsIn, type Ledger, NOW, openFake, randomFrom, send } from './fixtures.ts'

const RUNS = 6
const DONE = ['nothing', 'half', 'all'] as const

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})
afterEach(() => {
  vi.useRealTimers()
})

/** Makes operations fail with a probability, and ends the process at one of them. */
function failAtRandom(fileSystem: FakeFileSystem, random: () => number): void {
  const endAt = Math.floor(random() * 120)
  const failing = random() < 0.5 ? 0 : random() * 0.2
  const done = (): (typeof DONE)[number] => DONE[Math.floor(random() * 3)]!
  fileSystem.fault = ({ index }): Fault | undefined => {
    if (index >= endAt) return { kind: 'end', done: done() }
    return random() < failing ? { kind: 'error', code: random() < 0.5 ? 'EIO' : 'ENOSPC', done: done() } : undefined
  }
}

/** Ends the process: its operations fail and its timers do not fire. */
function end(fileSystem: FakeFileSystem): void {
  fileSystem.fault = () => ({ kind: 'end', done: 'nothing' })
  vi.clearAllTimers()
}

/** Sends new and repeated attempts, several at a time, until the process ends. */
async function run(store: FileStore, ledger: Ledger, random: () => number, numbers: { next: number }): Promise<void> {
  for (let round = 0; round < 12; round++) {
    const calls = Array.from({ length: 1 + Math.floor(random() * 4) }, () => {
      const fresh = Array.from({ length: Math.floor(random() * 4) }, () => numbers.next++)
      const old = random() < 0.5 ? [Math.floor(random() * numbers.next)] : []
      return send(store, ledger, ...fresh, ...old).catch(() => {})
    })
    await Promise.all(calls)
    vi.advanceTimersByTime(random() < 0.2 ? 60_000 : 1000)
    await nextTurn()
  }
  if (random() < 0.5) await store.close()
}

test('every acknowledged attempt is counted once, and nothing is counted that was not sent', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer(), async seed => {
      const random = randomFrom(seed)
      const ledger = createLedger()
      const numbers = { next: 0 }
      let disk: Disk = createDisk()
      let nowMs = NOW
      for (let one = 0; one < RUNS; one++) {
        const fileSystem = createFakeFileSystem(disk)
        failAtRandom(fileSystem, random)
        nowMs += 1000
        const store = await openFake(fileSystem, { clock: () => nowMs }).catch(() => undefined)
        if (store !== undefined) await run(store, ledger, random, numbers)
        end(fileSystem)
        if (random() < 0.5) disk = afterPowerLoss(disk, random() < 0.5 ? random : () => 0)
        const healthy = createFakeFileSystem(disk)
        const recovered = await openFake(healthy, { clock: () => nowMs })
        const ids = await idsIn(recovered)
        expect(new Set(ids).size).toBe(ids.length)
        expect(await countedIn(recovered)).toBe(ids.length)
        expect(ids).toEqual(expect.arrayContaining([...ledger.kept]))
        for (const id of ids) expect(ledger.sent).toContain(id)
        for (const id of ids) ledger.kept.add(id)
        if (random() < 0.5) await recovered.close()
        end(healthy)
      }
    }),
    { numRuns: 150 },
  )
})
