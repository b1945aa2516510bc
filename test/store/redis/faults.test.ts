import { describe, expect, test } from 'vitest'
import { openStore } from '../../../src/store/open.ts'
import { openRedisLog } from '../../../src/store/redis/redis-log.ts'
import { parseTarget } from '../../../src/store/redis/target.ts'
import { FOREVER } from '../../../src/store/shared/retention.ts'
import { missingRedis, startRedis } from '../../support/redis.ts'
import { NOW } from '../engine/engines.ts'
import { describeFaults } from '../shared-faults.ts'

const missing = missingRedis()
const limits = { maxKeys: 1000, maxArms: 100, idWindow: 1000, idWindowAgeMs: 86_400_000 }

if (missing !== undefined) test('needs a server', context => context.skip(missing))

describe.skipIf(missing !== undefined)('faults', () => {
  describeFaults('with Redis', {
    start: startRedis,
    targetOf: (url, test) => `${url}?name=faults-${process.pid}-${test}`,
    openLog: (target, pollMs) =>
      openRedisLog({ target: parseTarget(target), clock: () => NOW, limits, retention: FOREVER, pollMs }),
    // The answer to a blocking read names its key.
    withoutNotifications: answer => (answer.includes(':notice') ? Buffer.alloc(0) : answer),
  })

  test('a server that may evict keys is refused with the remedy', async () => {
    await using server = await startRedis('--maxmemory-policy', 'allkeys-lru')
    await expect(openStore(server.url)).rejects.toThrow(/maxmemory-policy is allkeys-lru.*noeviction/)
  })

  test.each([
    [['--appendonly', 'no'], 'appendonly is off'],
    [['--appendfsync', 'everysec'], 'appendfsync is everysec'],
  ])('with --require-durable, a server with %j is refused with exit code 78', async (settings, reason) => {
    await using server = await startRedis(...settings)
    await expect(openStore(server.url, { requireDurable: true })).rejects.toMatchObject({
      name: 'UnusableServer',
      exitCode: 78,
      message: expect.stringContaining(reason),
    })
  })

  test('with --require-durable, a server with appendfsync always is accepted', async () => {
    await using server = await startRedis()
    await (await openStore(server.url, { requireDurable: true })).close()
  })

  test('a server without an append-only file is accepted, and health says what it may lose', async () => {
    await using server = await startRedis('--appendonly', 'no')
    const store = await openStore(server.url)
    expect(store.health()).toMatchObject({ writable: true, advisories: [{ name: 'durability' }] })
    await store.close()
  })
})
