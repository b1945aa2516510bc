/**
 * A lock that ends with the process that holds it, however it ends: SQLite's exclusive lock on an empty file, which is the kernel's.
 * It holds across containers on one volume too, where process ids mean nothing.
 */
import { closeSync, constants, lstatSync, openSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { errorCode } from './errors.ts'

const SQLITE_BUSY = 5

/** Takes the lock at `path` and answers how to let it go; undefined where someone holds it, in this process or another. */
export async function lockFile(path: string): Promise<(() => void) | undefined> {
  createEmpty(path)
  const database = new DatabaseSync(path)
  try {
    // A journal in memory: nothing is left beside the file, whatever happens.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
  } catch (error) {
    database.close()
    if (error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY) return undefined
    throw error
  }
  return () => {
    if (database.isOpen) database.close()
  }
}

/**
 * Synchronous, and never opened again but by SQLite: closing any descriptor of a file drops all locks that the process has on it, so
 * no other store of this process may take the lock between open and close.
 */
function createEmpty(path: string): void {
  try {
    closeSync(openSync(path, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY, 0o600))
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error
    if (!lstatSync(path).isFile()) throw new Error(`${path} is not a file`)
  }
}
