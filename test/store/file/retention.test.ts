/** Retention of the journal, and its effect on listings. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, onTestFinished, test, vi } from 'vitest'
import type { AgentAttempt } from '../../../src/core/attempt/attempt.ts'
import type { FileStore } from '../../../src/store/file/file-store.ts'
import { OWNERSHIP_TIMES } from '../../../src/store/file/lock/ownership.ts'
import { createFakeFileSystem, type FakeFileSystem } from './fake-file-system.ts'
import { attempt, countedIn, idsIn, NOW, openFake } from './fixtures.ts'

const DAY_MS = 86_400_000
const LONG = 'x'.repeat(200)

async function segmentsOf(fileSystem: FakeFileSystem): Promise<number> {
  return (await fileSystem.list('/data/perf.journal')).filter(name => name.endsWith('.ndjson')).length
}

/** Attempts of about 1 kB. */
function large(from: number, count: number): AgentAttempt[] {
  const more = { error_type: LONG, experiment: LONG, variant: LONG, issue_type: LONG }
  return Array.from({ length: count }, (_, i) => attempt(from + i, { ...more, agent_name: 'one' }))
}

async function listAll(store: FileStore, query: { limit: number; agent_name?: string }): Promise<[number, number]> {
  let pages = 0
  let attempts = 0
  for (let cursor: string | null | undefined; cursor !== null; pages++) {
    const page = await store.attempts({ ...query, cursor })
    attempts += page.attempts.length
    cursor = page.next_cursor
  }
  return [pages, attempts]
}

test('the journal has segments of at most 16 MiB, and a listing reads all of them', async () => {
  const fileSystem = createFakeFileSystem()
  const store = await openFake(fileSystem)
  for (let from = 0; from < 20_000; from += 2000) await store.append(large(from, 2000))
  await store.append([attempt(7, { agent_name: 'last', attempt_id: 'last' })])
  expect(await segmentsOf(fileSystem)).toBe(2)
  for (const name of await fileSystem.list('/data/perf.journal')) {
    const content = fileSystem.contentOf(`/data/perf.journal/${name}`)
    expect(content?.length ?? 0).toBeLessThanOrEqual(16 * 1024 * 1024)
  }
  expect(await listAll(store, { limit: 1000 })).toEqual([21, 20_001])
  const restarted = await openFake(createFakeFileSystem(fileSystem.disk))
  expect(await countedIn(restarted)).toBe(20_001)
  await store.close()
})

test('a listing of few among many attempts reads a bounded part of the journal at a time', async () => {
  const store = await openFake(createFakeFileSystem())
  await store.append([attempt(1, { agent_name: 'rare', attempt_id: 'rare' })])
  for (let from = 0; from < 12_000; from += 2000) await store.append(large(from, 2000))
  const first = await store.attempts({ limit: 10, agent_name: 'rare' })
  expect(first.attempts).toEqual([])
  expect(first.next_cursor).not.toBeNull()
  expect(await listAll(store, { limit: 10, agent_name: 'rare' })).toEqual([2, 1])
  await store.close()
})

test('attempts that are too old are not listed, are removed by whole segments, and stay counted', async () => {
  let nowMs = NOW
  const { disk } = createFakeFileSystem()
  const open = (): Promise<FileStore> =>
    openFake(createFakeFileSystem(disk), { clock: () => nowMs, retention: { maxAgeMs: 10 * DAY_MS, maxBytes: 1e9 } })
  for (let life = 0; life < 6; life++) {
    const store = await open()
    await store.append([attempt(life, { timestamp: new Date(nowMs).toISOString() })])
    expect(await countedIn(store)).toBe(life + 1)
    await store.close()
    nowMs += 4 * DAY_MS
  }
  const store = await open()
  const listed = (await store.attempts({ limit: 10 })).attempts.map(one => one.attempt_id)
  expect(listed).toEqual(['id 5', 'id 4'])
  const kept = createFakeFileSystem(disk)
  const names = (await kept.list('/data/perf.journal')).filter(name => name.endsWith('.ndjson'))
  expect(names.some(name => kept.contentOf(`/data/perf.journal/${name}`)!.includes('"id 0"'))).toBe(false)
  expect(await countedIn(store)).toBe(6)
  await store.close()
})

test('a journal that is too large loses its oldest segments, but none that one of the two newest snapshots needs', async () => {
  const { disk } = createFakeFileSystem()
  const open = (fileSystem = createFakeFileSystem(disk)): Promise<FileStore> =>
    openFake(fileSystem, { retention: { maxAgeMs: 1000 * DAY_MS, maxBytes: 1 } })
  const first = await open()
  await first.append([attempt(1)])
  await first.reset()
  // After the snapshot of the reset, in the same segment. Then the process is killed.
  await first.append([attempt(2)])
  for (let life = 3; life < 5; life++) {
    const fileSystem = createFakeFileSystem(disk)
    const store = await open(fileSystem)
    await store.append([attempt(life)])
    await store.close()
    const newest = (await fileSystem.list('/data/perf.journal'))
      .filter(name => name.endsWith('.bin'))
      .sort()
      .at(-1)
    const path = `/data/perf.journal/${newest}`
    const content = fileSystem.contentOf(path)!
    fileSystem.plant(path, 'damaged')
    const second = createFakeFileSystem(disk)
    const recovered = await open(second)
    expect(await countedIn(recovered)).toBe(life - 1)
    second.fault = () => ({ kind: 'end', done: 'nothing' })
    fileSystem.plant(path, content)
  }
  const last = createFakeFileSystem(disk)
  expect(await segmentsOf(last)).toBeLessThanOrEqual(2)
})

test('a reset leaves no file with attempts from before it', async () => {
  const fileSystem = createFakeFileSystem()
  const store = await openFake(fileSystem)
  await store.append([attempt(1, { agent_name: 'secret' })])
  await store.close()
  const second = await openFake(createFakeFileSystem(fileSystem.disk))
  await second.append([attempt(2, { agent_name: 'secret' })])
  await second.reset()
  for (const directory of ['/data', '/data/perf.journal']) {
    for (const name of await fileSystem.list(directory)) {
      expect(fileSystem.contentOf(`${directory}/${name}`)?.includes('secret') ?? false, name).toBe(false)
    }
  }
  await second.close()
})

test('a snapshot that was being taken at a reset removes no attempt that was recorded since', async () => {
  const fileSystem = createFakeFileSystem()
  const before = await openFake(fileSystem)
  await before.append([attempt(1)])
  const next = createFakeFileSystem(fileSystem.disk)
  let release = (): void => {}
  const until = new Promise<void>(resolve => {
    release = resolve
  })
  let held = false
  next.fault = ({ path }) => {
    if (held || !path.includes('snapshot-')) return undefined
    held = true
    return { kind: 'wait', until }
  }
  const store = await openFake(next, { retention: { maxAgeMs: 1000 * DAY_MS, maxBytes: 1 } })
  await vi.waitUntil(() => held, { interval: 1 })
  const reset = store.reset()
  await store.append([attempt(2)])
  next.fault = ({ name, path }) =>
    name === 'sync' && path.endsWith('.ndjson') ? { kind: 'error', code: 'EIO' } : undefined
  await expect(store.append([attempt(3)])).rejects.toThrow('EIO')
  next.fault = undefined
  await vi.waitUntil(() => store.health().writable, { timeout: 30_000, interval: 20 })
  await store.append([attempt(3)])
  next.fault = ({ path }) => (/snapshot-0*2\.bin/.test(path) ? { kind: 'end', done: 'nothing' } : undefined)
  release()
  await reset
  const again = await openFake(createFakeFileSystem(fileSystem.disk))
  expect(await idsIn(again)).toEqual(['id 2', 'id 3'])
  expect(await countedIn(again)).toBe(2)
})

test('an attempt is not listed as soon as its timestamp is too old, wherever it is in the journal', async () => {
  let nowMs = NOW
  const retention = { maxAgeMs: 10 * DAY_MS, maxBytes: 1e9 }
  const store = await openFake(createFakeFileSystem(), { clock: () => nowMs, retention })
  const at = (days: number): string => new Date(NOW + days * DAY_MS).toISOString()
  await store.append([attempt(1, { timestamp: at(0) }), attempt(2, { timestamp: at(-100) })])
  await store.append([attempt(3, { timestamp: at(-9) }), attempt(4, { timestamp: at(-10.1) })])
  expect(await idsIn(store)).toEqual(['id 1', 'id 3'])
  const old = { sinceMs: NOW - 1000 * DAY_MS, untilMs: NOW - DAY_MS }
  expect((await store.attempts({ limit: 9, range: old })).attempts.map(one => one.attempt_id)).toEqual(['id 3'])
  nowMs = NOW + DAY_MS
  expect(await idsIn(store)).toEqual(['id 1', 'id 3'])
  nowMs++
  expect(await idsIn(store)).toEqual(['id 1'])
  nowMs = NOW + 11 * DAY_MS
  expect(await idsIn(store)).toEqual([])
  expect(await countedIn(store)).toBe(4)
  await store.close()
})

/** Takes the snapshot that is due, or that the hourly check requests. */
async function pass(ms: number): Promise<void> {
  for (let turn = 0; turn < 20; turn++) {
    vi.advanceTimersByTime(ms / 20)
    for (let i = 0; i < 10; i++) await nextTurn()
  }
}

test.each([true, false])(
  'a store that runs for months removes attempts that are too old from the disk (with new attempts: %s)',
  async goesOn => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] })
    onTestFinished(() => void vi.useRealTimers())
    let nowMs = NOW
    const fileSystem = createFakeFileSystem()
    const retention = { maxAgeMs: 10 * DAY_MS, maxBytes: 1e9 }
    const store = await openFake(fileSystem, { clock: () => nowMs, retention, ownership: OWNERSHIP_TIMES })
    const stamp = (): { timestamp: string } => ({ timestamp: new Date(nowMs).toISOString() })
    await store.append([attempt(1, { ...stamp(), agent_name: 'secret' })])
    await pass(120_000)
    for (let day = 1; day < 15; day++) {
      nowMs += DAY_MS
      if (goesOn) await store.append([attempt(10 + day, stamp())])
      await pass(2 * 3_600_000)
    }
    const names = (await fileSystem.list('/data/perf.journal')).filter(name => name.endsWith('.ndjson'))
    for (const name of names) expect(fileSystem.contentOf(`/data/perf.journal/${name}`)!.includes('secret')).toBe(false)
    expect((await store.attempts({ limit: 99 })).attempts).toHaveLength(goesOn ? 11 : 0)
    expect(await countedIn(store)).toBe(goesOn ? 15 : 1)
    await store.close()
    const again = await openFake(createFakeFileSystem(fileSystem.disk), { clock: () => nowMs, retention })
    expect(await countedIn(again)).toBe(goesOn ? 15 : 1)
    await again.close()
  },
)
