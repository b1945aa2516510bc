/** Two owners that wrote the same journal at the same time, although there is a lock. Every acknowledged attempt of both is kept. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import fc from 'fast-check'
import { expect, onTestFinished, test, vi } from 'vitest'
import { totalAttempts } from '../../../src/core/aggregate/summary.ts'
import { alertId } from '../../../src/core/alerts/alert.ts'
import type { AlertChange } from '../../../src/core/alerts/lifecycle.ts'
import type { Engine } from '../../../src/store/engine/engine.ts'
import type { FileStore } from '../../../src/store/file/file-store.ts'
import { openingLine, recordLines } from '../../../src/store/file/journal/record.ts'
import { openFileReader } from '../../../src/store/file/reader.ts'
import type { Logger } from '../../../src/store/logger.ts'
import { alertJson, outcomeJson, planJson, RESET_JSON } from '../../../src/store/record-json.ts'
import { anAlert, fires } from '../../support/alerts.ts'
import { createDisk, type Disk } from './fake-disk.ts'
import { createFakeFileSystem, type FakeFileSystem } from './fake-file-system.ts'
import {
  attempt,
  countedIn,
  createLedger,
  idsIn,
  type Ledger,
  NOW,
  newTally,
  openFake,
  PATH,
  send,
} from './fixtures.ts'

const SEGMENT = (sequence: number): string => `/data/perf.journal/${String(sequence).padStart(20, '0')}.ndjson`

interface Said {
  readonly errors: { readonly message: string; readonly fields: unknown }[]
  readonly log: Logger
}

function listener(): Said {
  const errors: Said['errors'] = []
  const error = (message: string, fields: unknown): void => void errors.push({ message, fields })
  return { errors, log: { debug() {}, info() {}, warn() {}, error } }
}

interface Given {
  readonly owner?: string
  readonly previous: readonly [number, number]
  /** Numbers of attempts. */
  readonly attempts: readonly number[]
  /** Attempts without ids cannot be recognized as duplicates. */
  readonly anonymous?: boolean
  /** The JSON of other records, behind the attempts. */
  readonly more?: readonly string[]
}

/** Writes a journal. Resolves with the sizes of its segments. */
async function journalOf(segments: readonly Given[]): Promise<{ fileSystem: FakeFileSystem; sizes: number[] }> {
  const fileSystem = createFakeFileSystem()
  for (const path of ['/data', '/data/perf.journal']) await fileSystem.makeDirectory(path)
  for (const path of ['/', '/data']) await fileSystem.syncDirectory(path)
  const sizes = segments.map(({ owner = '', previous, attempts, anonymous, more = [] }, i) => {
    const opening = {
      format: 2,
      previous: { segment: previous[0], offset: previous[1] },
      owner,
      records: undefined,
    }
    const texts = attempts.map(id => JSON.stringify(attempt(id, anonymous ? { attempt_id: undefined } : {})))
    const bytes = Buffer.concat([openingLine(NOW, opening), recordLines(NOW, [...texts, ...more])])
    fileSystem.plant(SEGMENT(i + 1), bytes)
    return bytes.length
  })
  return { fileSystem, sizes }
}

const sizeOf = async (segment: Given): Promise<number> => (await journalOf([segment])).sizes[0]!

test('a segment of another owner that the next segment skips is counted, listed and reported once', async () => {
  const first: Given = { owner: 'a', previous: [0, 0], attempts: [1, 2] }
  const end = await sizeOf(first)
  const { fileSystem } = await journalOf([
    first,
    { owner: 'a', previous: [1, end], attempts: [3, 4], anonymous: true },
    { owner: 'b', previous: [1, end], attempts: [5] },
  ])
  const said = listener()
  const store = await openFake(fileSystem, { log: said.log })
  expect(await countedIn(store)).toBe(5)
  expect((await store.attempts({ limit: 10 })).attempts).toHaveLength(5)
  expect(store.stats().forkedRecords).toBe(2)
  expect(said.errors).toEqual([
    {
      message: expect.stringContaining('two processes'),
      fields: expect.objectContaining({ path: SEGMENT(2), beside: SEGMENT(3), records: 2, known: 0 }),
    },
  ])
  await store.append([attempt(6)])
  fileSystem.fault = () => ({ kind: 'end', done: 'nothing' })
  for (const drop of [false, true]) {
    const next = createFakeFileSystem(fileSystem.disk)
    // Without a snapshot, everything is counted again.
    for (const name of await next.list('/data/perf.journal')) {
      if (drop && name.startsWith('snapshot')) next.plant(`/data/perf.journal/${name}`, undefined)
    }
    const heard = listener()
    const again = await openFake(next, { log: heard.log })
    expect(await countedIn(again)).toBe(6)
    expect((await again.attempts({ limit: 10 })).attempts).toHaveLength(6)
    expect(again.stats().forkedRecords).toBe(0)
    expect(heard.errors).toEqual([])
    await again.close()
  }
})

test('plans, outcomes and alerts of another owner are kept like its attempts, and contrary plans and resets are reported', async () => {
  const first: Given = { owner: 'a', previous: [0, 0], attempts: [1, 2] }
  const end = await sizeOf(first)
  const plan = (experiment: string, baseline: string): string =>
    planJson({ kind: 'plan', nowMs: NOW, idMs: NOW, experiment, plan: { baseline } })
  const alert = (change: AlertChange): string => alertJson({ change })
  const gone = { change: 'resolve', id: alertId(anAlert('Gone')), startedMs: NOW } as const
  const outcome = (id: number, success: boolean): string =>
    outcomeJson({
      kind: 'outcome',
      nowMs: NOW,
      idMs: NOW,
      outcome: { attempt_id: `id ${id}`, success, source: 'ci' },
      revision: 1,
      attempt: attempt(id),
      at: { ms: NOW, local: false },
    })
  const fork = [
    ...[plan('own', 'x'), plan('own', 'y'), plan('both', 'x'), plan('same', 'x')],
    ...[fires('Slow'), fires('Gone'), gone, fires('Both')].map(alert),
    ...[outcome(1, false), outcome(2, false), RESET_JSON],
  ]
  const main = [plan('both', 'y'), plan('same', 'x'), alert(fires('Both')), outcome(2, true)]
  const { fileSystem } = await journalOf([
    first,
    { owner: 'a', previous: [1, end], attempts: [], more: fork },
    { owner: 'b', previous: [1, end], attempts: [5], more: main },
  ])
  const said = listener()
  const store = (await openFake(fileSystem, { log: said.log })) as FileStore & Pick<Engine, 'alerts' | 'recordOutcome'>
  expect(said.errors.map(({ fields }) => fields)).toEqual([
    expect.objectContaining({ records: 6, known: 3, left_out: 2 }),
  ])
  const baselines = ['own', 'both', 'same'].map(name => store.experimentPlan(name)?.baseline)
  expect(baselines).toEqual(['y', 'y', 'x'])
  expect([...store.alerts.state.episodes.values()].map(({ alert: { rule } }) => rule).sort()).toEqual(['Both', 'Slow'])
  const told = (id: number, success: boolean): Promise<string> =>
    store.recordOutcome({ attempt_id: `id ${id}`, success, source: 'ci' })
  expect([await told(1, false), await told(2, true)]).toEqual(['duplicate', 'duplicate'])
  expect(await countedIn(store)).toBe(3)
  await store.close()
  const heard = listener()
  await (await openFake(createFakeFileSystem(fileSystem.disk), { log: heard.log })).close()
  expect(heard.errors).toEqual([])
})

test('the plan of an experiment in a fork is kept, unless the other owner stored one for that experiment', async () => {
  const plan = (experiment: string, baseline: string): string =>
    planJson({ kind: 'plan', nowMs: NOW, idMs: NOW, experiment, plan: { baseline } })
  const first: Given = { owner: 'a', previous: [0, 0], attempts: [1] }
  const end = await sizeOf(first)
  const { fileSystem } = await journalOf([
    first,
    {
      owner: 'a',
      previous: [1, end],
      attempts: [2],
      more: [plan('both', 'lost'), plan('one', 'old'), plan('one', 'new')],
    },
    { owner: 'b', previous: [1, end], attempts: [3], more: [plan('both', 'kept')] },
  ])
  const store = await openFake(fileSystem)
  expect(await countedIn(store)).toBe(3)
  expect(store.experimentPlan('both')).toEqual({ baseline: 'kept' })
  expect(store.experimentPlan('one')).toEqual({ baseline: 'new' })
  expect(store.stats().forkedRecords).toBe(3)
  await store.close()
  const again = await openFake(createFakeFileSystem(fileSystem.disk))
  expect([again.experimentPlan('both'), again.experimentPlan('one')]).toEqual([
    { baseline: 'kept' },
    { baseline: 'new' },
  ])
  expect(again.stats().forkedRecords).toBe(0)
  await again.close()
})

test('records of another owner behind the stated end of its segment are kept, and none counts twice', async () => {
  const first: Given = { owner: 'a', previous: [0, 0], attempts: [1] }
  const end = await sizeOf(first)
  const { fileSystem, sizes } = await journalOf([
    { ...first, attempts: [1, 2, 3] },
    { owner: 'b', previous: [1, end], attempts: [3, 4] },
  ])
  // A torn group, and preallocated zeros.
  const content = fileSystem.contentOf(SEGMENT(1))!
  fileSystem.plant(SEGMENT(1), Buffer.concat([content, content.subarray(0, 40), Buffer.alloc(500)]))
  const said = listener()
  const store = await openFake(fileSystem, { log: said.log })
  expect(await idsIn(store)).toEqual(['id 1', 'id 2', 'id 3', 'id 4'])
  expect(await countedIn(store)).toBe(4)
  expect(said.errors[0]?.fields).toMatchObject({ path: SEGMENT(1), beside: SEGMENT(2), records: 1, known: 1 })
  expect(sizes[0]).toBeGreaterThan(end)
  await store.close()
  const again = await openFake(createFakeFileSystem(fileSystem.disk))
  expect(await idsIn(again)).toEqual(['id 1', 'id 2', 'id 3', 'id 4'])
  await again.close()
})

test('a reader counts the records of both owners, reports them, and changes nothing', async () => {
  const first: Given = { owner: 'a', previous: [0, 0], attempts: [1] }
  const end = await sizeOf(first)
  const { fileSystem } = await journalOf([
    { ...first, attempts: [1, 2] },
    { owner: 'b', previous: [1, end], attempts: [3] },
  ])
  const warnings: string[] = []
  const log: Logger = { debug() {}, info() {}, warn: message => void warnings.push(message), error() {} }
  const reader = await openFileReader({ path: PATH, createTally: newTally, clock: () => NOW, fileSystem, log })
  expect((await reader.summaries()).reduce((sum, one) => sum + totalAttempts(one.summary), 0)).toBe(3)
  expect(warnings).toEqual([expect.stringMatching(/two processes.*1 records/)])
  await reader.close()
})

test.each(['a', ''])('unacknowledged records behind the end of its own segment are not counted: %s', async owner => {
  const first: Given = { owner, previous: [0, 0], attempts: [1] }
  const end = await sizeOf(first)
  const { fileSystem } = await journalOf([
    { ...first, attempts: [1, 2] },
    { owner, previous: [1, end], attempts: [3] },
    { owner, previous: [1, end], attempts: [4] },
  ])
  const said = listener()
  const store = await openFake(fileSystem, { log: said.log })
  expect(await idsIn(store)).toEqual(['id 1', 'id 4'])
  expect(said.errors).toEqual([])
  await store.close()
})

/** The steps of two owners. */
const arbitraryTurns = fc.array(
  fc.record({
    owner: fc.constantFrom(0, 1),
    what: fc.oneof(
      { weight: 6, arbitrary: fc.constant('append' as const) },
      { weight: 1, arbitrary: fc.constantFrom('fail', 'snapshot', 'restart', 'kill') },
    ),
  }),
  { minLength: 2, maxLength: 25 },
)

test('two owners that both assume to hold the lock lose no acknowledged attempt, in any order of steps', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  const pass = async (store: FileStore): Promise<void> => {
    for (let turn = 0; turn < 50 && (turn < 5 || !store.health().writable); turn++) {
      vi.advanceTimersByTime(1000)
      await nextTurn()
    }
  }
  await fc.assert(
    fc.asyncProperty(arbitraryTurns, async turns => {
      vi.clearAllTimers()
      const disk: Disk = createDisk()
      const ledger: Ledger = createLedger()
      // Each one has its own locks.
      const open = async (): Promise<{ fileSystem: FakeFileSystem; store: FileStore }> => {
        const fileSystem = createFakeFileSystem(disk)
        return { fileSystem, store: await openFake(fileSystem) }
      }
      const owners = [await open(), await open()]
      let id = 0
      for (const { owner, what } of turns) {
        const { fileSystem, store } = owners[owner]!
        if (what === 'append') await send(store, ledger, id++, id++).catch(() => undefined)
        if (what === 'snapshot') {
          vi.advanceTimersByTime(60_000)
          await nextTurn()
        }
        if (what === 'fail') {
          fileSystem.fault = ({ name, path }) =>
            name === 'sync' && path.endsWith('.ndjson') ? { kind: 'error', code: 'EIO', done: 'all' } : undefined
          await send(store, ledger, id++).catch(() => undefined)
          fileSystem.fault = undefined
        }
        if (what === 'restart') await store.close()
        if (what === 'kill') fileSystem.fault = () => ({ kind: 'end', done: 'nothing' })
        if (what === 'restart' || what === 'kill') owners[owner] = await open()
        await pass(owners[owner]!.store)
      }
      for (const { store } of owners) await store.close()
      for (let start = 0; start < 2; start++) {
        const { store } = await open()
        const ids = await idsIn(store)
        expect(new Set(ids).size).toBe(ids.length)
        expect(ids).toEqual(expect.arrayContaining([...ledger.kept]))
        expect(await countedIn(store)).toBe(ids.length)
        await store.close()
      }
    }),
    { numRuns: 100 },
  )
})
