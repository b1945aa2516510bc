/** A log in a SQLite file, which several processes of one machine may share. */
import { randomUUID } from 'node:crypto'
import type { Limits } from '../../core/fold.ts'
import {
  type CapturedSnapshot,
  type FoundAttempt,
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
  type StoredSnapshot,
} from '../../core/log.ts'
import type { Clock } from '../../core/ports.ts'
import { nodeFileSystem } from '../file/file-system.ts'
import { findAttempt } from '../shared/find.ts'
import { pageOf } from '../shared/page.ts'
import { START } from '../shared/position.ts'
import { reachOf } from '../shared/reach.ts'
import { createFrames, readRecords } from '../shared/records.ts'
import { type Retention, withinRetention } from '../shared/retention.ts'
import { blocksOf, partsOf } from '../shared/snapshot-parts.ts'
import { type Connection, openConnection, SqliteError } from './connection.ts'

export interface SqliteLogOptions {
  readonly path: string
  readonly clock: Clock
  /** Of a log that is created. A log that exists keeps its own. */
  readonly limits: Limits
  readonly retention: Retention
  /** Whether it is only asked: nothing is written then, and nothing is watched. */
  readonly isReadOnly?: boolean | undefined
  /** How often appends of other processes are looked for: every 100 ms. */
  readonly pollMs?: number | undefined
}

/** Acknowledged groups that are sent again to a file that was replaced by an older copy, in bytes. */
const RESEND_BYTES = 8 * 1024 * 1024
/** SQLite's codes for failures after which a transaction was rolled back: busy, locked, read-only, full. */
const ROLLED_BACK: readonly number[] = [5, 6, 8, 13]

/** Opens the log. Rejects with {@link SqliteError}. */
export async function openSqliteLog(options: SqliteLogOptions): Promise<Log> {
  const { path, clock, limits, retention, isReadOnly = false, pollMs = 100 } = options
  let watcher: LogWatcher | undefined
  let lost: Error | undefined
  const connection = await openConnection({ path, isReadOnly, limits }, error => {
    lost = error
    watcher?.failed(error)
  })
  const head = await connection.call('head')
  let version = await connection.call('dataVersion')
  const writer = randomUUID()
  let polling: NodeJS.Timeout | undefined
  let isPolling = false

  async function append(group: Group): Promise<Kept> {
    const { number, isReset, records } = group
    const isFirst = group.writer !== undefined && number === 1
    try {
      const result = await connection.call('append', {
        writer: group.writer ?? writer,
        number,
        isReset,
        isFirst,
        keptMs: clock(),
        records,
      })
      if ('kept' in result) return result.kept
      if ('isNotEmpty' in result) throw new LogNotEmpty()
      throw new LogBehind(result.behind)
    } catch (error) {
      throw isRolledBack(error) ? new LogRefused(error) : error
    }
  }

  async function* read(after: Position, until?: Position): AsyncGenerator<KeptGroup> {
    for (let position = after; position !== until; ) {
      const result = await connection.call('read', position)
      if ('gone' in result) throw new (result.gone === 'diverged' ? LogDiverged : LogTruncated)(result.detail)
      if (result.rows.length === 0) return
      for (const { records, ...row } of result.rows) {
        yield { ...row, records: readRecords(records) }
        position = row.position
        if (position === until) break
      }
    }
  }

  /** Calls the watcher when another process has committed. */
  async function poll(): Promise<void> {
    if (isPolling) return
    isPolling = true
    try {
      const now = await connection.call('dataVersion')
      if (now !== version) watcher?.changed()
      version = now
    } catch {
      // The thread reports a connection that was lost.
    } finally {
      isPolling = false
    }
  }

  return {
    info: {
      id: head.logId,
      writer,
      start: START,
      seed: head.seed,
      limits: head.limits,
      resendBytes: RESEND_BYTES,
    },
    frame: createFrames(),
    append,
    read,
    reach: async () => reachOf(await connection.call('ends'), sequence => connection.call('group', sequence)),
    page: query =>
      pageOf(
        {
          bounds: () => connection.call('bounds'),
          groups: (from, order) => connection.call('groups', from, order),
        },
        withinRetention(query, retention, clock()),
      ),
    find: attemptId => findIn(connection, attemptId),
    leaveOut(position, places) {
      // Best effort: a listing then shows a repeat twice, and no number changes.
      if (!isReadOnly) connection.call('leaveOut', position, places).catch(() => undefined)
    },
    async snapshots() {
      const rows = await connection.call('snapshots')
      return rows.map(
        (row): StoredSnapshot => ({
          position: row.position,
          blocks: () => blocksOf(JSON.parse(row.blocks), part => connection.call('snapshotPart', row.id, part)),
        }),
      )
    },
    putSnapshot: snapshot => putSnapshot(connection, snapshot, clock()),
    spool: () => nodeFileSystem.createTemp(`${path}.${writer}.spool`),
    rotate: async folded => folded,
    expire: () => connection.call('expire', { cutoffMs: clock() - retention.maxAgeMs, maxBytes: retention.maxBytes }),
    async recover() {
      if (lost !== undefined) throw new LogRefused(lost, { isFinal: true })
      await connection.call('dataVersion')
    },
    watch(given) {
      watcher = given
      if (!isReadOnly) polling = setInterval(() => void poll(), pollMs).unref()
    },
    health: () => (lost === undefined ? { writable: true } : { writable: false, reason: lost.message }),
    async close() {
      clearInterval(polling)
      await connection.close()
    },
  }
}

function isRolledBack(error: unknown): boolean {
  return error instanceof SqliteError && error.code !== undefined && ROLLED_BACK.includes(error.code)
}

async function findIn(connection: Connection, attemptId: string): Promise<FoundAttempt | undefined> {
  const text = JSON.stringify(attemptId)
  return await findAttempt(attemptId, await connection.call('bounds'), from =>
    connection.call('groupsWith', text, from),
  )
}

async function putSnapshot(connection: Connection, snapshot: CapturedSnapshot, nowMs: number): Promise<number> {
  const id = await connection.call('beginSnapshot', snapshot.position, JSON.stringify(snapshot.blocks), nowMs)
  try {
    let part = 0
    let bytes = 0
    for await (const body of partsOf(snapshot)) {
      await connection.call('addSnapshotPart', id, part++, body)
      bytes += body.length
    }
    await connection.call('completeSnapshot', id)
    return bytes
  } catch (error) {
    await connection.call('deleteSnapshot', id).catch(() => undefined)
    throw error
  }
}
