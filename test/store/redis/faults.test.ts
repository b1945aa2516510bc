import { describe, expect, test } from 'vitest'
import { openStore } from '../../../src/store/open.ts'
import { missingRedis, startRedis } from '../../support/redis.ts'
import { describeFaults } from '../shared-faults.ts'

const missing = missingRedis()

if (missing !== undefined) test('needs a server', context => context.skip(missing))

describe.skipIf(missing !== undefined)('faults', () => {
  describeFaults('with Redis', {
    start: startRedis,
    targetOf: (url, test) => `${url}?name=faults-${process.pid}-${test}`,
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
