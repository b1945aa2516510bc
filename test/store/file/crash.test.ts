/** The process ends, or the power does, at every single operation of a short history: what was acknowledged is counted once. */
import { describe, expect, test } from 'vitest'
import {
  afterPowerLoss,
  createDisk,
  createFakeFileSystem,
  type Disk,
  type FakeFileSystem,
  type Fault,
} from './fake-file-system.ts'
import { attempt, countedIn, createLedger, idsIn, type Ledger, openFake, randomFrom, send } from './fixtures.ts'

/** Two lives of a store, with groups, repeats, batches and a restart between them. */
async function history(fileSystem: FakeFileSystem, ledger: Ledger): Promise<void> {
  const first = await openFake(fileSystem)
  await Promise.allSettled([send(first, ledger, 1), send(first, ledger, 2, 3), send(first, ledger, 2)])
  await Promise.allSettled([send(first, ledger, 4), send(first, ledger, 4), send(first, ledger, 5, 6, 7)])
  await first.close()
  const second = await openFake(fileSystem)
  await Promise.allSettled([send(second, ledger, 7, 8), send(second, ledger, 9)])
  await Promise.allSettled([send(second, ledger, 10)])
  await second.close()
}

/** All that was acknowledged is there once, nothing that was not sent; and sending all of it again makes it complete. */
async function check(disk: Disk, ledger: Ledger): Promise<void> {
  const store = await openFake(createFakeFileSystem(disk))
  const ids = await idsIn(store)
  expect(new Set(ids).size).toBe(ids.length)
  expect(await countedIn(store)).toBe(ids.length)
  expect(ids).toEqual(expect.arrayContaining([...ledger.kept]))
  for (const id of ids) expect(ledger.sent).toContain(id)
  const all = Array.from({ length: 10 }, (_, i) => attempt(i + 1))
  expect(await store.append(all)).toEqual({ accepted: 10 - ids.length, duplicates: ids.length })
  await store.close()
  const again = await openFake(createFakeFileSystem(afterPowerLoss(disk)))
  expect(await countedIn(again)).toBe(10)
  expect(await idsIn(again)).toEqual(all.map(one => one.attempt_id).sort())
  await again.close()
}

type Ending = (disk: Disk, at: number) => Disk
const ENDINGS: readonly (readonly [string, Ending])[] = [
  ['the process is killed', disk => disk],
  ['the power is lost with all that was not synced', disk => afterPowerLoss(disk)],
  ['the power is lost with some of what was not synced', (disk, at) => afterPowerLoss(disk, randomFrom(at))],
]
const DONE = ['nothing', 'half', 'all'] as const

describe.each(ENDINGS)('when %s', (_name, ending) => {
  test.each(DONE)('after any operation that has done %s, every acknowledged attempt is counted once', async done => {
    let at = 0
    for (let reached = true; reached; at++) {
      reached = false
      const fileSystem = createFakeFileSystem(createDisk())
      fileSystem.fault = ({ index }): Fault | undefined => {
        if (index < at) return undefined
        reached = true
        return { kind: 'end', done }
      }
      const ledger = createLedger()
      await history(fileSystem, ledger).catch(() => {})
      await check(ending(fileSystem.disk, at), ledger).catch(error => {
        const last = fileSystem.operations[at]
        throw new Error(`operation ${at}: ${last?.name} ${last?.path}`, { cause: error })
      })
    }
    expect(at).toBeGreaterThan(50)
  })
})
