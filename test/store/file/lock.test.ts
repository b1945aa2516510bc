/** The lock of a store, and the detection of changes to the locked file. */
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type FileStore, openFileStore } from '../../../src/store/file/file-store.ts'
import { nodeFileSystem } from '../../../src/store/file/file-system.ts'
import { touchAll } from '../../../src/store/file/lock/directory.ts'
import { type FileLock, lockFile } from '../../../src/store/file/lock/lock.ts'
import { attempt, countedIn, idsIn, NOW, newTally } from './fixtures.ts'

let folder: string
let journal: string
let path: string
const open = (clock = (): number => NOW): Promise<FileStore> => openFileStore({ path, tally: newTally(), clock })

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lock-'))
  journal = join(folder, 'perf.journal')
  path = join(folder, 'perf.json')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

describe('a lock', () => {
  let lock: FileLock
  let file: string
  beforeEach(async () => {
    await mkdir(journal)
    file = join(journal, 'lock.db')
    lock = (await lockFile(file))!
  })
  afterEach(() => lock.release())

  test('has one holder at a time, and is free when it is released', async () => {
    expect(await lockFile(file)).toBeUndefined()
    expect(lock.isHeld()).toBe(true)
    lock.release()
    lock = (await lockFile(file))!
    expect(lock.isHeld()).toBe(true)
  })

  test.each<[string, () => Promise<void>, boolean]>([
    ['removed', () => rm(file), false],
    ['replaced', () => rename(file, `${file}.old`).then(() => writeFile(file, '')), false],
    ['removed with its directory', () => rm(journal, { recursive: true }), false],
    ['moved with its directory', () => rename(journal, `${journal}.away`), true],
  ])('whose file was %s is not held', async (_what, change, isMoved) => {
    await change()
    expect(lock.isHeld()).toBe(false)
    expect(lock.movedTo()).toBe(isMoved ? `${journal}.away` : undefined)
    if (!isMoved) return
    await rename(`${journal}.away`, journal)
    expect(lock.isHeld()).toBe(true)
    expect(lock.movedTo()).toBeUndefined()
    expect(await lockFile(file)).toBeUndefined()
  })
})

describe('a store that lost its lock to another one', () => {
  test('answers from memory, refuses attempts and listings until it restarts, and changes no file of the other one', async () => {
    const first = await open()
    await first.append([attempt(1)])
    await rm(join(journal, 'lock.db'))
    const second = await open()
    await second.append([attempt(2)])
    await expect(first.append([attempt(3)])).rejects.toMatchObject({ reason: 'failing' })
    await expect(first.reset()).rejects.toThrow('lock')
    await expect(first.attempts({ limit: 5 })).rejects.toThrow('lock')
    expect(first.health()).toMatchObject({ writable: false })
    expect(await countedIn(first)).toBe(1)
    await second.close()
    await expect.poll(() => first.health().reason, { timeout: 30_000 }).toContain('restart this process')
    const files = async (): Promise<unknown> => {
      const names = (await readdir(folder, { recursive: true })).sort()
      const contents = names.map(name => readFile(join(folder, name), 'latin1').catch(() => 'a directory'))
      return [names, await Promise.all(contents)]
    }
    const before = await files()
    await first.close()
    expect(await files()).toEqual(before)
    const third = await open()
    expect(await idsIn(third)).toEqual(expect.arrayContaining(['id 1', 'id 2']))
    await third.close()
  })

  test('does not disturb the other one, and adds nothing after a reset by it', async () => {
    const first = await open()
    await first.append([attempt(1)])
    await rm(join(journal, 'lock.db'))
    const second = await open()
    for (let id = 10; id < 15; id++) await second.append([attempt(id)])
    await second.reset()
    await second.append([attempt(20)])
    await expect(first.append([attempt(2)])).rejects.toMatchObject({ reason: 'failing' })
    await second.close()
    await first.close()
    const third = await open()
    expect(await idsIn(third)).toEqual(['id 20'])
    await third.close()
  })
})

test('all files of a store are touched, so that programs that remove old files keep them', async () => {
  const store = await open()
  await store.append([attempt(1)])
  await store.close()
  const files = [folder, ...(await readdir(folder)).map(name => join(folder, name))].slice(1)
  files.push(...(await readdir(journal)).map(name => join(journal, name)))
  for (const file of files) await utimes(file, 1, 1)
  await touchAll({ fileSystem: nodeFileSystem, directory: journal, path })
  const old = Date.now() - 60_000
  for (const file of files) {
    const { atimeMs, mtimeMs } = await stat(file)
    expect([file, atimeMs > old, mtimeMs > old]).toEqual([file, true, true])
  }
})
