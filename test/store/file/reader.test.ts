/** A store that is opened read-only while a writer, or the original Python program, changes it. */
import { describe, expect, test, vi } from 'vitest'
import { type Store, StoreUnavailable } from '../../../src/core/ports.ts'
import { openFileReader } from '../../../src/store/file/reader.ts'
import type { Disk } from './fake-disk.ts'
import { createFakeFileSystem, type FakeFileSystem, type Operation, READING } from './fake-file-system.ts'
import { attempt, countedIn, idsIn, NOW, newTally, openFake, PATH } from './fixtures.ts'

const JOURNAL = '/data/perf.journal'
const SEGMENT = `${JOURNAL}/00000000000000000001.ndjson`
/** More operations than any reader of these tests performs. */
const MANY_OPERATIONS = 200

interface Reader {
  readonly store: Store
  readonly warnings: readonly string[]
}

async function openReader(fileSystem: FakeFileSystem): Promise<Reader> {
  const warnings: string[] = []
  const warn = (message: string): number => warnings.push(message)
  const log = { debug() {}, info() {}, warn, error: warn }
  return {
    store: await openFileReader({ path: PATH, createTally: newTally, clock: () => NOW, log, fileSystem }),
    warnings,
  }
}

/** A document of the original program, with a number of attempts. */
function originDocument(attempts: number): string {
  const entry = { agent_name: 'a', model_name: 'm', issue_type: 'i' }
  const recent = { ...entry, timestamp: '2026-02-01T10:00:00', success: true, confidence: 0.5, time_seconds: 1 }
  const metrics = {
    'a:m:i': {
      ...entry,
      total_attempts: attempts,
      successful_fixes: attempts,
      failed_fixes: 0,
      avg_confidence: 0.5,
      avg_time_seconds: 1,
      recent_results: Array.from({ length: attempts }, (_, i) => ({ ...recent, time_seconds: i })),
    },
  }
  return JSON.stringify({ version: '1.0', last_updated: '2026-02-01T10:00:00', metrics }, null, 2)
}

async function diskWithDocument(text: string): Promise<FakeFileSystem> {
  const fileSystem = createFakeFileSystem()
  await fileSystem.makeDirectory('/data')
  fileSystem.plant(PATH, text)
  return fileSystem
}

/** All files of the disk with their content. */
async function filesOn(disk: Disk): Promise<Map<string, string | undefined>> {
  const fileSystem = createFakeFileSystem(disk)
  const files = new Map<string, string | undefined>()
  for (const directory of ['/data', JOURNAL]) {
    for (const name of await fileSystem.list(directory).catch(() => [])) {
      files.set(`${directory}/${name}`, fileSystem.contentOf(`${directory}/${name}`)?.toString('latin1'))
    }
  }
  return files
}

test('a reader of a store that is open for writing gives the same answers, uses no operation that writes, and refuses to write', async () => {
  const writing = createFakeFileSystem()
  const writer = await openFake(writing)
  for (let id = 1; id <= 20; id++) await writer.append([attempt(id)])
  // The document is written behind the last append.
  const attemptsIn = (document = ''): number =>
    [...document.matchAll(/"total_attempts":(\d+)/g)].reduce((sum, [, count]) => sum + Number(count), 0)
  await vi.waitUntil(async () => attemptsIn((await filesOn(writing.disk)).get(PATH)) === 20, {
    timeout: 30_000,
    interval: 5,
  })
  const before = await filesOn(writing.disk)
  const reading = createFakeFileSystem(writing.disk)
  const { store, warnings } = await openReader(reading)
  expect(await store.summaries()).toEqual(await writer.summaries())
  expect(await store.attempts({ limit: 7 })).toEqual(await writer.attempts({ limit: 7 }))
  expect(store.health()).toEqual({ writable: false, isReadOnly: true, reason: `${PATH} is opened for reading only` })
  await expect(store.append([attempt(100)])).rejects.toThrow(StoreUnavailable)
  await expect(store.appendPoints([])).rejects.toThrow('opened for reading only')
  await expect(store.reset()).rejects.toThrow('opened for reading only')
  await store.close()
  await expect(store.summaries()).rejects.toThrow('the store is closed')
  expect(warnings).toEqual([])
  expect(reading.operations.filter(({ name }) => !READING.has(name))).toEqual([])
  expect(await filesOn(writing.disk)).toEqual(before)
  expect(await writer.append([attempt(100)])).toEqual({ accepted: 1, duplicates: 0 })
})

describe('while the writer', () => {
  const STEPS = {
    appends: async ({ writer }) => void (await writer.append([attempt(1001)])),
    'restarts, with a snapshot, a document and a new segment': async ({ writer, restart }) => {
      await writer.close()
      await (await restart()).append([attempt(1001)])
    },
    'restarts twice and removes old segments and snapshots': async ({ writer, restart }) => {
      await writer.close()
      const second = await restart()
      await second.append([attempt(1001)])
      await second.close()
      const third = await restart()
      await third.append([attempt(1002)])
      await third.close()
      await restart()
    },
    'forgets everything': async ({ writer }) => await writer.reset(),
  } satisfies Record<string, (on: { writer: Store; restart: () => Promise<Store> }) => Promise<void>>

  test.each(Object.keys(STEPS) as (keyof typeof STEPS)[])(
    '%s, at any operation of the reader, it answers what was so before or after, without a warning',
    async name => {
      for (let at = 0; at < MANY_OPERATIONS; at++) {
        const writing = createFakeFileSystem(undefined, 300)
        const restart = (): Promise<Store> =>
          openFake(createFakeFileSystem(writing.disk, 300), { retention: { maxAgeMs: 1e12, maxBytes: 1 } })
        // One snapshot, and attempts after it.
        const first = await openFake(writing)
        for (let id = 1; id <= 5; id++) await first.append([attempt(id)])
        await first.close()
        const writer = await restart()
        for (let id = 6; id <= 9; id++) await writer.append([attempt(id)])
        const before = await countedIn(writer)
        const reading = createFakeFileSystem(writing.disk)
        let step: Promise<void> | undefined
        reading.fault = ({ index }) => {
          if (index !== at) return undefined
          step = STEPS[name]({ writer, restart })
          return { kind: 'wait', until: step }
        }
        const { store, warnings } = await openReader(reading)
        reading.fault = undefined
        if (step === undefined) {
          expect(at).toBeGreaterThan(5)
          return
        }
        await step
        const after = await countedIn((await openReader(createFakeFileSystem(writing.disk))).store)
        expect([before, after], `operation ${at}`).toContain(await countedIn(store))
        expect(warnings, `operation ${at}`).toEqual([])
        // Listed attempts may have expired meanwhile, but nothing else may be listed.
        const listed = await idsIn(store)
        expect(new Set(listed).size, `operation ${at}`).toBe(listed.length)
        expect(listed.length, `operation ${at}`).toBeLessThanOrEqual(await countedIn(store))
      }
      expect.unreachable('the reader goes on longer than the test looks')
    },
  )

  test('appends at every operation of the reader, the answers describe one moment', async () => {
    const writing = createFakeFileSystem(undefined, 300)
    const writer = await openFake(writing)
    let id = 0
    for (; id < 10; id++) await writer.append([attempt(id)])
    const reading = createFakeFileSystem(writing.disk)
    reading.fault = () => ({ kind: 'wait', until: writer.append([attempt(id++)]) })
    const { store, warnings } = await openReader(reading)
    const counted = await countedIn(store)
    expect(counted).toBeGreaterThanOrEqual(10)
    expect(counted).toBeLessThan(id)
    reading.fault = undefined
    expect(await idsIn(store)).toEqual(Array.from({ length: counted }, (_, i) => `id ${i}`).sort())
    expect(warnings).toEqual([])
  })
})

test('an unfinished end of the journal is ignored without a warning: a torn line, preallocated zeros, or both', async () => {
  const writing = createFakeFileSystem()
  const writer = await openFake(writing)
  for (let id = 1; id <= 8; id++) await writer.append([attempt(id)])
  const whole = writing.contentOf(SEGMENT)!
  // Without the document, which never covers unacknowledged records.
  const torn = createFakeFileSystem()
  for (const directory of ['/data', JOURNAL]) await torn.makeDirectory(directory)
  const last = whole.lastIndexOf('\n', whole.length - 2) + 1
  for (let end = last + 1; end < whole.length - 1; end += 5) {
    for (const zeros of [0, 1, 1_500_000]) {
      torn.plant(SEGMENT, Buffer.concat([whole.subarray(0, end), Buffer.alloc(zeros)]))
      const { store, warnings } = await openReader(createFakeFileSystem(torn.disk))
      expect({ counted: await countedIn(store), warnings }, `${end} and ${zeros} zeros`).toEqual({
        counted: 7,
        warnings: [],
      })
    }
  }
})

test('damage is reported with its file, and not repaired', async () => {
  const writing = createFakeFileSystem()
  const first = await openFake(writing)
  for (let id = 1; id <= 8; id++) await first.append([attempt(id)])
  await first.close()
  const snapshot = `${JOURNAL}/snapshot-00000000000000000001.bin`
  for (const path of [snapshot, SEGMENT, PATH]) {
    const content = Buffer.from(writing.contentOf(path)!)
    content[content.length >> 1]! ^= 1
    writing.plant(path, content)
  }
  const before = await filesOn(writing.disk)
  const { store, warnings } = await openReader(createFakeFileSystem(writing.disk))
  expect(await countedIn(store)).toBe(7)
  for (const path of [snapshot, SEGMENT, PATH]) expect(warnings.join('\n')).toContain(path)
  expect(await filesOn(writing.disk)).toEqual(before)
})

describe('a document alone', () => {
  test('is counted and listed in pages, newest first, and no other file is created', async () => {
    const fileSystem = await diskWithDocument(originDocument(5))
    const { store, warnings } = await openReader(createFakeFileSystem(fileSystem.disk))
    expect(await countedIn(store)).toBe(5)
    const times: number[] = []
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const page = await store.attempts({ limit: 2, cursor })
      times.push(...page.attempts.map(one => one.time_seconds))
      cursor = page.next_cursor
    }
    expect(times).toEqual([4, 3, 2, 1, 0])
    expect(await store.attempts({ limit: 10, agent_name: 'other' })).toEqual({ attempts: [], next_cursor: null })
    await expect(store.attempts({ limit: 10, cursor: 'x' })).rejects.toThrow(RangeError)
    expect(warnings).toEqual([])
    expect([...(await filesOn(fileSystem.disk)).keys()]).toEqual([PATH])
  })

  test('that another program writes in place, at any operation of the reader, is read again until it is complete', async () => {
    for (let at = 0; at < MANY_OPERATIONS; at++) {
      const fileSystem = await diskWithDocument(originDocument(5))
      const whole = originDocument(9)
      const states = [whole.slice(0, 0), whole.slice(0, whole.length / 2), whole]
      const node = (fileSystem.disk.root.entries.get('data') as Disk['root']).entries.get('perf.json') as {
        content: Buffer
      }
      let began = false
      const fault = ({ index }: Operation): undefined => {
        if (index >= at && states.length > 0) {
          began = true
          node.content = Buffer.from(states.shift()!)
        }
        return undefined
      }
      const reading = Object.assign(createFakeFileSystem(fileSystem.disk), { fault })
      const { store, warnings } = await openReader(reading)
      expect([5, 9], `operation ${at}`).toContain(await countedIn(store))
      expect(warnings, `operation ${at}`).toEqual([])
      if (!began) return
    }
    expect.unreachable('the reader goes on longer than the test looks')
  })

  test('that a store adopts, at any operation of the reader, is counted once', async () => {
    for (let at = 0; at < MANY_OPERATIONS; at++) {
      const fileSystem = await diskWithDocument(originDocument(5))
      const reading = createFakeFileSystem(fileSystem.disk)
      let adopted: Promise<Store> | undefined
      reading.fault = ({ index }) => {
        if (index !== at) return undefined
        adopted = openFake(createFakeFileSystem(fileSystem.disk)).then(async store => {
          await store.append([attempt(1)])
          return store
        })
        return { kind: 'wait', until: adopted }
      }
      const { store, warnings } = await openReader(reading)
      expect([5, 6], `operation ${at}`).toContain(await countedIn(store))
      expect(warnings, `operation ${at}`).toEqual([])
      if (adopted === undefined) return
    }
    expect.unreachable('the reader goes on longer than the test looks')
  })

  test.each(['', '{"metrics": {', '[]'])('that is %j is an error, and not an empty answer', async text => {
    const fileSystem = await diskWithDocument(text)
    await expect(openReader(createFakeFileSystem(fileSystem.disk))).rejects.toMatchObject({
      name: 'UnreadableStore',
      exitCode: 65,
      message: expect.stringContaining(PATH),
    })
  })
})

test('files that are removed at every try to read them are an error that says so and asks to try again', async () => {
  const writing = createFakeFileSystem()
  await (await openFake(writing)).append([attempt(1)])
  const reading = createFakeFileSystem(writing.disk)
  reading.fault = ({ name, path }) =>
    name === 'read' && path === SEGMENT ? { kind: 'error', code: 'ENOENT' } : undefined
  await expect(openReader(reading)).rejects.toMatchObject({
    exitCode: 75,
    message: expect.stringContaining('try again'),
  })
})
