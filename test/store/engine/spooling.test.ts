/** What an engine with a spool promises while its log is away: what is answered is durable, and counts once when the log is back. */
import fc from 'fast-check'
import { afterEach, expect, test, vi } from 'vitest'
import type { Log } from '../../../src/core/log.ts'
import type { Engine } from '../../../src/store/engine/engine.ts'
import type { Spool } from '../../../src/store/engine/spool.ts'
import type { Logger } from '../../../src/store/logger.ts'
import { fires } from '../../support/alerts.ts'
import { temporaryFolder } from '../../support/sidecar-process.ts'
import { createMemoryServer, type MemoryServer } from '../memory-log.ts'
import { openSpoolIn } from '../spool/spools.ts'
import { answersOf, attempt, countedIn, idsIn, openOn, SILENT } from './engines.ts'

const POINT = {
  series: 's',
  key: { agent_name: 'a', model_name: 'b', issue_type: 'bug' },
  measure: { metric: 'attempts', of: 'success' },
  startMs: 1,
  timeMs: 2,
  cumulative: true,
  values: [3],
} as const

const closing: (() => PromiseLike<unknown>)[] = []

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

interface Opened {
  readonly server: MemoryServer
  /** A process whose log is closed appends nothing any more, as one that was killed. */
  readonly log: Log
  readonly engine: Engine
  readonly spool: Spool
  readonly folder: string
}

async function open(
  options: {
    readonly server?: MemoryServer
    readonly folder?: string
    readonly maxBytes?: number
    readonly logger?: Logger
  } = {},
): Promise<Opened> {
  const { server = createMemoryServer(), maxBytes = 10 * 1024 * 1024, logger = SILENT } = options
  const folder = options.folder ?? (await newFolder())
  const spool = await openSpoolIn(folder, { maxBytes })
  const log = server.open()
  const engine = await openOn(log, { spool, logger })
  closing.push(() => engine.close())
  return { server, log, engine, spool, folder }
}

async function newFolder(): Promise<string> {
  const made = await temporaryFolder()
  closing.push(() => made[Symbol.asyncDispose]())
  return made.path
}

async function beAway({ server, engine }: Pick<Opened, 'server' | 'engine'>): Promise<void> {
  server.isAway = true
  await engine.append([attempt('first lost')])
}

async function drained({ spool }: Pick<Opened, 'spool'>): Promise<void> {
  await vi.waitUntil(() => spool.isEmpty, { interval: 1, timeout: 30_000 })
}

test('while the log is away, attempts are accepted, are in no answer, and count once when it is back, in order', async () => {
  const opened = await open()
  const { server, engine } = opened
  await engine.append([attempt(1)])
  await beAway(opened)
  for (const id of [2, 3, 4])
    expect(await engine.append([attempt(id, { agent_name: `agent ${id}` })])).toEqual({ accepted: 1, duplicates: 0 })
  expect(await countedIn(engine)).toBe(1)
  server.isAway = false
  await drained(opened)
  await engine.follow()
  expect((await engine.summaries()).map(one => one.key.agent_name)).toEqual(['fixer', 'agent 2', 'agent 3', 'agent 4'])
  expect(await engine.append([attempt(2), attempt(5)])).toEqual({ accepted: 1, duplicates: 1 })
  expect(await idsIn(engine)).toEqual(['id 1', 'id 2', 'id 3', 'id 4', 'id 5', 'id first lost'])
  const other = await openOn(server.open())
  closing.push(() => other.close())
  expect(await answersOf(other)).toBe(await answersOf(engine))
})

test.each(['lose the answer', 'lose the request'] as const)(
  'a group whose log should %s counts once, although it is spooled',
  async fault => {
    const opened = await open()
    const { server, engine } = opened
    server.isAway = true
    server.fault = () => fault
    expect(await engine.append([attempt('x', { attempt_id: undefined })])).toEqual({ accepted: 1, duplicates: 0 })
    server.fault = undefined
    server.isAway = false
    await drained(opened)
    await engine.follow()
    expect(await countedIn(engine)).toBe(1)
    expect(await engine.append([attempt(2)])).toEqual({ accepted: 1, duplicates: 0 })
    expect(server.groups).toHaveLength(2)
  },
)

test('a group that the log refuses is spooled, and counts once when the log takes it', async () => {
  const opened = await open()
  const { server, engine } = opened
  let refusals = 3
  server.fault = () => (refusals-- > 0 ? 'refuse' : undefined)
  expect(await engine.append([attempt(1)])).toEqual({ accepted: 1, duplicates: 0 })
  await drained(opened)
  await engine.follow()
  expect(await countedIn(engine)).toBe(1)
  expect(server.groups).toHaveLength(1)
})

test('what a killed process spooled is appended once by the next one, also if the log has part of it', async () => {
  const opened = await open()
  const { server, folder } = opened
  server.isAway = true
  server.fault = () => 'lose the answer'
  await opened.engine.append([attempt('unanswered', { attempt_id: undefined })])
  server.fault = undefined
  for (let i = 0; i < 5; i++) await opened.engine.append([attempt(i, { attempt_id: undefined })])
  await opened.log.close()
  // The second process is killed when the log has three groups of the spool.
  let appended = 0
  server.fault = writer => (writer === 'writer 2' && ++appended > 3 ? 'lose the answer' : undefined)
  server.isAway = false
  const second = await open({ server, folder })
  await vi.waitUntil(() => appended > 3, { interval: 1 })
  await second.log.close()
  server.fault = undefined
  const third = await open({ server, folder })
  await drained(third)
  await third.engine.follow()
  expect(await countedIn(third.engine)).toBe(6)
})

test('groups that a failover lost are appended again before the spooled ones', async () => {
  const opened = await open()
  const { server, engine } = opened
  for (let i = 0; i < 3; i++) await engine.append([attempt(i)])
  await beAway(opened)
  await engine.append([attempt(3)])
  server.failOver(1)
  server.isAway = false
  await drained(opened)
  await engine.follow()
  expect(await idsIn(engine)).toEqual(['id 0', 'id 1', 'id 2', 'id 3', 'id first lost'])
})

test('spooled groups that a failover lost while they were appended are appended again', async () => {
  const opened = await open()
  const { server, engine } = opened
  await beAway(opened)
  for (let i = 0; i < 6; i++) await engine.append([attempt(i)])
  let appended = 0
  server.fault = () => {
    if (++appended === 4) server.failOver(1)
    return undefined
  }
  server.isAway = false
  await drained(opened)
  server.fault = undefined
  await engine.follow()
  expect(await countedIn(engine)).toBe(7)
})

test('the store is writable while the spool has room, and says that it waits', async () => {
  const opened = await open()
  await beAway(opened)
  expect(opened.engine.health()).toMatchObject({
    writable: true,
    advisories: [{ name: 'spool', detail: expect.stringMatching(/^1 attempts \(\d+ bytes\)/) }],
  })
  opened.server.isAway = false
  await drained(opened)
  expect(opened.engine.health()).toEqual({ writable: true })
})

test('a full spool refuses attempts, the store is not writable, and the log of the process says each step once', async () => {
  const lines: string[] = []
  const line = (message: string): void => void lines.push(message)
  const logger: Logger = { debug() {}, info: line, warn: line, error: line }
  const opened = await open({ maxBytes: 20_000, logger })
  const { engine, server } = opened
  server.isAway = true
  let accepted = 0
  const refusal = await (async () => {
    for (;;) {
      const refused = await engine.append([attempt(accepted)]).then(
        () => undefined,
        (error: unknown) => error,
      )
      if (refused !== undefined) return refused
      accepted++
    }
  })()
  expect(refusal).toMatchObject({ name: 'StoreUnavailable', reason: 'failing', message: /spool is full/ })
  expect(engine.health()).toMatchObject({ writable: false, reason: 'the log is away, and the spool is full' })
  server.isAway = false
  await drained(opened)
  await engine.follow()
  expect(await countedIn(engine)).toBe(accepted)
  await vi.waitUntil(() => lines.includes('the spool is empty: the log has all attempts'), { interval: 1 })
  expect(lines.filter(one => one.includes('spool'))).toEqual([
    'the log is away: attempts are kept in the spool until it is back',
    'the spool is 80 % full',
    'the spool is full: attempts are refused until the log is back',
    'the spool is empty: the log has all attempts',
  ])
})

test('plans, resets, outcomes and alerts are refused while the log is away, and points are spooled', async () => {
  const opened = await open()
  const { engine, server } = opened
  await beAway(opened)
  const refused = { name: 'StoreUnavailable', reason: 'failing' }
  await expect(engine.reset()).rejects.toMatchObject(refused)
  await expect(engine.putExperimentPlan('e', { baseline: 'a' } as never)).rejects.toMatchObject(refused)
  await expect(engine.alerts.record(fires('Slow'))).rejects.toMatchObject(refused)
  expect(await engine.appendPoints([POINT])).toEqual({ attempts: 3, refused: 0, late: 0 })
  expect(await engine.appendPoints([POINT])).toEqual({ attempts: 3, refused: 0, late: 0 })
  server.isAway = false
  await drained(opened)
  await engine.follow()
  expect(await countedIn(engine)).toBe(4)
  await engine.reset()
  expect(await countedIn(engine)).toBe(0)
})

test('listeners learn of spooled attempts as their own, when the log has them', async () => {
  const opened = await open()
  const own: boolean[] = []
  opened.engine.events.subscribe(event => {
    if (event.kind === 'kept') own.push(event.own)
  })
  await beAway(opened)
  await opened.engine.append([attempt(1)])
  expect(own).toEqual([])
  opened.server.isAway = false
  await drained(opened)
  await vi.waitUntil(() => own.length === 2, { interval: 1 })
  expect(own).toEqual([true, true])
})

const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ append: fc.integer({ min: 1, max: 3 }), who: fc.nat(1) }) },
  { weight: 3, arbitrary: fc.constantFrom('go away' as const, 'come back' as const) },
  { weight: 2, arbitrary: fc.constantFrom('lose the answer' as const, 'lose the request' as const, 'refuse' as const) },
  { weight: 2, arbitrary: fc.record({ kill: fc.nat(1) }) },
)

test('for any outages, lost answers, refusals and kills, every accepted attempt counts once in all sidecars', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async steps => {
      const server = createMemoryServer()
      const folders = [await newFolder(), await newFolder()]
      const logs = [server.open(), server.open()]
      const spools = await Promise.all(folders.map(folder => openSpoolIn(folder)))
      const engines = await Promise.all(logs.map((log, i) => openOn(log, { spool: spools[i]! })))
      let accepted = 0
      for (const one of steps) {
        if (one === 'go away') server.isAway = true
        else if (one === 'come back') server.isAway = false
        else if (typeof one === 'string') {
          server.fault = () => {
            server.fault = undefined
            return one
          }
        } else if ('append' in one) {
          const some = Array.from({ length: one.append }, () => attempt('', { attempt_id: undefined }))
          accepted += (await engines[one.who]!.append(some)).accepted
        } else {
          // A start needs the log. The killed process appends nothing from here on.
          server.isAway = false
          server.fault = undefined
          await logs[one.kill]!.close()
          logs[one.kill] = server.open()
          spools[one.kill] = await openSpoolIn(folders[one.kill]!)
          engines[one.kill] = await openOn(logs[one.kill]!, { spool: spools[one.kill]! })
        }
      }
      server.isAway = false
      server.fault = undefined
      for (const [i, engine] of engines.entries())
        await vi.waitUntil(() => spools[i]!.isEmpty && engine.health().writable, { interval: 1 })
      for (const engine of engines) {
        await engine.follow()
        expect(await countedIn(engine)).toBe(accepted)
        await engine.close()
      }
    }),
    { numRuns: 40 },
  )
})
