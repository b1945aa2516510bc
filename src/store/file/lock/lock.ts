/**
 * A file lock that the kernel releases when its process ends: SQLite's exclusive lock on an empty file. It also works between containers
 * that share a volume but not process ids. The kernel locks the file and not its name. If the name is removed, another process can create
 * and lock a new file of that name. Therefore the owner checks {@link FileLock.isHeld} before it relies on the lock.
 */
import { type BigIntStats, closeSync, constants, fstatSync, lstatSync, openSync, readlinkSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { errorCode } from '../errors.ts'

const SQLITE_BUSY = 5
/** How many times locking is tried if the file is replaced meanwhile. */
const TRIES = 5

/** A held lock. */
export interface FileLock {
  /**
   * Whether the path still names the locked file. False if the system does not say. Synchronous: the kernel answers from memory in about
   * 2 µs, and a call through the thread pool costs more.
   */
  isHeld(): boolean
  /** The path that the lock's directory was moved to. Undefined if it was removed or not moved. */
  movedTo(): string | undefined
  release(): void
}

/** Acquires the lock at `path`. Undefined if it is held, by this process or another. Rejects with system errors. */
export async function lockFile(path: string): Promise<FileLock | undefined> {
  for (let tries = 0; tries < TRIES; tries++) {
    createEmpty(path)
    const before = identify(path)
    const database = openLocked(path)
    if (database === undefined) return undefined
    // SQLite does not say which file it opened. It is this file if the path named it before and after.
    if (before !== undefined && isSameFile(before, identify(path))) return createLock(path, database, before)
    database.close()
  }
  throw new Error(`${path} is replaced again and again while it is being locked`)
}

function openLocked(path: string): DatabaseSync | undefined {
  const database = new DatabaseSync(path)
  try {
    // A rollback journal in memory leaves no second file, even after a crash.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
    return database
  } catch (error) {
    database.close()
    if (error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY) return undefined
    throw error
  }
}

function createLock(path: string, database: DatabaseSync, locked: BigIntStats): FileLock {
  // Not the lock file itself: closing any descriptor of a file releases all locks of the process on it.
  let directory = openDirectory(dirname(path))
  return {
    isHeld: () => isSameFile(locked, identify(path)),
    movedTo: () => (directory === undefined ? undefined : movedTo(directory, dirname(path))),
    release() {
      if (database.isOpen) database.close()
      if (directory !== undefined) closeSync(directory)
      directory = undefined
    },
  }
}

/** The file that a path names. Undefined if there is none, or the system does not say. */
function identify(path: string): BigIntStats | undefined {
  try {
    return lstatSync(path, { bigint: true, throwIfNoEntry: false })
  } catch {
    return undefined
  }
}

function isSameFile(a: BigIntStats, b: BigIntStats | undefined): boolean {
  return a.ino === b?.ino && a.dev === b.dev
}

/** Undefined on platforms that cannot open directories. */
function openDirectory(path: string): number | undefined {
  try {
    return openSync(path, constants.O_RDONLY)
  } catch {
    return undefined
  }
}

/** The current path of the directory that was opened at `path`. Undefined if it was removed or not moved. */
function movedTo(fd: number, path: string): string | undefined {
  const opened = fstatSync(fd, { bigint: true })
  const isAt = (place: string): boolean => {
    const now = statSync(place, { bigint: true, throwIfNoEntry: false })
    return now !== undefined && isSameFile(opened, now)
  }
  try {
    if (isAt(path)) return undefined
    // Linux appends " (deleted)" to the path of a removed directory.
    const place = readlinkSync(`/proc/self/fd/${fd}`)
    return isAt(place) ? place : undefined
  } catch {
    return opened.nlink > 0n ? 'another place' : undefined
  }
}

/**
 * Synchronous, and the only open besides SQLite's. Closing any descriptor of a file releases all locks of the process on it. No other store
 * of this process may therefore acquire the lock between open and close.
 */
function createEmpty(path: string): void {
  try {
    closeSync(openSync(path, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY, 0o600))
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error
    if (lstatSync(path, { throwIfNoEntry: false })?.isFile() === false) throw new Error(`${path} is not a file`)
  }
}
