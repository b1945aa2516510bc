/** `asOf` names the time up to which the state is certainly complete, whenever something may be missing. */
import { afterEach, expect, test, vi } from 'vitest'
import type { Engine } from '../../../src/store/engine/engine.ts'
import { temporaryFolder } from '../../support/sidecar-process.ts'
import { createMemoryServer } from '../memory-log.ts'
import { openSpoolIn } from '../spool/spools.ts'
import { attempt, NOW, openOn } from './engines.ts'

const opened: Engine[] = []
let nowMs = NOW
const clock = (): number => nowMs

afterEach(async () => {
  nowMs = NOW
  for (const engine of opened.splice(0)) await engine.close()
})

test('an answer is complete while the log can be read, and as of the last read while it is away', async () => {
  const server = createMemoryServer()
  const engine = await openOn(server.open(), { clock })
  opened.push(engine)
  nowMs += 500
  await engine.follow()
  expect(engine.asOf()).toBeUndefined()
  nowMs += 300
  server.isAway = true
  engine.append([attempt(1)]).catch(() => undefined)
  await vi.waitUntil(() => !engine.health().writable, { interval: 1 })
  nowMs += 60_000
  expect(engine.asOf()).toBe(NOW + 500)
  server.isAway = false
  await vi.waitUntil(() => engine.health().writable, { interval: 1 })
  await engine.follow()
  expect(engine.asOf()).toBeUndefined()
})

test('an answer is as of the last read where the log was not read for more than a second', async () => {
  const engine = await openOn(createMemoryServer().open(), { clock })
  opened.push(engine)
  nowMs += 1001
  expect(engine.asOf()).toBe(NOW)
  await engine.follow()
  expect(engine.asOf()).toBeUndefined()
})

test('an answer is as of the oldest attempt in the spool until the log has all of them', async () => {
  await using folder = await temporaryFolder()
  const server = createMemoryServer()
  const spool = await openSpoolIn(folder.path, { clock })
  const engine = await openOn(server.open(), { clock, spool })
  nowMs += 200
  await engine.follow()
  server.isAway = true
  for (const later of [100, 100]) {
    nowMs += later
    await engine.append([attempt(nowMs)])
  }
  // The log was read last before the first of them.
  expect(engine.asOf()).toBe(NOW + 200)
  server.isAway = false
  await vi.waitUntil(() => spool.isEmpty && engine.health().writable, { interval: 1 })
  await engine.follow()
  expect(engine.asOf()).toBeUndefined()
  await engine.close()
})
