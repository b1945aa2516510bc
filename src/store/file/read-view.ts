/**
 * A read-only view of the files of a store at one moment, while another process may write them. Every method that writes rejects, so that
 * no code that uses the view can change a file.
 */
import { join } from 'node:path'
import { UnusablePath } from './errors.ts'
import type { FileStat, FileSystem, OpenedFile } from './file-system.ts'
import { journalDirectory } from './lock/directory.ts'

const BLOCK_BYTES = 512 * 1024
const SEGMENT_NAME = /^\d{20}\.ndjson$/

export interface ReadView {
  readonly fileSystem: FileSystem
  /** False if there is neither a document nor a journal. */
  readonly isStore: boolean
  close(): Promise<void>
}

/**
 * Opens a view of the store whose document is at `path`. The document stays the same file even if a writer replaces it. The list of journal
 * files does not change. The size of the newest segment is fixed at its first `stat`. Otherwise a part that is read later could be newer
 * than a part that was read earlier.
 */
export async function openReadView(base: FileSystem, path: string): Promise<ReadView> {
  const directory = journalDirectory(path)
  const stat = await base.stat(path)
  const document = stat?.kind === 'file' ? await base.open(path) : undefined
  try {
    // Listed after the document is opened, so that the journal contains at least what the document covers.
    const names = await namesIn(base, directory)
    return {
      fileSystem: createView(base, { path, stat, document }, { directory, names: names ?? [] }),
      isStore: stat !== undefined || names !== undefined,
      close: async () => document?.close(),
    }
  } catch (error) {
    await document?.close()
    throw error
  }
}

/** Undefined if the directory does not exist. */
async function namesIn(base: FileSystem, directory: string): Promise<readonly string[] | undefined> {
  const stat = await base.stat(directory)
  if (stat === undefined) return undefined
  if (stat.kind !== 'directory') throw new UnusablePath(directory, 'it is not a directory')
  return base.list(directory)
}

interface Document {
  readonly path: string
  readonly stat: FileStat | undefined
  /** Undefined if no regular file is at the path. */
  readonly document: OpenedFile | undefined
}

interface Journal {
  readonly directory: string
  readonly names: readonly string[]
}

function createView(base: FileSystem, { path, stat, document }: Document, journal: Journal): FileSystem {
  const newestName = journal.names
    .filter(name => SEGMENT_NAME.test(name))
    .sort()
    .at(-1)
  const newest = newestName === undefined ? undefined : join(journal.directory, newestName)
  let newestStat: Promise<FileStat | undefined> | undefined
  const refuse = (): Promise<never> => Promise.reject(new Error(`${path} is opened for reading only`))
  return {
    read: (at, offset, length, into) =>
      at === path && document !== undefined ? document.read(offset, length, into) : base.read(at, offset, length, into),
    async stat(at) {
      if (at === path) return document === undefined ? stat : { kind: 'file', size: await document.size() }
      if (at !== newest) return base.stat(at)
      newestStat ??= writtenStat(base, newest)
      return newestStat
    },
    list: at => (at === journal.directory ? Promise.resolve(journal.names) : base.list(at)),
    open: at => base.open(at),
    create: refuse,
    makeDirectory: refuse,
    rename: refuse,
    remove: refuse,
    truncate: refuse,
    sync: refuse,
    syncDirectory: refuse,
    writeAtomically: refuse,
    createTemp: refuse,
    lock: refuse,
    touch: refuse,
  }
}

/** The stat of a segment without its preallocated zeros, except one: it may be the damaged LF of a line, and that line counts. */
async function writtenStat(base: FileSystem, path: string): Promise<FileStat | undefined> {
  const stat = await base.stat(path)
  if (stat?.kind !== 'file') return stat
  for (let end = stat.size; end > 0; ) {
    const start = Math.max(0, end - BLOCK_BYTES)
    const bytes = await base.read(path, start, end - start)
    let used = bytes.length
    while (used > 0 && bytes[used - 1] === 0) used--
    if (used > 0) return { kind: 'file', size: Math.min(start + used + 1, stat.size) }
    end = start
  }
  return { kind: 'file', size: 0 }
}
