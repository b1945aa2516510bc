/** A store of a program with other histogram bounds: counted again from the journal, or opened with its totals but without histograms. */
import { afterEach, expect, test, vi } from 'vitest'
import { CONFIDENCE_BOUNDS, DURATION_BOUNDS } from '../../../src/core/aggregate/histogram-bounds.ts'
import type { SeriesPoint } from '../../../src/core/aggregate/series.ts'
import type { FileStore } from '../../../src/store/file/file-store.ts'
import type { Disk } from './fake-disk.ts'

const BOUNDS = '../../../src/core/aggregate/histogram-bounds.ts'
const OWN = { DURATION_BOUNDS, CONFIDENCE_BOUNDS }
/** As many bounds as in this program. */
const SAME_COUNT = { ...OWN, DURATION_BOUNDS: DURATION_BOUNDS.map(bound => bound * 1.5) }
const FEWER = { ...OWN, DURATION_BOUNDS: DURATION_BOUNDS.slice(0, 10) }
const OTHER_BINS = { ...OWN, CONFIDENCE_BOUNDS: [0.25, 0.5, 0.75, 1] }
const HOUR_MS = 3_600_000

afterEach(() => {
  vi.doUnmock(BOUNDS)
  vi.resetModules()
})

/** The program with other bounds: a second instance of its modules. */
async function programWith(bounds: typeof OWN) {
  vi.resetModules()
  vi.doMock(BOUNDS, () => bounds)
  const fixtures = await import('./fixtures.ts')
  const { createFakeFileSystem } = await import('./fake-file-system.ts')
  const summary = await import('../../../src/core/aggregate/summary.ts')
  const { openFileReader } = await import('../../../src/store/file/reader.ts')
  return { ...fixtures, createFakeFileSystem, openFileReader, ...summary }
}
type Program = Awaited<ReturnType<typeof programWith>>

async function open(program: Program, disk: Disk): Promise<{ store: FileStore; log: string[] }> {
  const log: string[] = []
  const say = (message: string): number => log.push(message)
  const options = { log: { debug() {}, info: say, warn: say, error: say } }
  return { store: await program.openFake(program.createFakeFileSystem(disk), options), log }
}

/** Opens the store four times and records five attempts each time, so that the journal has four segments. */
async function written(bounds: typeof OWN): Promise<Disk> {
  const program = await programWith(bounds)
  const { disk } = program.createFakeFileSystem()
  for (let round = 0; round < 4; round++) {
    const { store } = await open(program, disk)
    await store.append(Array.from({ length: 5 }, (_, i) => program.attempt(round * 5 + i, { cost_usd: 0.5 })))
    await store.close()
  }
  return disk
}

async function removeOldest(program: Program, disk: Disk): Promise<void> {
  const fileSystem = program.createFakeFileSystem(disk)
  const names = (await fileSystem.list('/data/perf.journal')).filter(name => name.endsWith('.ndjson')).sort()
  await fileSystem.remove(`/data/perf.journal/${names[0]}`)
}

const rowsOf = async (store: FileStore, range?: { sinceMs: number; untilMs: number }): Promise<unknown> =>
  (await store.summaries(range)).map(({ key, summary }) => [key, [...summary]])

async function numbersOf(program: Program, store: FileStore) {
  const all = program.createSummary()
  for (const { summary } of await store.summaries()) program.mergeInto(all, summary)
  return {
    attempts: program.totalAttempts(all),
    successes: program.successes(all),
    seconds: program.timeSum(all),
    confidence: program.averageConfidence(all),
    cost: program.totalCost(all),
    times: program.timeSums(all).n,
    durations: program.durations(all, true).count + program.durations(all, false).count,
    confidences: program.confidences(all, true).count + program.confidences(all, false).count,
    calibrated: program.calibrationSums(all).n,
  }
}

const CASES = [
  ['bounds with the same count', SAME_COUNT, 'duration'],
  ['another count of bounds', FEWER, 'duration'],
  ['other calibration bins', OTHER_BINS, 'confidence'],
] as const

test.each(CASES)('%s: counts the whole journal again, once', async (_what, bounds, name) => {
  const fresh = await written(bounds)
  const disk = await written(OWN)
  const program = await programWith(bounds)
  const expected = (await open(program, fresh)).store
  for (let start = 0; start < 2; start++) {
    const { store, log } = await open(program, disk)
    expect(await rowsOf(store)).toEqual(await rowsOf(expected))
    const range = { sinceMs: program.NOW - HOUR_MS, untilMs: program.NOW }
    expect(await rowsOf(store, range)).toEqual(await rowsOf(expected, range))
    expect(await store.append([program.attempt(3)])).toEqual({ accepted: 0, duplicates: 1 })
    const said = log.filter(line => line.includes('bounds changed'))
    expect(said.at(-1)).toBe(
      start === 0 ? `histogram bounds changed (${name}): everything was counted again from the journal` : undefined,
    )
    await store.close()
  }
})

test.each(CASES)(
  '%s: keeps totals and drops the histogram where the journal is not whole',
  async (_what, bounds, name) => {
    const disk = await written(OWN)
    const before = await numbersOf(await programWith(OWN), (await open(await programWith(OWN), disk)).store)
    const program = await programWith(bounds)
    await removeOldest(program, disk)
    const dropped = name === 'duration' ? { times: 0, durations: 0 } : { confidences: 0, calibrated: 0 }
    for (let start = 0; start < 2; start++) {
      const { store, log } = await open(program, disk)
      expect(await numbersOf(program, store)).toEqual({ ...before, ...dropped })
      const range = { sinceMs: program.NOW - HOUR_MS, untilMs: program.NOW }
      expect((await store.summaries(range)).reduce((sum, one) => sum + program.totalAttempts(one.summary), 0)).toBe(20)
      const said = log.filter(line => line.startsWith(`histogram bounds changed (${name})`))
      expect(said.length).toBe(start === 0 ? 1 : 0)
      if (start === 0) expect(said[0]).toContain(`recorded before were dropped (${name})`)
      await store.close()
    }
    const { store } = await open(program, disk)
    await store.append([program.attempt(100)])
    const after = await numbersOf(program, store)
    expect(after.attempts).toBe(21)
    expect(name === 'duration' ? [after.times, after.durations] : [after.confidences, after.calibrated]).toEqual([1, 1])
  },
)

test('keeps the totals of the snapshot if the journal is complete but damaged', async () => {
  const disk = await written(OWN)
  const program = await programWith(FEWER)
  const fileSystem = program.createFakeFileSystem(disk)
  const path = '/data/perf.journal/00000000000000000001.ndjson'
  const content = Buffer.from(fileSystem.contentOf(path)!)
  content[content.length - 20] = content[content.length - 20]! ^ 1
  fileSystem.plant(path, content)
  const { store, log } = await open(program, disk)
  expect(await numbersOf(program, store)).toMatchObject({ attempts: 20, durations: 0, calibrated: 20 })
  expect(log.join('\n')).toContain('were dropped (duration)')
})

test('a reader reports what is missing, and changes nothing', async () => {
  const disk = await written(OWN)
  const program = await programWith(SAME_COUNT)
  await removeOldest(program, disk)
  const warnings: string[] = []
  const warn = (message: string): number => warnings.push(message)
  const reader = await program.openFileReader({
    path: program.PATH,
    createTally: program.newTally,
    clock: () => program.NOW,
    log: { debug() {}, info() {}, warn, error: warn },
    fileSystem: program.createFakeFileSystem(disk),
  })
  const counted = (await reader.summaries()).reduce((sum, one) => sum + program.totalAttempts(one.summary), 0)
  expect(counted).toBe(20)
  expect(warnings.join('\n')).toContain('were dropped (duration)')
})

test('the document names the schema with which it was written', async () => {
  const disk = await written(OWN)
  const fingerprintIn = (program: Program): string =>
    JSON.parse(program.createFakeFileSystem(disk).contentOf(program.PATH)!.toString()).journal.fingerprint
  const own = fingerprintIn(await programWith(OWN))
  expect(own).toMatch(/^bounds:[0-9a-f]{16} layout:[0-9a-f]{16} tiers:[0-9a-f]{16}$/)
  const program = await programWith(SAME_COUNT)
  await (await open(program, disk)).store.close()
  expect(fingerprintIn(program)).not.toBe(own)
})

test('cumulative series continue, and buckets with other bounds are not counted with the own ones', async () => {
  const times =
    (buckets: number) =>
    (count: number): number[] => [count, count * 2, count, ...Array(buckets).fill(0)]
  const point = (program: Program, values: readonly number[], ms: number): SeriesPoint => ({
    series: 'durations',
    key: { agent_name: 'sender', model_name: 'm', issue_type: 'i' },
    measure: { metric: 'duration', of: 'success' },
    startMs: program.NOW - HOUR_MS,
    timeMs: program.NOW + ms,
    cumulative: true,
    values,
  })
  for (const isWhole of [true, false]) {
    const disk = await written(OWN)
    const ours = await programWith(OWN)
    const { store } = await open(ours, disk)
    await store.appendPoints([point(ours, times(16)(3), 0)])
    await store.close()
    const program = await programWith(FEWER)
    if (!isWhole) await removeOldest(program, disk)
    const opened = await open(program, disk)
    await opened.store.appendPoints([point(program, times(10)(5), 1000)])
    await opened.store.appendPoints([point(program, times(10)(6), 2000)])
    const [sender] = (await opened.store.summaries(undefined, { agent_name: 'sender' })).map(one => one.summary)
    expect(program.timeSum(sender!)).toBe(12)
    // Only the last two points have the same bounds.
    expect(program.durations(sender!, true)).toMatchObject({ count: 1, sum: 2 })
    await opened.store.close()
  }
})
