/** Damage in records that a snapshot covers, which a start does not read: reported by listings and by verification. */
import { describe, expect, test } from 'vitest'
import type { AttemptOrder, MissingAttempts } from '../../../src/core/ports.ts'
import type { FileStore } from '../../../src/store/file/file-store.ts'
import type { Logger } from '../../../src/store/logger.ts'
import { createFakeFileSystem, type FakeFileSystem } from './fake-file-system.ts'
import { attempt, countedIn, NOW, openFake, randomFrom } from './fixtures.ts'

const JOURNAL = '/data/perf.journal'
/** The attempts of each segment. Each start creates one segment. */
const HELD = [5, 7, 6, 8]
const TOTAL = HELD.reduce((sum, count) => sum + count, 0)
const ORDERS: readonly AttemptOrder[] = ['newest', 'oldest']

const segment = (sequence: number): string => `${JOURNAL}/${String(sequence).padStart(20, '0')}.ndjson`

/** A new copy of a closed store whose newest snapshot covers all segments. */
async function closedStore(): Promise<FakeFileSystem> {
  files ??= filesOf(await madeStore())
  const fileSystem = createFakeFileSystem()
  for (const directory of ['/data', JOURNAL]) await fileSystem.makeDirectory(directory)
  for (const [path, content] of await files) fileSystem.plant(path, content)
  return fileSystem
}

let files: Promise<Map<string, Buffer>> | undefined

async function filesOf(from: FakeFileSystem): Promise<Map<string, Buffer>> {
  const contents = new Map<string, Buffer>()
  for (const directory of ['/data', JOURNAL]) {
    for (const name of await from.list(directory)) {
      const content = from.contentOf(`${directory}/${name}`)
      if (content !== undefined && name !== 'lock.db') contents.set(`${directory}/${name}`, content)
    }
  }
  return contents
}

async function madeStore(): Promise<FakeFileSystem> {
  const { disk } = createFakeFileSystem()
  let id = 0
  for (const count of HELD) {
    const store = await openFake(createFakeFileSystem(disk))
    for (let i = 0; i < count; i++) await store.append([attempt(++id)])
    await store.close()
  }
  return createFakeFileSystem(disk)
}

interface Listed {
  readonly ids: readonly number[]
  readonly missing: MissingAttempts
}

async function listAll(store: FileStore, order: AttemptOrder, limit = 3): Promise<Listed> {
  const ids: number[] = []
  const missing = { records: 0, segments: 0, exact: true }
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page = await store.attempts({ limit, order, cursor })
    for (const one of page.attempts) ids.push(Number(one.attempt_id?.slice(3)))
    missing.records += page.missing?.records ?? 0
    missing.segments += page.missing?.segments ?? 0
    missing.exact &&= page.missing?.exact ?? true
    cursor = page.next_cursor
  }
  return { ids: ids.sort((a, b) => a - b), missing }
}

function createLines(): { readonly log: Logger; readonly lines: string[] } {
  const lines: string[] = []
  const add = (message: string, fields?: object): void => void lines.push(`${message} ${JSON.stringify(fields)}`)
  return { log: { debug() {}, info() {}, warn: add, error: add }, lines }
}

const without = (from: number, to: number): number[] =>
  Array.from({ length: TOTAL }, (_, i) => i + 1).filter(id => id < from || id > to)

describe.each(ORDERS)('a listing with the %s first', order => {
  test('reports no missing attempts if all files are complete', async () => {
    const store = await openFake(await closedStore())
    expect(await listAll(store, order)).toEqual({
      ids: without(0, 0),
      missing: { records: 0, segments: 0, exact: true },
    })
    expect((await store.attempts({ limit: 1000, order })).missing).toBeUndefined()
    await store.verify()
    expect(store.stats()).toMatchObject({ corruptRecords: 0, missingRecords: 0, damage: { files: 0 } })
  })

  test.each([
    ['the oldest segment is deleted', 1, 1, 5, 1],
    ['one in the middle is deleted', 2, 6, 12, 1],
    ['the newest is deleted', 4, 19, 26, 1],
  ])('reports how many attempts are missing if %s', async (_what, sequence, from, to, segments) => {
    const fileSystem = await closedStore()
    fileSystem.plant(segment(sequence), undefined)
    const { log, lines } = createLines()
    const store = await openFake(fileSystem, { log })
    expect(await listAll(store, order)).toEqual({
      ids: without(from, to),
      missing: { records: to - from + 1, segments, exact: true },
    })
    await store.verify()
    await store.verify()
    expect(store.stats()).toMatchObject({ missingRecords: to - from + 1, damage: { files: 1, records: to - from + 1 } })
    expect(store.stats().damage.detail).toContain(segment(sequence))
    expect(lines.filter(line => line.includes('the store is damaged'))).toHaveLength(1)
    expect(await countedIn(store)).toBe(TOTAL)
  })

  test('reports two segments that are deleted one after the other while the store runs', async () => {
    const fileSystem = await closedStore()
    const store = await openFake(fileSystem)
    await listAll(store, order)
    for (const sequence of [2, 3]) fileSystem.plant(segment(sequence), undefined)
    expect(await listAll(store, order)).toEqual({
      ids: without(6, 18),
      missing: { records: 13, segments: 2, exact: true },
    })
  })

  test('reports a segment that is truncated at any position', async () => {
    const whole = (await closedStore()).contentOf(segment(2))!
    for (let size = 0; size < whole.length; size += 101) {
      const fileSystem = await closedStore()
      fileSystem.plant(segment(2), whole.subarray(0, size))
      const store = await openFake(fileSystem)
      const { ids, missing } = await listAll(store, order)
      expect(missing, `${size} bytes`).toEqual({ records: TOTAL - ids.length, segments: 1, exact: true })
      await store.verify()
      expect(store.stats().damage, `${size} bytes`).toMatchObject({ files: 1, records: TOTAL - ids.length })
      expect((await fileSystem.list(JOURNAL)).filter(name => name.includes('.corrupt-'))).toHaveLength(1)
    }
  })

  test('reports attempts that a range of zeros overwrote', async () => {
    const fileSystem = await closedStore()
    const content = Buffer.from(fileSystem.contentOf(segment(3))!)
    content.fill(0, 300, 900)
    fileSystem.plant(segment(3), content)
    const store = await openFake(fileSystem)
    const { ids, missing } = await listAll(store, order)
    expect(ids.length).toBeLessThan(TOTAL)
    expect(missing).toEqual({ records: TOTAL - ids.length, segments: 0, exact: true })
    await store.verify()
    const { corruptRecords, missingRecords, damage } = store.stats()
    expect(corruptRecords + missingRecords).toBe(TOTAL - ids.length)
    expect(damage.records).toBe(TOTAL - ids.length)
  })

  test('is refused, and not empty, if the directory of the journal was moved away', async () => {
    const fileSystem = await closedStore()
    const store = await openFake(fileSystem)
    fileSystem.plant(JOURNAL, undefined)
    await expect(store.attempts({ limit: 10, order })).rejects.toThrow(/the journal cannot be read: the lock/)
  })
})

test('a listing in the order oldest ends with the newest attempt at its beginning', async () => {
  const store = await openFake(await closedStore())
  const first = await store.attempts({ limit: 20, order: 'oldest' })
  await store.append([attempt(500)])
  const second = await store.attempts({ limit: 20, order: 'oldest', cursor: first.next_cursor! })
  expect([...first.attempts, ...second.attempts].map(one => one.attempt_id)).toEqual(
    without(0, 0).map(id => `id ${id}`),
  )
  expect(second).toMatchObject({ next_cursor: null })
  await expect(store.attempts({ limit: 20, cursor: first.next_cursor! })).rejects.toThrow(RangeError)
})

test('attempts without an id get a stable one if the query asks for ids', async () => {
  const fileSystem = createFakeFileSystem()
  const store = await openFake(fileSystem)
  const { attempt_id: _, ...same } = attempt(1)
  await store.append([same, same, attempt(2)])
  const idsOf = async (of: FileStore, order: AttemptOrder): Promise<(string | undefined)[]> =>
    (await of.attempts({ limit: 10, order, withIds: true })).attempts.map(one => one.attempt_id)
  const ids = await idsOf(store, 'oldest')
  expect(ids[0]).not.toBe(ids[1])
  expect(ids[2]).toBe('id 2')
  await store.close()
  const again = await openFake(createFakeFileSystem(fileSystem.disk))
  expect(await idsOf(again, 'oldest')).toEqual(ids)
  expect(await idsOf(again, 'newest')).toEqual(ids.toReversed())
  expect((await again.attempts({ limit: 10 })).attempts.at(-1)).not.toHaveProperty('attempt_id')
})

describe('no false alarm', () => {
  test('is raised for segments that retention removed, at whichever operation the process ended', async () => {
    const retention = { maxAgeMs: 86_400_000, maxBytes: 1 }
    for (let last = 0, hasEnded = true; hasEnded; last += 1) {
      hasEnded = false
      const fileSystem = await closedStore()
      const process = createFakeFileSystem(fileSystem.disk)
      process.fault = ({ index }) => {
        hasEnded ||= index === last
        return index === last ? { kind: 'end', done: last % 2 === 0 ? 'all' : 'half' } : undefined
      }
      const store = await openFake(process, { retention }).catch(() => undefined)
      await store?.append([attempt(100)]).catch(() => undefined)
      await store?.close().catch(() => undefined)
      const after = await openFake(createFakeFileSystem(fileSystem.disk))
      for (const order of ORDERS)
        expect((await listAll(after, order)).missing, `after operation ${last}`).toMatchObject({
          records: 0,
          segments: 0,
        })
      await after.verify()
      expect(after.stats().damage, `after operation ${last}`).toMatchObject({ files: 0 })
    }
  })

  test('is raised after a reset, or if a write failed and another segment replaced it', async () => {
    const fileSystem = await closedStore()
    const store = await openFake(fileSystem)
    await store.append([attempt(100)])
    await store.reset()
    await store.append([attempt(101), attempt(102)])
    fileSystem.fault = ({ name, path }) =>
      name === 'write' && path.endsWith('.ndjson') ? { kind: 'error', code: 'EIO', done: 'half' } : undefined
    await store.append([attempt(103)]).catch(() => undefined)
    fileSystem.fault = undefined
    await expect.poll(() => store.health().writable).toBe(true)
    await store.append([attempt(104)])
    for (const order of ORDERS) {
      expect(await listAll(store, order)).toEqual({
        ids: [101, 102, 104],
        missing: { records: 0, segments: 0, exact: true },
      })
    }
    await store.verify()
    expect(store.stats().damage.files).toBe(0)
    await store.close()
    const again = await openFake(createFakeFileSystem(fileSystem.disk))
    await again.verify()
    expect(again.stats().damage.files).toBe(0)
    expect((await listAll(again, 'oldest')).missing.records).toBe(0)
  })

  test('is raised for a journal of an older version that did not count its attempts', async () => {
    const fileSystem = await closedStore()
    const store = await openFake(createFakeFileSystem(fileSystem.disk))
    await store.verify()
    await store.close()
    fileSystem.plant(`${JOURNAL}/oldest.record`, undefined)
    const again = await openFake(createFakeFileSystem(fileSystem.disk))
    await again.verify()
    expect(again.stats().damage.files).toBe(0)
    expect((await listAll(again, 'newest')).missing.records).toBe(0)
  })
})

test('a damaged snapshot is found while the store runs and copied aside, and a new one is taken', async () => {
  const fileSystem = await closedStore()
  const store = await openFake(fileSystem)
  const snapshots = async (): Promise<string[]> =>
    (await fileSystem.list(JOURNAL)).filter(name => name.startsWith('snapshot')).sort()
  const path = `${JOURNAL}/${(await snapshots()).at(-1)!}`
  const content = Buffer.from(fileSystem.contentOf(path)!)
  content[content.length - 9]! ^= 4
  fileSystem.plant(path, content)
  const before = await snapshots()
  await store.verify()
  expect(store.stats().damage).toMatchObject({ files: 1, detail: expect.stringContaining(path) })
  const copies = (await fileSystem.list(JOURNAL)).filter(name => name.includes('.corrupt-'))
  expect(copies.map(name => fileSystem.contentOf(`${JOURNAL}/${name}`))).toEqual([content])
  await expect
    .poll(async () => (await snapshots()).some(name => !before.includes(name) && name.endsWith('.bin')))
    .toBe(true)
  await store.close()
})

test('verification starts automatically soon after the start', async () => {
  const fileSystem = await closedStore()
  fileSystem.plant(segment(2), undefined)
  const store = await openFake(fileSystem, { scrub: { firstMs: 1, everyMs: 60_000, bytesPerSecond: 1e9 } })
  await expect.poll(() => store.stats().damage.records).toBe(7)
  await store.close()
})

test('a stop during a verification does not wait for the pause before the next block', async () => {
  const fileSystem = await closedStore()
  const reading = Promise.withResolvers<void>()
  const goOn = Promise.withResolvers<void>()
  const never = { firstMs: Number.POSITIVE_INFINITY, everyMs: Number.POSITIVE_INFINITY }
  const store = await openFake(fileSystem, { scrub: { ...never, bytesPerSecond: 1 } })
  fileSystem.fault = ({ name, path }) => {
    if (name !== 'read' || !path.endsWith('.ndjson')) return undefined
    reading.resolve()
    return { kind: 'wait', until: goOn.promise }
  }
  void store.verify()
  await reading.promise
  const closed = store.close()
  goOn.resolve()
  await closed
}, 10_000)

test('damage that a listing meets is examined at once, and counted', async () => {
  const fileSystem = await closedStore()
  fileSystem.plant(segment(2), undefined)
  const store = await openFake(fileSystem)
  await listAll(store, 'newest')
  await expect.poll(() => store.stats().missingRecords).toBe(7)
})

test('after any file is flipped, truncated, zeroed or deleted, no wrong attempt is listed, and missing ones are reported', async () => {
  const random = randomFrom(20260301)
  const pick = (below: number): number => Math.floor(random() * below)
  const expected = without(0, 0)
  for (let round = 0; round < 200; round++) {
    const fileSystem = await closedStore()
    const names = (await fileSystem.list(JOURNAL)).filter(name => name !== 'lock.db')
    const name = names[pick(names.length)]!
    const path = `${JOURNAL}/${name}`
    const content = Buffer.from(fileSystem.contentOf(path)!)
    const kind = pick(4)
    const at = pick(content.length)
    if (kind === 0) content[at]! ^= 1 << pick(8)
    if (kind === 1) content.fill(0, at, at + 1 + pick(content.length - at))
    const damaged = kind === 3 ? undefined : kind === 2 ? content.subarray(0, at) : content
    fileSystem.plant(path, damaged)
    const what = `round ${round}: ${['flip', 'zero', 'cut', 'delete'][kind]} ${name} at ${at}`
    const store = await openFake(fileSystem, { clock: () => NOW + round })
    await store.verify()
    expect(await countedIn(store), what).toBe(TOTAL)
    for (const order of ORDERS) {
      const { ids, missing } = await listAll(store, order)
      expect(expected, what).toEqual(expect.arrayContaining([...ids]))
      expect(new Set(ids).size, what).toBe(ids.length)
      expect(missing.records, what).toBe(TOTAL - ids.length)
      expect(store.stats().damage.records >= TOTAL - ids.length, what).toBe(true)
    }
    await store.close()
  }
})
