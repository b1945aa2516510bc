/** The journal's directory: its path, its creation, and the names of the files in it that are not part of the journal. */
import { dirname, join } from 'node:path'
import type { Logger } from '../../logger.ts'
import { messageOf } from '../../messages.ts'
import { errorCode, UnusablePath } from '../errors.ts'
import type { FileSystem } from '../file-system.ts'
import type { JournalFiles } from '../journal/segments.ts'

/** Names of temporary files. No other file has such a name, so that all of them can be removed. */
const UNFINISHED =
  /^(document\.json(\.\d+)?|holder\.json\.\d+|(snapshot|document)\.tmp|snapshot-\d{20}\.bin(\.corrupt-\w+)?\.\d+|(\d{20}\.ndjson|oldest\.record)(\.corrupt-\w+)?\.\d+)$/

const SUFFIX = '.json'
/** Node decodes bytes that are not UTF-8 to this character. */
const REPLACEMENT = '\uFFFD'

/**
 * The journal's directory of the document at `path`: `x.journal` for `x.json`, and `x-journal` for any other name `x`. So no two documents
 * share a journal. Throws {@link UnusablePath} if the path was not UTF-8: Node would open another file.
 */
export function journalDirectory(path: string): string {
  if (!path.isWellFormed() || path.includes(REPLACEMENT))
    throw new UnusablePath(path, 'the path is not UTF-8, and would name another file; rename it')
  return path.endsWith(SUFFIX) ? `${path.slice(0, -SUFFIX.length)}.journal` : `${path}-journal`
}

/** Where the document is written before it is renamed. In the journal's directory, because other users cannot write there. */
export function stagedDocument(directory: string): string {
  return join(directory, 'document.json')
}

/** The path at which a temp file is created, before its name is removed. */
export function tempPath(directory: string, of: 'snapshot' | 'document'): string {
  return join(directory, `${of}.tmp`)
}

/** Creates the journal's directory and its parents, durably. Throws {@link UnusablePath} if something else has its name. */
export async function makeJournalDirectory({ fileSystem, directory }: JournalFiles): Promise<void> {
  const stat = await fileSystem.stat(directory)
  if (stat !== undefined && stat.kind !== 'directory') throw new UnusablePath(directory, 'it is not a directory')
  if (stat === undefined) await makeDirectories(fileSystem, directory)
  // An existing directory may not be durable yet: the process that created it may have ended before the sync.
  else await fileSystem.syncDirectory(dirname(directory))
}

/** Creates parents first. Each one is durable before the next one is created in it. */
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

/** A directory that this process may not open contains nothing that it created. */
function unlessForbidden(error: unknown): void {
  if (!['EACCES', 'EPERM'].includes(errorCode(error) ?? '')) throw error
}

/** The journal's files, and the path of the document. */
export interface StoreFiles extends JournalFiles {
  readonly path: string
}

/** Sets the times of all files of the store to now, so that programs that remove old files do not remove them. */
export async function touchAll({ fileSystem, directory, path }: StoreFiles): Promise<void> {
  const names = await fileSystem.list(directory).catch(() => [])
  // Files may be removed meanwhile, and the document may not exist yet.
  for (const each of [directory, path, ...names.map(name => join(directory, name))]) {
    await fileSystem.touch(each).catch(() => {})
  }
}

/** Removes the temporary files of an earlier process. */
export async function removeUnfinished({ fileSystem, directory }: JournalFiles, log: Logger): Promise<void> {
  for (const name of await fileSystem.list(directory)) {
    if (!UNFINISHED.test(name)) continue
    const path = join(directory, name)
    await fileSystem.remove(path).catch(error => {
      log.warn('an unfinished file cannot be removed', { path, error: messageOf(error) })
    })
  }
}

/** The new name of a file that is moved aside: `kind` is `corrupt` or `foreign`. */
export function asideName(path: string, kind: 'corrupt' | 'foreign', nowMs: number): string {
  return `${path}.${kind}-${new Date(nowMs).toISOString().replaceAll(/[-:.]/g, '')}`
}
