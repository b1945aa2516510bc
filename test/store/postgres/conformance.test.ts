/** The suites of logs and stores on a real PostgreSQL server. Each test has a schema of its own. */
import { afterAll, beforeAll, describe } from 'vitest'
import { createTally } from '../../../src/core/aggregate/tally.ts'
import { DEFAULT_TIERS } from '../../../src/core/aggregate/time-tiers.ts'
import { openStore } from '../../../src/store/open.ts'
import { createConnection } from '../../../src/store/postgres/connection.ts'
import { openPostgresLog } from '../../../src/store/postgres/postgres-log.ts'
import { parseTarget } from '../../../src/store/postgres/target.ts'
import { missingPostgres, type PostgresServer, startPostgres } from '../../support/postgres.ts'
import { describeStore } from '../conformance.ts'
import { describeLog } from '../log-conformance.ts'

const missing = missingPostgres()
let server: PostgresServer
let schemas = 0

/** A new schema, as a target. */
function createTarget(): { target: string; remove(): Promise<void> } {
  const schema = `test_${process.pid}_${++schemas}`
  return {
    target: `${server.url}?schema=${schema}`,
    async remove() {
      const connection = createConnection(server.url)
      await connection.query(`drop schema if exists ${schema} cascade`)
      await connection.close()
    },
  }
}

describe.skipIf(missing !== undefined)(
  `with PostgreSQL${missing === undefined ? '' : ` (skipped: ${missing})`}`,
  () => {
    beforeAll(async () => {
      server = await startPostgres()
    })
    afterAll(() => server[Symbol.asyncDispose]())

    const limits = { maxKeys: 1000, maxArms: 100, idWindow: 1000, idWindowAgeMs: 86_400_000 }
    const retention = { maxAgeMs: 3650 * 86_400_000, maxBytes: 1024 ** 3 }

    describeLog('the PostgreSQL log', async () => {
      const { target, remove } = createTarget()
      const open = (): ReturnType<typeof openPostgresLog> =>
        openPostgresLog({ target: parseTarget(target), clock: Date.now, limits, retention, warn() {}, pollMs: 5 })
      return { open, isShared: true, remove }
    })

    describeStore('the PostgreSQL store', async () => {
      const { target, remove } = createTarget()
      return {
        open: clock =>
          openStore(target, {
            clock,
            ids: { limit: 1000, keepMs: 86_400_000 },
            tally: createTally({ maxKeys: 1000, maxArms: 100, tiers: DEFAULT_TIERS }),
          }),
        remove,
      }
    })
  },
)
