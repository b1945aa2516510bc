/**
 * A lock that ends with the process that holds it, however it ends: SQLite's exclusive lock on an empty file, which is the kernel's.
 * It holds across containers on one volume too, where process ids mean nothing. The kernel locks the file, not its name: when the name is
 * removed, another process can make and lock a new file of that name. So the owner asks {@link FileLock.isHeld} before it relies on the lock.
 */
import { type BigIntStats, closeSync, constants, fstatSync, lstatSync, openSync, readlinkSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { errorCode } from '../errors.ts'

const SQLITE_BUSY = 5
/** How often a file that is replaced while it is being locked is locked anew. */
const TRIES = 5

/** A lock that was taken. */
export interface FileLock {
  /**
   * Whether the path still names the locked file. False where that cannot be found out. Synchronous: the kernel answers from memory in
   * about 2 µs, and a hop through the thread pool costs more.
   */
  isHeld(): boolean
  /** The path that the lock's directory was moved to; undefined where it was removed, or is in its place. */
  movedTo(): string | undefined
  release(): void
}

/** Takes the lock at `path`; undefined where someone holds it, in this process or another. Rejects with system errors. */
export async function lockFile(path: string): Promise<FileLock | undefined> {
  for (let tries = 0; tries < TRIES; tries++) {
    createEmpty(path)
    const before = identify(path)
    const database = openLocked(path)
    if (database === undefined) return undefined
    // SQLite does not tell which file it opened: it is the one that the path named before and after.
    if (before !== undefined && isSameFile(before, identify(path))) return createLock(path, database, before)
    database.close()
  }
  throw new Error(`${path} is replaced again and again while it is being locked`)
}

function openLocked(path: string): DatabaseSync | undefined {
  const database = new DatabaseSync(path)
  try {
    // A journal in memory: nothing is left beside the file, whatever happens.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
    return database
  } catch (error) {
    database.close()
    if (error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY) return undefined
    throw error
  }
}

function createLock(path: string, database: DatabaseSync, locked: BigIntStats): FileLock {
  // Not of the lock file itself: closing any descriptor of a file drops all locks that the process has on it.
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

/** The file that a path names now; undefined where it names none, or the system does not say. */
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

/** Undefined where the platform opens no directories. */
function openDirectory(path: string): number | undefined {
  try {
    return openSync(path, constants.O_RDONLY)
  } catch {
    return undefined
  }
}

/** Where the directory is that stood at `path` when it was opened; undefined where it was removed, or still stands there. */
function movedTo(fd: number, path: string): string | undefined {
  const opened = fstatSync(fd, { bigint: true })
  const isAt = (place: string): boolean => {
    const now = statSync(place, { bigint: true, throwIfNoEntry: false })
    return now !== undefined && isSameFile(opened, now)
  }
  try {
    if (isAt(path)) return undefined
    // A directory that was removed keeps its path there, with a mark behind it.
    const place = readlinkSync(`/proc/self/fd/${fd}`)
    return isAt(place) ? place : undefined
  } catch {
    return opened.nlink > 0n ? 'another place' : undefined
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
    if (lstatSync(path, { throwIfNoEntry: false })?.isFile() === false) throw new Error(`${path} is not a file`)
  }
}
