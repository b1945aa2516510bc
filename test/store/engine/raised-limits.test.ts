/** Limits of a shared log only grow, and every sidecar counts within the same ones from the same record on. */
import { expect, test, vi } from 'vitest'
import { limitsIn } from '../../../src/core/fold.ts'
import type { Engine } from '../../../src/store/engine/engine.ts'
import { temporaryFolder } from '../../support/sidecar-process.ts'
import { createMemoryServer } from '../memory-log.ts'
import { openSpoolIn } from '../spool/spools.ts'
import { answersOf, attempt, openOn } from './engines.ts'

const SMALL = { maxKeys: 2, maxArms: 2, idWindow: 5, idWindowAgeMs: 1000 }

/** One attempt for each key. */
const ofKeys = (...keys: readonly number[]): ReturnType<typeof attempt>[] =>
  keys.map(key => attempt(`key ${key}`, { agent_name: `agent ${key}` }))

const keysOf = async (engine: Engine): Promise<string[]> => (await engine.summaries()).map(one => one.key.agent_name)

test('raised limits hold from their record on in all sidecars, also after a restart from the log or from a snapshot', async () => {
  const server = createMemoryServer({ limits: SMALL })
  const engines = [await openOn(server.open()), await openOn(server.open())] as const
  await engines[0].append(ofKeys(1, 2, 3))
  await engines[1].raiseLimits({ ...SMALL, maxKeys: 3, idWindow: 50 })
  await engines[0].append(ofKeys(4, 5))
  const expected = ['agent 1', 'agent 2', '__overflow__', 'agent 4']
  const answers = new Set<string>()
  async function check(engine: Engine): Promise<void> {
    await engine.follow()
    expect(await keysOf(engine)).toEqual(expected)
    expect(limitsIn(engine.state)).toEqual({ ...SMALL, maxKeys: 3, idWindow: 50 })
    answers.add(await answersOf(engine))
  }
  for (const engine of engines) await check(engine)
  const replayed = await openOn(server.open())
  await check(replayed)
  replayed.requestSnapshot()
  await vi.waitUntil(() => server.snapshots.length > 0, { interval: 1 })
  const restored = await openOn(server.open())
  expect(restored.hasSnapshot).toBe(true)
  await check(restored)
  expect(answers.size).toBe(1)
  for (const engine of [...engines, replayed, restored]) await engine.close()
})

test('a start raises the limits before it appends what an earlier process spooled', async () => {
  await using folder = await temporaryFolder()
  const server = createMemoryServer({ limits: SMALL })
  const log = server.open()
  const killed = await openOn(log, { spool: await openSpoolIn(folder.path) })
  server.isAway = true
  await killed.append(ofKeys(1, 2, 3, 4))
  await log.close()
  server.isAway = false
  const spool = await openSpoolIn(folder.path)
  const engine = await openOn(server.open(), { spool, raiseTo: { ...SMALL, maxKeys: 10 } })
  await vi.waitUntil(() => spool.isEmpty, { interval: 1 })
  await engine.follow()
  expect(await keysOf(engine)).toEqual(['agent 1', 'agent 2', 'agent 3', 'agent 4'])
  await engine.close()
})

test('of limits that are raised at once the larger ones hold, and lower ones write no record', async () => {
  const server = createMemoryServer({ limits: SMALL })
  const engines = [await openOn(server.open()), await openOn(server.open())] as const
  await Promise.all([
    engines[0].raiseLimits({ ...SMALL, maxKeys: 10 }),
    engines[1].raiseLimits({ ...SMALL, maxArms: 20, maxKeys: 5 }),
  ])
  for (const engine of engines) {
    await engine.follow()
    expect(limitsIn(engine.state)).toEqual({ ...SMALL, maxKeys: 10, maxArms: 20 })
  }
  const groups = server.groups.length
  await engines[0].raiseLimits({ ...SMALL, maxKeys: 1 })
  expect(server.groups).toHaveLength(groups)
  expect(limitsIn(engines[0].state).maxKeys).toBe(10)
  for (const engine of engines) await engine.close()
})
