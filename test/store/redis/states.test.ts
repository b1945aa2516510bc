/** Every state of a Redis server that a sidecar may meet, with a real server. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { OpenStore } from '../../../src/store/backend.ts'
import { openStore } from '../../../src/store/open.ts'
import { openConnection } from '../../../src/store/redis/connection.ts'
import { parseTarget } from '../../../src/store/redis/target.ts'
import { makeSignedCertificate } from '../../support/certificate.ts'
import { freePort } from '../../support/free-port.ts'
import { startProxy } from '../../support/proxy.ts'
import { missingRedis, type RedisServer, startRedis } from '../../support/redis.ts'
import { capturedLog } from '../../support/sidecar.ts'
import { temporaryFolder } from '../../support/sidecar-process.ts'
import { answersOf, attempt, countedIn, idsIn, NOW } from '../engine/engines.ts'

const missing = missingRedis()
const clock = (): number => NOW
const DAY_MS = 86_400_000
/** Without it, a replica waits 5 s for others that may come. */
const QUICK = ['--repl-diskless-sync-delay', '0']
const at = ({ url }: RedisServer): { host: string; port: number } => ({
  host: '127.0.0.1',
  port: Number(new URL(url).port),
})

if (missing !== undefined) test('needs a server', context => context.skip(missing))

/** Records attempts, again until they are acknowledged. */
async function record(store: OpenStore, ...ids: readonly string[]): Promise<void> {
  for (const id of ids)
    await expect
      .poll(() =>
        store.append([attempt(id)]).then(
          () => true,
          () => false,
        ),
      )
      .toBe(true)
}

/** Why the store refuses an attempt. */
const refusal = (store: OpenStore, id: string): Promise<unknown> =>
  store.append([attempt(id)]).catch((error: Error) => error.message)

describe.skipIf(missing !== undefined)('Redis', () => {
  test('a server that accepts connections and never answers is given up within the time limit', async () => {
    await using server = await startRedis()
    await using proxy = await startProxy(at(server))
    proxy.freeze()
    const target = parseTarget(`redis://127.0.0.1:${proxy.port}`)
    await expect(openConnection(target, { connectMs: 200, answerMs: 200 })).rejects.toThrow()
  })

  test('an answer that does not come within the time limit ends the connection, and the next command uses a new one', async () => {
    await using server = await startRedis()
    await using proxy = await startProxy(at(server))
    const target = parseTarget(`redis://127.0.0.1:${proxy.port}`)
    const connection = await openConnection(target, { connectMs: 300, answerMs: 300 })
    await connection.send('PING')
    proxy.freeze()
    await expect(connection.send('PING')).rejects.toMatchObject({ name: 'Unanswered' })
    proxy.thaw()
    await expect.poll(() => connection.send('PING').catch(() => undefined)).toBe('PONG')
    await connection.close()
  })

  test('a server whose memory is full refuses attempts with 503, answers questions, and takes attempts again when it has room', async () => {
    await using server = await startRedis('--maxmemory-policy', 'noeviction')
    const store = await openStore(server.url, { clock })
    await record(store, 'before')
    await server.run('CONFIG', 'SET', 'maxmemory', '1')
    expect(await refusal(store, 'full')).toContain('OOM')
    expect(store.health()).toMatchObject({ writable: false, reason: expect.stringContaining('OOM') })
    // It does not seem to be writable between two tries.
    await expect.poll(() => refusal(store, 'full')).toContain('OOM')
    expect(await countedIn(store)).toBe(1)
    await server.run('CONFIG', 'SET', 'maxmemory', '0')
    await expect.poll(() => store.health().writable).toBe(true)
    await record(store, 'after')
    expect(await countedIn(store)).toBe(2)
    await store.close()
  })

  test('a server that becomes a replica refuses attempts with 503 until it is the primary again, and a start on a replica says what to do', async () => {
    await using server = await startRedis()
    const store = await openStore(server.url, { clock })
    await record(store, 'before')
    await server.run('REPLICAOF', '127.0.0.1', String(await freePort()))
    expect(await refusal(store, 'replica')).toContain('READONLY')
    await expect(openStore(server.url, { clock })).rejects.toThrow(/it is a replica: give the URL of the primary/)
    expect(await countedIn(store)).toBe(1)
    await server.run('REPLICAOF', 'NO', 'ONE')
    await record(store, 'after')
    expect(await countedIn(store)).toBe(2)
    await store.close()
  })

  test.for([
    ['appendonly', 'no', 'durability', /appendonly is off/],
    ['appendfsync', 'everysec', 'durability', /appendfsync is everysec.*last second/],
  ] as const)(
    '%s %s is accepted without --require-durable, and health and the log say what a crash loses',
    async ([name, value, advisory, detail]) => {
      await using server = await startRedis(`--${name}`, value)
      const { log, lines } = capturedLog()
      const store = await openStore(server.url, { clock, log })
      expect(store.health()).toMatchObject({ advisories: [{ name: advisory, detail: expect.stringMatching(detail) }] })
      expect(lines).toContainEqual(expect.objectContaining({ msg: expect.stringMatching(detail) }))
      await expect(openStore(server.url, { clock, requireDurable: true })).rejects.toMatchObject({
        message: expect.stringMatching(detail),
        exitCode: 78,
      })
      await store.close()
    },
  )

  test('a replica that lacks acknowledged groups gets them again after a failover, from every sidecar that runs', async () => {
    await using primary = await startRedis(...QUICK)
    await using replication = await startProxy(at(primary))
    await using front = await startProxy(at(primary))
    await using replica = await startRedis('--replicaof', '127.0.0.1', String(replication.port))
    await expect.poll(() => replica.run('INFO', 'replication')).toContain('master_link_status:up')
    const url = `redis://127.0.0.1:${front.port}`
    const stores = [await openStore(url, { clock }), await openStore(url, { clock })]
    expect(stores[0]!.health()).toMatchObject({ advisories: [{ name: 'failover' }] })
    for (const [i, store] of stores.entries()) await record(store, `${i} before`)
    await expect.poll(() => replica.run('HGET', '{agent-performance:default}:head', 'last')).toBe('2')
    replication.freeze()
    stores.push(await openStore(url, { clock }))
    for (const [i, store] of stores.entries()) await record(store, `${i} lost`, `${i} lost too`)

    front.retarget(at(replica))
    await primary.halt()
    await replica.run('REPLICAOF', 'NO', 'ONE')
    for (const [i, store] of stores.entries()) await record(store, `${i} after`)

    for (const store of stores) await expect.poll(() => countedIn(store)).toBe(11)
    const [answers, ...others] = await Promise.all(stores.map(answersOf))
    for (const other of others) expect(other).toBe(answers)
    for (const store of stores) await store.close()
    const replayed = await openStore(replica.url, { clock })
    expect(await idsIn(replayed)).toHaveLength(11)
    expect(await answersOf(replayed)).toBe(answers)
    await replayed.close()
  })

  test('after a failover, sidecars that record nothing more send what the replica lacks again by themselves', async () => {
    await using primary = await startRedis(...QUICK)
    await using replication = await startProxy(at(primary))
    await using front = await startProxy(at(primary))
    await using replica = await startRedis('--replicaof', '127.0.0.1', String(replication.port))
    await expect.poll(() => replica.run('INFO', 'replication')).toContain('master_link_status:up')
    const url = `redis://127.0.0.1:${front.port}`
    const stores = [await openStore(url, { clock }), await openStore(url, { clock })]
    await record(stores[0]!, 'before')
    await expect.poll(() => replica.run('HGET', '{agent-performance:default}:head', 'last')).toBe('1')
    replication.freeze()
    for (const [i, store] of stores.entries()) await record(store, `${i} lost`, `${i} lost too`)
    front.retarget(at(replica))
    await primary.halt()
    await replica.run('REPLICAOF', 'NO', 'ONE')
    await expect.poll(() => replica.run('HGET', '{agent-performance:default}:head', 'last')).toBe('5')
    for (const store of stores) await expect.poll(() => countedIn(store)).toBe(5)
    expect(await answersOf(stores[0]!)).toBe(await answersOf(stores[1]!))
    for (const store of stores) await store.close()
  })

  test('with replicas=1 an attempt is acknowledged when a replica has it, and not before', async () => {
    await using primary = await startRedis(...QUICK)
    await using replication = await startProxy(at(primary))
    await using replica = await startRedis('--replicaof', '127.0.0.1', String(replication.port))
    await expect.poll(() => replica.run('INFO', 'replication')).toContain('master_link_status:up')
    const store = await openStore(`${primary.url}?replicas=1`, { clock })
    await record(store, 'replicated')
    expect(await replica.run('HGET', '{agent-performance:default}:head', 'last')).toBe('1')
    replication.freeze()
    let isAcknowledged = false
    const waiting = store.append([attempt('not yet')]).then(() => {
      isAcknowledged = true
    })
    await expect
      .poll(() => store.health())
      .toMatchObject({ writable: false, reason: expect.stringContaining('0 of 1 replicas') })
    expect(isAcknowledged).toBe(false)
    // The replica connects again, and gets what it lacks.
    replication.thaw()
    await waiting
    expect(await replica.run('HGET', '{agent-performance:default}:head', 'last')).toBe('2')
    expect(await countedIn(store)).toBe(2)
    await store.close()
  })

  test('writers are forgotten when their groups have expired and they were not seen for the retention', async () => {
    await using server = await startRedis()
    let nowMs = NOW
    const options = { clock: () => nowMs, retention: { maxAgeMs: 10 * DAY_MS, maxBytes: 1024 ** 3 } }
    // A snapshot at each close.
    async function start(...ids: readonly string[]): Promise<void> {
      const store = await openStore(server.url, options)
      for (const id of ids) await store.append([attempt(id, { timestamp: new Date(nowMs).toISOString() })])
      await store.close()
    }
    const writers = async (): Promise<number> => {
      const fields = (await server.run('HKEYS', '{agent-performance:default}:writers')) as string[]
      return new Set(fields.map(field => field.split(':')[0])).size
    }
    for (const id of ['1', '2', '3']) await start(id)
    // One that lost its connection before it recorded anything.
    await server.run('HSET', '{agent-performance:default}:writers', 'empty:seen', String(nowMs))
    expect(await writers()).toBe(4)
    nowMs += 2 * DAY_MS
    await start('4')
    // Without the one that recorded nothing.
    expect(await writers()).toBe(4)
    nowMs += 11 * DAY_MS
    for (const id of ['5', '6', '7']) await start(id)
    expect(await writers()).toBe(3)
    const again = await openStore(server.url, options)
    expect(await countedIn(again)).toBe(7)
    await again.close()
  })

  test('in a cluster, all keys of a store are in one slot, and a node that has another slot says so at the start', async () => {
    await using server = await startRedis('--cluster-enabled', 'yes')
    await server.run('CLUSTER', 'ADDSLOTSRANGE', '0', '16383')
    await expect.poll(() => server.run('CLUSTER', 'INFO')).toContain('cluster_state:ok')
    const target = `${server.url}?name=clustered`
    // Snapshots, a repeat in another sidecar, a reset and expiry use every key.
    const retention = { maxAgeMs: 86_400_000, maxBytes: 1 }
    const stores = [await openStore(target, { clock, retention }), await openStore(target, { clock, retention })]
    await Promise.all(stores.map(store => store.append([attempt('same')])))
    for (const store of stores) await store.close()
    for (const id of ['a', 'b', 'c']) {
      const store = await openStore(target, { clock, retention })
      await record(store, id)
      await store.close()
    }
    const last = await openStore(target, { clock, retention })
    expect(await countedIn(last)).toBe(4)
    await last.reset()
    expect(await countedIn(last)).toBe(0)
    await last.close()
    const keys = (await server.run('KEYS', '*')) as string[]
    const slots = await Promise.all(keys.map(key => server.run('CLUSTER', 'KEYSLOT', key)))
    expect(new Set(slots).size).toBe(1)
    expect(keys.length).toBeGreaterThanOrEqual(4)
    await server.run('CLUSTER', 'DELSLOTS', String(slots[0]))
    await server.run('CONFIG', 'SET', 'cluster-require-full-coverage', 'no')
    await expect(openStore(target, { clock })).rejects.toThrow(/slot/)
  })

  test('in a cluster, a sidecar follows its keys to the node that has them, at its start and when they move', async () => {
    const cluster = async (): Promise<RedisServer> =>
      await startRedis('--cluster-enabled', 'yes', '--cluster-port', String(await freePort()))
    await using entry = await cluster()
    await using other = await cluster()
    const [, port] = /:(\d+)$/.exec(other.url)!
    const [, bus] = /@(\d+)/.exec(String(await other.run('CLUSTER', 'NODES')))!
    await entry.run('CLUSTER', 'MEET', '127.0.0.1', port!, bus!)
    const slot = Number(await entry.run('CLUSTER', 'KEYSLOT', '{agent-performance:moving}:log'))
    await entry.run('CLUSTER', 'ADDSLOTSRANGE', '0', String(slot - 1), String(slot + 2), '16383')
    // A node that gives its last slot away becomes a replica.
    await other.run('CLUSTER', 'ADDSLOTSRANGE', String(slot), String(slot + 1))
    for (const node of [entry, other])
      await expect.poll(() => node.run('CLUSTER', 'INFO')).toContain('cluster_state:ok')

    const stores = [
      await openStore(`${entry.url}?name=moving`, { clock }),
      await openStore(`${other.url}?name=moving`, { clock }),
    ]
    for (const [i, store] of stores.entries()) await record(store, `${i} before`)
    expect(await entry.run('DBSIZE')).toBe(0)
    const ids = await Promise.all([entry, other].map(node => node.run('CLUSTER', 'MYID')))
    await entry.run('CLUSTER', 'SETSLOT', String(slot), 'IMPORTING', String(ids[1]))
    await other.run('CLUSTER', 'SETSLOT', String(slot), 'MIGRATING', String(ids[0]))
    const keys = (await other.run('CLUSTER', 'GETKEYSINSLOT', String(slot), '100')) as string[]
    await other.run('MIGRATE', '127.0.0.1', new URL(entry.url).port, '', '0', '5000', 'KEYS', ...keys)
    for (const node of [entry, other]) await node.run('CLUSTER', 'SETSLOT', String(slot), 'NODE', String(ids[0]))
    for (const [i, store] of stores.entries()) await record(store, `${i} after`)

    expect(await other.run('DBSIZE')).toBe(0)
    for (const store of stores) await expect.poll(() => countedIn(store)).toBe(4)
    expect(await answersOf(stores[0]!)).toBe(await answersOf(stores[1]!))
    for (const store of stores) await store.close()
  })

  test('rediss:// accepts the name in a certificate of the given authority, and no other name or authority', async () => {
    await using folder = await temporaryFolder()
    const { ca, cert, key } = makeSignedCertificate(folder.path)
    const port = await freePort()
    const tls = ['--tls-port', String(port), '--tls-cert-file', cert, '--tls-key-file', key, '--tls-ca-cert-file', ca]
    await using _ = await startRedis(...tls, '--tls-auth-clients', 'no')
    const store = await openStore(`rediss://localhost:${port}?ca_file=${ca}`, { clock })
    await record(store, 'encrypted')
    await store.close()
    await expect(openStore(`rediss://127.0.0.1:${port}?ca_file=${ca}`, { clock })).rejects.toThrow(/cert/i)
    await expect(openStore(`rediss://localhost:${port}`, { clock })).rejects.toThrow(/certificate/)
  })

  test('a password comes from a file or from the URL, and a wrong one is in no error and in no line of the log', async () => {
    const password = 'top secret/@:?&é'
    await using folder = await temporaryFolder()
    await using server = await startRedis('--requirepass', password)
    const file = join(folder.path, 'password')
    writeFileSync(file, `${password}\n`)
    const { host } = new URL(server.url)
    for (const target of [
      `redis://${host}?password_file=${file}`,
      `redis://:${encodeURIComponent(password)}@${host}`,
    ]) {
      const store = await openStore(target, { clock })
      await record(store, 'once')
      expect(await countedIn(store)).toBe(1)
      await store.close()
    }
    const { log, lines } = capturedLog()
    const error = await openStore(`redis://:a-wrong-password@${host}`, { clock, log }).catch(
      (reason: unknown) => reason,
    )
    expect(error).toMatchObject({ name: 'UnusableServer' })
    const { message, cause, stack } = error as Error
    expect(JSON.stringify([message, String(cause), stack, lines])).not.toContain('a-wrong-password')
  })
})
