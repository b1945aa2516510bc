import { mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { nodeFileSystem } from '../../../src/store/file/file-system.ts'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'scratch-'))
})
afterEach(() => rm(directory, { recursive: true }))

test('what is written to a file without a name is read back, and nobody else sees it', async () => {
  const scratch = await nodeFileSystem.scratch(join(directory, 'one.scratch'))
  try {
    await scratch.write(Buffer.from('one, '))
    await scratch.write(Buffer.from('two'))
    expect(await readdir(directory)).toEqual([])
    expect((await scratch.read(0, 8, Buffer.alloc(8))).toString()).toBe('one, two')
    expect((await scratch.read(5, 100, Buffer.alloc(100))).toString()).toBe('two')
  } finally {
    await scratch.close()
  }
})

test('what was left under the name it is made by is replaced, and a link to something else is not followed', async () => {
  const other = join(directory, 'other')
  const path = join(directory, 'one.scratch')
  await writeFile(other, 'of somebody else')
  for (const leave of [() => writeFile(path, 'left over'), () => symlink(other, path)]) {
    await leave()
    const scratch = await nodeFileSystem.scratch(path)
    await scratch.write(Buffer.from('mine'))
    expect((await scratch.read(0, 100, Buffer.alloc(100))).toString()).toBe('mine')
    await scratch.close()
    expect(await readdir(directory)).toEqual(['other'])
  }
  expect((await nodeFileSystem.read(other, 0, 100)).toString()).toBe('of somebody else')
})

test('a file without a name that is closed while it is written to ends the writing first, and touches no other file', async () => {
  const scratch = await nodeFileSystem.scratch(join(directory, 'one.scratch'))
  const written: string[] = []
  const writing = ['first', 'second'].map(name =>
    scratch.write(Buffer.alloc(8 * 1024 * 1024, 1)).then(() => written.push(name)),
  )
  await scratch.close()
  await Promise.all(writing)
  expect(written).toEqual(['first', 'second'])
})
