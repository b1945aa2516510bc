/** A log in a SQLite file, which several processes of one machine may share. */
import { randomUUID } from 'node:crypto'
import {
  type CapturedSnapshot,
  type Group,
  type Kept,
  LogBehind,
  LogNotEmpty,
  LogRefused,
  mustBeFirst,
  type StoredSnapshot,
} from '../../core/log.ts'
import type { Clock } from '../../core/ports.ts'
import type { SharedLogOptions } from '../shared/backend.ts'
import type { SharedGroups, SharedSnapshots } from '../shared/groups.ts'
import { createSharedLog, type SharedLog } from '../shared/shared-log.ts'
import { blocksOf, partsOf } from '../shared/snapshot-parts.ts'
import { forgetBefore } from '../shared/writers.ts'
import { type Connection, openConnection, SqliteError } from './connection.ts'

export interface SqliteLogOptions extends Omit<SharedLogOptions, 'target'> {
  readonly path: string
}

/** SQLite's codes for failures after which a transaction was rolled back: busy, locked, read-only, full. */
const ROLLED_BACK: readonly number[] = [5, 6, 8, 13]

/** Opens the log. Rejects with {@link SqliteError}. */
export async function openSqliteLog(options: SqliteLogOptions): Promise<SharedLog> {
  const { path, clock, limits, retention, isReadOnly = false, pollMs = 100 } = options
  let lost: Error | undefined
  const connection = await openConnection({ path, isReadOnly, limits }, error => {
    lost = error
  })
  const writer = randomUUID()
  return createSharedLog({
    writer,
    head: await connection.call('head'),
    groups: createGroups(connection, clock),
    snapshots: createSnapshots(connection, clock),
    clock,
    retention,
    isReadOnly,
    pollMs,
    temporaryPath: `${path}.${writer}.tmp`,
    expire() {
      const nowMs = clock()
      const writers = { own: writer, nowMs, forget: forgetBefore(retention, nowMs) }
      return connection.call('expire', { cutoffMs: nowMs - retention.maxAgeMs, maxBytes: retention.maxBytes, writers })
    },
    async recover() {
      if (lost !== undefined) throw new LogRefused(lost, { isFinal: true })
      await connection.call('end')
    },
    health: () => (lost === undefined ? { writable: true } : { writable: false, reason: lost.message }),
    close: connection.close,
  })
}

function createGroups({ call }: Connection, clock: Clock): SharedGroups {
  async function append(writer: string, group: Group): Promise<Kept> {
    const { number, isReset } = group
    // A copy of these bytes only: a message would clone the whole block of memory that they are part of.
    const records = new Uint8Array(group.records)
    const isFirst = mustBeFirst(group)
    const result = await call('append', { writer, number, isReset, isFirst, keptMs: clock(), records })
    if ('kept' in result) return result.kept
    throw 'isNotEmpty' in result ? new LogNotEmpty() : new LogBehind(result.behind)
  }

  return {
    append,
    isRefusal: error => error instanceof SqliteError && error.code !== undefined && ROLLED_BACK.includes(error.code),
    end: () => call('end'),
    ends: () => call('ends'),
    bounds: () => call('bounds'),
    at: sequence => call('at', sequence),
    after: sequence => call('after', sequence),
    groups: (from, order) => call('groups', from, order),
    select: sequences => call('select', sequences),
    whyGone: position => call('whyGone', position),
    leaveOut: (sequence, places) => call('leaveOut', sequence, places),
  }
}

function createSnapshots({ call }: Connection, clock: Clock): SharedSnapshots {
  async function store(id: number, snapshot: CapturedSnapshot): Promise<number> {
    let part = 0
    let bytes = 0
    for await (const body of partsOf(snapshot)) {
      await call('addSnapshotPart', id, part++, body)
      bytes += body.length
    }
    await call('completeSnapshot', id)
    return bytes
  }

  return {
    async list() {
      const rows = await call('snapshots')
      return rows.map(
        ({ id, position, blocks }): StoredSnapshot => ({
          position,
          blocks: () => blocksOf(JSON.parse(blocks), part => call('snapshotPart', id, part)),
        }),
      )
    },
    async put(snapshot) {
      const id = await call('beginSnapshot', snapshot.position, JSON.stringify(snapshot.blocks), clock())
      try {
        return await store(id, snapshot)
      } catch (error) {
        await call('deleteSnapshot', id).catch(() => undefined)
        throw error
      }
    },
  }
}
