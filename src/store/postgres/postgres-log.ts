/** A log in PostgreSQL, for many sidecars. */
import { randomUUID } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Limits } from '../../core/fold.ts'
import {
  type Group,
  type Kept,
  type KeptGroup,
  type Log,
  LogBehind,
  LogDiverged,
  LogNotEmpty,
  LogRefused,
  LogTruncated,
  type LogWatcher,
  type Position,
} from '../../core/log.ts'
import type { Advisory, Clock } from '../../core/ports.ts'
import { nodeFileSystem } from '../file/file-system.ts'
import { pageOf } from '../shared/page.ts'
import { START, sequenceOf } from '../shared/position.ts'
import { reachOf } from '../shared/reach.ts'
import { createFrames, readRecords } from '../shared/records.ts'
import { type Retention, withinRetention } from '../shared/retention.ts'
import { appendText } from './append.ts'
import { type Connection, type ConnectionTimes, createConnection, NotSent, sqlState, Unanswered } from './connection.ts'
import { expireDays } from './expire.ts'
import { createGroups } from './groups.ts'
import { migrate } from './migrate.ts'
import { makePartitions } from './partitions.ts'
import { checkServer } from './server.ts'
import { createSnapshotTable } from './snapshot-table.ts'
import type { Target } from './target.ts'

export interface PostgresLogOptions {
  readonly target: Target
  readonly clock: Clock
  /** Of a log that is created. A log that exists keeps its own. */
  readonly limits: Limits
  readonly retention: Retention
  /** Receives sentences about what the server does not promise. */
  readonly warn: (message: string, detail: Readonly<Record<string, unknown>>) => void
  /** How often appends of other sidecars are looked for: every 100 ms. */
  readonly pollMs?: number | undefined
  readonly times?: ConnectionTimes | undefined
}

/** Acknowledged groups that are sent again after a failover that lost them, in bytes. */
const RESEND_BYTES = 8 * 1024 * 1024
/** SQLSTATE: no partition for the row. */
const NO_PARTITION = '23514'

interface AppendedRow {
  readonly seq: string
  readonly chain: string
  readonly before_chain: string
}

/** Opens the log, and creates or updates its schema. Rejects with the server's error, or one that names what is wrong with the server. */
export async function openPostgresLog(options: PostgresLogOptions): Promise<Log> {
  const { target, clock, limits, retention, pollMs = 100, times } = options
  const { schema } = target
  const writing = createConnection(target.url, times)
  const reading = createConnection(target.url, times)
  const writer = randomUUID()
  try {
    const { nowMs, advisories } = await checkServer(writing)
    for (const { detail } of advisories) options.warn(detail, { store: target.name })
    const { seed, limits: kept } = await migrate(writing, schema, limits)
    await makePartitions(writing, schema, nowMs)
    await putWriter(writing, schema, writer)
    return createLog({ ...options, writing, reading, writer, info: { seed, limits: kept }, pollMs, advisories })
  } catch (error) {
    await Promise.all([writing.close(), reading.close()])
    throw error
  }

  function createLog(parts: {
    readonly writing: Connection
    readonly reading: Connection
    readonly writer: string
    readonly info: { readonly seed: readonly [number, number]; readonly limits: Limits }
    readonly pollMs: number
    readonly advisories: readonly Advisory[]
  }): Log {
    let watcher: LogWatcher | undefined
    let polling: NodeJS.Timeout | undefined
    /** Whether an append of the group that is sent now had no answer: it may be stored, or be stored yet. */
    let isUnknown = false
    let seen = START
    const groups = createGroups(reading, schema)
    const snapshots = createSnapshotTable(reading, schema, groups.whyGone)
    const insert = createInsert(parts.writing, schema, { rows: target.rows, warn: options.warn, clock })

    async function append(group: Group): Promise<Kept> {
      try {
        const kept = (await insert(group.writer ?? parts.writer, group)) ?? (await findOwn(group))
        isUnknown = false
        seen = kept.position
        return kept
      } catch (error) {
        if (error instanceof LogBehind || error instanceof LogNotEmpty) throw error
        if (error instanceof Unanswered) isUnknown = true
        // The server's own error means that nothing was stored, unless an earlier try may still be.
        const isNotStored = error instanceof NotSent || sqlState(error) !== undefined
        throw isUnknown || !isNotStored ? error : new LogRefused(error)
      }
    }

    /** Where a group stands that the writer's row already counts. Throws {@link LogBehind} where it counts fewer. */
    async function findOwn(group: Group): Promise<Kept> {
      const known = await groups.ofWriter(group.writer ?? parts.writer)
      if (isFirst(group) && known.number === 0) throw new LogNotEmpty()
      // A failover or a restored backup may have lost the writer's row, without which no group can be appended.
      if (known.number === 0) await putWriter(parts.writing, schema, group.writer ?? parts.writer)
      if (known.number === 0 && group.number === 1) return (await insert(parts.writer, group)) ?? (await findOwn(group))
      if (known.number !== group.number || known.kept === undefined) throw new LogBehind(known.number)
      return known.kept
    }

    let isPolling = false
    async function poll(): Promise<void> {
      if (isPolling) return
      isPolling = true
      try {
        const now = await groups.end()
        if (now !== seen) watcher?.changed()
        seen = now
      } catch (error) {
        if (polling !== undefined) watcher?.failed(error instanceof Error ? error : new Error(String(error)))
      } finally {
        isPolling = false
      }
    }

    return {
      info: { ...parts.info, writer: parts.writer, start: START, resendBytes: RESEND_BYTES },
      frame: createFrames(),
      append,
      async *read(after, until): AsyncGenerator<KeptGroup> {
        for (let position: Position = after; position !== until; ) {
          const gone = await groups.whyGone(position)
          if (gone !== undefined) throw new (gone.isTruncated ? LogTruncated : LogDiverged)(gone.detail)
          const rows = await groups.after(sequenceOf(position))
          if (rows.length === 0) return
          for (const { records, ...row } of rows) {
            yield { ...row, records: readRecords(records) }
            position = row.position
            if (position === until) break
          }
        }
      },
      reach: async () => reachOf(await groups.ends(), groups.at),
      page: query => pageOf(groups, withinRetention(query, retention, clock())),
      find: groups.find,
      leaveOut(position, places) {
        // Best effort: a listing then shows a repeat twice, and no number changes.
        groups.leaveOut(sequenceOf(position), places).catch(() => undefined)
      },
      snapshots: snapshots.list,
      putSnapshot: snapshots.put,
      spool: () => nodeFileSystem.createTemp(join(tmpdir(), `agent-performance-${parts.writer}.spool`)),
      rotate: async folded => folded,
      expire: () => expireDays(reading, schema, { retention, nowMs: clock() }),
      async recover() {
        await makePartitions(parts.writing, schema, await serverTime(parts.writing))
        // Fails where the server answers questions only: a standby, or a full disk.
        await putWriter(parts.writing, schema, parts.writer)
      },
      watch(given) {
        watcher = given
        polling = setInterval(() => void poll(), parts.pollMs).unref()
      },
      health: () => ({ writable: true, ...(parts.advisories.length > 0 && { advisories: parts.advisories }) }),
      async close() {
        clearInterval(polling)
        polling = undefined
        await Promise.all([parts.writing.close(), parts.reading.close()])
      },
    }
  }
}

/** Appends a group. Undefined where the writer's last number is not the one before it. Makes the day's partitions where they are missing. */
function createInsert(
  { query }: Connection,
  schema: string,
  { rows, warn }: { readonly rows: boolean; readonly warn: PostgresLogOptions['warn']; readonly clock: Clock },
): (writer: string, group: Group) => Promise<Kept | undefined> {
  const text = appendText(schema, { rows })
  const plain = appendText(schema, { rows: false })

  async function run(
    statement: string,
    writer: string,
    { number, isReset, records }: Group,
  ): Promise<Kept | undefined> {
    const lines = Buffer.from(records.buffer, records.byteOffset, records.byteLength).toString()
    const [row] = await query<AppendedRow>(statement, [writer, number, isReset, lines])
    return row && keptOf(row)
  }

  return async (writer, group) => {
    if (isFirst(group)) {
      await putWriter({ query }, schema, writer)
      return await run(appendText(schema, { rows, isFirst: true }), writer, group)
    }
    try {
      return await run(text, writer, group)
    } catch (error) {
      const state = sqlState(error)
      if (state === NO_PARTITION) {
        await makePartitions({ query } as Connection, schema, await serverTime({ query } as Connection))
        return await run(text, writer, group)
      }
      // Class 22: a value that the columns cannot hold. The log keeps it all the same.
      if (!rows || !state?.startsWith('22')) throw error
      warn('attempts cannot be stored as rows: they are only in the log', { error: (error as Error).message })
      return await run(plain, writer, group)
    }
  }
}

/** Creates the row that counts the groups of a writer, or notes that the writer is alive. */
async function putWriter({ query }: Pick<Connection, 'query'>, schema: string, writer: string): Promise<void> {
  await query(
    `insert into ${schema}.writers (writer, number) values ($1, 0) on conflict (writer) do update set seen = now()`,
    [writer],
  )
}

/** Whether a group may only become the first of the log. */
const isFirst = (group: Group): boolean => group.writer !== undefined && group.number === 1

/** The position of an appended group, and the one before it. */
export function keptOf({ seq, chain, before_chain }: AppendedRow): Kept {
  return { position: `${seq}:${chain}`, after: `${Number(seq) - 1}:${before_chain}` }
}

async function serverTime({ query }: Connection): Promise<number> {
  const [row] = await query<{ ms: number }>('select extract(epoch from clock_timestamp())::float8 * 1000 as ms')
  return row!.ms
}
