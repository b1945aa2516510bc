/** Ends the process, or cuts the power, at each operation of a short history. Every acknowledged attempt must count once. */
import { describe, expect, test } from 'vitest'
import type { FileStore, FileStoreOptions } from '../../../src/store/file/file-store.ts'
import { atEveryChange, createUnchecked, DONE, ENDINGS, repeatableBytes } from './endings.ts'
import { afterPowerLoss, createDisk, type Disk } from './fake-disk.ts'
import { createFakeFileSystem, type FakeFileSystem } from './fake-file-system.ts'
import { attempt, countedIn, createLedger, idsIn, type Ledger, openFake, send } from './fixtures.ts'

/** Appends groups, repeats and batches, restarts, and appends again. */
async function history(fileSystem: FakeFileSystem, ledger: Ledger): Promise<void> {
  const random = repeatableBytes()
  const first = await openFake(fileSystem, { random })
  await Promise.allSettled([send(first, ledger, 1), send(first, ledger, 2, 3), send(first, ledger, 2)])
  await Promise.allSettled([send(first, ledger, 4), send(first, ledger, 4), send(first, ledger, 5, 6, 7)])
  await first.close()
  const second = await openFake(fileSystem, { random })
  await Promise.allSettled([send(second, ledger, 7, 8), send(second, ledger, 9)])
  await Promise.allSettled([send(second, ledger, 10)])
  await second.close()
}

/** Of each kind of check, the states that no test has checked yet. The endings and the two parts of an operation share many. */
const isUnchecked = createUnchecked()
const isUncheckedWhileExpiring = createUnchecked()
const isUncheckedReset = createUnchecked()

/** Every acknowledged attempt counts once, and nothing counts that was not sent. Sending all attempts again completes the store. */
async function check(disk: Disk, ledger: Ledger): Promise<void> {
  const fileSystem = createFakeFileSystem(disk)
  // The holder file only improves a message. Nothing may depend on it.
  fileSystem.fault = ({ path }) => (path.includes('holder.json') ? { kind: 'error', code: 'ENOSPC' } : undefined)
  const store = await openFake(fileSystem)
  const ids = await idsIn(store)
  expect(new Set(ids).size).toBe(ids.length)
  expect(await countedIn(store)).toBe(ids.length)
  expect(ids).toEqual(expect.arrayContaining([...ledger.kept]))
  for (const id of ids) expect(ledger.sent).toContain(id)
  // What the store answers now, and refuses as a duplicate, must survive a power loss.
  const lasting = await openFake(createFakeFileSystem(afterPowerLoss(disk)))
  expect(await idsIn(lasting)).toEqual(ids)
  const all = Array.from({ length: 10 }, (_, i) => attempt(i + 1))
  expect(await store.append(all)).toEqual({ accepted: 10 - ids.length, duplicates: ids.length })
  const complete = all.map(one => one.attempt_id).sort()
  expect(await idsIn(await openFake(createFakeFileSystem(afterPowerLoss(disk))))).toEqual(complete)
  await store.close()
  const again = await openFake(createFakeFileSystem(afterPowerLoss(disk)))
  expect(await countedIn(again)).toBe(10)
  expect(await idsIn(again)).toEqual(complete)
  await again.close()
}

/** The files that may be in the journal's directory while no process has the store open. */
const OWN_FILES = /^(lock\.db|holder\.json|oldest\.record|snapshot-\d{20}\.bin|\d{20}\.ndjson)$/

describe.each(ENDINGS)('when %s', { timeout: 150_000 }, (_name, ending) => {
  test.each(DONE.flatMap(done => [0, 600].map(preallocatedBytes => ({ done, preallocatedBytes }))))(
    'after any operation that has done $done, with $preallocatedBytes preallocated bytes, every acknowledged attempt is counted once',
    async ({ done, preallocatedBytes }) => {
      const runs = await atEveryChange(createDisk, { done, preallocatedBytes }, async (fileSystem, at) => {
        const ledger = createLedger()
        await history(fileSystem, ledger).catch(() => {})
        for (const disk of ending(fileSystem.disk, at))
          if (isUnchecked(disk, ledger.sent, ledger.kept)) await check(disk, ledger)
      })
      expect(runs).toBeGreaterThan(30)
    },
  )

  test.each(DONE)(
    'after any operation that has done %s while old segments expire, all attempts count, and no file is left over',
    async done => {
      const ALL = [1, 2, 3, 4, 5, 6, 7, 8]
      const open = (fileSystem: FakeFileSystem, more: Partial<FileStoreOptions> = {}): Promise<FileStore> =>
        openFake(fileSystem, { retention: { maxAgeMs: Number.MAX_SAFE_INTEGER, maxBytes: 1 }, ...more })
      const runs = async (fileSystem: FakeFileSystem, ledger: Ledger): Promise<void> => {
        const random = repeatableBytes()
        for (const id of [1, 3, 5, 7]) {
          const store = await open(fileSystem, { random })
          await Promise.allSettled([send(store, ledger, id), send(store, ledger, id + 1)])
          await store.close()
        }
      }
      const removals = new Set<string>()
      const check = async (disk: Disk, ledger: Ledger): Promise<void> => {
        const store = await open(createFakeFileSystem(disk))
        const counted = await countedIn(store)
        const kept = ALL.map(id => attempt(id)).filter(one => ledger.kept.has(one.attempt_id!))
        expect(await store.append(kept)).toEqual({ accepted: 0, duplicates: kept.length })
        expect(counted + (await store.append(ALL.map(id => attempt(id)))).accepted).toBe(ALL.length)
        await store.close()
        for (let start = 0; start < 2; start++) await (await open(createFakeFileSystem(disk))).close()
        const last = createFakeFileSystem(disk)
        const again = await open(last)
        expect(await countedIn(again)).toBe(ALL.length)
        // No missing file is reported as damage: retention removed it.
        await again.verify()
        expect(again.stats().damage.files).toBe(0)
        await again.close()
        const names = await last.list('/data/perf.journal')
        expect(names.filter(name => !OWN_FILES.test(name))).toEqual([])
        expect(names.filter(name => name.endsWith('.ndjson')).length).toBeLessThan(4)
      }
      await atEveryChange(createDisk, { done }, async (fileSystem, at) => {
        const ledger = createLedger()
        await runs(fileSystem, ledger).catch(() => {})
        for (const { name, path } of fileSystem.operations) if (name === 'remove') removals.add(path)
        for (const disk of ending(fileSystem.disk, at))
          if (isUncheckedWhileExpiring(disk, ledger.sent, ledger.kept)) await check(disk, ledger)
      })
      expect([...removals].filter(path => path.endsWith('.ndjson')).length).toBeGreaterThan(0)
    },
  )

  test.each(DONE)('after any operation that has done %s, a reset is complete or has not happened', async done => {
    await atEveryChange(createDisk, { done }, async (fileSystem, at) => {
      const before = createLedger()
      const after = createLedger()
      const reset = { begun: false, done: false }
      const run = async (): Promise<void> => {
        const store = await openFake(fileSystem, { random: repeatableBytes() })
        await send(store, before, 1, 2)
        reset.begun = true
        await store.reset()
        reset.done = true
        await send(store, after, 2, 3)
        await send(store, after, 4)
        await store.close()
      }
      await run().catch(() => {})
      const known = [before.sent, before.kept, after.sent, after.kept, [Number(reset.begun), Number(reset.done)]]
      for (const disk of ending(fileSystem.disk, at)) {
        if (!isUncheckedReset(disk, ...known)) continue
        const store = await openFake(createFakeFileSystem(disk))
        const ids = await idsIn(store)
        expect(await countedIn(store)).toBe(ids.length)
        if (reset.done) {
          expect(ids).toEqual(expect.arrayContaining([...after.kept]))
          for (const id of ids) expect(after.sent).toContain(id)
        } else if (!reset.begun || ids.length > 0) expect(ids).toEqual(expect.arrayContaining([...before.kept]))
        const all = [1, 2, 3, 4].map(id => attempt(id))
        expect(await store.append(all)).toEqual({ accepted: 4 - ids.length, duplicates: ids.length })
        await store.close()
      }
    })
  })
})
