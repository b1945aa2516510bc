/** A log in a PostgreSQL database, for many sidecars. */
import { randomUUID } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Advisory } from '../../core/ports.ts'
import type { SharedLogOptions } from '../shared/backend.ts'
import type { Head } from '../shared/groups.ts'
import { createSharedLog, type SharedLog } from '../shared/shared-log.ts'
import { forgetBefore } from '../shared/writers.ts'
import { type Connection, type ConnectionTimes, createConnection } from './connection.ts'
import { expireDays } from './expire.ts'
import { createGroups } from './groups.ts'
import { createInsert } from './insert.ts'
import { migrate, readHead } from './migrate.ts'
import { makePartitions } from './partitions.ts'
import { checkServer, serverTime } from './server.ts'
import { createSnapshotTable } from './snapshot-table.ts'
import type { Target } from './target.ts'
import { forgetWriters, putWriter } from './writers.ts'

export interface PostgresLogOptions extends SharedLogOptions<Target> {
  readonly times?: ConnectionTimes | undefined
}

/** Opens the log, and creates or updates its schema. Rejects with the server's error, or one that names what is wrong with the server. */
export async function openPostgresLog(options: PostgresLogOptions): Promise<SharedLog> {
  const { target, limits, warn = () => undefined, requireDurable = false, isReadOnly = false, times } = options
  const { schema } = target
  const writing = createConnection(target.url, times)
  const reading = createConnection(target.url, { ...times, isReadOnly })
  const connections: Connections = { writing, reading }
  const writer = randomUUID()
  try {
    if (isReadOnly)
      return createLog(options, connections, { head: await readHead(reading, schema), writer, advisories: [] })
    const { nowMs, advisories } = await checkServer(writing, { warn, store: target.name, requireDurable })
    const head = await migrate(writing, schema, limits)
    await makePartitions(writing, schema, nowMs)
    await putWriter(writing, schema, writer)
    return createLog(options, connections, { head, writer, advisories })
  } catch (error) {
    await close(connections)
    throw error
  }
}

/** Two connections: reads do not wait for an append that waits for a lock. */
interface Connections {
  readonly writing: Connection
  readonly reading: Connection
}

async function close({ writing, reading }: Connections): Promise<void> {
  await Promise.all([writing.close(), reading.close()])
}

function createLog(
  { target, clock, retention, warn = () => undefined, isReadOnly = false, pollMs = 100 }: PostgresLogOptions,
  connections: Connections,
  {
    head,
    writer,
    advisories,
  }: {
    readonly head: Head
    readonly writer: string
    readonly advisories: readonly Advisory[]
  },
): SharedLog {
  const { schema, rows } = target
  const { writing, reading } = connections
  const groups = createGroups(reading, schema, createInsert(writing, schema, { rows, warn }))
  return createSharedLog({
    writer,
    head,
    groups,
    snapshots: createSnapshotTable(reading, schema, groups.whyGone),
    clock,
    retention,
    isReadOnly,
    pollMs,
    temporaryPath: join(tmpdir(), `agent-performance-${writer}.tmp`),
    async expire() {
      const nowMs = clock()
      await putWriter(reading, schema, writer)
      const isBlocked = await expireDays(reading, schema, { retention, nowMs })
      await forgetWriters(reading, schema, forgetBefore(retention, nowMs))
      return isBlocked
    },
    async recover() {
      await makePartitions(writing, schema, await serverTime(writing))
      // Fails where the server answers questions only: a standby, or a full disk.
      await putWriter(writing, schema, writer)
    },
    health: () => ({ writable: true, ...(advisories.length > 0 && { advisories }) }),
    close: () => close(connections),
  })
}
