/** Temp files on the file system of this machine. */
import { mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { nodeFileSystem } from '../../../src/store/file/file-system.ts'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'temp-file-'))
})
afterEach(() => rm(directory, { recursive: true }))

test('a temp file returns what was written to it, and has no name in its directory', async () => {
  const file = await nodeFileSystem.createTemp(join(directory, 'one.tmp'))
  try {
    await file.write(Buffer.from('one, '))
    await file.write(Buffer.from('two'))
    expect(await readdir(directory)).toEqual([])
    expect((await file.read(0, 8, Buffer.alloc(8))).toString()).toBe('one, two')
    expect((await file.read(5, 100, Buffer.alloc(100))).toString()).toBe('two')
  } finally {
    await file.close()
  }
})

test('a temp file replaces a file left under its name, and follows no link', async () => {
  const other = join(directory, 'other')
  const path = join(directory, 'one.tmp')
  await writeFile(other, 'another file')
  for (const leave of [() => writeFile(path, 'left over'), () => symlink(other, path)]) {
    await leave()
    const file = await nodeFileSystem.createTemp(path)
    await file.write(Buffer.from('mine'))
    expect((await file.read(0, 100, Buffer.alloc(100))).toString()).toBe('mine')
    await file.close()
    expect(await readdir(directory)).toEqual(['other'])
  }
  expect((await nodeFileSystem.read(other, 0, 100)).toString()).toBe('another file')
})

test('closing a temp file waits for its writes, so that none reaches another file through a reused descriptor', async () => {
  const file = await nodeFileSystem.createTemp(join(directory, 'one.tmp'))
  const written: string[] = []
  const writing = ['first', 'second'].map(name =>
    file.write(Buffer.alloc(8 * 1024 * 1024, 1)).then(() => written.push(name)),
  )
  await file.close()
  await Promise.all(writing)
  expect(written).toEqual(['first', 'second'])
})
