/** Every state of a PostgreSQL server that a sidecar may meet, with a real server. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openStore } from '../../../src/store/open.ts'
import {
  CONNECTION_TIMES,
  type ConnectionTimes,
  createConnection,
  prepared,
  sqlState,
} from '../../../src/store/postgres/connection.ts'
import { openPostgresLog } from '../../../src/store/postgres/postgres-log.ts'
import { parseTarget } from '../../../src/store/postgres/target.ts'
import { missingPostgres, type PostgresServer, startPostgres } from '../../support/postgres.ts'
import { startProxy } from '../../support/proxy.ts'
import { attempt, countedIn, openOn } from '../engine/engines.ts'

const missing = missingPostgres()
const clock = Date.now

if (missing !== undefined) test('needs a server', context => context.skip(missing))

describe.skipIf(missing !== undefined)('PostgreSQL', () => {
  let server: PostgresServer
  let schemas = 0
  beforeAll(async () => {
    server = await startPostgres({})
  })
  afterAll(() => server[Symbol.asyncDispose]())

  /** A target of its own, for a user. */
  function targetOf(user = 'postgres'): string {
    const url = new URL(server.url)
    url.username = user
    return `${url.href}?schema=states_${++schemas}`
  }

  async function openQuick(target: string, times: Partial<ConnectionTimes>): Promise<ReturnType<typeof openOn>> {
    const log = await openPostgresLog({
      target: parseTarget(target),
      clock,
      limits: { maxKeys: 1000, maxArms: 100, idWindow: 1000, idWindowAgeMs: 86_400_000 },
      retention: { maxAgeMs: 86_400_000_000, maxBytes: 1024 ** 3 },
      warn() {},
      times: { ...CONNECTION_TIMES, ...times },
    })
    return await openOn(log, { clock })
  }

  /** A user who may create a schema. */
  async function createUser(name: string, more = ''): Promise<void> {
    await server.query(`create role ${name} login ${more}`)
    await server.query(`grant create on database postgres to ${name}`)
  }

  const endSessionsOf = (user: string): Promise<unknown> =>
    server.query(`select pg_terminate_backend(pid) from pg_stat_activity where usename = '${user}'`)

  test('a server that accepts connections and never answers is given up within the time limit', async () => {
    await using proxy = await startProxy({ host: '127.0.0.1', port: Number(new URL(server.url).port) })
    proxy.freeze()
    const connection = createConnection(`postgres://127.0.0.1:${proxy.port}/x`, { ...CONNECTION_TIMES, connectMs: 100 })
    await expect(connection.query('select 1')).rejects.toMatchObject({ name: 'NotSent' })
    await connection.close()
  })

  test('an answer that does not come within the time limit ends the connection, and the next statement uses a new one', async () => {
    await using proxy = await startProxy({ host: '127.0.0.1', port: Number(new URL(server.url).port) })
    const url = new URL(server.url)
    url.port = String(proxy.port)
    const connection = createConnection(url.href, { ...CONNECTION_TIMES, answerMs: 300 })
    await connection.query('select 1')
    proxy.freeze()
    await expect(connection.query('select 1')).rejects.toMatchObject({ name: 'Unanswered' })
    await expect.poll(() => proxy.connections).toBe(0)
    proxy.thaw()
    expect(await connection.query('select 1 as one')).toEqual([{ one: 1 }])
    await connection.close()
  })

  test('a prepared statement is planned once for a connection, and works where a pooler changes the session', async () => {
    const connection = createConnection(server.url)
    const plus = prepared('select $1::int + 1 as sum')
    const known = (): Promise<object[]> =>
      connection.query('select name, generic_plans + custom_plans as runs from pg_prepared_statements')
    for (const number of [1, 2]) expect(await connection.query(plus, [number])).toEqual([{ sum: number + 1 }])
    expect(await known()).toEqual([{ name: plus.name, runs: '2' }])
    // As another session of the server: it does not know the name.
    await connection.query('deallocate all')
    for (const number of [3, 4]) expect(await connection.query(plus, [number])).toEqual([{ sum: number + 1 }])
    expect(await known()).toEqual([])
    await connection.close()
  })

  test('another session may know the name of a prepared statement already', async () => {
    const connection = createConnection(server.url)
    const plus = prepared('select $1::int + 1 as sum')
    await connection.query(`prepare ${plus.name} as select 1`)
    expect(await connection.query(plus, [1])).toEqual([{ sum: 2 }])
    await connection.close()
  })

  test('the records of a group are compressed by lz4 where the server has it', async () => {
    const target = targetOf()
    const store = await openStore(target)
    await store.append(Array.from({ length: 100 }, (_, i) => attempt(`compressed-${i}`)))
    await store.close()
    const schema = new URL(target).searchParams.get('schema')
    const [row] = await server.query(`select pg_column_compression(records) as method from ${schema}.log`)
    const [setting] = await server.query(
      "select 'lz4' = any (enumvals) as has from pg_settings where name = 'default_toast_compression'",
    )
    expect(row).toEqual({ method: setting?.has === true ? 'lz4' : 'pglz' })
  })

  test('the server ends statements and idle transactions before the client gives up', async () => {
    const connection = createConnection(server.url, { ...CONNECTION_TIMES, statementMs: 100 })
    const error = await connection.query('select pg_sleep(10)').catch((reason: unknown) => reason)
    expect(sqlState(error)).toBe('57014')
    const [idle] = await connection.query('show idle_in_transaction_session_timeout')
    expect(idle).toEqual({ idle_in_transaction_session_timeout: '5s' })
    expect(CONNECTION_TIMES.lockMs).toBeLessThan(CONNECTION_TIMES.statementMs)
    expect(CONNECTION_TIMES.statementMs).toBeLessThan(CONNECTION_TIMES.answerMs)
    await connection.close()
  })

  test('while another session holds the lock of the log, attempts are refused, and none of them counts later', async () => {
    const target = targetOf()
    const store = await openQuick(target, { lockMs: 200 })
    await store.append([attempt(1)])
    const holder = createConnection(server.url)
    await holder.query(`begin; update ${parseTarget(target).schema}.head set last = last`)
    await expect(store.append([attempt(2)])).rejects.toMatchObject({
      name: 'StoreUnavailable',
      message: expect.stringContaining('lock timeout'),
    })
    await holder.query('rollback')
    await expect
      .poll(() =>
        store.append([attempt(3)]).then(
          () => true,
          () => false,
        ),
      )
      .toBe(true)
    expect(await countedIn(store)).toBe(2)
    await store.close()
    await holder.close()
  })

  test('a server without free connections refuses a start, and recording goes on when one is free', async () => {
    await createUser('few', 'connection limit 2')
    const target = targetOf('few')
    const store = await openStore(target, { clock })
    await store.append([attempt(1)])
    await expect(openStore(target, { clock })).rejects.toMatchObject({
      name: 'UnusableServer',
      message: expect.stringContaining('too many connections'),
      exitCode: 69,
    })
    await server.query('alter role few connection limit 0')
    await endSessionsOf('few')
    await expect
      .poll(() => store.append([attempt(2)]).catch((error: Error) => error.message))
      .toContain('too many connections')
    expect(store.health()).toMatchObject({ writable: false })
    expect(await countedIn(store)).toBe(1)
    await server.query('alter role few connection limit 2')
    await expect.poll(() => store.health().writable).toBe(true)
    await store.append([attempt(2)])
    expect(await countedIn(store)).toBe(2)
    await store.close()
  })

  test('sessions that an administrator ends are made again, and the process goes on', async () => {
    await createUser('ended')
    const store = await openStore(targetOf('ended'), { clock })
    await store.append([attempt(1)])
    await endSessionsOf('ended')
    await expect
      .poll(() =>
        store.append([attempt(2)]).then(
          () => true,
          () => false,
        ),
      )
      .toBe(true)
    expect(await countedIn(store)).toBe(2)
    await store.close()
  })

  test('a server that becomes read-only refuses attempts with 503 until it takes them again', async () => {
    await createUser('reader')
    const store = await openStore(targetOf('reader'), { clock })
    await store.append([attempt(1)])
    await server.query('alter role reader set default_transaction_read_only = on')
    await endSessionsOf('reader')
    await expect.poll(() => store.append([attempt(2)]).catch((error: Error) => error.message)).toContain('read-only')
    expect(store.health()).toMatchObject({ writable: false, reason: expect.stringContaining('read-only') })
    expect(await countedIn(store)).toBe(1)
    await expect(openStore(targetOf('reader'), { clock })).rejects.toThrow(/read-only: give the URL of the primary/)
    await server.query('alter role reader reset default_transaction_read_only')
    await expect.poll(() => store.health().writable).toBe(true)
    await store.append([attempt(2)])
    expect(await countedIn(store)).toBe(2)
    await store.close()
  })

  test('a server that may lose acknowledged attempts is accepted without --require-durable, and health says what and why', async () => {
    await createUser('lax')
    await server.query('alter role lax set synchronous_commit = off')
    const store = await openStore(targetOf('lax'), { clock })
    expect(store.health()).toEqual({
      writable: true,
      advisories: [{ name: 'durability', detail: expect.stringContaining('synchronous_commit is off') }],
    })
    await store.close()
    await expect(openStore(targetOf('lax'), { clock, requireDurable: true })).rejects.toMatchObject({
      message: expect.stringContaining('synchronous_commit is off'),
      exitCode: 78,
    })
    const strict = await openStore(targetOf(), { clock, requireDurable: true })
    expect(strict.health()).toEqual({ writable: true })
    await strict.close()
  })
})
