/** The suites of logs and stores on a real Redis server. Each test has a store of its own. */
import { afterAll, beforeAll, describe, test } from 'vitest'
import { createTally } from '../../../src/core/aggregate/tally.ts'
import { DEFAULT_TIERS } from '../../../src/core/aggregate/time-tiers.ts'
import type { Log } from '../../../src/core/log.ts'
import { openStore } from '../../../src/store/open.ts'
import { openRedisLog } from '../../../src/store/redis/redis-log.ts'
import { parseTarget } from '../../../src/store/redis/target.ts'
import { missingRedis, type RedisServer, startRedis } from '../../support/redis.ts'
import { describeStore } from '../conformance.ts'
import { NOW } from '../engine/engines.ts'
import { describeLog } from '../log-conformance.ts'

const missing = missingRedis()
let server: RedisServer
let stores = 0

const createTarget = (): string => `${server.url}?name=test-${process.pid}-${++stores}`
const limits = { maxKeys: 1000, maxArms: 100, idWindow: 1000, idWindowAgeMs: 86_400_000 }
const retention = { maxAgeMs: 3650 * 86_400_000, maxBytes: 1024 ** 3 }

if (missing !== undefined) test('needs a server', context => context.skip(missing))

describe.skipIf(missing !== undefined)('with Redis', () => {
  beforeAll(async () => {
    server = await startRedis()
  })
  afterAll(() => server[Symbol.asyncDispose]())

  describeLog('the Redis log', async () => {
    const target = parseTarget(createTarget())
    const open = (maxBytes: number): Promise<Log> =>
      openRedisLog({ target, clock: () => NOW, limits, retention: { ...retention, maxBytes }, pollMs: 5 })
    return {
      open: () => open(1024 ** 3),
      openSmall: () => open(1),
      isShared: true,
      remove: async () => {},
    }
  })

  describeStore('the Redis store', async () => {
    const target = createTarget()
    return {
      open: clock =>
        openStore(target, {
          clock,
          ids: { limit: 1000, keepMs: 86_400_000 },
          tally: createTally({ maxKeys: 1000, maxArms: 100, tiers: DEFAULT_TIERS }),
        }),
      remove: async () => {},
    }
  })
})
