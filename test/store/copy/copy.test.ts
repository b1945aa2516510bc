/** A copy of a log: nothing twice, wherever it breaks off, and no sidecar answers from an unfinished one. */
import { createHash } from 'node:crypto'
import { expect, test, vi } from 'vitest'
import { createTally, type Tally } from '../../../src/core/aggregate/tally.ts'
import { DEFAULT_TIERS, type TierOptions } from '../../../src/core/aggregate/time-tiers.ts'
import type { Log } from '../../../src/core/log.ts'
import type { ReadableStore } from '../../../src/store/backend.ts'
import { type Copied, copyStore } from '../../../src/store/copy/copy.ts'
import { stateDigest } from '../../../src/store/copy/digest.ts'
import type { Engine } from '../../../src/store/engine/engine.ts'
import { openLogReader } from '../../../src/store/shared/reader.ts'
import { fires } from '../../support/alerts.ts'
import { answersOf, attempt, NOW, openOn, SILENT } from '../engine/engines.ts'
import { createMemoryServer, type MemoryServer } from '../memory-log.ts'

const FIRES = fires('Decline')

const clock = (): number => NOW
const newTally = (): Tally => createTally({ maxKeys: 1000, maxArms: 100, tiers: DEFAULT_TIERS })

const read = (server: MemoryServer): Promise<ReadableStore> =>
  openLogReader({ log: server.open(), tally: newTally(), clock, logger: SILENT })

async function copy(from: MemoryServer, to: MemoryServer): Promise<Copied> {
  const source = await read(from)
  return await copyStore({ source, target: to.open(), clock })
}

const point = (value: number) => ({
  series: 'a sender',
  key: { agent_name: 'sender', model_name: 'm', issue_type: 'bug' },
  measure: { metric: 'attempts', of: 'success' } as const,
  startMs: NOW - 1000,
  timeMs: NOW + value,
  cumulative: true,
  values: [value],
})

/** One of every kind of record, some ids twice, and groups of several sizes. */
async function record(server: MemoryServer): Promise<Engine> {
  const engine = await openOn(server.open())
  await engine.append(Array.from({ length: 30 }, (_, i) => attempt(i, { agent_name: `agent ${i % 4}` })))
  await engine.append([attempt(3), attempt('old', { timestamp: '2026-01-03T10:00:00Z' })])
  await engine.append([
    attempt('armed', { experiment: 'prompt', variant: 'a' }),
    attempt('no id', { attempt_id: undefined as never }),
  ])
  await engine.appendPoints([point(5)])
  await engine.recordOutcome({ attempt_id: 'id 7', success: false, source: 'ci' })
  await engine.alerts.record(FIRES)
  await engine.putExperimentPlan('prompt', { shares: new Map([['a', 1]]) })
  for (let i = 100; i < 110; i++) await engine.append([attempt(i, { success: i % 2 === 0 })])
  return engine
}

/** Digests of the state and of all answers. */
async function contentOf(server: MemoryServer): Promise<readonly string[]> {
  const store = await read(server)
  const digests = [await stateDigest(store.state), digestOf(await answersOf(store))]
  await store.close()
  return digests
}

const digestOf = (text: string): string => createHash('sha256').update(text).digest('hex')

test('everything is answered as the source answers it, and ids and series are known', async () => {
  const [from, to] = [createMemoryServer(), createMemoryServer()]
  const source = await record(from)
  expect(await copy(from, to)).toEqual({ attempts: 43, known: 0, isDamaged: false })
  expect(await contentOf(to)).toEqual(await contentOf(from))
  const engine = await openOn(to.open())
  expect(digestOf(await answersOf(engine))).toBe(digestOf(await answersOf(source)))
  expect(await engine.append([attempt(3), attempt('new')])).toEqual({ accepted: 1, duplicates: 1 })
  expect(await engine.appendPoints([point(5), point(8)])).toMatchObject({ attempts: 3 })
  expect(await engine.recordOutcome({ attempt_id: 'id 7', success: false, source: 'ci' })).toBe('duplicate')
  expect(await engine.alerts.record(FIRES)).toBe(false)
  await Promise.all([engine.close(), source.close()])
})

test.each(['lose the request', 'lose the answer', 'refuse'] as const)(
  'a copy whose append number N should %s is finished by the next run, and nothing is copied twice',
  async fault => {
    const from = createMemoryServer()
    await (await record(from)).close()
    const expected = await contentOf(from)
    for (let failing = 1; ; failing++) {
      const to = createMemoryServer()
      let appends = 0
      to.fault = () => (++appends === failing ? fault : undefined)
      const isWhole = await copy(from, to).then(
        () => true,
        () => false,
      )
      to.fault = undefined
      if (isWhole) {
        expect(failing).toBeGreaterThan(2)
        return
      }
      const { attempts, known } = await copy(from, to)
      expect(attempts + known).toBe(43)
      expect(await contentOf(to)).toEqual(expected)
    }
  },
)

/** Large enough for several groups. */
async function recordMany(server: MemoryServer): Promise<void> {
  const engine = await openOn(server.open())
  for (let from = 0; from < 6000; from += 1000)
    await engine.append(Array.from({ length: 1000 }, (_, i) => attempt(from + i, { agent_name: `agent ${i % 50}` })))
  await engine.close()
}

test('a copy that broke off between two groups continues after the last one', async () => {
  const [from, to] = [createMemoryServer(), createMemoryServer()]
  await recordMany(from)
  let appends = 0
  to.fault = () => (++appends === 3 ? 'lose the request' : undefined)
  await expect(copy(from, to)).rejects.toThrow('the connection was lost')
  to.fault = undefined
  expect(await copy(from, to)).toEqual({ attempts: 6000 - 2048, known: 2048, isDamaged: false })
  expect(await contentOf(to)).toEqual(await contentOf(from))
})

test('a copy that broke off before its snapshot was stored is finished by the next run', async () => {
  const [from, to] = [createMemoryServer(), createMemoryServer()]
  await (await record(from)).close()
  const target = to.open()
  const failing: Log = { ...target, putSnapshot: () => Promise.reject(new Error('the disk is full')) }
  await expect(copyStore({ source: await read(from), target: failing, clock })).rejects.toThrow('the disk is full')
  await expect(openOn(to.open())).rejects.toMatchObject({ name: 'UnfinishedCopy', exitCode: 75 })
  expect(await copy(from, to)).toMatchObject({ attempts: 0, known: 43 })
  expect(await contentOf(to)).toEqual(await contentOf(from))
})

test('neither a sidecar nor a question opens an unfinished copy', async () => {
  const [from, to] = [createMemoryServer(), createMemoryServer()]
  await (await record(from)).close()
  to.fault = (_, { number, writer }) => (writer === undefined && number === 1 ? 'lose the request' : undefined)
  await expect(copy(from, to)).rejects.toThrow()
  to.fault = undefined
  await expect(openOn(to.open())).rejects.toMatchObject({ name: 'UnfinishedCopy' })
  await expect(read(to)).rejects.toMatchObject({ name: 'UnfinishedCopy' })
})

test('a sidecar that has the target open records nothing more, and answers again after a restart', async () => {
  const [from, to] = [createMemoryServer(), createMemoryServer()]
  await (await record(from)).close()
  const sidecar = await openOn(to.open())
  await copy(from, to)
  await vi.waitUntil(() => !sidecar.health().writable, { interval: 1 })
  await expect(sidecar.append([attempt('late')])).rejects.toMatchObject({ name: 'StoreUnavailable' })
  await sidecar.close()
  expect(await contentOf(to)).toEqual(await contentOf(from))
})

test('a sidecar that sees a whole copy at once does not count its records, because expired totals are only in its snapshot', async () => {
  const [from, to] = [createMemoryServer(), createMemoryServer()]
  await (await record(from)).close()
  const sidecar = await openOn(to.open())
  to.hidden = 1000
  await copy(from, to)
  to.hidden = 0
  await expect(sidecar.follow()).rejects.toMatchObject({ name: 'UnfinishedCopy' })
  expect(await sidecar.summaries()).toEqual([])
  await sidecar.close()
})

test('what the source recorded since is copied by another run, and what it had is not copied again', async () => {
  const [from, to] = [createMemoryServer(), createMemoryServer()]
  const source = await record(from)
  await copy(from, to)
  expect(await copy(from, to)).toEqual({ attempts: 0, known: 43, isDamaged: false })
  await source.append([attempt('later 1'), attempt('later 2')])
  expect(await copy(from, to)).toEqual({ attempts: 2, known: 43, isDamaged: false })
  await source.close()
  expect(await contentOf(to)).toEqual(await contentOf(from))
})

test('a target with other data is refused and not changed', async () => {
  const from = createMemoryServer()
  await (await record(from)).close()
  const [used, copied] = [createMemoryServer(), createMemoryServer()]
  await (await record(used)).close()
  await copy(from, copied)
  const engine = await openOn(copied.open())
  await engine.append([attempt('own')])
  await engine.close()
  for (const to of [from, used, copied]) {
    const before = to.groups.length
    await expect(copy(from, to)).rejects.toMatchObject({ name: 'OtherContent' })
    expect(to.groups).toHaveLength(before)
  }
})

test('a process that writes to the target meanwhile is noticed', async () => {
  const [from, to] = [createMemoryServer(), createMemoryServer()]
  await recordMany(from)
  const frame = (log: Log) => log.frame({ nowMs: NOW, idMs: NOW })
  const other = to.open()
  let appends = 0
  to.fault = writer => {
    if (writer !== other.info.writer && ++appends === 2) {
      const { before, after, seal } = frame(other)
      const json = Buffer.from(JSON.stringify(attempt('other')))
      const records = Buffer.concat([before, json, Buffer.alloc(after)])
      seal(records, 0, before.length + json.length)
      void other.append({ number: 1, attempts: 1, records, isReset: false })
    }
    return undefined
  }
  await expect(copy(from, to)).rejects.toMatchObject({ name: 'OtherWriter' })
})

test('a reset is copied with the records after it, and the target counts as complete since', async () => {
  const [from, to] = [createMemoryServer(), createMemoryServer()]
  const source = await record(from)
  await source.reset()
  await source.append([attempt('after')])
  await source.close()
  expect(await copy(from, to)).toMatchObject({ attempts: 1 })
  expect(await contentOf(to)).toEqual(await contentOf(from))
  // Both count what they hold again.
  to.snapshots = []
  from.snapshots = []
  expect(await contentOf(to)).toEqual(await contentOf(from))
})

test('raised limits are copied where they were raised, also by a later run', async () => {
  const limits = { maxKeys: 2, maxArms: 100, idWindow: 4, idWindowAgeMs: 86_400_000 }
  const [from, to] = [createMemoryServer({ limits }), createMemoryServer({ limits })]
  const source = await openOn(from.open())
  const append = (first: number) =>
    source.append([0, 1, 2].map(i => attempt(first + i, { agent_name: `agent ${first + i}` })))
  await append(0)
  await source.raiseLimits({ ...limits, maxKeys: 4 })
  await append(3)
  await copy(from, to)
  await source.raiseLimits({ ...limits, maxKeys: 6, idWindow: 8 })
  expect(await copy(from, to)).toMatchObject({ attempts: 0, known: 6 })
  await append(6)
  expect(await copy(from, to)).toMatchObject({ attempts: 3, known: 6 })
  await source.close()
  const store = await read(to)
  expect(store.limits).toEqual({ ...limits, maxKeys: 6, idWindow: 8 })
  await store.close()
  expect(await contentOf(to)).toEqual(await contentOf(from))
  // Both count what they hold again.
  to.snapshots = []
  from.snapshots = []
  expect(await contentOf(to)).toEqual(await contentOf(from))
})

test('an empty store has an empty copy', async () => {
  const [from, to] = [createMemoryServer(), createMemoryServer()]
  expect(await copy(from, to)).toEqual({ attempts: 0, known: 0, isDamaged: false })
  expect(await contentOf(to)).toEqual(await contentOf(from))
})

test('totals of expired attempts are copied, and other time tiers reach back as far as those of the source', async () => {
  const [from, to] = [createMemoryServer({ expires: true }), createMemoryServer()]
  const source = await record(from)
  source.requestSnapshot()
  await vi.waitUntil(() => from.snapshots.length === 1, { interval: 1 })
  await source.append([attempt('between')])
  await source.close()
  from.expireFirst(5)
  expect(await copy(from, to)).toMatchObject({ known: 0 })
  expect((await contentOf(to))[0]).toBe((await contentOf(from))[0])
  // No tier of the source has such buckets: they come from the log, as far as it reaches back.
  const tiers: TierOptions[] = [{ spanMs: 45_000, keepMs: Number.POSITIVE_INFINITY }, ...DEFAULT_TIERS]
  const spans = async (server: MemoryServer): Promise<unknown> => {
    const engine = await openOn(server.open(), { tiers })
    const spanMs = engine.coverage(NOW - 3_600_000).spanMs
    await engine.close()
    return spanMs
  }
  expect(await spans(from)).toBe(60_000)
  expect(await spans(to)).toBe(60_000)
})
