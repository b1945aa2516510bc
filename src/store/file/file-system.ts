/** The file system operations of the store, and their implementation for this machine. Tests use an implementation that can fail. */
import {
  close,
  constants,
  fdatasync,
  fstatSync,
  fsync,
  ftruncate,
  lstat,
  lutimes,
  mkdir,
  open,
  read,
  readdir,
  rename,
  type Stats,
  unlink,
} from 'node:fs'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import writeFileAtomic from 'write-file-atomic'
import { errorCode } from './errors.ts'
import { createAppendFile } from './journal/append-file.ts'
import { DURABLE_WRITES, NO_FOLLOW, writeAll } from './journal/write-all.ts'
import { type FileLock, lockFile } from './lock/lock.ts'

/**
 * A file that is only appended to, and that no other program may write to. Zeros may follow the appended bytes until the file is closed. They
 * stay if the process ends without closing it.
 */
export interface AppendFile {
  /**
   * Resolves when all of `bytes` is durable. Rejects also if the path no longer names this file, or if another program changed its length:
   * the appended bytes could then be lost.
   */
  append(bytes: Uint8Array): Promise<void>
  /** Without `trim`, the file stays as it is, with its preallocated zeros: another process may use it already. */
  close(trim?: boolean): Promise<void>
}

/** A temporary file without a name. It is deleted when it is closed or the process ends. Its content is not durable. */
export interface TempFile {
  /** Appends `bytes`. Calls may overlap, and append in the order of the calls. */
  write(bytes: Uint8Array): Promise<void>
  /** As {@link FileSystem.read}. */
  read(offset: number, length: number, into: Buffer): Promise<Buffer>
  /** Waits for running writes, and deletes the file. */
  close(): Promise<void>
}

/** A file opened for reading. It stays the same file if another one takes its name. */
export interface OpenedFile {
  /** The current size in bytes. */
  size(): Promise<number>
  /** As {@link FileSystem.read}. */
  read(offset: number, length: number, into?: Buffer): Promise<Buffer>
  close(): Promise<void>
}

export interface FileStat {
  /** `other` includes symbolic links. */
  readonly kind: 'file' | 'directory' | 'other'
  readonly size: number
}

/**
 * Operations on files. A symbolic link at the end of a path is not followed, except by `syncDirectory`. All reject with system errors.
 */
export interface FileSystem {
  /**
   * Creates a file of mode 0600 with at most `maxBytes` preallocated. Rejects with EEXIST if the name is in use. Its directory entry is not
   * durable yet.
   */
  create(path: string, maxBytes: number): Promise<AppendFile>
  /** Reads `length` bytes at `offset`, fewer only at the end of the file. The result may use the memory of `into`. */
  read(path: string, offset: number, length: number, into?: Buffer): Promise<Buffer>
  open(path: string): Promise<OpenedFile>
  /** Undefined if nothing is at the path. */
  stat(path: string): Promise<FileStat | undefined>
  list(directory: string): Promise<readonly string[]>
  /** Creates a directory of mode 0700. Resolves with false if the name is in use. Its directory entry is not durable yet. */
  makeDirectory(path: string): Promise<boolean>
  rename(from: string, to: string): Promise<void>
  remove(path: string): Promise<void>
  /** Truncates a file to `size` bytes, durably. Does nothing if it is shorter. */
  truncate(path: string, size: number): Promise<void>
  /** Makes the content of a file durable, which another process may have written. */
  sync(path: string): Promise<void>
  /** Makes the entries of a directory durable. */
  syncDirectory(path: string): Promise<void>
  /** Replaces `path` by a new file of mode 0600, durably and atomically. The temporary file is named `path`, a dot and digits. */
  writeAtomically(path: string, chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<void>
  /** Creates a temporary file of mode 0600 at `path`, replacing any file there, and removes its name. */
  createTemp(path: string): Promise<TempFile>
  /** Acquires the lock at `path`. Undefined if it is held. The kernel releases it when the process ends. */
  lock(path: string): Promise<FileLock | undefined>
  /** Sets the times of a file or directory to now, so that programs that remove old files do not remove it. */
  touch(path: string): Promise<void>
}

const { O_CREAT, O_EXCL, O_RDONLY, O_RDWR, O_WRONLY } = constants
/** The most bytes of one read call. */
const MAX_READ_BYTES = 1024 ** 3

const openFile = promisify(open)
const closeFile = promisify(close)
const readFile = promisify(read)
const removeFile = promisify(unlink)
const syncData = promisify(fdatasync)
const syncAll = promisify(fsync)
const truncateFile = promisify(ftruncate)

/** The file system of this machine. */
export const nodeFileSystem: FileSystem = {
  create: createAppendFile,
  read: (path, offset, length, into) => withFile(path, O_RDONLY, fd => readAll(fd, offset, length, into)),
  open: openToRead,
  stat: statPath,
  list: promisify(readdir),
  async makeDirectory(path) {
    try {
      await promisify(mkdir)(path, 0o700)
      return true
    } catch (error) {
      if (errorCode(error) === 'EEXIST') return false
      throw error
    }
  },
  rename: promisify(rename),
  remove: removeFile,
  truncate: (path, size) =>
    withFile(path, O_RDWR, async fd => {
      if (fstatSync(fd).size <= size) return
      await truncateFile(fd, size)
      await syncData(fd)
    }),
  sync: path => withFile(path, O_RDWR, syncData),
  syncDirectory: syncEntriesOf,
  writeAtomically: writeWhole,
  createTemp: createTempFile,
  lock: lockFile,
  touch: path => promisify(lutimes)(path, new Date(), new Date()),
}

async function withFile<T>(path: string, flags: number, work: (fd: number) => Promise<T>): Promise<T> {
  const fd = await openFile(path, flags | NO_FOLLOW)
  try {
    return await work(fd)
  } finally {
    await closeFile(fd)
  }
}

async function readAll(fd: number, offset: number, length: number, into?: Buffer): Promise<Buffer> {
  const buffer = into ?? Buffer.allocUnsafe(length)
  let at = 0
  while (at < length) {
    const { bytesRead } = await readFile(fd, buffer, at, Math.min(length - at, MAX_READ_BYTES), offset + at)
    if (bytesRead === 0) break
    at += bytesRead
  }
  return buffer.subarray(0, at)
}

async function openToRead(path: string): Promise<OpenedFile> {
  const fd = await openFile(path, O_RDONLY | NO_FOLLOW)
  return {
    size: async () => fstatSync(fd).size,
    read: (offset, length, into) => readAll(fd, offset, length, into),
    close: () => closeFile(fd),
  }
}

async function createTempFile(path: string): Promise<TempFile> {
  await removeFile(path).catch(unlessMissing)
  const fd = await openFile(path, O_RDWR | O_CREAT | O_EXCL | NO_FOLLOW, 0o600)
  let length = 0
  try {
    await removeFile(path)
  } catch (error) {
    await closeFile(fd)
    throw error
  }
  let written = Promise.resolve()
  return {
    write(bytes) {
      const at = length
      length += bytes.length
      written = written.then(() => writeAll(fd, bytes, at))
      return written
    },
    read: (offset, length, into) => readAll(fd, offset, length, into),
    async close() {
      // A pending write would go to whichever file reuses the descriptor.
      await written.catch(() => undefined)
      await closeFile(fd)
    },
  }
}

function unlessMissing(error: unknown): void {
  if (errorCode(error) !== 'ENOENT') throw error
}

async function statPath(path: string): Promise<FileStat | undefined> {
  let stats: Stats
  try {
    stats = await promisify(lstat)(path)
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  }
  return { kind: stats.isFile() ? 'file' : stats.isDirectory() ? 'directory' : 'other', size: stats.size }
}

/** Follows links: `/tmp` is a link on some systems. */
async function syncEntriesOf(directory: string): Promise<void> {
  const fd = await openFile(directory, O_RDONLY)
  try {
    await syncAll(fd)
  } catch (error) {
    // Some network file systems cannot sync a directory. They do not lose entries either.
    if (!['EINVAL', 'ENOTSUP'].includes(errorCode(error) ?? '')) throw error
  } finally {
    await closeFile(fd)
  }
}

/**
 * `write-file-atomic` creates the temporary file, syncs it and renames it. It would write the content with a single unchecked write, so that
 * a full disk would replace a good file by a truncated one. Therefore its hook writes the content, in a loop.
 */
async function writeWhole(path: string, chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<void> {
  const tmpfileCreated = (temporary: string): Promise<void> =>
    // Every write is durable by itself: some file systems make any other sync wait for all unsynced data.
    withFile(temporary, O_WRONLY | DURABLE_WRITES, async fd => {
      for await (const chunk of chunks) await writeAll(fd, chunk)
    })
  await writeFileAtomic(path, '', { mode: 0o600, tmpfileCreated: tmpfileCreated as (temporary: string) => void })
  await syncEntriesOf(dirname(path))
}
