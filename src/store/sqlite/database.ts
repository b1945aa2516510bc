/** A SQLite database that holds a log, synchronous. It runs in a worker thread, because a commit waits for the disk. */
import { randomBytes, randomUUID } from 'node:crypto'
import { statSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import type { Head } from '../shared/groups.ts'
import { type LogLimits, printLimits, readLimits } from '../shared/limits.ts'
import { START } from '../shared/position.ts'
import { type Expiry, expire } from './expiry.ts'
import { createGroupTable, type GroupTable } from './groups.ts'
import { SCHEMA, SCHEMA_VERSION } from './schema.ts'
import { createSnapshotRows, type SnapshotRows } from './snapshot-rows.ts'
import { createStatements, inTransaction } from './statements.ts'

export interface OpenOptions {
  readonly path: string
  readonly isReadOnly: boolean
  /** Of a log that is created. */
  readonly limits: LogLimits
}

/** SQLite's codes where it cannot create a file: SQLITE_CANTOPEN, and SQLITE_READONLY_DIRECTORY. */
const CANNOT_CREATE: readonly unknown[] = [14, 1544]
/** How long a statement waits for another process, in milliseconds. */
const BUSY_MS = 5000

export interface Database extends GroupTable, SnapshotRows {
  head(): Head
  /** Deletes groups beyond the retention that two snapshots cover. True if another snapshot would allow deleting more. */
  expire(expiry: Expiry): boolean
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
  const statements = createStatements(db)
  const groups = createGroupTable(statements)
  return {
    ...groups,
    ...createSnapshotRows(statements, groups.whyGone),
    head() {
      const row = statements.get<HeadRow>('select log_id, seed, limits from head')!
      const seed = JSON.parse(row.seed) as [number, number]
      return { id: row.log_id, seed, limits: readLimits(row.limits) }
    },
    expire: expiry => expire(statements, expiry),
    close() {
      // Keeps the write-ahead log small. It is not needed for durability, and another process may prevent it.
      if (!isReadOnly) tryExec(db, 'pragma wal_checkpoint(truncate)')
      db.close()
    },
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
  readonly log_id: string
  readonly seed: string
  readonly limits: string
}

function tryExec(db: DatabaseSync, sql: string): void {
  try {
    db.exec(sql)
  } catch {}
}

function versionOf(db: DatabaseSync): number {
  return (db.prepare('pragma user_version').get() as { user_version: number }).user_version
}

function createSchema(db: DatabaseSync, limits: LogLimits): void {
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
    printLimits(limits),
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
