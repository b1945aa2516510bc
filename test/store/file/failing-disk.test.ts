/** A failing disk. Refused attempts do not count, acknowledged ones do, and the store recovers by itself. */
import { dirname } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { StoreUnavailable } from '../../../src/core/ports.ts'
import { StoreLocked } from '../../../src/store/file/errors.ts'
import type { FileStore } from '../../../src/store/file/file-store.ts'
import { afterPowerLoss } from './fake-disk.ts'
import { createFakeFileSystem, type Fault, type Operation } from './fake-file-system.ts'
import { attempt, countedIn, createLedger, idsIn, openFake, PATH, send } from './fixtures.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})
afterEach(() => {
  vi.useRealTimers()
})

async function recovered(store: FileStore): Promise<void> {
  for (let turn = 0; !store.health().writable; turn++) {
    if (turn > 1000) throw new Error('it does not recover')
    vi.advanceTimersByTime(1000)
    await nextTurn()
  }
}

const isJournal = ({ path }: Operation): boolean => path.endsWith('.ndjson')
const error = (code: string, done: 'nothing' | 'half' | 'all' = 'nothing'): Fault => ({ kind: 'error', code, done })

describe.each(['nothing', 'half', 'all'] as const)('an operation that fails when it has done %s', done => {
  test('loses only the refused attempts, whichever operation it is', async () => {
    let failed = true
    for (let at = 0; failed; at++) {
      failed = false
      const fileSystem = createFakeFileSystem()
      const ledger = createLedger()
      const store = await openFake(fileSystem)
      const first = fileSystem.operations.length
      fileSystem.fault = ({ index }) => {
        if (index !== first + at) return undefined
        failed = true
        return error('EIO', done)
      }
      for (const ids of [[1], [2, 3], [4], [5, 6]]) {
        await send(store, ledger, ...ids).catch(refusal => expect(refusal).toBeInstanceOf(StoreUnavailable))
        await recovered(store)
        vi.advanceTimersByTime(1000)
        await nextTurn()
      }
      // The failed operation may be one of this query.
      expect(await idsIn(store).catch(() => idsIn(store))).toEqual([...ledger.kept].sort())
      expect(await countedIn(store)).toBe(ledger.kept.size)
      await store.close()
      const again = await openFake(createFakeFileSystem(afterPowerLoss(fileSystem.disk)))
      const what = `operation ${at}: ${JSON.stringify(fileSystem.operations[first + at])}`
      expect(await idsIn(again), what).toEqual([...ledger.kept].sort())
      expect(await countedIn(again), what).toBe(ledger.kept.size)
      await again.close()
    }
  })
})

test('a full disk refuses attempts, answers questions, and takes attempts again when there is space', async () => {
  const fileSystem = createFakeFileSystem()
  const ledger = createLedger()
  const store = await openFake(fileSystem)
  await send(store, ledger, 1, 2)
  fileSystem.fault = ({ name }) => (name === 'write' || name === 'create' ? error('ENOSPC', 'half') : undefined)
  await expect(send(store, ledger, 3)).rejects.toMatchObject({ reason: 'failing', message: /ENOSPC/ })
  expect(store.health()).toMatchObject({ writable: false, reason: /ENOSPC/ })
  await expect(send(store, ledger, 4)).rejects.toBeInstanceOf(StoreUnavailable)
  expect(await countedIn(store)).toBe(2)
  expect(await idsIn(store)).toEqual(['id 1', 'id 2'])
  vi.advanceTimersByTime(5000)
  await nextTurn()
  expect(store.health().writable).toBe(false)
  fileSystem.fault = undefined
  await recovered(store)
  await send(store, ledger, 3, 4)
  await store.close()
  const again = await openFake(createFakeFileSystem(fileSystem.disk))
  expect(await idsIn(again)).toEqual(['id 1', 'id 2', 'id 3', 'id 4'])
  expect(await countedIn(again)).toBe(4)
})

test('a descriptor whose sync failed is never synced again', async () => {
  const fileSystem = createFakeFileSystem()
  const ledger = createLedger()
  const store = await openFake(fileSystem)
  await send(store, ledger, 1)
  let failed: Operation | undefined
  fileSystem.fault = operation => {
    if (failed !== undefined || operation.name !== 'sync' || !isJournal(operation)) return undefined
    failed = operation
    return error('EIO', 'all')
  }
  await expect(send(store, ledger, 2)).rejects.toBeInstanceOf(StoreUnavailable)
  await recovered(store)
  await send(store, ledger, 2, 3)
  const later = fileSystem.operations.slice(failed!.index + 1).filter(one => one.path === failed!.path)
  expect(later.map(one => one.name).filter(name => name === 'sync' || name === 'write')).toEqual([])
  await store.close()
})

test('attempts that wait behind a failed group are refused with it, and not written', async () => {
  const fileSystem = createFakeFileSystem()
  const ledger = createLedger()
  const store = await openFake(fileSystem)
  await send(store, ledger, 1)
  let behind: Promise<void> | undefined
  fileSystem.fault = operation => {
    if (!isJournal(operation)) return undefined
    behind ??= send(store, ledger, 3)
    return error('EIO')
  }
  const first = fileSystem.operations.length
  await expect(send(store, ledger, 2)).rejects.toMatchObject({ reason: 'failing' })
  await expect(behind).rejects.toMatchObject({ reason: 'failing' })
  const tried = fileSystem.operations.slice(first).filter(isJournal)
  expect(tried.map(one => one.name)).toEqual(['write', 'close', 'truncate'])
  expect(store.stats()).toMatchObject({ pendingRequests: 0, pendingAttempts: 0 })
  await store.close()
})

test('a refused group that reached the disk does not come back, even if it cannot be truncated', async () => {
  const fileSystem = createFakeFileSystem()
  const ledger = createLedger()
  const store = await openFake(fileSystem)
  await send(store, ledger, 1)
  let armed = true
  fileSystem.fault = operation => {
    if (operation.name === 'truncate') return error('EIO')
    if (!armed || operation.name !== 'sync' || !isJournal(operation)) return undefined
    armed = false
    return error('EIO', 'all')
  }
  await expect(send(store, ledger, 2)).rejects.toBeInstanceOf(StoreUnavailable)
  await recovered(store)
  await send(store, ledger, 3)
  expect(await idsIn(store)).toEqual(['id 1', 'id 3'])
  const again = await openFake(createFakeFileSystem(afterPowerLoss(fileSystem.disk)))
  expect(await idsIn(again)).toEqual(['id 1', 'id 3'])
  expect(await countedIn(again)).toBe(2)
})

test('a refused group is truncated at once, and does not come back if the process is killed then', async () => {
  const fileSystem = createFakeFileSystem()
  const ledger = createLedger()
  const store = await openFake(fileSystem)
  await send(store, ledger, 1)
  const path = fileSystem.operations.findLast(isJournal)!.path
  const before = fileSystem.contentOf(path)
  fileSystem.fault = operation => (operation.name === 'sync' && isJournal(operation) ? error('EIO', 'all') : undefined)
  await expect(send(store, ledger, 2)).rejects.toBeInstanceOf(StoreUnavailable)
  expect(fileSystem.contentOf(path)).toEqual(before)
  const again = await openFake(createFakeFileSystem(fileSystem.disk))
  expect(await idsIn(again)).toEqual(['id 1'])
})

test('a new segment that was refused does not come back, even if it cannot be removed', async () => {
  const fileSystem = createFakeFileSystem()
  const ledger = createLedger()
  const store = await openFake(fileSystem)
  let armed = true
  fileSystem.fault = operation => {
    if (operation.name === 'remove') return error('EIO')
    if (!armed || operation.name !== 'sync' || !isJournal(operation)) return undefined
    armed = false
    return error('EIO', 'all')
  }
  await expect(send(store, ledger, 1)).rejects.toBeInstanceOf(StoreUnavailable)
  await recovered(store)
  await send(store, ledger, 2)
  expect(await idsIn(store)).toEqual(['id 2'])
  const again = await openFake(createFakeFileSystem(afterPowerLoss(fileSystem.disk)))
  expect(await idsIn(again)).toEqual(['id 2'])
  expect(await countedIn(again)).toBe(1)
})

test('a document that cannot be written stays unchanged, and is written as soon as possible', async () => {
  const fileSystem = createFakeFileSystem()
  const ledger = createLedger()
  const store = await openFake(fileSystem)
  await send(store, ledger, 1)
  await vi.waitUntil(async () => {
    vi.advanceTimersByTime(100)
    await nextTurn()
    return fileSystem.contentOf(PATH)?.includes('"total_attempts":1')
  })
  const before = fileSystem.contentOf(PATH)
  fileSystem.fault = ({ path }) => (path.includes('document.json') ? error('ENOSPC', 'half') : undefined)
  await send(store, ledger, 4)
  await vi.waitUntil(async () => {
    vi.advanceTimersByTime(100)
    await nextTurn()
    return store.stats().document.errors > 0
  })
  expect(fileSystem.contentOf(PATH)).toEqual(before)
  expect(store.health().writable).toBe(true)
  fileSystem.fault = undefined
  await vi.waitUntil(async () => {
    vi.advanceTimersByTime(1000)
    await nextTurn()
    return fileSystem.contentOf(PATH)?.includes('"total_attempts":2')
  })
  await store.close()
})

test('a disk that does not respond delays attempts up to a bound, and further ones are refused', async () => {
  const fileSystem = createFakeFileSystem()
  const ledger = createLedger()
  const store = await openFake(fileSystem, { maxPendingAttempts: 3 })
  let answer = (): void => {}
  const until = new Promise<void>(resolve => {
    answer = resolve
  })
  fileSystem.fault = operation =>
    operation.name === 'sync' && isJournal(operation) ? { kind: 'wait', until } : undefined
  const held = [send(store, ledger, 1), send(store, ledger, 2, 3)]
  await expect(send(store, ledger, 4)).rejects.toMatchObject({ reason: 'overloaded', retryAfterSeconds: 1 })
  expect(store.stats()).toMatchObject({ pendingRequests: 2, pendingAttempts: 3 })
  expect(await countedIn(store)).toBe(0)
  answer()
  await Promise.all(held)
  expect(await countedIn(store)).toBe(3)
  await send(store, ledger, 4)
  await store.close()
})

test('a segment that another program deleted, replaced or wrote to is abandoned before another attempt is acknowledged', async () => {
  for (const content of [undefined, 'something else\n']) {
    const fileSystem = createFakeFileSystem()
    const ledger = createLedger()
    const store = await openFake(fileSystem)
    await send(store, ledger, 1, 2)
    const path = fileSystem.operations.findLast(one => isJournal(one))!.path
    fileSystem.plant(path, content)
    await expect(send(store, ledger, 3)).rejects.toBeInstanceOf(StoreUnavailable)
    await recovered(store)
    await send(store, ledger, 3)
    // Its attempts cannot be listed but stay counted: a snapshot is taken at once.
    await vi.waitUntil(async () => {
      vi.advanceTimersByTime(100)
      await nextTurn()
      return store.stats().snapshot.writes > 0
    })
    const again = await openFake(createFakeFileSystem(afterPowerLoss(fileSystem.disk)))
    expect(await countedIn(again)).toBe(3)
    await again.close()
  }
})

test('a deleted journal directory is created again, with everything that was counted', async () => {
  const fileSystem = createFakeFileSystem()
  const ledger = createLedger()
  const store = await openFake(fileSystem)
  await send(store, ledger, 1, 2)
  fileSystem.plant(dirname(fileSystem.operations.findLast(isJournal)!.path), undefined)
  await expect(send(store, ledger, 3)).rejects.toBeInstanceOf(StoreUnavailable)
  await recovered(store)
  await send(store, ledger, 3)
  await expect(openFake(fileSystem)).rejects.toBeInstanceOf(StoreLocked)
  await store.close()
  const again = await openFake(createFakeFileSystem(afterPowerLoss(fileSystem.disk)))
  expect(await countedIn(again)).toBe(3)
  expect(await again.append([attempt(1), attempt(2), attempt(3)])).toEqual({ accepted: 0, duplicates: 3 })
  await again.close()
})
