/** Starting on a disk that fails. */
import { expect, test, vi } from 'vitest'
import { UnusablePath } from '../../../src/store/file/errors.ts'
import { OWNERSHIP_TIMES } from '../../../src/store/file/lock/ownership.ts'
import { createFakeFileSystem, type Fault } from './fake-file-system.ts'
import { countedIn, createLedger, idsIn, openFake, PATH, send } from './fixtures.ts'

const error = (code: string): Fault => ({ kind: 'error', code })

test('a store starts on a full disk, answers questions, and reports that it cannot record attempts', async () => {
  const first = createFakeFileSystem()
  const ledger = createLedger()
  const before = await openFake(first)
  await send(before, ledger, 1, 2)
  const fileSystem = createFakeFileSystem(first.disk)
  fileSystem.fault = ({ name }) => (name === 'write' || name === 'create' ? error('ENOSPC') : undefined)
  const store = await openFake(fileSystem)
  expect(await idsIn(store)).toEqual(['id 1', 'id 2'])
  await expect(send(store, ledger, 3)).rejects.toMatchObject({ reason: 'failing' })
  await store.close()
})

test('a start that fails at any operation loses no attempt, and the next start finds all of them', async () => {
  const first = createFakeFileSystem()
  const ledger = createLedger()
  const before = await openFake(first)
  await send(before, ledger, 1, 2)
  for (let at = 0, failed = true; failed; at++) {
    failed = false
    const fileSystem = createFakeFileSystem(first.disk)
    fileSystem.fault = ({ index }) => {
      if (index !== at) return undefined
      failed = true
      return error('EIO')
    }
    const opened = await openFake(fileSystem).catch(problem => problem)
    if (opened instanceof UnusablePath) expect(opened).toMatchObject({ path: PATH, code: 'EIO', exitCode: 73 })
    else await opened.close()
    const next = await openFake(createFakeFileSystem(first.disk))
    expect(await idsIn(next)).toEqual(['id 1', 'id 2'])
    expect(await countedIn(next)).toBe(2)
    await next.close()
  }
})

test('a start that fails after everything is folded leaves no timer and no lock', async () => {
  const first = createFakeFileSystem()
  const before = await openFake(first)
  await send(before, createLedger(), 1, 2)
  await before.close()
  first.plant(PATH, '{"metrics": {}}')
  const fileSystem = createFakeFileSystem(first.disk)
  fileSystem.fault = ({ name, path }) => (name === 'rename' && path.includes('.foreign-') ? error('EIO') : undefined)
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] })
  try {
    await expect(openFake(fileSystem, { ownership: OWNERSHIP_TIMES })).rejects.toMatchObject({ code: 'EIO' })
    expect(vi.getTimerCount()).toBe(0)
  } finally {
    vi.useRealTimers()
  }
  fileSystem.fault = undefined
  const next = await openFake(fileSystem)
  expect(await countedIn(next)).toBe(2)
  await next.close()
})
