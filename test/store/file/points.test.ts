/** Points of metrics in the file store count once, whenever the process ends or the power fails. */
import { describe, expect, test } from 'vitest'
import { agentMetrics } from '../../../src/core/aggregate/metrics.ts'
import type { SeriesPoint } from '../../../src/core/aggregate/series.ts'
import { totalAttempts } from '../../../src/core/aggregate/summary.ts'
import type { FileStore } from '../../../src/store/file/file-store.ts'
import { atEveryChange, createUnchecked, DONE, ENDINGS, repeatableBytes } from './endings.ts'
import { afterPowerLoss, createDisk, type Disk } from './fake-disk.ts'
import { createFakeFileSystem, type FakeFileSystem } from './fake-file-system.ts'
import { attempt, countedIn, idsIn, NOW, openFake, PATH } from './fixtures.ts'

const key = { agent_name: 'sender', model_name: 'llama3:8b', issue_type: 'bug' }

/** A point of a series that started an hour ago, read `ms` after noon. */
function point(series: string, value: number, ms: number, more: Partial<SeriesPoint> = {}): SeriesPoint {
  return {
    series,
    key,
    measure: { metric: 'attempts', of: 'success' },
    startMs: NOW - 3_600_000,
    timeMs: NOW + ms,
    cumulative: true,
    values: [value],
    ...more,
  }
}

/** Exports of two senders: one with cumulative, one with delta temporality. */
const EXPORTS = [3, 4, 4, 9, 10].map((total, i, totals) => [
  point('cumulative', total, i),
  point('delta', total - (totals[i - 1] ?? 0), i, { cumulative: false }),
])

async function countedOf(store: FileStore): Promise<number> {
  const found = await store.summaries(undefined, key)
  return found.reduce((sum, { summary }) => sum + totalAttempts(summary), 0)
}

/** The state of a sender: its next export, and the acknowledged ones. */
interface Book {
  sent: number
  kept: number
}

/** Sends exports in order, and repeats one until it is acknowledged. */
async function exportNext(store: FileStore, book: Book): Promise<void> {
  book.sent = book.kept + 1
  await store.appendPoints(EXPORTS[book.kept]!)
  book.kept++
}

/** Attempts between exports, repeated exports, and a restart. */
async function history(fileSystem: FakeFileSystem, book: Book): Promise<void> {
  const random = repeatableBytes()
  const first = await openFake(fileSystem, { random })
  await exportNext(first, book)
  await Promise.all([first.append([attempt(1)]), exportNext(first, book), first.append([attempt(2)])])
  await first.appendPoints(EXPORTS[1]!)
  await exportNext(first, book)
  await first.close()
  const second = await openFake(fileSystem, { random })
  await exportNext(second, book)
  await second.append([attempt(3)])
  await second.close()
}

const total = (exports: number): number => 2 * (exports === 0 ? 0 : EXPORTS[exports - 1]![0]!.values[0]!)

async function check(disk: Disk, book: Book): Promise<void> {
  const store = await openFake(createFakeFileSystem(disk))
  const counted = await countedOf(store)
  expect([total(book.kept), total(book.sent)]).toContain(counted)
  // The answers must survive a power loss.
  expect(await countedOf(await openFake(createFakeFileSystem(afterPowerLoss(disk))))).toBe(counted)
  while (book.kept < EXPORTS.length) await exportNext(store, book)
  expect(await countedOf(store)).toBe(total(EXPORTS.length))
  expect(await countedIn(store)).toBe(total(EXPORTS.length) + (await idsIn(store)).length)
  await store.close()
  const again = await openFake(createFakeFileSystem(afterPowerLoss(disk)))
  for (const points of EXPORTS) await again.appendPoints(points)
  expect(await countedOf(again)).toBe(total(EXPORTS.length))
  await again.close()
}

const isUnchecked = createUnchecked()

describe.each(ENDINGS)('when %s', (_name, ending) => {
  test.each(DONE)(
    'after any operation that has done %s, every point is counted once when its sender has sent it again',
    async done => {
      const runs = await atEveryChange(createDisk, { done }, async (fileSystem, at) => {
        const book: Book = { sent: 0, kept: 0 }
        await history(fileSystem, book).catch(() => {})
        for (const disk of ending(fileSystem.disk, at))
          if (isUnchecked(disk, [book.sent, book.kept])) await check(disk, { ...book })
      })
      expect(runs).toBeGreaterThan(20)
    },
  )
})

test('points that a failing disk refused count once when they are sent again', async () => {
  const fileSystem = createFakeFileSystem()
  const store = await openFake(fileSystem)
  await store.appendPoints(EXPORTS[0]!)
  fileSystem.fault = ({ name, path }) =>
    name === 'sync' && path.endsWith('.ndjson') ? { kind: 'error', code: 'EIO', done: 'all' } : undefined
  await expect(store.appendPoints(EXPORTS[1]!)).rejects.toMatchObject({ name: 'StoreUnavailable', reason: 'failing' })
  expect(await countedOf(store)).toBe(total(1))
  fileSystem.fault = undefined
  await expect.poll(() => store.health().writable, { timeout: 10_000 }).toBe(true)
  await store.appendPoints(EXPORTS[1]!)
  expect(await countedOf(store)).toBe(total(2))
  await store.close()
})

test('a request of any size is recorded completely', async () => {
  const { disk } = createFakeFileSystem()
  const store = await openFake(createFakeFileSystem(disk))
  const many = Array.from({ length: 1700 }, (_, i) => point(`${i}`, 1, 0))
  expect(await store.appendPoints(many)).toEqual({ attempts: 1700, refused: 0, late: 0 })
  const killed = await openFake(createFakeFileSystem(disk))
  expect(await killed.appendPoints(many)).toEqual({ attempts: 0, refused: 0, late: 0 })
  expect(await countedOf(killed)).toBe(1700)
})

test('the number of series is bounded, and known series continue', async () => {
  const store = await openFake(createFakeFileSystem(), { maxSeries: 2 })
  const points = ['a', 'b', 'c'].map(series => point(series, 1, 0))
  expect(await store.appendPoints(points)).toEqual({ attempts: 2, refused: 1, late: 0 })
  expect(await store.appendPoints(points.map(one => ({ ...one, timeMs: NOW + 1, values: [5] })))).toEqual({
    attempts: 8,
    refused: 1,
    late: 0,
  })
})

test('points without new counts are not written', async () => {
  const store = await openFake(createFakeFileSystem())
  await store.appendPoints([point('s', 3, 0)])
  const before = store.stats().journalBytes
  for (let ms = 1; ms < 100; ms++) await store.appendPoints([point('s', 3, ms)])
  expect(store.stats().journalBytes).toBe(before)
})

test('the journal alone restores the series if there is no snapshot', async () => {
  const fileSystem = createFakeFileSystem()
  const store = await openFake(fileSystem)
  for (const points of EXPORTS.slice(0, 3)) await store.appendPoints(points)
  await store.close()
  for (const name of await fileSystem.list('/data/perf.journal')) {
    if (name.startsWith('snapshot')) fileSystem.plant(`/data/perf.journal/${name}`, 'damaged')
  }
  const again = await openFake(createFakeFileSystem(fileSystem.disk))
  expect(await countedOf(again)).toBe(total(3))
  for (const points of EXPORTS) await again.appendPoints(points)
  expect(await countedOf(again)).toBe(total(5))
})

test('the document counts them and lists none, and after its adoption no count is repeated', async () => {
  const fileSystem = createFakeFileSystem()
  const store = await openFake(fileSystem)
  const duration = { metric: 'duration', of: 'success' } as const
  await store.appendPoints([...EXPORTS[0]!, point('d', 0, 0, { measure: duration, values: [2, 5] })])
  await store.close()
  const { metrics } = JSON.parse(fileSystem.contentOf(PATH)!.toString())
  const metricsOfKey = {
    ...key,
    total_attempts: 6,
    successful_fixes: 6,
    failed_fixes: 0,
    avg_confidence: 0,
    avg_time_seconds: 2.5,
    recent_results: [],
  }
  expect(metrics).toEqual({ 'sender:llama3:8b:bug': metricsOfKey })
  fileSystem.plant('/data/perf.journal', undefined)
  const adopted = await openFake(createFakeFileSystem(fileSystem.disk), { clock: () => NOW + 1000 })
  expect((await adopted.summaries()).map(one => agentMetrics(one))).toEqual([metricsOfKey])
  const cumulative = (value: number, ms: number): readonly SeriesPoint[] => [point('cumulative', value, ms)]
  expect(await adopted.appendPoints(cumulative(8, 2000))).toMatchObject({ attempts: 0 })
  expect(await adopted.appendPoints(cumulative(10, 3000))).toMatchObject({ attempts: 2 })
  expect(await countedOf(adopted)).toBe(8)
})
