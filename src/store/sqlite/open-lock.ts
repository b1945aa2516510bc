/**
 * The lock that says which processes have a database open: each has a shared lock on an empty file beside it. A damaged database is moved aside
 * under the exclusive lock: another process would go on writing to the moved file, and what it acknowledged would be lost. SQLite's own locks
 * do not serve, because taking them needs an intact file.
 */
import { closeSync, constants, openSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { errorCode } from '../file/errors.ts'

const SQLITE_BUSY = 5
/** How long a process that moves a file aside is waited for, in milliseconds. */
const BUSY_MS = 5000

export interface OpenLock {
  /** Runs `work` while no other process has the database open. False, without running it, if one has. */
  alone(work: () => void): boolean
  release(): void
}

/** Takes the shared lock of the database at `path`. Throws a system error, or SQLite's. */
export function lockOpen(path: string): OpenLock {
  const lockPath = `${path}.lock`
  createEmpty(lockPath)
  const db = new DatabaseSync(lockPath, { timeout: BUSY_MS })
  share(db)
  return {
    alone(work) {
      db.exec('rollback')
      try {
        if (!isExclusive(db)) return false
        work()
        return true
      } finally {
        if (db.isTransaction) db.exec('rollback')
        share(db)
      }
    },
    release() {
      if (db.isOpen) db.close()
    },
  }
}

/** A read transaction that stays open. */
function share(db: DatabaseSync): void {
  db.exec('pragma journal_mode = memory; begin')
  db.prepare('select count(*) from sqlite_schema').get()
}

function isExclusive(db: DatabaseSync): boolean {
  try {
    db.exec('pragma busy_timeout = 0; begin exclusive')
    return true
  } catch (error) {
    if (error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY) return false
    throw error
  } finally {
    db.exec(`pragma busy_timeout = ${BUSY_MS}`)
  }
}

/** Never opens a file that is there: closing it would release the locks of this process on it. */
function createEmpty(path: string): void {
  try {
    closeSync(openSync(path, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY, 0o600))
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error
  }
}
