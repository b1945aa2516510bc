/** Opening a store on a real disk: permissions, paths, locks, and files of an earlier process. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { NewerFormat, StoreLocked, UnusablePath } from '../../../src/store/file/errors.ts'
import { type FileStore, openFileStore } from '../../../src/store/file/file-store.ts'
import { attempt, countedIn, NOW, newTally } from './fixtures.ts'

let folder: string
let path: string
let journal: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'opening-'))
  path = join(folder, 'agent_performance.json')
  journal = join(folder, 'agent_performance.journal')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

function open(at: string = path): Promise<FileStore> {
  return openFileStore({ path: at, tally: newTally(), clock: () => NOW })
}

/** All files below the folder with their content. */
async function everything(): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const at = join(entry.parentPath, entry.name)
    found.set(at, entry.isFile() ? await readFile(at, 'latin1') : 'a directory')
  }
  return found
}

describe('what a store leaves on disk', () => {
  test('is a document and a journal that only its owner can read', async () => {
    const store = await open()
    await store.append([attempt(1)])
    await store.close()
    expect((await readdir(folder)).sort()).toEqual(['agent_performance.journal', 'agent_performance.json'])
    expect((await stat(journal)).mode & 0o777).toBe(0o700)
    const names = await readdir(journal)
    expect(names.sort()).toEqual([
      '00000000000000000001.ndjson',
      'lock.db',
      'oldest.record',
      'snapshot-00000000000000000001.bin',
    ])
    for (const name of names) expect((await stat(join(journal, name))).mode & 0o777).toBe(0o600)
    expect((await stat(path)).mode & 0o777).toBe(0o600)
  })

  test('is a journal of lines that people can read', async () => {
    const store = await open()
    await store.append([attempt(1), attempt(2)])
    const lines = (await readFile(join(journal, '00000000000000000001.ndjson'), 'utf8')).trimEnd().split('\n')
    expect(lines.slice(1).map(line => JSON.parse(line.split(' ').slice(2).join(' ')))).toEqual([attempt(1), attempt(2)])
    await store.close()
  })

  test('is created with all parent directories', async () => {
    const store = await open(join(folder, 'a', 'b', 'perf'))
    await store.append([attempt(1)])
    await store.close()
    expect((await readdir(join(folder, 'a', 'b'))).sort()).toEqual(['perf', 'perf-journal'])
  })

  test('is the same through a link to its folder, and a second holder is refused there', async () => {
    await mkdir(join(folder, 'real'))
    await symlink('real', join(folder, 'link'))
    const store = await open(join(folder, 'link', 'perf'))
    await store.append([attempt(1)])
    await expect(open(join(folder, 'real', 'perf'))).rejects.toMatchObject({ name: 'StoreLocked' })
    await store.close()
    const again = await open(join(folder, 'real', 'perf'))
    expect((await again.attempts({ limit: 2 })).attempts).toHaveLength(1)
    await again.close()
  })

  test('has no unfinished files of an earlier process after a start, and loses no others', async () => {
    await (await open()).close()
    const written = ['document.json', 'document.json.123', 'snapshot-00000000000000000009.bin.42', 'holder.json.1']
    const unfinished = [...written, 'snapshot.tmp', 'document.tmp']
    for (const name of [...unfinished, 'notes.txt']) await writeFile(join(journal, name), 'x')
    await writeFile(`${path}.1`, 'a backup')
    await (await open()).close()
    expect(await readdir(journal)).not.toEqual(
      expect.arrayContaining([expect.stringMatching(/document|holder|\.bin\.|\.tmp/)]),
    )
    expect(await readFile(join(journal, 'notes.txt'), 'utf8')).toBe('x')
    expect(await readFile(`${path}.1`, 'utf8')).toBe('a backup')
  })
})

describe('a second store on the same path', () => {
  test('of the same process is refused with the name of the holder', async () => {
    const first = await open()
    const refused = await open().catch(error => error)
    expect(refused).toBeInstanceOf(StoreLocked)
    expect(refused).toMatchObject({ exitCode: 75, path, holder: { pid: process.pid, host: hostname() } })
    expect(refused.message).toContain(`process ${process.pid} on host ${hostname()}`)
    await first.append([attempt(1)])
    await first.close()
    await (await open()).close()
  })

  test('of another process is refused until that one is killed, without a manual cleanup', async () => {
    const child = spawn(process.execPath, [fileURLToPath(new URL('appending-process.ts', import.meta.url)), path])
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    await lines.next()
    await expect(open()).rejects.toMatchObject({ name: 'StoreLocked', holder: { pid: child.pid } })
    child.kill('SIGKILL')
    await once(child, 'exit')
    const store = await open()
    expect(store.health().writable).toBe(true)
    await store.close()
  })
})

describe('two stores in one folder', () => {
  test('have separate journals even if their names differ only in the suffix', async () => {
    const names = ['a', 'a.json', 'a.journal.json', 'a.txt']
    const stores: FileStore[] = []
    for (const [id, name] of names.entries()) {
      const store = await open(join(folder, name))
      await store.append([attempt(id)])
      stores.push(store)
    }
    for (const store of stores) await store.close()
    for (const [id, name] of names.entries()) {
      const store = await open(join(folder, name))
      expect((await store.attempts({ limit: 5 })).attempts).toEqual([attempt(id)])
      await store.close()
    }
  })
})

test('a path that was not UTF-8 is refused, and no file is created', async () => {
  for (const name of ['\uFFFD.json', '\uD800.json']) {
    const refused = await open(join(folder, name)).catch(error => error)
    expect(refused).toBeInstanceOf(UnusablePath)
    expect(refused.message).toMatch(/not UTF-8/)
  }
  expect(await readdir(folder)).toEqual([])
})

describe('an unusable path is refused with its name and the reason, and no file is created:', () => {
  test.each<[string, () => Promise<string>, RegExp]>([
    ['a directory', async () => folder, /is a directory/],
    [
      'a link',
      async () => {
        await writeFile(join(folder, 'elsewhere'), '{}')
        await symlink(join(folder, 'elsewhere'), path)
        return path
      },
      /symbolic link/,
    ],
    [
      'a path below a file',
      async () => {
        await writeFile(path, '{}')
        return join(path, 'x.json')
      },
      /ENOTDIR/,
    ],
    [
      'a journal that is a link',
      async () => {
        await mkdir(join(folder, 'elsewhere'))
        await symlink(join(folder, 'elsewhere'), journal)
        return path
      },
      /not a directory/,
    ],
  ])('%s', async (_what, prepare, reason) => {
    const at = await prepare()
    const before = await everything()
    const refused = await open(at).catch(error => error)
    expect(refused).toBeInstanceOf(UnusablePath)
    expect(refused.message).toContain(folder)
    expect(refused.message).toMatch(reason)
    expect(await everything()).toEqual(before)
  })
})

describe('files of a newer format are refused, and no file is changed:', () => {
  test.each<[string, () => Promise<void>]>([
    ['a document', async () => writeFile(path, JSON.stringify({ version: '2.0', last_updated: '', metrics: {} }))],
    [
      'a document without a journal',
      async () => {
        await rm(journal, { recursive: true })
        await writeFile(path, JSON.stringify({ version: '1.0', journal: { format: 2 }, metrics: {} }))
      },
    ],
    [
      'what the document says of its journal',
      async () => writeFile(path, (await readFile(path, 'utf8')).replace('"format":1', '"format":2')),
    ],
    [
      'a segment of the journal',
      async () => {
        const { recordLines } = await import('../../../src/store/file/journal/record.ts')
        const opening = { segment: { format: 99, previous: { segment: 1, offset: 99 }, more: true } }
        await writeFile(
          join(journal, '00000000000000000002.ndjson'),
          recordLines(1, [Buffer.from(JSON.stringify(opening))]),
        )
      },
    ],
    [
      'a snapshot',
      async () => {
        const { crc32 } = await import('node:zlib')
        const head = Buffer.from('AgntPerf\u0063\u0000\u0000\u0000\u0000\u0000\u0000\u0000 and more', 'latin1')
        head.writeUInt32LE(crc32(head.subarray(0, 12)), 12)
        await writeFile(join(journal, 'snapshot-00000000000000000002.bin'), head)
      },
    ],
  ])('%s', async (_what, prepare) => {
    const store = await open()
    await store.append([attempt(1)])
    await store.close()
    await prepare()
    const before = await everything()
    const refused = await open().catch(error => error)
    expect(refused).toBeInstanceOf(NewerFormat)
    expect(refused).toMatchObject({ exitCode: 78 })
    expect(await everything()).toEqual(before)
  })
})

describe('a document that is too large to read', () => {
  /** A sparse file, which uses no disk space. */
  const grow = (): Promise<void> => truncate(path, 500 * 2 ** 20)

  test('is refused with its path and size, and not changed, if there is no journal', async () => {
    await writeFile(path, '{}')
    await grow()
    const refused = await open().catch(error => error)
    expect(refused).toBeInstanceOf(UnusablePath)
    expect(refused.message).toContain(path)
    expect(refused.message).toContain(String(500 * 2 ** 20))
    expect((await stat(path)).size).toBe(500 * 2 ** 20)
  })

  test('is replaced by the totals of its journal, and moved aside', async () => {
    const store = await open()
    await store.append([attempt(1)])
    await store.close()
    await grow()
    const again = await open()
    expect(await countedIn(again)).toBe(1)
    await again.close()
    expect((await stat(path)).size).toBeLessThan(10_000)
    const aside = (await readdir(folder)).filter(name => name.includes('.json.'))
    expect(aside).toEqual([expect.stringMatching(/\.(corrupt|foreign)-/)])
    expect((await stat(join(folder, aside[0]!))).size).toBe(500 * 2 ** 20)
  })
})

test('a process that is killed during appends keeps every acknowledged attempt, and counts none twice', async () => {
  const kept = new Set<string>()
  const sent = new Set<string>()
  for (let life = 0; life < 5; life++) {
    const child = spawn(process.execPath, [
      fileURLToPath(new URL('appending-process.ts', import.meta.url)),
      path,
      `${life}`,
    ])
    const lines = createInterface({ input: child.stdout })
    let acknowledged = 0
    for await (const line of lines) {
      const [word, id] = line.split(' ')
      if (word === 'sent') sent.add(id!)
      if (word === 'kept') kept.add(id!)
      if (word === 'kept' && ++acknowledged === 200 + life * 37) child.kill('SIGKILL')
    }
    const store = await open()
    const listed: string[] = []
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const page = await store.attempts({ limit: 1000, cursor })
      listed.push(...page.attempts.map(one => one.attempt_id!))
      cursor = page.next_cursor
    }
    expect(new Set(listed).size).toBe(listed.length)
    expect(await countedIn(store)).toBe(listed.length)
    expect(listed).toEqual(expect.arrayContaining([...kept]))
    for (const id of listed) expect(sent.has(id)).toBe(true)
    await store.close()
  }
  expect(kept.size).toBeGreaterThan(1000)
})
