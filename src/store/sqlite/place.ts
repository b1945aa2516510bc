/** The file of a `sqlite:PATH` target, and what is wrong with it. */
import { accessSync, closeSync, constants, existsSync, mkdirSync, openSync, renameSync, statfsSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { UnreadableStore, UnusablePath } from '../file/errors.ts'
import { messageOf } from '../messages.ts'

/** `f_type` of network file systems, on which SQLite's locks and its shared memory do not work: NFS, SMB, CIFS, SMB2. */
const NETWORK: ReadonlySet<number> = new Set([0x6969, 0x517b, 0xff534d42, 0xfe534d42])

/** The absolute path of `sqlite:PATH` or `sqlite://PATH`. Throws {@link UnusablePath}. */
export function pathOf(target: string): string {
  const path = target.replace(/^sqlite:(\/\/(?=\/))?/i, '')
  if (path === '' || path.startsWith(':'))
    throw new UnusablePath(target, 'give the path of a file, such as sqlite:/var/lib/attempts.db')
  return resolve(path)
}

/** Throws {@link UnusablePath} where no database can be opened at the path. Changes nothing. */
export function checkPlace(path: string): void {
  try {
    if (existsSync(path)) accessSync(path, constants.R_OK | constants.W_OK)
    accessSync(existingAbove(dirname(path)), constants.W_OK | constants.X_OK)
  } catch (error) {
    throw new UnusablePath(path, error instanceof Error ? error.message : String(error), error)
  }
  if (NETWORK.has(statfsSync(existingAbove(dirname(path))).type))
    throw new UnusablePath(
      path,
      'it is on a network file system, where SQLite cannot lock. Use PostgreSQL or Redis to share a store',
    )
}

/** Throws {@link UnreadableStore} where the file may not be read: SQLite only says that it cannot open it. */
export function requireReadable(path: string): void {
  try {
    accessSync(path, constants.R_OK)
  } catch (error) {
    throw new UnreadableStore(path, messageOf(error), { cause: error })
  }
}

/** Creates the folder and an empty file, readable by its owner only. SQLite gives the files beside it the same mode. */
export function makeFile(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  closeSync(openSync(path, 'a', 0o600))
}

/** Moves a damaged database and its write-ahead log aside. Returns the new path. */
export function moveAside(path: string, nowMs: number): string {
  const aside = `${path}.corrupt-${new Date(nowMs).toISOString().replaceAll(':', '-')}`
  for (const suffix of ['-wal', '-shm', '']) if (existsSync(path + suffix)) renameSync(path + suffix, aside + suffix)
  return aside
}

function existingAbove(folder: string): string {
  return existsSync(folder) ? folder : existingAbove(dirname(folder))
}
