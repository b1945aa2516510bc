/** Files that are damaged, torn, foreign or too new. Intact records are counted, and no damaged file is overwritten. */
import { dirname } from 'node:path'
import { describe, expect, test } from 'vitest'
import { recentResults } from '../../../src/core/aggregate/recent.ts'
import { NewerFormat } from '../../../src/store/file/errors.ts'
import type { FileStore } from '../../../src/store/file/file-store.ts'
import type { Disk } from './fake-disk.ts'
import { createFakeFileSystem, type FakeFileSystem } from './fake-file-system.ts'
import { attempt, countedIn, idsIn, NOW, openFake, PATH } from './fixtures.ts'

const JOURNAL = '/data/perf.journal'
const SEGMENT = `${JOURNAL}/00000000000000000001.ndjson`
const COUNT = 8
const ALL = Array.from({ length: COUNT }, (_, i) => `id ${i + 1}`)

/** A disk with a store that was closed, or killed before its snapshot. */
async function diskWith(options: { closed: boolean }): Promise<Disk> {
  const fileSystem = createFakeFileSystem()
  const store = await openFake(fileSystem)
  for (let id = 1; id <= COUNT; id++) await store.append([attempt(id)])
  if (options.closed) await store.close()
  return fileSystem.disk
}

/** Another disk with the same files. */
async function copyOf(disk: Disk): Promise<FakeFileSystem> {
  const from = createFakeFileSystem(disk)
  const to = createFakeFileSystem()
  for (const directory of ['/data', JOURNAL]) await to.makeDirectory(directory)
  for (const directory of ['/data', JOURNAL]) {
    for (const name of await from.list(directory)) {
      const content = from.contentOf(`${directory}/${name}`)
      if (content !== undefined) to.plant(`${directory}/${name}`, content)
    }
  }
  return to
}

async function rowsOf(store: FileStore): Promise<unknown[]> {
  return (await store.summaries()).map(({ key, summary, recent }) => [
    key,
    [...summary],
    [...recentResults(recent, key)],
  ])
}

async function names(fileSystem: FakeFileSystem, directory: string): Promise<readonly string[]> {
  return (await fileSystem.list(directory)).filter(name => name !== 'lock.db')
}

/** Whether there is a copy of the damaged file next to it. */
async function isAside(fileSystem: FakeFileSystem, path: string, content: Buffer): Promise<boolean> {
  const copies = (await fileSystem.list(dirname(path))).filter(name => /\.(corrupt|foreign)-/.test(name))
  return copies.some(name => fileSystem.contentOf(`${dirname(path)}/${name}`)?.equals(content))
}

describe('the journal', () => {
  test('truncated at any byte of its last record, is read up to the previous record, and continues', async () => {
    const disk = await diskWith({ closed: false })
    const whole = createFakeFileSystem(disk).contentOf(SEGMENT)!
    const last = whole.lastIndexOf('\n', whole.length - 2) + 1
    // Every byte of the head of the line, and every third of the JSON behind it, which no reader tells from the next.
    for (let size = last; size < whole.length; size += size < last + 40 || size > whole.length - 5 ? 1 : 3) {
      const fileSystem = await copyOf(disk)
      fileSystem.plant(SEGMENT, whole.subarray(0, size))
      const store = await openFake(fileSystem)
      expect(await idsIn(store)).toEqual(ALL.slice(0, -1))
      expect(await countedIn(store)).toBe(COUNT - 1)
      expect(store.stats().tornBytes).toBe(size - last)
      expect(fileSystem.contentOf(SEGMENT)).toHaveLength(last)
      expect(await store.append([attempt(COUNT)])).toEqual({ accepted: 1, duplicates: 0 })
      const again = await openFake(createFakeFileSystem(fileSystem.disk))
      expect(await idsIn(again)).toEqual(ALL)
      expect(again.stats().tornBytes).toBe(0)
    }
  })

  test.each([
    ['preallocated zeros', Buffer.alloc(5000), 0],
    ['garbage', Buffer.from('\u0000\ufffd{"agent_name":"x"'), 21],
    ['half a record', Buffer.from('1234abcd 1772366400000 {"agent_name":"fi'), 40],
    ['half a record and zeros', Buffer.from(`1234abcd 1772366400000 {"agent_name":"fi${'\0'.repeat(999)}`), 40],
  ])('with %s at its end, is read up to there, and truncated', async (_what, tail, torn) => {
    const fileSystem = createFakeFileSystem(await diskWith({ closed: false }))
    const whole = fileSystem.contentOf(SEGMENT)!
    fileSystem.plant(SEGMENT, Buffer.concat([whole, tail]))
    const store = await openFake(fileSystem)
    expect(await idsIn(store)).toEqual(ALL)
    expect(store.stats()).toMatchObject({ tornBytes: torn, corruptRecords: 0 })
    expect(fileSystem.contentOf(SEGMENT)).toEqual(whole)
  })

  test('truncated within its first record, is started again', async () => {
    const fileSystem = createFakeFileSystem(await diskWith({ closed: false }))
    fileSystem.plant(SEGMENT, fileSystem.contentOf(SEGMENT)!.subarray(0, 20))
    fileSystem.plant(PATH, undefined)
    const store = await openFake(fileSystem)
    expect(await countedIn(store)).toBe(0)
    await store.append([attempt(1)])
    expect(await idsIn(await openFake(createFakeFileSystem(fileSystem.disk)))).toEqual(['id 1'])
  })

  test('with the LF of its last record zeroed before preallocated space, counts that record too', async () => {
    const fileSystem = createFakeFileSystem(await diskWith({ closed: false }))
    const whole = fileSystem.contentOf(SEGMENT)!
    fileSystem.plant(SEGMENT, Buffer.concat([whole.subarray(0, -1), Buffer.alloc(500)]))
    const store = await openFake(fileSystem)
    expect(await idsIn(store)).toEqual(ALL)
    expect(store.stats()).toMatchObject({ tornBytes: 0, corruptRecords: 1 })
    await store.append([attempt(100)])
    expect(await idsIn(await openFake(createFakeFileSystem(fileSystem.disk)))).toEqual([...ALL, 'id 100'].sort())
  })

  test('with any byte flipped, loses at most the record that contains it, and is copied aside', async () => {
    const disk = await diskWith({ closed: false })
    const whole = createFakeFileSystem(disk).contentOf(SEGMENT)!
    const lines = whole.toString('latin1').split('\n')
    // The step divides no line length, so that it reaches every kind of byte.
    for (let at = 0, line = 0, end = lines[0]!.length; at < whole.length; at += at === end || at === end - 1 ? 1 : 11) {
      while (at > end) end += lines[++line]!.length + 1
      const fileSystem = await copyOf(disk)
      const flipped = Buffer.from(whole)
      flipped[at]! ^= 1 << (at % 8)
      fileSystem.plant(SEGMENT, flipped)
      const store = await openFake(fileSystem)
      const what = `byte ${at}, in line ${line}`
      const touched = `id ${line}`
      const ids = await idsIn(store)
      expect(ids, what).toEqual(expect.arrayContaining(ALL.filter(id => id !== touched)))
      expect(ids.length, what).toBe(await countedIn(store))
      const { corruptRecords, tornBytes } = store.stats()
      expect({ corruptRecords, tornBytes }, what).toEqual({ corruptRecords: 1, tornBytes: 0 })
      expect(await isAside(fileSystem, SEGMENT, flipped), what).toBe(true)
      // Only the LF is damaged: the record is complete.
      if (at === end) expect(ids, what).toEqual(ALL)
      await store.append([attempt(100)])
      const again = await openFake(createFakeFileSystem(fileSystem.disk))
      expect(await idsIn(again), what).toEqual([...ids, 'id 100'].sort())
    }
  })

  test('that is damaged is copied aside once, however often it is read', async () => {
    const fileSystem = createFakeFileSystem(await diskWith({ closed: false }))
    const flipped = Buffer.from(fileSystem.contentOf(SEGMENT)!)
    flipped[500]! ^= 1
    fileSystem.plant(SEGMENT, flipped)
    for (let start = 0; start < 3; start++) {
      await openFake(createFakeFileSystem(fileSystem.disk), { clock: () => NOW + start })
    }
    expect((await names(fileSystem, JOURNAL)).filter(name => name.includes('corrupt'))).toHaveLength(1)
  })
})

test('an attempt that is in the journal twice is counted once', async () => {
  const fileSystem = createFakeFileSystem(await diskWith({ closed: false }))
  const content = fileSystem.contentOf(SEGMENT)!
  const last = content.lastIndexOf('\n', content.length - 2) + 1
  fileSystem.plant(SEGMENT, Buffer.concat([content, content.subarray(last)]))
  expect(await countedIn(await openFake(fileSystem))).toBe(COUNT)
})

describe('a snapshot', () => {
  test('with any byte flipped is moved aside, and everything is counted from the other files', async () => {
    const disk = await diskWith({ closed: true })
    const path = `${JOURNAL}/snapshot-00000000000000000001.bin`
    const whole = createFakeFileSystem(disk).contentOf(path)!
    const expected = await rowsOf(await openFake(await copyOf(disk)))
    for (let at = 0; at < whole.length; at += at < 64 ? 1 : 13) {
      const fileSystem = await copyOf(disk)
      const flipped = Buffer.from(whole)
      flipped[at]! ^= 1 << (at % 8)
      fileSystem.plant(path, flipped)
      const store = await openFake(fileSystem)
      expect(await rowsOf(store), `byte ${at}`).toEqual(expected)
      expect(await isAside(fileSystem, path, flipped), `byte ${at}`).toBe(true)
      expect(await store.append([attempt(1)])).toEqual({ accepted: 0, duplicates: 1 })
    }
  })

  test('that is truncated is replaced by the previous one', async () => {
    const disk = await diskWith({ closed: true })
    const second = await openFake(createFakeFileSystem(disk))
    await second.append([attempt(COUNT + 1)])
    await second.close()
    const expected = await rowsOf(await openFake(await copyOf(disk)))
    const path = `${JOURNAL}/snapshot-00000000000000000002.bin`
    const whole = createFakeFileSystem(disk).contentOf(path)!
    for (let size = 0; size < whole.length; size += 31) {
      const fileSystem = await copyOf(disk)
      fileSystem.plant(path, whole.subarray(0, size))
      const store = await openFake(fileSystem)
      expect(await rowsOf(store), `${size} bytes`).toEqual(expected)
      expect(store.stats().replayedRecords).toBe(1)
    }
  })

  test('is replaced by the document if no snapshot can be read and older segments have expired', async () => {
    const disk = await diskWith({ closed: true })
    const second = await openFake(createFakeFileSystem(disk))
    await second.append([attempt(COUNT + 1)])
    await second.close()
    const fileSystem = createFakeFileSystem(disk)
    fileSystem.plant(SEGMENT, undefined)
    for (const n of [1, 2]) fileSystem.plant(`${JOURNAL}/snapshot-0000000000000000000${n}.bin`, 'damaged')
    const store = await openFake(fileSystem)
    expect(await countedIn(store)).toBe(COUNT + 1)
    expect(await store.append([attempt(COUNT + 1)])).toEqual({ accepted: 0, duplicates: 1 })
  })
})

describe('the document', () => {
  test('with any byte flipped, or truncated anywhere, is moved aside and written again, or refused as too new', async () => {
    const disk = await diskWith({ closed: true })
    const whole = createFakeFileSystem(disk).contentOf(PATH)!
    const expected = await rowsOf(await openFake(await copyOf(disk)))
    const check = async (content: Buffer, what: string): Promise<void> => {
      const fileSystem = await copyOf(disk)
      fileSystem.plant(PATH, content)
      const store = await openFake(fileSystem).catch(error => error)
      if (store instanceof NewerFormat) {
        expect(fileSystem.contentOf(PATH), what).toEqual(content)
        return
      }
      expect(await rowsOf(store), what).toEqual(expected)
      expect(await isAside(fileSystem, PATH, content), what).toBe(true)
      await store.close()
      expect(fileSystem.contentOf(PATH)?.toString(), what).toBe(whole.toString())
    }
    for (let at = 0; at < whole.length; at += at < 64 || at > whole.length - 100 ? 1 : 13) {
      const flipped = Buffer.from(whole)
      flipped[at]! ^= 1 << (at % 7)
      // The final newline is not content.
      if (JSON.stringify(parsed(flipped)) === JSON.stringify(parsed(whole))) continue
      await check(flipped, `byte ${at}`)
    }
    for (let size = 0; size < whole.length - 2; size += 17) await check(whole.subarray(0, size), `${size} bytes`)
  })

  test.each(['', '{}', '[]', 'null', '{"metrics":[]}', 'not JSON', '\ufeff'])(
    'that holds %j is moved aside and written again',
    async content => {
      const fileSystem = createFakeFileSystem(await diskWith({ closed: true }))
      fileSystem.plant(PATH, content)
      const store = await openFake(fileSystem)
      expect(await countedIn(store)).toBe(COUNT)
      expect(await isAside(fileSystem, PATH, Buffer.from(content))).toBe(true)
      await store.close()
      expect(Object.keys(parsed(fileSystem.contentOf(PATH)!) as object)).toContain('metrics')
    },
  )

  test('that another program wrote is moved aside, and the journal continues', async () => {
    const fileSystem = createFakeFileSystem(await diskWith({ closed: true }))
    const foreign = JSON.stringify({ version: '1.0', last_updated: '2026-01-01T00:00:00', metrics: {} })
    fileSystem.plant(PATH, foreign)
    const store = await openFake(fileSystem)
    expect(await countedIn(store)).toBe(COUNT)
    expect((await names(fileSystem, '/data')).some(name => name.startsWith('perf.json.foreign-'))).toBe(true)
  })

  test('that is missing is written again', async () => {
    const fileSystem = createFakeFileSystem(await diskWith({ closed: true }))
    const before = fileSystem.contentOf(PATH)!
    fileSystem.plant(PATH, undefined)
    await (await openFake(fileSystem)).close()
    expect(fileSystem.contentOf(PATH)).toEqual(before)
  })

  test('that is too large to be read during the start is also moved aside before it is written again', async () => {
    const first = createFakeFileSystem()
    const filled = await openFake(first)
    const many = Array.from({ length: 25_000 }, (_, i) => attempt(i, { agent_name: `agent ${i % 250}` }))
    await filled.append(many)
    await filled.close()
    const content = Buffer.from(first.contentOf(PATH)!)
    expect(content.length).toBeGreaterThan(4 * 1024 * 1024)
    content[content.length >> 1]! ^= 1
    const fileSystem = await copyOf(first.disk)
    fileSystem.plant(PATH, content)
    const store = await openFake(fileSystem)
    await store.close()
    expect(await isAside(fileSystem, PATH, content)).toBe(true)
    expect(JSON.parse(fileSystem.contentOf(PATH)!.toString()).metrics).toHaveProperty('agent 7:llama3:8b:bug')
  })
})

function parsed(content: Buffer): unknown {
  try {
    return JSON.parse(content.toString())
  } catch {
    return undefined
  }
}
