/** Days of the log leave as partitions. */
import { describe, expect, test } from 'vitest'
import type { OpenStore } from '../../../src/store/backend.ts'
import { openStore } from '../../../src/store/open.ts'
import { createConnection } from '../../../src/store/postgres/connection.ts'
import { makePartitions } from '../../../src/store/postgres/partitions.ts'
import { openPostgresLog } from '../../../src/store/postgres/postgres-log.ts'
import { parseTarget } from '../../../src/store/postgres/target.ts'
import { missingPostgres, startPostgres } from '../../support/postgres.ts'
import { attempt, countedIn } from '../engine/engines.ts'

const missing = missingPostgres()
const DAY_MS = 86_400_000

if (missing !== undefined) test('needs a server', context => context.skip(missing))

describe.skipIf(missing !== undefined)('retention', () => {
  test('days beyond the retention are dropped once two snapshots cover them, and totals stay, also after a restart', async () => {
    await using server = await startPostgres()
    const target = `${server.url}?schema=aged`
    const ids = (from: number): ReturnType<typeof attempt>[] =>
      Array.from({ length: 5 }, (_, i) => attempt(from + i, { timestamp: new Date().toISOString() }))
    const options = { clock: Date.now, retention: { maxAgeMs: 3 * DAY_MS, maxBytes: 1024 ** 3 } }
    const first = await openStore(target, options)
    await first.append(ids(0))
    await first.close()
    await age(server.url, 'aged', 10)
    // A snapshot at each close.
    for (const from of [5, 10, 15]) {
      const store = await openStore(target, options)
      await store.append(ids(from))
      await store.close()
    }
    const log = await openPostgresLog({
      target: parseTarget(target),
      ...options,
      limits: { maxKeys: 1, maxArms: 1, idWindow: 1, idWindowAgeMs: 1 },
      warn() {},
    })
    expect(await log.expire()).toBe(false)
    await log.close()
    const last = await openStore(target, options)
    expect(await countedIn(last)).toBe(20)
    expect((await last.attempts({ limit: 100 })).attempts).toHaveLength(15)
    await last.close()
    const connection = createConnection(server.url)
    const [row] = await connection.query<{ rows: string }>('select count(*) as rows from aged.attempts')
    expect(row).toEqual({ rows: '15' })
    await connection.close()
  })

  test('writers are forgotten a week after their groups have expired, and a day after a start that recorded nothing', async () => {
    await using server = await startPostgres()
    const target = `${server.url}?schema=aged`
    const options = { clock: Date.now, retention: { maxAgeMs: 3 * DAY_MS, maxBytes: 1024 ** 3 } }
    const record = async (store: OpenStore, id: string): Promise<unknown> =>
      await store.append([attempt(id, { timestamp: new Date().toISOString() })])
    const writers = async (): Promise<unknown> =>
      (await server.query('select count(*)::int from aged.writers'))[0]!.count
    const ageWriters = (days: number): Promise<unknown> =>
      server.query(`update aged.writers set seen = seen - interval '${days} days'`)
    const expired = await openStore(target, options)
    await record(expired, 'expired')
    await expired.close()
    await age(server.url, 'aged', 10)
    await ageWriters(4)
    for (const id of ['1', '2', '3']) {
      const store = await openStore(target, options)
      await record(store, id)
      await store.close()
    }
    await (await openStore(target, options)).close()
    const running = await openStore(target, options)
    await record(running, 'running')
    // The groups of the first one have expired, but it may still be running without a connection.
    expect(await writers()).toBe(6)
    await ageWriters(4)
    const next = await openStore(target, options)
    await record(next, 'next')
    await next.close()
    // Those of a start without attempts and of the first one are gone. All others have groups in the log.
    await expect.poll(writers).toBe(5)
    await record(running, 'running again')
    expect(await countedIn(running)).toBe(7)
    await running.close()
  })
})

/** Moves all groups to partitions of so many days ago. */
async function age(url: string, schema: string, days: number): Promise<void> {
  const connection = createConnection(url)
  await makePartitions(connection, schema, Date.now() - days * DAY_MS)
  for (const table of ['log', 'attempt_rows'])
    await connection.query(`update ${schema}.${table} set kept_at = kept_at - interval '${days} days'`)
  await connection.close()
}
