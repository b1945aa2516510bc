/** What a SQLite store promises beyond the store suite: sharing, SQL, damage, and questions that write nothing. */
import { createHash } from 'node:crypto'
import { mkdtemp, open, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { createTally } from '../../../src/core/aggregate/tally.ts'
import { DEFAULT_TIERS, type TierOptions } from '../../../src/core/aggregate/time-tiers.ts'
import type { Store } from '../../../src/core/ports.ts'
import type { OpenStore } from '../../../src/store/backend.ts'
import { checkStore, openStore, openStoreToRead } from '../../../src/store/open.ts'
import type { SharedLog } from '../../../src/store/shared/shared-log.ts'
import { openSqliteLog } from '../../../src/store/sqlite/sqlite-log.ts'
import { answersOf, attempt, countedIn, NOW, openOn } from '../engine/engines.ts'

interface TestPlace extends AsyncDisposable {
  readonly folder: string
  readonly path: string
  open(): Promise<OpenStore>
  read(): Promise<Store>
}

const clock = (): number => NOW
const DAY_MS = 86_400_000
const logged: string[] = []
const log = {
  debug() {},
  info() {},
  warn: (message: string) => void logged.push(message),
  error: (message: string) => void logged.push(message),
}

async function createPlace(): Promise<TestPlace> {
  const folder = await mkdtemp(join(tmpdir(), 'sqlite-'))
  const path = join(folder, 'attempts.db')
  logged.length = 0
  return {
    folder,
    path,
    open: () => openStore(`sqlite:${path}`, { clock, log }),
    read: () => openStoreToRead(`sqlite:${path}`, { clock, log }),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  }
}

test('two stores on one file count what either records, once, and give byte-identical answers', async () => {
  await using place = await createPlace()
  const stores = [await place.open(), await place.open()]
  await Promise.all(
    stores.flatMap((store, own) =>
      Array.from({ length: 20 }, (_, i) =>
        store.append([attempt(`${own} ${i}`), attempt(`both ${i}`, { success: own === 0 })]),
      ),
    ),
  )
  for (const store of stores) await expect.poll(() => countedIn(store)).toBe(60)
  expect(await answersOf(stores[0]!)).toBe(await answersOf(stores[1]!))
  const before = await answersOf(stores[0]!)
  for (const store of stores) await store.close()
  const again = await place.open()
  expect(await answersOf(again)).toBe(before)
  await again.close()
})

test('writers are forgotten when their groups have expired and they were not seen for the retention', async () => {
  await using place = await createPlace()
  let nowMs = NOW
  const retention = { maxAgeMs: 10 * DAY_MS, maxBytes: 1024 ** 3 }
  const limits = { maxKeys: 10, maxArms: 10, idWindow: 100, idWindowAgeMs: DAY_MS }
  const open = (): Promise<SharedLog> => openSqliteLog({ path: place.path, clock: () => nowMs, limits, retention })
  const record = (store: Store, id: string): Promise<unknown> =>
    store.append([attempt(id, { timestamp: new Date(nowMs).toISOString() })])
  // A snapshot at each close.
  async function start(id: string): Promise<void> {
    const store = await openOn(await open(), { clock: () => nowMs })
    await record(store, id)
    await store.close()
  }
  function writers(): unknown {
    const db = new DatabaseSync(place.path, { readOnly: true })
    const row = db.prepare('select count(*) as writers from writers').get()
    db.close()
    return row?.writers
  }
  const logs = [await open(), await open()] as const
  const [running, suspended] = [
    await openOn(logs[0], { clock: () => nowMs }),
    await openOn(logs[1], { clock: () => nowMs }),
  ]
  await record(running, 'running')
  await record(suspended, 'suspended')
  for (const id of ['1', '2', '3']) await start(id)
  expect(writers()).toBe(5)
  nowMs += 6 * DAY_MS
  // A running sidecar does so every hour.
  await logs[0].expire()
  nowMs += 5 * DAY_MS
  for (const id of ['4', '5', '6']) await start(id)
  expect(writers()).toBe(4)
  await record(running, 'running again')
  // Its group was stored, so that it must not come again.
  await expect(record(suspended, 'suspended again')).rejects.toThrow(/restart/)
  for (const store of [running, suspended]) await store.close()
  const again = await openOn(await open(), { clock: () => nowMs })
  expect(await countedIn(again)).toBe(9)
  await again.close()
})

test('larger limits raise those of the store, smaller ones and other tiers are ignored with a warning', async () => {
  await using place = await createPlace()
  const target = `sqlite:${place.path}`
  const hours: TierOptions[] = [{ spanMs: 3_600_000, keepMs: Number.POSITIVE_INFINITY }]
  const open = async (maxKeys: number, tiers: readonly TierOptions[], raiseLimits = true): Promise<OpenStore> => {
    logged.length = 0
    const tally = createTally({ maxKeys, maxArms: 10, tiers })
    return await openStore(target, { clock, log, tally, raiseLimits })
  }
  const keys = async (store: OpenStore): Promise<number> => (await store.summaries()).length
  const first = await open(1, hours)
  expect(logged).toEqual([])
  const second = await open(3, DEFAULT_TIERS)
  expect(logged).toEqual([expect.stringContaining('a limit of the settings differs')])
  expect(second.coverage(NOW).spanMs).toBe(3_600_000)
  await second.append([1, 2, 3, 4].map(i => attempt(i, { agent_name: `agent ${i}` })))
  expect(await keys(second)).toBe(4)
  await expect.poll(() => keys(first)).toBe(4)
  expect(await answersOf(first)).toBe(await answersOf(second))
  for (const store of [first, second]) await store.close()
  const third = await open(2, hours)
  expect(logged).toHaveLength(1)
  await third.append([attempt(5, { agent_name: 'agent 5' })])
  expect(await keys(third)).toBe(4)
  await third.close()
  // A command that opens the store with its own defaults raises nothing.
  const command = await open(100, hours, false)
  await command.append([attempt(6, { agent_name: 'agent 6' })])
  expect(await keys(command)).toBe(4)
  await command.close()
})

test('an id that both record counts once, and the listing shows it once, also after a restart', async () => {
  await using place = await createPlace()
  const stores = [await place.open(), await place.open()]
  const answers = await Promise.all(stores.map(store => store.append([attempt('same')])))
  expect(answers.map(one => one.accepted).sort()).toEqual([0, 1])
  for (const store of stores) await store.close()
  const again = await place.open()
  expect((await again.attempts({ limit: 10 })).attempts).toHaveLength(1)
  await again.close()
})

test('SQL reads attempts and metrics by the views while the store is open', async () => {
  await using place = await createPlace()
  const store = await place.open()
  await store.append([attempt(1), attempt(2, { success: false, confidence: 0.4, issue_type: "o'brien" }), attempt(2)])
  const db = new DatabaseSync(place.path, { readOnly: true })
  const attempts = db
    .prepare('select attempt_id, issue_type, success, confidence from attempts order by attempt_id')
    .all()
  expect(attempts.map(row => ({ ...row }))).toEqual([
    { attempt_id: 'id 1', issue_type: 'security', success: 1, confidence: 0.8 },
    { attempt_id: 'id 2', issue_type: "o'brien", success: 0, confidence: 0.4 },
  ])
  const metrics = db
    .prepare('select issue_type, total_attempts, success_rate from key_metrics order by issue_type')
    .all()
  expect(metrics.map(row => ({ ...row }))).toEqual([
    { issue_type: "o'brien", total_attempts: 1, success_rate: 0 },
    { issue_type: 'security', total_attempts: 1, success_rate: 100 },
  ])
  await store.reset()
  expect(db.prepare('select count(*) as attempts from attempts').get()).toEqual({ attempts: 0 })
  db.close()
  await store.close()
})

test('a question writes nothing, and works beside a store that is open', async () => {
  await using place = await createPlace()
  const store = await place.open()
  await store.append([attempt(1), attempt(2)])
  const reader = await place.read()
  expect(await countedIn(reader)).toBe(2)
  await expect(reader.append([attempt(3)])).rejects.toMatchObject({ name: 'StoreUnavailable' })
  await reader.close()
  await store.close()
  const digest = async (): Promise<string> =>
    createHash('sha256')
      .update(await readFile(place.path))
      .digest('hex')
  const before = await digest()
  const alone = await place.read()
  expect((await alone.attempts({ limit: 10 })).attempts).toHaveLength(2)
  await alone.close()
  expect(await digest()).toBe(before)
})

test('a question about a file that does not exist says so, and creates none', async () => {
  await using place = await createPlace()
  await expect(place.read()).rejects.toMatchObject({ name: 'NoStore', exitCode: 74 })
  expect(await readdir(place.folder)).toEqual([])
})

test('a damaged file is moved aside and reported, and recording goes on in a new one', async () => {
  await using place = await createPlace()
  const first = await place.open()
  await first.append(Array.from({ length: 2000 }, (_, i) => attempt(i)))
  await first.close()
  const file = await open(place.path, 'r+')
  await file.write(Buffer.alloc(100_000, 7), 0, 100_000, 32_768)
  await file.close()
  const second = await place.open()
  expect(await countedIn(second)).toBe(0)
  expect(await second.append([attempt('new')])).toEqual({ accepted: 1, duplicates: 0 })
  await second.close()
  expect(logged).toContain('the database is damaged: it was moved aside, and the store begins empty')
  const names = await readdir(place.folder)
  expect(names.filter(name => name.startsWith('attempts.db.corrupt-')).length).toBeGreaterThan(0)
})

test('a damaged file that another process has open is left as it is, and refused until that process ends', async () => {
  await using place = await createPlace()
  const first = await place.open()
  await first.append(Array.from({ length: 2000 }, (_, i) => attempt(i)))
  await first.close()
  const held = await place.open()
  const file = await open(place.path, 'r+')
  await file.write(Buffer.alloc(100_000, 7), 0, 100_000, 32_768)
  await file.close()
  const before = await readFile(place.path)
  await expect(place.open()).rejects.toMatchObject({ name: 'DamagedInUse', exitCode: 75 })
  expect((await readFile(place.path)).equals(before)).toBe(true)
  expect((await readdir(place.folder)).filter(name => name.includes('.corrupt-'))).toEqual([])
  await held.close()
  const again = await place.open()
  expect(await countedIn(again)).toBe(0)
  await again.close()
})

test('the database of another program is refused, and left as it was', async () => {
  await using place = await createPlace()
  const other = new DatabaseSync(place.path)
  other.exec('create table notes (text text)')
  other.close()
  await expect(place.open()).rejects.toMatchObject({ name: 'UnusablePath', exitCode: 73 })
  const again = new DatabaseSync(place.path)
  expect(again.prepare('select count(*) as tables from sqlite_schema').get()).toEqual({ tables: 1 })
  again.close()
})

test('a schema of a newer version is refused with exit code 78', async () => {
  await using place = await createPlace()
  await (await place.open()).close()
  const newer = new DatabaseSync(place.path)
  newer.exec('pragma user_version = 99')
  newer.close()
  await expect(place.open()).rejects.toMatchObject({ name: 'NewerFormat', exitCode: 78 })
})

test.each(['sqlite:', 'sqlite::memory:'])('%s is refused: it names no file', async target => {
  await expect(checkStore(target)).rejects.toMatchObject({ name: 'UnusablePath' })
})

test('a file that is no database is moved aside', async () => {
  await using place = await createPlace()
  await writeFile(place.path, 'x'.repeat(10_000))
  const store = await place.open()
  expect(await countedIn(store)).toBe(0)
  await store.close()
  expect((await readdir(place.folder)).filter(name => name.includes('.corrupt-'))).toHaveLength(1)
})
