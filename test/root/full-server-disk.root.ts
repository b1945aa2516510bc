/** The disk of a database server is full: recording is refused, questions are answered, and recording goes on when there is space. */
import { afterEach, expect, test } from 'vitest'
import type { OpenStore } from '../../src/store/backend.ts'
import { openStore } from '../../src/store/open.ts'
import { attempt, countedIn, idsIn, NOW } from '../store/engine/engines.ts'
import { missingPostgres, startPostgres } from '../support/postgres.ts'
import { missingRedis, startRedis } from '../support/redis.ts'
import { needs } from './needs.ts'
import { mountSmallDisk } from './small-disk.ts'

const stores: OpenStore[] = []
afterEach(async () => {
  for (const store of stores.splice(0)) await store.close()
})

/** Fills the disk under load, empties it, starts the server where it ended, and counts. */
async function fillAndEmpty(
  target: string,
  { fill, empty, restart }: { fill(): void; empty(): void; restart(): Promise<void> },
): Promise<void> {
  const store = await openStore(target, { clock: () => NOW })
  stores.push(store)
  const acknowledged = new Set<string>()
  const refused: string[] = []
  let next = 0
  /** One attempt of some kilobytes. A group whose fate is unknown is not waited for. */
  const record = async (): Promise<boolean> => {
    const id = next++
    const appended = store.append([attempt(id, { error_type: String(id).padEnd(250, 'x') })]).then(
      () => void acknowledged.add(`id ${id}`),
      (error: Error) => void refused.push(error.message),
    )
    await Promise.race([appended, new Promise(resolve => setTimeout(resolve, 200))])
    return acknowledged.has(`id ${id}`)
  }
  await expect.poll(record).toBe(true)
  fill()
  // Small space is left in files that are open.
  for (let tries = 0; tries < 5000 && store.health().writable; tries++) await record()
  expect(store.health().writable).toBe(false)
  await record()
  expect(refused.length).toBeGreaterThan(0)
  expect(await countedIn(store)).toBeGreaterThan(0)
  empty()
  await restart()
  await expect.poll(record, { timeout: 60_000 }).toBe(true)
  await expect.poll(() => countedIn(store)).toBe(acknowledged.size)
  const again = await openStore(target, { clock: () => NOW })
  stores.push(again)
  expect(await countedIn(again)).toBe(acknowledged.size)
  if (acknowledged.size <= 1000) expect(new Set(await idsIn(again))).toEqual(acknowledged)
}

test('PostgreSQL on a full disk refuses attempts, loses none that it acknowledged, and takes attempts again when there is space', async context => {
  needs(context, 'root', 'mount')
  const missing = missingPostgres()
  if (missing !== undefined) context.skip(missing)
  using disk = mountSmallDisk('size=128m,mode=1777')
  await using server = await startPostgres({
    parent: disk.path,
    initdb: ['--wal-segsize=1'],
    settings: ['max_wal_size=2MB', 'min_wal_size=2MB', 'autovacuum=off'],
  })
  await fillAndEmpty(`${server.url}?schema=full`, {
    fill: () => disk.fill(0),
    empty: disk.empty,
    restart: server.start,
  })
})

test('Redis on a full disk refuses attempts, loses none that it acknowledged, and takes attempts again after its start', async context => {
  needs(context, 'root', 'mount')
  const missing = missingRedis()
  if (missing !== undefined) context.skip(missing)
  using disk = mountSmallDisk('size=8m,mode=1777')
  await using server = await startRedis('--dir', disk.path)
  await fillAndEmpty(server.url, { fill: () => disk.fill(0), empty: disk.empty, restart: server.crash })
})
