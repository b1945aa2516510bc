/** Append files on this machine's file system: appended bytes, preallocated space, and the detection of changes by other programs. */
import { appendFile, mkdir, readFile, rename, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { createAppendFile } from '../../../src/store/file/journal/append-file.ts'
import { temporaryFolder } from '../../support/sidecar-process.ts'

const MIB = 1024 * 1024
const PART = Buffer.alloc(64 * 1024, 'x')

let folder = ''
let path = ''
beforeEach(async () => {
  const temporary = await temporaryFolder()
  onTestFinished(() => temporary[Symbol.asyncDispose]())
  folder = join(temporary.path, 'journal')
  await mkdir(folder)
  path = join(folder, 'segment.ndjson')
})

/** A file that is long enough to have preallocated space, and how many bytes were appended. */
async function grown(
  mostBytes = 16 * MIB,
): Promise<{ file: Awaited<ReturnType<typeof createAppendFile>>; length: number }> {
  const file = await createAppendFile(path, mostBytes)
  let length = 0
  for (; length < MIB / 2; length += PART.length) await file.append(PART)
  await vi.waitUntil(async () => (await stat(path)).size >= Math.min(mostBytes, 2 * MIB))
  return { file, length }
}

describe('an append file', () => {
  test('contains only the appended bytes if they are few, and only its owner can read it', async () => {
    const file = await createAppendFile(path, 16 * MIB)
    await file.append(Buffer.from('one\n'))
    await file.append(Buffer.from('two\n'))
    expect(await readFile(path, 'utf8')).toBe('one\ntwo\n')
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    await file.close()
    await expect(createAppendFile(path, 16 * MIB)).rejects.toMatchObject({ code: 'EEXIST' })
  })

  test('has zeros behind the appended bytes while it is open, up to its bound, and none when it is closed', async () => {
    const { file, length } = await grown(3 * MIB)
    const parts: Buffer[] = [Buffer.alloc(length, 'x')]
    for (let i = 0; i < 60; i++) {
      parts.push(Buffer.from(`line ${i} ${'y'.repeat(i * 900)}\n`))
      await file.append(parts.at(-1)!)
    }
    const whole = Buffer.concat(parts)
    const open = await readFile(path)
    expect(open.subarray(0, whole.length).equals(whole)).toBe(true)
    expect(open.subarray(whole.length).every(byte => byte === 0)).toBe(true)
    expect(open.length).toBeLessThanOrEqual(3 * MIB)
    await file.close()
    expect((await readFile(path)).equals(whole)).toBe(true)
  })

  test('loses no bytes of appends of any size while space is preallocated', async () => {
    const file = await createAppendFile(path, 64 * MIB)
    const parts = Array.from({ length: 80 }, (_, i) =>
      Buffer.alloc([100, 5000, 100_000, 700_000][i % 4]!, String(i % 10)),
    )
    for (const part of parts) await file.append(part)
    await file.close()
    expect((await readFile(path)).equals(Buffer.concat(parts))).toBe(true)
  })

  test.each([
    ['removed', () => rm(path)],
    ['removed with its directory', () => rm(folder, { recursive: true })],
    ['renamed', () => rename(path, `${path}.other`)],
    ['replaced', () => writeFile(`${path}.new`, 'x').then(() => rename(`${path}.new`, path))],
  ])('that was %s refuses the next append', async (_what, meddle) => {
    const { file } = await grown()
    await file.append(PART)
    await meddle()
    await expect(file.append(PART)).rejects.toThrow(path)
    await file.close()
  })

  test.each([
    ['truncated', () => truncate(path, 1000)],
    ['written to by something else', () => appendFile(path, 'z')],
  ])('that was %s refuses appends after the next check of its length', async (_what, meddle) => {
    const { file } = await grown()
    await file.append(PART)
    await meddle()
    const untilRefused = async (): Promise<never> => {
      for (;;) await file.append(Buffer.from('a\n'))
    }
    await expect(untilRefused()).rejects.toThrow('something else wrote to it')
    await file.close()
  })

  test('is not created in place of a link', async () => {
    await writeFile(`${path}.target`, 'untouched')
    await symlink(`${path}.target`, path)
    await expect(createAppendFile(path, MIB)).rejects.toMatchObject({ code: 'EEXIST' })
    expect(await readFile(`${path}.target`, 'utf8')).toBe('untouched')
  })
})
