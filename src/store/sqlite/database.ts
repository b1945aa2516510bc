/** The statements of a SQLite log, synchronous. They run in a worker thread, because a commit waits for the disk. */
import { randomBytes, randomUUID } from 'node:crypto'
import { statSync } from 'node:fs'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import type { Limits } from '../../core/fold.ts'
import type { Kept, Position } from '../../core/log.ts'
import { nextPosition, START, sequenceOf } from '../shared/position.ts'
import type { LogEnds } from '../shared/reach.ts'
import { SCHEMA, SCHEMA_VERSION } from './schema.ts'

export interface OpenOptions {
  readonly path: string
  readonly isReadOnly: boolean
  /** Of a log that is created. */
  readonly limits: Limits
}

/** What all sidecars of the log share. */
export interface Head {
  readonly logId: string
  readonly seed: readonly [number, number]
  readonly limits: Limits
}

export interface AppendRequest {
  readonly writer: string
  readonly number: number
  readonly isReset: boolean
  /** Whether the group may only become the first of the log. */
  readonly isFirst: boolean
  readonly keptMs: number
  readonly records: Uint8Array
}

/** `behind`: the number of the writer's newest group, which the appended one does not follow. */
export type AppendResult = { readonly kept: Kept } | { readonly behind: number } | { readonly isNotEmpty: true }

export interface StoredRow extends Kept {
  readonly sequence: number
  readonly writer: string
  readonly number: number
  readonly records: string
}

/** `gone`: why the log does not continue what was read before. */
export type ReadResult =
  | { readonly rows: readonly StoredRow[] }
  | { readonly gone: 'diverged' | 'truncated'; readonly detail: string }

export interface SnapshotRow {
  readonly id: number
  readonly position: Position
  readonly blocks: string
}

export interface Expiry {
  readonly cutoffMs: number
  readonly maxBytes: number
}

/** Rows of one read. Groups are at most about 1 MB, so that a read stays below some tens of MB. */
const READ_GROUPS = 50
/** Groups that are deleted in one transaction. */
const DELETED_GROUPS = 200
/** A snapshot that is not complete after this time was abandoned by its writer. */
const ABANDONED_MS = 3_600_000
/** SQLite's codes where it cannot create a file: SQLITE_CANTOPEN, and SQLITE_READONLY_DIRECTORY. */
const CANNOT_CREATE: readonly unknown[] = [14, 1544]
/** How long a statement waits for another process, in milliseconds. */
const BUSY_MS = 5000

/** A group for listing. `repeats` are the indexes of records that repeat a known id. */
export interface ListedRow {
  readonly sequence: number
  readonly records: string
  readonly repeats: readonly number[]
}

export interface Database {
  head(): Head
  append(group: AppendRequest): AppendResult
  /** Groups after a position, oldest first. An empty list: there are no more now. */
  read(after: Position): ReadResult
  /** The sequence of the oldest group that was neither reset nor expired, and of the newest. */
  bounds(): { readonly first: number; readonly last: number }
  /** The ends of the log, for its reach. */
  ends(): LogEnds
  group(sequence: number): { readonly after: Position; readonly records: string } | undefined
  /** Some groups from a sequence on. An empty list: there are no more. */
  groups(from: number, order: 'newest' | 'oldest'): ListedRow[]
  /** Some groups whose records contain `text`, newest first, from a sequence down. */
  groupsWith(text: string, from: number): ListedRow[]
  leaveOut(position: Position, places: readonly number[]): void
  /** Complete snapshots at positions that the log still continues, newest first. */
  snapshots(): SnapshotRow[]
  /** Returns the id of a snapshot that is not complete yet. */
  beginSnapshot(position: Position, blocks: string, nowMs: number): number
  addSnapshotPart(snapshot: number, part: number, body: Uint8Array): void
  /** Makes the snapshot visible, and deletes all but the two newest. */
  completeSnapshot(snapshot: number): void
  deleteSnapshot(snapshot: number): void
  /** Undefined behind the last part. */
  snapshotPart(snapshot: number, part: number): Uint8Array | undefined
  /** Deletes groups beyond the retention that two snapshots cover. True if another snapshot would allow deleting more. */
  expire(expiry: Expiry): boolean
  /** A number that changes when another connection has committed. */
  dataVersion(): number
  close(): void
}

/** Opens the file, and creates the schema in an empty one. Throws what SQLite throws, {@link NewerSchema} or {@link DamagedDatabase}. */
export function openDatabase({ path, isReadOnly, limits }: OpenOptions): Database {
  const db = isReadOnly
    ? openReadOnly(path)
    : new DatabaseSync(path, { timeout: BUSY_MS, enableForeignKeyConstraints: true })
  try {
    if (!isReadOnly) db.exec('pragma page_size = 16384; pragma journal_mode = wal; pragma synchronous = full')
    checkIntegrity(db)
    if (!isReadOnly) inTransaction(db, () => createSchema(db, limits))
    checkVersion(db)
  } catch (error) {
    db.close()
    throw error
  }
  const prepared = new Map<string, StatementSync>()
  const statement = (sql: string): StatementSync => {
    let found = prepared.get(sql)
    if (found === undefined) {
      found = db.prepare(sql)
      prepared.set(sql, found)
    }
    return found
  }
  const get = <Row>(sql: string, ...values: (string | number)[]): Row | undefined =>
    statement(sql).get(...values) as Row | undefined
  const all = <Row>(sql: string, ...values: (string | number)[]): Row[] => statement(sql).all(...values) as Row[]
  const run = (sql: string, ...values: (string | number | Uint8Array)[]): number | bigint =>
    statement(sql).run(...values).lastInsertRowid
  const head = (): HeadRow => get<HeadRow>('select * from head')!

  return {
    head() {
      const { log_id, seed, limits: stored } = head()
      return { logId: log_id, seed: JSON.parse(seed) as [number, number], limits: JSON.parse(stored) as Limits }
    },

    append(group) {
      return inTransaction(db, () => {
        const known = get<{ number: number } & Kept>(
          'select number, position, after from writers where writer = ?',
          group.writer,
        )
        const number = known?.number ?? 0
        if (known !== undefined && group.number === number)
          return { kept: { position: known.position, after: known.after } }
        if (group.number !== number + 1) return { behind: number }
        if (group.isFirst && head().position !== START) return { isNotEmpty: true }
        return { kept: insert(group) }
      })
    },

    read(after) {
      const gone = whyGone(after)
      if (gone !== undefined) return gone
      const rows = all<StoredRow>(
        'select sequence, position, after, writer, number, records from log where sequence > ? order by sequence limit ?',
        sequenceOf(after),
        READ_GROUPS,
      )
      return { rows }
    },

    bounds() {
      const { position, first, reset_at } = head()
      return { first: Math.max(first, reset_at + 1), last: sequenceOf(position) }
    },

    ends() {
      const { first, before_first, reset_at } = head()
      return { first, beforeFirst: before_first, resetAt: reset_at }
    },

    group: sequence => get('select after, records from log where sequence = ?', sequence),

    groups(from, order) {
      const rows = all<{ sequence: number; records: string }>(
        order === 'newest'
          ? 'select sequence, records from log where sequence <= ? order by sequence desc limit ?'
          : 'select sequence, records from log where sequence >= ? order by sequence limit ?',
        from,
        READ_GROUPS,
      )
      return rows.map(row => ({ ...row, repeats: repeatsOf(row.sequence) }))
    },

    groupsWith(text, from) {
      const rows = all<{ sequence: number; records: string }>(
        'select sequence, records from log where sequence <= ? and instr(records, ?) > 0 order by sequence desc limit ?',
        from,
        text,
        READ_GROUPS,
      )
      return rows.map(row => ({ ...row, repeats: repeatsOf(row.sequence) }))
    },

    leaveOut(position, places) {
      inTransaction(db, () => {
        for (const place of places) run('insert or ignore into repeats values (?, ?)', sequenceOf(position), place)
      })
    },

    snapshots() {
      const rows = all<SnapshotRow>(
        'select id, position, blocks from snapshots where complete = 1 order by sequence desc, id desc',
      )
      return rows.filter(({ position }) => whyGone(position) === undefined)
    },

    beginSnapshot(position, blocks, nowMs) {
      run('delete from snapshots where complete = 0 and begun_ms < ?', nowMs - ABANDONED_MS)
      const sql = 'insert into snapshots (position, sequence, blocks, begun_ms, complete) values (?, ?, ?, ?, 0)'
      return Number(run(sql, position, sequenceOf(position), blocks, nowMs))
    },

    addSnapshotPart(snapshot, part, body) {
      run('insert into snapshot_parts values (?, ?, ?)', snapshot, part, body)
    },

    completeSnapshot(snapshot) {
      inTransaction(db, () => {
        run('update snapshots set complete = 1 where id = ?', snapshot)
        run(
          `delete from snapshots where complete = 1
           and id not in (select id from snapshots where complete = 1 order by sequence desc, id desc limit 2)`,
        )
      })
    },

    deleteSnapshot(snapshot) {
      run('delete from snapshots where id = ?', snapshot)
    },

    snapshotPart(snapshot, part) {
      return get<{ body: Uint8Array }>(
        'select body from snapshot_parts where snapshot = ? and part = ?',
        snapshot,
        part,
      )?.body
    },

    expire(expiry) {
      const wanted = expirable(expiry)
      const covered = get<{ sequence: number }>(
        'select sequence from snapshots where complete = 1 order by sequence desc, id desc limit 1 offset 1',
      )
      const until = Math.min(wanted, covered?.sequence ?? 0)
      while (head().first <= until) inTransaction(db, () => deleteOldest(until))
      return wanted > until
    },

    dataVersion() {
      return get<{ data_version: number }>('pragma data_version')!.data_version
    },

    close() {
      // Keeps the write-ahead log small. It is not needed for durability, and another process may prevent it.
      if (!isReadOnly) tryExec('pragma wal_checkpoint(truncate)')
      db.close()
    },
  }

  function insert({ writer, number, isReset, keptMs, records }: AppendRequest): Kept {
    const after = head().position
    const position = nextPosition(after, writer, number)
    const sequence = sequenceOf(position)
    const text = Buffer.from(records.buffer, records.byteOffset, records.byteLength).toString()
    run('insert into log values (?, ?, ?, ?, ?, ?, ?)', sequence, position, after, writer, number, keptMs, text)
    run('update head set position = ?, bytes = bytes + ?', position, records.byteLength)
    if (isReset) run('update head set reset_at = ?', sequence)
    run('insert or replace into writers values (?, ?, ?, ?, ?)', writer, number, position, after, keptMs)
    return { position, after }
  }

  function whyGone(after: Position): Exclude<ReadResult, { rows: unknown }> | undefined {
    const { first, before_first, position } = head()
    const sequence = sequenceOf(after)
    if (after === position || after === before_first) return undefined
    if (sequence < first) return { gone: 'truncated', detail: `the groups up to ${first - 1} have expired` }
    const found = get<{ position: string }>('select position from log where sequence = ?', sequence)
    if (found?.position === after) return undefined
    return { gone: 'diverged', detail: `the log has ${found?.position ?? 'no group'} instead of ${after}` }
  }

  function repeatsOf(sequence: number): number[] {
    return all<{ place: number }>('select place from repeats where sequence = ?', sequence).map(({ place }) => place)
  }

  /** The sequence up to which groups are too old, beyond the size, or reset. */
  function expirable({ cutoffMs, maxBytes }: Expiry): number {
    const { first, reset_at, bytes } = head()
    const old = get<{ sequence: number | null }>(
      'select max(sequence) as sequence from log where kept_ms < ?',
      cutoffMs,
    )
    let excess = bytes - maxBytes
    let beyond = 0
    const sized =
      'select sequence, octet_length(records) as bytes from log where sequence >= ? order by sequence limit 1000'
    for (let from = first; excess > 0; from = beyond + 1) {
      const rows = all<{ sequence: number; bytes: number }>(sized, from)
      if (rows.length === 0) break
      for (const row of rows) {
        if (excess <= 0) break
        excess -= row.bytes
        beyond = row.sequence
      }
    }
    return Math.max(old?.sequence ?? 0, beyond, reset_at - 1)
  }

  function deleteOldest(until: number): void {
    const rows = all<{ sequence: number; position: string; bytes: number }>(
      'select sequence, position, octet_length(records) as bytes from log where sequence <= ? order by sequence limit ?',
      until,
      DELETED_GROUPS,
    )
    const last = rows.at(-1)!
    run('delete from log where sequence <= ?', last.sequence)
    run('delete from repeats where sequence <= ?', last.sequence)
    const bytes = rows.reduce((sum, row) => sum + row.bytes, 0)
    run('update head set first = ?, before_first = ?, bytes = bytes - ?', last.sequence + 1, last.position, bytes)
  }

  function tryExec(sql: string): void {
    try {
      db.exec(sql)
    } catch {}
  }
}

/**
 * Beside a database in WAL mode, SQLite creates files even to read it. Where it may not, and there is no write-ahead log, nothing writes to the
 * database either: it can be read as a file that never changes.
 */
function openReadOnly(path: string): DatabaseSync {
  const db = new DatabaseSync(path, { readOnly: true, timeout: BUSY_MS })
  try {
    db.prepare('select count(*) from sqlite_schema').get()
    return db
  } catch (error) {
    db.close()
    const wal = statSync(`${path}-wal`, { throwIfNoEntry: false })
    if (!CANNOT_CREATE.includes((error as { errcode?: unknown }).errcode) || (wal?.size ?? 0) > 0) throw error
    const url = pathToFileURL(path)
    url.searchParams.set('immutable', '1')
    return new DatabaseSync(url, { readOnly: true })
  }
}

interface HeadRow {
  readonly position: string
  readonly first: number
  readonly before_first: string
  readonly reset_at: number
  readonly bytes: number
  readonly log_id: string
  readonly seed: string
  readonly limits: string
}

/** Runs `work` in a transaction that other writers wait for. */
function inTransaction<T>(db: DatabaseSync, work: () => T): T {
  db.exec('begin immediate')
  try {
    const result = work()
    db.exec('commit')
    return result
  } catch (error) {
    if (db.isTransaction) db.exec('rollback')
    throw error
  }
}

function versionOf(db: DatabaseSync): number {
  return (db.prepare('pragma user_version').get() as { user_version: number }).user_version
}

function createSchema(db: DatabaseSync, limits: Limits): void {
  if (versionOf(db) !== 0) return
  const { tables } = db.prepare('select count(*) as tables from sqlite_schema').get() as { tables: number }
  if (tables > 0) throw new Error('it is the database of another program')
  db.exec(SCHEMA)
  const random = randomBytes(8)
  const seed = [random.readUInt32LE(0), random.readUInt32LE(4)]
  db.prepare('insert into head values (1, ?, 1, ?, 0, 0, ?, ?, ?)').run(
    START,
    START,
    randomUUID(),
    JSON.stringify(seed),
    JSON.stringify(limits),
  )
  db.exec(`pragma user_version = ${SCHEMA_VERSION}`)
}

function checkVersion(db: DatabaseSync): void {
  const version = versionOf(db)
  if (version === 0) throw new Error('it holds no store')
  if (version > SCHEMA_VERSION) throw new NewerSchema(String(version))
}

function checkIntegrity(db: DatabaseSync): void {
  const { quick_check } = db.prepare('pragma quick_check(1)').get() as { quick_check: string }
  if (quick_check !== 'ok') throw new DamagedDatabase(quick_check)
}

/** The schema was written by a newer version. The message is its version number. Nothing was changed. */
export class NewerSchema extends Error {
  override readonly name = 'NewerSchema'
}

/** SQLite's check of the file found damage. */
export class DamagedDatabase extends Error {
  override readonly name = 'DamagedDatabase'
}
