/** The journal's directory: made, locked, and rid of what an earlier process left unfinished. */
import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import type { Clock } from '../../core/ports.ts'
import { isObject } from './document.ts'
import { errorCode, type Holder, messageOf, StoreLocked, UnusablePath } from './errors.ts'
import type { FileSystem } from './file-system.ts'
import type { Log } from './log.ts'
import type { JournalFiles } from './segments.ts'

/** What may be left of files that were being written: nothing else has such names. */
const UNFINISHED =
  /^(document\.json(\.\d+)?|holder\.json\.\d+|(checkpoint|document)\.scratch|checkpoint-\d{20}\.bin(\.corrupt-\w+)?\.\d+|(\d{20}\.ndjson|oldest\.record)(\.corrupt-\w+)?\.\d+)$/
const HOLDER_BYTES = 4096

/** The directory that belongs to the document at `path`. */
export function journalDirectory(path: string): string {
  return `${path.endsWith('.json') ? path.slice(0, -'.json'.length) : path}.journal`
}

/** Where the document is written before it is put in its place: nobody else can plant anything there. */
export function stagedDocument(directory: string): string {
  return join(directory, 'document.json')
}

/** Where a file without a name stands for an instant, of which a checkpoint or the document is made. */
export function scratchPath(directory: string, of: 'checkpoint' | 'document'): string {
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

/** The lock of a directory, in this process's hand. */
export interface Hold {
  /** Says who holds the lock, for a second one to name. On a full disk nobody is named: the lock holds without it. */
  name(): Promise<void>
  /** Makes the directory again, and locks it, where it is gone; true where it was. Rejects where someone else was faster. */
  renew(): Promise<boolean>
  release(): Promise<void>
}

export interface HoldOptions extends JournalFiles {
  /** The document's path. */
  readonly path: string
  readonly clock: Clock
  readonly log: Log
}

/** Locks the directory; throws {@link StoreLocked} where it is locked. */
export async function holdDirectory(options: HoldOptions): Promise<Hold> {
  const { fileSystem, directory, clock, log } = options
  const holderPath = join(directory, 'holder.json')
  let unlock = await lock(options)

  async function name(): Promise<void> {
    const holder: Holder = { pid: process.pid, host: hostname(), since: new Date(clock()).toISOString() }
    const text = Buffer.from(`${JSON.stringify(holder)}\n`)
    await fileSystem.writeAtomically(holderPath, [text]).catch(error => {
      log.warn('the holder of the lock cannot be named', { path: holderPath, error: messageOf(error) })
    })
  }

  return {
    name,
    async renew() {
      if ((await fileSystem.stat(directory)) !== undefined) return false
      await makeJournalDirectory(options)
      const unlockGone = unlock
      unlock = await lock(options)
      unlockGone()
      await name()
      return true
    },
    async release() {
      await fileSystem.remove(holderPath).catch(() => {})
      unlock()
    },
  }
}

async function lock({ fileSystem, directory, path }: HoldOptions): Promise<() => void> {
  const unlock = await fileSystem.lock(join(directory, 'lock.db'))
  if (unlock === undefined) throw new StoreLocked(path, await readHolder({ fileSystem, directory }))
  return unlock
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

/** Removes what an earlier process did not finish writing. */
export async function removeUnfinished({ fileSystem, directory }: JournalFiles, log: Log): Promise<void> {
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
