/** The lock of the journal's directory: acquired at the start, checked before every write, and acquired again if it was lost. */
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { Clock } from '../../../core/ports.ts'
import { isObject } from '../../document/document.ts'
import type { Logger } from '../../logger.ts'
import { messageOf } from '../../messages.ts'
import { type Holder, LockLost, StoreLocked } from '../errors.ts'
import type { JournalFiles } from '../journal/segments.ts'
import { makeJournalDirectory, type StoreFiles } from './directory.ts'
import type { FileLock } from './lock.ts'

const LOCK = 'lock.db'
const HOLDER = 'holder.json'
const MAX_HOLDER_BYTES = 4096

/** The lock of a directory, held by this process. */
export interface DirectoryLock {
  /**
   * Why this process must not touch the store's files. Undefined while it holds the lock. Synchronous, one `lstat`. A lost lock stays lost until
   * {@link renew} resolves, even if the lock file is back.
   */
  loss(): LockLost | undefined
  /** Throws {@link loss}. */
  assertHeld(): void
  /** Writes the file that names the holder, for the error message of another process. A failure, as on a full disk, is only logged. */
  name(): Promise<void>
  /**
   * Acquires a lost lock again, and creates the directory again if it was removed. Resolves with true if the lock was lost. Rejects with
   * {@link LockLost} if it cannot be acquired. `foreignFile` returns a file in the directory that another owner wrote: then the lock is lost
   * until the process restarts.
   */
  renew(foreignFile: () => Promise<string | undefined>): Promise<boolean>
  /** Releases the lock. Removes no file if the lock was lost. */
  release(): Promise<void>
}

export interface LockOptions extends StoreFiles {
  readonly clock: Clock
  readonly log: Logger
}

interface LockState {
  readonly options: LockOptions
  readonly lockPath: string
  fileLock: FileLock
  lost: LockLost | undefined
}

/** Locks the directory. Throws {@link StoreLocked} if it is locked. */
export async function lockDirectory(options: LockOptions): Promise<DirectoryLock> {
  const { fileSystem, directory, path } = options
  const lockPath = join(directory, LOCK)
  const fileLock = await fileSystem.lock(lockPath)
  if (fileLock === undefined) throw new StoreLocked(path, await readHolder(options))
  const state: LockState = { options, lockPath, fileLock, lost: undefined }
  return {
    loss: () => lossOf(state),
    assertHeld() {
      const loss = lossOf(state)
      if (loss !== undefined) throw loss
    },
    name: () => writeHolder(options),
    async renew(foreignFile) {
      if (lossOf(state) === undefined) return false
      await renew(state, foreignFile)
      return true
    },
    async release() {
      if (lossOf(state) === undefined) await fileSystem.remove(join(directory, HOLDER)).catch(() => {})
      state.fileLock.release()
    },
  }
}

function lossOf(state: LockState): LockLost | undefined {
  if (state.lost === undefined && !state.fileLock.isHeld()) state.lost = new LockLost(detailOf(state))
  return state.lost
}

function detailOf({ fileLock, lockPath, options }: LockState): string {
  const place = fileLock.movedTo()
  return place === undefined
    ? `the lock ${lockPath} was removed or replaced: another process may have opened the store`
    : `the directory of the journal ${options.directory} was moved to ${place}: move it back, or restart this process`
}

async function renew(state: LockState, foreignFile: () => Promise<string | undefined>): Promise<void> {
  const { options, lockPath } = state
  if (state.lost?.isFinal === true) throw state.lost
  if (!state.fileLock.isHeld()) await lockAgain(state)
  const foreign = await foreignFile()
  if (foreign !== undefined) {
    state.fileLock.release()
    throw giveUp(state, `another process wrote ${foreign}`)
  }
  state.lost = undefined
  options.log.warn('the lock of the store was lost and acquired again: no other process wrote in between', {
    path: lockPath,
  })
  await writeHolder(options)
}

async function lockAgain(state: LockState): Promise<void> {
  const { options, lockPath } = state
  const { fileSystem, directory, path, log } = options
  state.lost = new LockLost(detailOf(state))
  if (state.fileLock.movedTo() !== undefined) throw state.lost
  if ((await fileSystem.stat(directory)) === undefined) {
    await makeJournalDirectory(options)
    log.error('the directory of the journal was removed: it was created again', { directory })
  }
  const fileLock = await fileSystem.lock(lockPath)
  if (fileLock === undefined) {
    const { message } = new StoreLocked(path, await readHolder(options))
    throw giveUp(state, message)
  }
  state.fileLock.release()
  state.fileLock = fileLock
}

/** Marks the lock as lost until the process restarts. */
function giveUp(state: LockState, reason: string): LockLost {
  const detail = `${state.lockPath} was removed while this process ran, and ${reason}. Nothing is written here any more: restart this process`
  state.lost = new LockLost(detail, { isFinal: true })
  return state.lost
}

async function writeHolder({ fileSystem, directory, clock, log }: LockOptions): Promise<void> {
  const path = join(directory, HOLDER)
  const holder: Holder = { pid: process.pid, host: hostname(), since: new Date(clock()).toISOString() }
  const text = Buffer.from(`${JSON.stringify(holder)}\n`)
  await fileSystem.writeAtomically(path, [text]).catch(error => {
    log.warn('the file that names the holder of the lock cannot be written', { path, error: messageOf(error) })
  })
}

async function readHolder({ fileSystem, directory }: JournalFiles): Promise<Holder | undefined> {
  try {
    const text = (await fileSystem.read(join(directory, HOLDER), 0, MAX_HOLDER_BYTES)).toString()
    const holder: unknown = JSON.parse(text)
    if (!isObject(holder) || typeof holder.pid !== 'number') return undefined
    return { pid: holder.pid, host: String(holder.host), since: String(holder.since) }
  } catch {
    return undefined
  }
}
