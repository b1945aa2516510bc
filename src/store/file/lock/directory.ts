/** The journal's directory: made, locked, and rid of what an earlier process left unfinished. */
import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import type { Clock } from '../../../core/ports.ts'
import { isObject } from '../../document/document.ts'
import type { Logger } from '../../logger.ts'
import { messageOf } from '../../messages.ts'
import { errorCode, type Holder, LockLost, StoreLocked, UnusablePath } from '../errors.ts'
import type { FileSystem } from '../file-system.ts'
import type { JournalFiles } from '../journal/segments.ts'
import type { FileLock } from './lock.ts'

/** What may be left of files that were being written: nothing else has such names. */
const UNFINISHED =
  /^(document\.json(\.\d+)?|holder\.json\.\d+|(snapshot|document)\.scratch|snapshot-\d{20}\.bin(\.corrupt-\w+)?\.\d+|(\d{20}\.ndjson|oldest\.record)(\.corrupt-\w+)?\.\d+)$/
const HOLDER_BYTES = 4096
const LOCK = 'lock.db'

const SUFFIX = '.json'
/** What Node decodes bytes to that are not UTF-8. */
const REPLACEMENT = '\uFFFD'

/**
 * The directory that belongs to the document at `path`: `x.journal` for `x.json`, and `x-journal` for `x` with any other ending, so that no two
 * documents have one journal. Throws {@link UnusablePath} where the path was not UTF-8: it names another file than was meant.
 */
export function journalDirectory(path: string): string {
  if (!path.isWellFormed() || path.includes(REPLACEMENT))
    throw new UnusablePath(path, 'the path is not UTF-8, and would name another file; rename it')
  return path.endsWith(SUFFIX) ? `${path.slice(0, -SUFFIX.length)}.journal` : `${path}-journal`
}

/** Where the document is written before it is put in its place: nobody else can plant anything there. */
export function stagedDocument(directory: string): string {
  return join(directory, 'document.json')
}

/** Where a file without a name stands for an instant, of which a snapshot or the document is made. */
export function scratchPath(directory: string, of: 'snapshot' | 'document'): string {
  return join(directory, `${of}.scratch`)
}

/** Makes the journal's directory and those above it, all durable; throws {@link UnusablePath} where something is in the way. */
export async function makeJournalDirectory({ fileSystem, directory }: JournalFiles): Promise<void> {
  const stat = await fileSystem.stat(directory)
  if (stat !== undefined && stat.kind !== 'directory') throw new UnusablePath(directory, 'it is not a directory')
  if (stat === undefined) await makeDirectories(fileSystem, directory)
  // Also where it was there: whoever made it may have ended before this.
  else await fileSystem.syncDirectory(dirname(directory))
}

/** From above: each is durable before one is made in it. */
async function makeDirectories(fileSystem: FileSystem, path: string): Promise<void> {
  const parent = dirname(path)
  if ((await fileSystem.stat(path)) !== undefined) {
    if (parent !== path) await fileSystem.syncDirectory(parent).catch(unlessForbidden)
    return
  }
  await makeDirectories(fileSystem, parent)
  await fileSystem.makeDirectory(path)
  await fileSystem.syncDirectory(parent)
}

/** What we may not even open, we did not make anything in. */
function unlessForbidden(error: unknown): void {
  if (!['EACCES', 'EPERM'].includes(errorCode(error) ?? '')) throw error
}

/** The lock of a directory, as this process holds it. */
export interface Hold {
  /**
   * Why this process must not touch the store's files; undefined while it holds the lock. Synchronous, one `lstat`. Once the lock was lost it
   * stays so until {@link renew} resolves, even where the lock file is back.
   */
  loss(): LockLost | undefined
  /** Throws {@link loss}. */
  assertHeld(): void
  /** Names the holder of the lock, for a second one to report. On a full disk the holder stays unnamed: the lock holds without it. */
  name(): Promise<void>
  /**
   * Takes a lost lock again, and makes the directory again where it was removed; true where the lock was lost. Rejects with {@link LockLost}
   * while it cannot. `foreignFile` answers a file in the directory that another owner wrote: then it is never taken again.
   */
  renew(foreignFile: () => Promise<string | undefined>): Promise<boolean>
  /** Releases the lock. Removes nothing where the lock was lost. */
  release(): Promise<void>
}

export interface HoldOptions extends JournalFiles {
  /** The document's path. */
  readonly path: string
  readonly clock: Clock
  readonly log: Logger
}

/** Locks the directory; throws {@link StoreLocked} where it is locked. */
export async function holdDirectory(options: HoldOptions): Promise<Hold> {
  const { fileSystem, directory, path, clock, log } = options
  const holderPath = join(directory, 'holder.json')
  const lockPath = join(directory, LOCK)
  const first = await fileSystem.lock(lockPath)
  if (first === undefined) throw new StoreLocked(path, await readHolder(options))
  let lock = first
  let lost: LockLost | undefined

  function loss(): LockLost | undefined {
    if (lost === undefined && !lock.isHeld()) lost = new LockLost(lossOf(lock, directory, lockPath))
    return lost
  }

  async function name(): Promise<void> {
    const holder: Holder = { pid: process.pid, host: hostname(), since: new Date(clock()).toISOString() }
    const text = Buffer.from(`${JSON.stringify(holder)}\n`)
    await fileSystem.writeAtomically(holderPath, [text]).catch(error => {
      log.warn('the holder of the lock cannot be named', { path: holderPath, error: messageOf(error) })
    })
  }

  function giveUp(what: string): LockLost {
    const detail = `${lockPath} was removed while this process ran, and ${what}. Nothing is written here any more: restart this process`
    lost = new LockLost(detail, { isFinal: true })
    return lost
  }

  async function lockAgain(): Promise<void> {
    lost = new LockLost(lossOf(lock, directory, lockPath))
    if (lock.movedTo() !== undefined) throw lost
    if ((await fileSystem.stat(directory)) === undefined) {
      await makeJournalDirectory(options)
      log.error('the directory of the journal was gone: it was made again', { directory })
    }
    const again = await fileSystem.lock(lockPath)
    if (again === undefined) {
      const { message } = new StoreLocked(path, await readHolder(options))
      throw giveUp(message)
    }
    lock.release()
    lock = again
  }

  return {
    loss,
    assertHeld() {
      const error = loss()
      if (error !== undefined) throw error
    },
    name,
    async renew(foreignFile) {
      if (loss() === undefined) return false
      if (lost?.isFinal === true) throw lost
      if (!lock.isHeld()) await lockAgain()
      const foreign = await foreignFile()
      if (foreign !== undefined) {
        lock.release()
        throw giveUp(`another process wrote ${foreign}`)
      }
      lost = undefined
      log.warn('the lock of the store was lost, and taken again: no other process wrote in between', { path: lockPath })
      await name()
      return true
    },
    async release() {
      if (loss() === undefined) await fileSystem.remove(holderPath).catch(() => {})
      lock.release()
    },
  }
}

function lossOf(lock: FileLock, directory: string, lockPath: string): string {
  const place = lock.movedTo()
  return place === undefined
    ? `the lock ${lockPath} was removed or replaced: another process may have opened the store`
    : `the directory of the journal ${directory} was moved to ${place}: move it back, or restart this process`
}

async function readHolder({ fileSystem, directory }: JournalFiles): Promise<Holder | undefined> {
  try {
    const text = (await fileSystem.read(join(directory, 'holder.json'), 0, HOLDER_BYTES)).toString()
    const holder: unknown = JSON.parse(text)
    if (!isObject(holder) || typeof holder.pid !== 'number') return undefined
    return { pid: holder.pid, host: String(holder.host), since: String(holder.since) }
  } catch {
    return undefined
  }
}

/** Makes all files of the store as new as now, so that cleaners that remove what is old never take them. */
export async function touchAll({ fileSystem, directory, path }: HoldOptions): Promise<void> {
  const names = await fileSystem.list(directory).catch(() => [])
  // A file may be gone by now, and a document may not be there yet.
  for (const each of [directory, path, ...names.map(name => join(directory, name))]) {
    await fileSystem.touch(each).catch(() => {})
  }
}

/** Removes what an earlier process did not finish writing. */
export async function removeUnfinished({ fileSystem, directory }: JournalFiles, log: Logger): Promise<void> {
  for (const name of await fileSystem.list(directory)) {
    if (!UNFINISHED.test(name)) continue
    const path = join(directory, name)
    await fileSystem.remove(path).catch(error => {
      log.warn('an unfinished file cannot be removed', { path, error: messageOf(error) })
    })
  }
}

/** A name for a file that is moved aside: `kind` is `corrupt` or `foreign`. */
export function asideName(path: string, kind: 'corrupt' | 'foreign', nowMs: number): string {
  return `${path}.${kind}-${new Date(nowMs).toISOString().replaceAll(/[-:.]/g, '')}`
}
