/** A record of a newer version of the program stops an older one: it never skips what it cannot read. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { encodeOne } from '../../../src/store/engine/call.ts'
import { openFileLog } from '../../../src/store/file/file-store.ts'
import { defaultTally, openStore, openStoreToRead } from '../../../src/store/open.ts'
import { RECORD_VERSION } from '../../../src/store/record-json.ts'
import { createMemoryServer, type MemoryServer } from '../memory-log.ts'
import { attempt, countedIn, NOW, openOn } from './engines.ts'

const VERSION = RECORD_VERSION + 1
const NEWER = JSON.stringify({ record_version: VERSION, attempt: attempt(9), rating: 5 })
const TIMES = { nowMs: NOW, idMs: NOW }
const REFUSED = { name: 'NewerRecord', exitCode: 78, message: expect.stringContaining(`records of version ${VERSION}`) }

let folder: string
let server: MemoryServer

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'newer-record-'))
  server = createMemoryServer()
})
afterEach(() => rm(folder, { recursive: true }))

/** What a newer sidecar on the same log does. */
async function appendNewer(): Promise<void> {
  const log = server.open()
  await log.append({ number: 1, attempts: 0, records: encodeOne(log.frame(TIMES), NEWER), isReset: false })
}

test('a shared log that has one is not opened', async () => {
  const engine = await openOn(server.open())
  await engine.append([attempt(1)])
  await engine.close()
  await appendNewer()
  await expect(openOn(server.open())).rejects.toMatchObject(REFUSED)
})

test('an open engine stops at it permanently: it counts and appends nothing after it, and states the reason', async () => {
  const outdated: Error[] = []
  const onNewerRecord = (error: Error): void => void outdated.push(error)
  const [engine, other] = [await openOn(server.open(), { onNewerRecord }), await openOn(server.open())]
  await engine.append([attempt(1)])
  await other.follow()
  await appendNewer()
  await vi.waitUntil(() => !engine.health().writable, { interval: 1 })
  expect(engine.health().reason).toContain(`records of version ${VERSION}`)
  expect(outdated).toEqual([expect.objectContaining(REFUSED)])
  await expect(engine.append([attempt(2)])).rejects.toMatchObject({ name: 'StoreUnavailable', reason: 'failing' })
  expect(await countedIn(engine)).toBe(1)
  expect(server.groups).toHaveLength(2)
  await Promise.all([engine.close(), other.close()])
})

test('a file log that has one is opened neither to write nor to read', async () => {
  const path = join(folder, 'perf.json')
  const store = await openStore(path, { clock: () => NOW })
  await store.append([attempt(1)])
  await store.close()
  const { log } = await openFileLog({ path, tally: defaultTally(), clock: () => NOW })
  await log.append({ number: 1, attempts: 0, records: encodeOne(log.frame(TIMES), NEWER), isReset: false })
  await log.close()
  await expect(openStore(path)).rejects.toMatchObject(REFUSED)
  await expect(openStoreToRead(path)).rejects.toMatchObject(REFUSED)
})

test('an attempt whose sender states a record_version is an attempt', async () => {
  const engine = await openOn(server.open())
  const given = { ...attempt(1), record_version: 99 }
  await engine.append([given])
  await engine.close()
  const again = await openOn(server.open())
  expect(await countedIn(again)).toBe(1)
  await again.close()
})
