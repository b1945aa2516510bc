/** Checks whether a file store can be opened at a path, without changing anything. */
import { accessSync, constants } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { messageOf } from '../messages.ts'
import { errorCode, UnusablePath } from './errors.ts'
import { nodeFileSystem } from './file-system.ts'
import { journalDirectory } from './lock/directory.ts'
import { refuseNewer } from './recovery/start.ts'

/**
 * Resolves if a store can be opened at `path`, or is open there. Otherwise rejects with the error of opening it: UnusablePath or NewerFormat.
 */
export async function checkPlace(path: string): Promise<void> {
  const document = resolve(path)
  const directory = journalDirectory(document)
  try {
    const stat = await nodeFileSystem.stat(directory)
    if (stat !== undefined && stat.kind !== 'directory') throw new UnusablePath(directory, 'it is not a directory')
    await refuseNewer({ fileSystem: nodeFileSystem, path: document, directory }, { hasJournal: stat !== undefined })
    // The document is replaced by a rename, and the journal's directory is created next to it: both need a writable directory.
    requireWritable(dirname(document))
    if (stat !== undefined) requireWritable(directory)
  } catch (error) {
    throw errorCode(error) === undefined || error instanceof UnusablePath
      ? error
      : new UnusablePath(document, messageOf(error), error)
  }
}

/** Checks the nearest existing parent if the directory does not exist: it would be created there. */
function requireWritable(directory: string): void {
  try {
    accessSync(directory, constants.W_OK | constants.X_OK)
  } catch (error) {
    const parent = dirname(directory)
    if (errorCode(error) !== 'ENOENT' || parent === directory) throw error
    requireWritable(parent)
  }
}
