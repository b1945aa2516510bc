/** A store that is opened with other time tiers: rebuilt from the journal, or reported as unavailable. */
import { describe, expect, test } from 'vitest'
import type { SeriesPoint } from '../../../src/core/aggregate/series.ts'
import { totalAttempts } from '../../../src/core/aggregate/summary.ts'
import { createTally } from '../../../src/core/aggregate/tally.ts'
import type { TierOptions } from '../../../src/core/aggregate/time-tiers.ts'
import { printTimestamp } from '../../../src/core/attempt/timestamp.ts'
import { RangeNotHeld, type Store, type TimeRange } from '../../../src/core/ports.ts'
import type { FileStore } from '../../../src/store/file/file-store.ts'
import { openFileReader } from '../../../src/store/file/reader.ts'
import { afterPowerLoss, type Disk } from './fake-disk.ts'
import { createFakeFileSystem } from './fake-file-system.ts'
import { attempt, countedIn, NOW, openFake, PATH } from './fixtures.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const FOR_EVER = Number.POSITIVE_INFINITY
const tier = (minutes: number, keepMs: number): TierOptions => ({ spanMs: minutes * MINUTE_MS, keepMs })
const OLD = [tier(2, 24 * HOUR_MS)]
/** Buckets of two minutes cannot be merged into buckets of three. */
const OTHER = [tier(3, 48 * HOUR_MS)]
const DIRECTORY = '/data/perf.journal'

interface Opened {
  readonly store: FileStore
  readonly log: readonly string[]
}

async function open(disk: Disk, tiers: readonly TierOptions[], nowMs = NOW): Promise<Opened> {
  const log: string[] = []
  const say = (message: string): void => {
    log.push(message)
  }
  const store = await openFake(createFakeFileSystem(disk), {
    tally: createTally({ maxKeys: 1000, maxArms: 100, tiers }),
    clock: () => nowMs,
    log: { debug() {}, info: say, warn: say, error: say },
  })
  return { store, log }
}

const at = (id: number, ms: number) => attempt(id, { timestamp: printTimestamp({ ms, local: false }) })

async function countedSince(store: Store, sinceMs: number): Promise<number> {
  const range: TimeRange = { sinceMs, untilMs: FOR_EVER }
  return (await store.summaries(range)).reduce((sum, { summary }) => sum + totalAttempts(summary), 0)
}

const segmentsOf = async (disk: Disk): Promise<string[]> =>
  (await createFakeFileSystem(disk).list(DIRECTORY)).filter(name => name.endsWith('.ndjson')).sort()

/** A store with ten segments: it was opened every hour, and recorded one attempt each time. */
async function tenSegments(tiers: readonly TierOptions[]): Promise<Disk> {
  const { disk } = createFakeFileSystem()
  for (let hour = 10; hour > 0; hour--) {
    const { store } = await open(disk, tiers, NOW - hour * HOUR_MS)
    await store.append([at(hour, NOW - hour * HOUR_MS)])
    await store.close()
  }
  expect(await segmentsOf(disk)).toHaveLength(10)
  return disk
}

const since = (hours: number): number => NOW - hours * HOUR_MS - MINUTE_MS

test('are filled from the whole journal, once, and totals stay', async () => {
  const disk = await tenSegments(OLD)
  for (let start = 0; start < 3; start++) {
    const { store, log } = await open(disk, OTHER)
    expect(await countedIn(store)).toBe(10)
    for (let hours = 1; hours <= 10; hours++) expect(await countedSince(store, since(hours))).toBe(hours)
    expect(await countedSince(store, NOW - 400 * HOUR_MS)).toBe(10)
    const said = log.filter(line => line.startsWith('tiers changed'))
    expect(said.at(-1) ?? '').toMatch(
      start === 0 ? /from 2m:1d to 3m:2d; rebuilt from the journal back to its beginning/ : /^$/,
    )
    await store.close()
  }
})

test('a crash before the next snapshot makes the next start rebuild them again', async () => {
  const disk = await tenSegments(OLD)
  for (const after of [disk, afterPowerLoss(disk)]) {
    // Never closed, as after a crash.
    for (let start = 0; start < 3; start++) {
      const { store } = await open(after, OTHER)
      expect(await countedIn(store)).toBe(10)
      expect(await countedSince(store, since(10))).toBe(10)
    }
  }
})

describe('if part of the journal is missing', () => {
  test('the tier that reaches back further stays and answers questions', async () => {
    const disk = await tenSegments(OLD)
    const fileSystem = createFakeFileSystem(disk)
    for (const name of (await segmentsOf(disk)).slice(0, 6)) await fileSystem.remove(`${DIRECTORY}/${name}`)
    const { store, log } = await open(disk, OTHER)
    expect(await countedIn(store)).toBe(10)
    for (let hours = 1; hours <= 10; hours++) expect(await countedSince(store, since(hours))).toBe(hours)
    expect(log.join('\n')).toMatch(/rebuilt from the journal back to 2026-03-01T08:05:00.000Z; 2m:1d stays/)
    await store.close()
  })

  test('a range before the earliest data is refused with the earliest possible time, and a later one is answered', async () => {
    // By tiers of an hour what is older left before the settings changed.
    const disk = await tenSegments([tier(2, HOUR_MS)])
    const fileSystem = createFakeFileSystem(disk)
    for (const name of (await segmentsOf(disk)).slice(0, 6)) await fileSystem.remove(`${DIRECTORY}/${name}`)
    const { store } = await open(disk, OTHER)
    const refusal: unknown = await store.summaries({ sinceMs: since(10), untilMs: FOR_EVER }).catch(error => error)
    expect(refusal).toBeInstanceOf(RangeNotHeld)
    expect(refusal).toBeInstanceOf(RangeError)
    const earliest = /before (\S+):/.exec((refusal as Error).message)?.[1] ?? ''
    // The fourth last segment began at eight. Earlier attempts may have timestamps of up to five minutes later.
    expect(earliest).toBe('2026-03-01T08:06:00.000Z')
    await expect(store.arms('x', { sinceMs: since(10), untilMs: FOR_EVER })).rejects.toBeInstanceOf(RangeNotHeld)
    expect(await countedSince(store, Date.parse(earliest))).toBe(3)
    expect(await countedIn(store)).toBe(10)
    await store.close()
  })

  test('damage in the middle limits the rebuilt tiers to the records after it', async () => {
    const disk = await tenSegments([tier(2, HOUR_MS)])
    const fileSystem = createFakeFileSystem(disk)
    const path = `${DIRECTORY}/${(await segmentsOf(disk))[4]}`
    const content = Buffer.from(fileSystem.contentOf(path)!)
    content[content.length - 20] = content[content.length - 20]! ^ 1
    fileSystem.plant(path, content)
    const { store } = await open(disk, OTHER)
    await expect(countedSince(store, since(10))).rejects.toBeInstanceOf(RangeNotHeld)
    expect(await countedSince(store, since(5))).toBe(5)
    expect(await countedIn(store)).toBe(10)
    await store.close()
  })
})

test('a reader uses the tiers of the store and not its own', async () => {
  const disk = await tenSegments(OLD)
  const fileSystem = createFakeFileSystem(disk)
  for (const name of (await segmentsOf(disk)).slice(0, 6)) await fileSystem.remove(`${DIRECTORY}/${name}`)
  const reader = await openFileReader({
    path: PATH,
    createTally: () => createTally({ maxKeys: 2, maxArms: 1, tiers: OTHER }),
    clock: () => NOW,
    fileSystem,
  })
  for (let hours = 1; hours <= 10; hours++) expect(await countedSince(reader, since(hours))).toBe(hours)
  expect(reader.coverage(since(3))).toEqual({ earliestMs: Number.NEGATIVE_INFINITY, spanMs: 2 * MINUTE_MS })
  await reader.close()
})

test('points of metrics are counted by time again, each point once', async () => {
  const { disk } = createFakeFileSystem()
  const point = (value: number, timeMs: number): SeriesPoint => ({
    series: 's',
    key: { agent_name: 'sender', model_name: 'm', issue_type: 'i' },
    measure: { metric: 'attempts', of: 'success' },
    startMs: NOW - 20 * HOUR_MS,
    timeMs,
    cumulative: true,
    values: [value],
  })
  for (let hour = 10; hour > 0; hour--) {
    const { store } = await open(disk, OLD, NOW - hour * HOUR_MS)
    await store.appendPoints([point(100 - hour, NOW - hour * HOUR_MS)])
    await store.close()
  }
  const { store } = await open(disk, OTHER)
  expect(await countedIn(store)).toBe(99)
  expect(await countedSince(store, since(3))).toBe(3)
  expect(await countedSince(store, since(10))).toBe(99)
  await store.close()
})
