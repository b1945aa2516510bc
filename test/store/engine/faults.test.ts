/** What the engine promises while its log loses answers, refuses, hides groups, fails over or expires. */
import { afterEach, expect, test, vi } from 'vitest'
import type { KeptEvent } from '../../../src/core/events.ts'
import type { Engine } from '../../../src/store/engine/engine.ts'
import { type AppendFault, createMemoryServer, type MemoryServer, type MemoryServerOptions } from '../memory-log.ts'
import { answersOf, attempt, countedIn, idsIn, openOn, type TestEngineOptions } from './engines.ts'

const opened: Engine[] = []

afterEach(async () => {
  for (const engine of opened.splice(0)) await engine.close()
})

async function open(server: MemoryServer, options: TestEngineOptions = {}): Promise<Engine> {
  const engine = await openOn(server.open(), options)
  opened.push(engine)
  return engine
}

/** Opens a number of engines on one log. */
async function openSome<const T extends number>(count: T, options: MemoryServerOptions = {}) {
  const server = createMemoryServer(options)
  const engines: Engine[] = []
  for (let i = 0; i < count; i++) engines.push(await open(server))
  return { server, engines: engines as [Engine, Engine, ...Engine[]] }
}

/** The next append gets the fault. */
function failOnce(server: MemoryServer, fault: AppendFault): void {
  server.fault = () => {
    server.fault = undefined
    return fault
  }
}

async function expectSame(...engines: readonly Engine[]): Promise<void> {
  const answers = []
  for (const engine of engines) {
    await engine.follow()
    answers.push(await answersOf(engine))
  }
  expect(new Set(answers).size).toBe(1)
}

test.each(['lose the answer', 'lose the request'] as const)(
  'an append whose log should %s is sent again until it is answered, and counts once',
  async fault => {
    const { server, engines } = await openSome(1)
    let losses = 3
    server.fault = () => (losses-- > 0 ? fault : undefined)
    expect(await engines[0].append([attempt(1), attempt(undefined as never, { attempt_id: undefined })])).toEqual({
      accepted: 2,
      duplicates: 0,
    })
    expect(server.groups).toHaveLength(1)
    expect(await countedIn(engines[0])).toBe(2)
  },
)

test('while a group is unanswered, further attempts are refused, questions are answered, and health states the reason', async () => {
  const { server, engines } = await openSome(1)
  const [engine] = engines
  await engine.append([attempt(1)])
  server.fault = () => 'lose the request'
  const pending = engine.append([attempt(2)])
  await vi.waitUntil(() => !engine.health().writable, { interval: 1 })
  await expect(engine.append([attempt(3)])).rejects.toMatchObject({ name: 'StoreUnavailable', reason: 'failing' })
  expect(engine.health().reason).toContain('the connection was lost')
  expect(await countedIn(engine)).toBe(1)
  server.fault = undefined
  expect(await pending).toEqual({ accepted: 1, duplicates: 0 })
  await vi.waitUntil(() => engine.health().writable, { interval: 1 })
  expect(await engine.append([attempt(2), attempt(3)])).toEqual({ accepted: 1, duplicates: 1 })
})

test('in a long outage, every call is rejected in a bounded time: as possibly stored, or as refused, and its attempts count once', async () => {
  const server = createMemoryServer()
  const engine = await open(server, { times: { patienceMs: 20 } })
  const { promise: hold, resolve: release } = Promise.withResolvers<void>()
  failOnce(server, { hold })
  const sent = engine.append([attempt(1)])
  await vi.waitUntil(() => server.fault === undefined, { interval: 1 })
  const waiting = [engine.append([attempt(2)]), engine.reset()]
  server.isAway = true
  release()
  await expect(sent).rejects.toMatchObject({ name: 'StoreUnavailable', reason: 'unanswered', message: /may be stored/ })
  for (const one of waiting) await expect(one).rejects.toMatchObject({ name: 'StoreUnavailable', reason: 'failing' })
  server.isAway = false
  await vi.waitUntil(() => engine.health().writable, { interval: 1 })
  expect(await engine.append([attempt(1), attempt(2)])).toEqual({ accepted: 1, duplicates: 1 })
  expect(await countedIn(engine)).toBe(2)
  expect(engine.pending).toEqual({ calls: 0, attempts: 0 })
})

test('in a long outage, a call that waits for the groups of others is rejected as possibly stored, and counts once', async () => {
  const { server, engines } = await openSome(1)
  const patient = await open(server, { times: { patienceMs: 20 } })
  server.hidden = 2
  await engines[0].append([attempt(1)])
  const sent = patient.append([attempt(2)])
  await vi.waitUntil(() => server.groups.length === 2, { interval: 1 })
  server.isAway = true
  await expect(sent).rejects.toMatchObject({ name: 'StoreUnavailable', reason: 'unanswered' })
  server.isAway = false
  server.hidden = 0
  await expectSame(engines[0], patient)
  expect(await countedIn(patient)).toBe(2)
})

test('a group that the log refuses is not counted, and the same attempts may be sent again', async () => {
  const { server, engines } = await openSome(1)
  const [engine] = engines
  failOnce(server, 'refuse')
  await expect(engine.append([attempt(1)])).rejects.toMatchObject({
    name: 'StoreUnavailable',
    message: /the log is full/,
  })
  expect(await countedIn(engine)).toBe(0)
  await vi.waitUntil(() => engine.health().writable, { interval: 1 })
  expect(await engine.append([attempt(1)])).toEqual({ accepted: 1, duplicates: 0 })
})

test('the same id at two engines at once counts once, is reported as a duplicate to the later one, and is listed once', async () => {
  const { server, engines } = await openSome(2)
  let release = (): void => {}
  const hold = new Promise<void>(resolve => {
    release = resolve
  })
  // Both form their groups before either group is in the log.
  server.fault = writer => (writer === 'writer 1' ? { hold } : undefined)
  const first = engines[0].append([attempt('same', { success: true }), attempt('a')])
  const second = await engines[1].append([attempt('same', { success: false }), attempt('b')])
  release()
  expect([second, await first]).toEqual([
    { accepted: 2, duplicates: 0 },
    { accepted: 1, duplicates: 1 },
  ])
  await expectSame(...engines)
  expect(await countedIn(engines[0])).toBe(3)
  expect(await idsIn(engines[1])).toEqual(['id a', 'id b', 'id same'])
})

test('records that a reader sees are not acknowledged before the append is answered', async () => {
  const { server, engines } = await openSome(2)
  let release = (): void => {}
  const hold = new Promise<void>(resolve => {
    release = resolve
  })
  failOnce(server, 'lose the answer')
  let isAnswered = false
  const pending = engines[0].append([attempt(1)]).then(answer => {
    isAnswered = true
    return answer
  })
  server.fault = () => 'lose the answer'
  await vi.waitUntil(() => server.groups.length === 1, { interval: 1 })
  server.fault = () => ({ hold })
  await engines[1].follow()
  expect(await countedIn(engines[1])).toBe(1)
  expect(isAnswered).toBe(false)
  release()
  server.fault = undefined
  expect(await pending).toEqual({ accepted: 1, duplicates: 0 })
  expect(server.groups).toHaveLength(1)
})

test('an append waits for earlier groups that the log hides for a while, and is folded after them', async () => {
  const { server, engines } = await openSome(2)
  server.hidden = 2
  await engines[0].append([attempt(1, { agent_name: 'first' })])
  let isAnswered = false
  const pending = engines[1].append([attempt(2, { agent_name: 'second' })]).finally(() => {
    isAnswered = true
  })
  await vi.waitUntil(() => server.groups.length === 2, { interval: 1 })
  await new Promise(resolve => setTimeout(resolve, 5))
  expect(isAnswered).toBe(false)
  server.hidden = 0
  expect(await pending).toEqual({ accepted: 1, duplicates: 0 })
  expect((await engines[1].summaries()).map(one => one.key.agent_name)).toEqual(['first', 'second'])
})

test('groups that stay hidden are reported as missing, and folded when they appear', async () => {
  const { server, engines } = await openSome(2)
  server.hidden = 2
  await engines[0].append([attempt(1)])
  const pending = engines[1].append([attempt(2)])
  await vi.waitUntil(() => engines[1].health().reason?.includes('missing groups'), { interval: 1, timeout: 30_000 })
  server.hidden = 0
  expect(await pending).toEqual({ accepted: 1, duplicates: 0 })
  await expectSame(...engines)
})

test('acknowledged groups that a failover lost are appended again, and all engines reach the same state', async () => {
  const { server, engines } = await openSome(3)
  const told: KeptEvent[] = []
  engines[1].events.subscribe(event => void told.push(event))
  for (let i = 0; i < 6; i++) await engines[i % 3]!.append([attempt(i), attempt(`x${i}`, { attempt_id: undefined })])
  for (const engine of engines) await engine.follow()
  server.failOver(2)
  // Each writer that lost groups detects it at its next append.
  for (let i = 6; i < 9; i++) expect(await engines[i % 3]!.append([attempt(i)])).toEqual({ accepted: 1, duplicates: 0 })
  await expectSame(...engines, await open(server))
  expect(await countedIn(engines[0])).toBe(15)
  await vi.waitUntil(() => told.some(({ kind }) => kind === 'reloaded'), { interval: 1 })
})

test('engines without new attempts append again what a failover lost, and all engines reach the same state', async () => {
  const { server, engines } = await openSome(2)
  for (let i = 0; i < 6; i++) await engines[i % 2]!.append([attempt(i)])
  for (const engine of engines) await engine.follow()
  server.failOver(2)
  for (const engine of engines) await engine.follow()
  await expectSame(...engines, await open(server))
  expect(server.groups).toHaveLength(6)
  expect(await countedIn(engines[0])).toBe(6)
})

test('an engine that fell behind expired groups continues from a snapshot', async () => {
  const { server, engines } = await openSome(2)
  await engines[0].append([attempt(1)])
  await engines[1].follow()
  for (let i = 2; i < 8; i++) await engines[0].append([attempt(i)])
  engines[0].requestSnapshot()
  await vi.waitUntil(() => server.snapshots.length === 1, { interval: 1 })
  server.expireFirst(5)
  await expectSame(...engines)
  expect(await engines[1].append([attempt(3), attempt(9)])).toEqual({ accepted: 1, duplicates: 1 })
})

test('without a snapshot, an expired log is reported as unreadable, and questions are answered from memory', async () => {
  const { server, engines } = await openSome(2)
  await engines[0].append([attempt(1)])
  await engines[1].follow()
  await engines[0].append([attempt(2)])
  server.expireFirst(2)
  await expect(engines[1].follow()).rejects.toThrow('expired')
  expect(await countedIn(engines[0])).toBe(2)
})

test('a snapshot with damaged blocks is skipped for an older one', async () => {
  const { server, engines } = await openSome(1)
  for (const id of [1, 2]) {
    await engines[0].append([attempt(id)])
    engines[0].requestSnapshot()
    await vi.waitUntil(() => server.snapshots.length === id, { interval: 1 })
  }
  const [newest, older] = server.snapshots
  server.snapshots = [{ ...newest!, blocks: [Buffer.from('damaged!')] }, older!]
  await expectSame(engines[0], await open(server))
})

test.each(['lose the answer', 'lose the request'] as const)(
  'close rejects the calls of a group as possibly stored where the log should %s, and later calls as refused',
  async fault => {
    const { server, engines } = await openSome(1)
    const [engine] = engines
    server.fault = () => fault
    const pending = engine.append([attempt(1)])
    await vi.waitUntil(() => !engine.health().writable, { interval: 1 })
    const told = expect(pending).rejects.toMatchObject({
      name: 'StoreUnavailable',
      reason: 'unanswered',
      message: /may be stored\. Send it again with the same attempt_id/,
    })
    await engine.close()
    await told
    await expect(engine.append([attempt(2)])).rejects.toMatchObject({ reason: 'closed' })
    server.fault = undefined
    const next = await open(server)
    const isStored = fault === 'lose the answer'
    expect(await next.append([attempt(1)])).toEqual({ accepted: isStored ? 0 : 1, duplicates: isStored ? 1 : 0 })
  },
)

test('close rejects the calls of a stored group that cannot be read as possibly stored', async () => {
  const { server, engines } = await openSome(2)
  server.hidden = 2
  await engines[0].append([attempt(1)])
  const pending = engines[1].append([attempt(2)])
  await vi.waitUntil(() => server.groups.length === 2, { interval: 1 })
  const told = expect(pending).rejects.toMatchObject({ name: 'StoreUnavailable', reason: 'unanswered' })
  server.isAway = true
  await engines[1].close()
  await told
})

test('a read that fails behind an own group does not delay the answer to it, and folds it once', async () => {
  const { server, engines } = await openSome(1)
  const log = server.open()
  let failures = 0
  const cut = await openOn({
    ...log,
    // It learns of other groups only when it appends.
    watch() {},
    async *read(after, until) {
      for await (const group of log.read(after, until)) {
        yield group
        if (group.writer === log.info.writer && failures++ === 0) throw new Error('the connection is lost')
      }
    },
  })
  opened.push(cut)
  await engines[0].append([attempt(1)])
  await cut.append([attempt(2)])
  expect(failures).toBeGreaterThan(0)
  await expectSame(engines[0], cut)
  expect(await countedIn(cut)).toBe(2)
})
