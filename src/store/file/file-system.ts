/** What the store needs of a file system, as small as can be, and the real one. Tests put a failing one in its place. */
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
import { createAppendFile, DURABLE_WRITES, writeAll } from './journal/append-file.ts'
import { type FileLock, lockFile } from './lock/lock.ts'

/**
 * A new file that grows at its end. Nothing else writes to it. Behind what was appended zeros may stand until it is closed, and for good
 * where the process ends before.
 */
export interface AppendFile {
  /**
   * Resolves when all of `bytes` is durable. Rejects too when the path no longer names this file, or it has another length than it was
   * given: then what it holds would be lost.
   */
  append(bytes: Uint8Array): Promise<void>
  /** Without `trim` the file is left exactly as it is, with its preallocated zeros: another process may have taken it over. */
  close(trim?: boolean): Promise<void>
}

/** A file without a name, which is gone when it is closed, or the process ends. None of it is durable. */
export interface Scratch {
  /** Adds `bytes` at the end, behind what is being added. */
  write(bytes: Uint8Array): Promise<void>
  /** As that of {@link FileSystem}. */
  read(offset: number, length: number, into: Buffer): Promise<Buffer>
  /** Waits for what is being added. */
  close(): Promise<void>
}

/** A file that stays the same one, whatever takes its name. */
export interface OpenedFile {
  /** Its size in bytes now. */
  size(): Promise<number>
  /** As that of {@link FileSystem}. */
  read(offset: number, length: number, into?: Buffer): Promise<Buffer>
  close(): Promise<void>
}

export interface FileStat {
  /** `other` is everything else, symbolic links too. */
  readonly kind: 'file' | 'directory' | 'other'
  readonly size: number
}

/** A link in the last place of a path is never followed, but for a directory whose entries are synced. All reject with system errors. */
export interface FileSystem {
  /**
   * Makes a file of mode 0600; rejects with EEXIST where there is anything of that name. Its entry is not durable yet. Of `mostBytes` some
   * may be laid out ahead of what is appended.
   */
  create(path: string, mostBytes: number): Promise<AppendFile>
  /** At most `length` bytes from `offset` on, fewer only at the end of the file. They may stand in `into`, where that is large enough. */
  read(path: string, offset: number, length: number, into?: Buffer): Promise<Buffer>
  /** Opens a file for reading. */
  open(path: string): Promise<OpenedFile>
  /** Undefined where there is nothing. */
  stat(path: string): Promise<FileStat | undefined>
  list(directory: string): Promise<readonly string[]>
  /** Makes a directory of mode 0700; false where there is something of that name. Its entry is not durable yet. */
  makeDirectory(path: string): Promise<boolean>
  rename(from: string, to: string): Promise<void>
  remove(path: string): Promise<void>
  /** Cuts a file down to `size`, durably, where it is longer. */
  cut(path: string, size: number): Promise<void>
  /** Makes the content of a file durable that another process may have written. */
  sync(path: string): Promise<void>
  /** Makes the entries of a directory durable. */
  syncDirectory(path: string): Promise<void>
  /** Puts a whole new file of mode 0600 at `path`, durably, or leaves what is there. Temporaries are `path` and a dot and digits. */
  writeAtomically(path: string, chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<void>
  /** Makes a file of mode 0600 at `path`, in the place of another that may be there, and takes that name from it. */
  scratch(path: string): Promise<Scratch>
  /** Takes the lock at `path`; undefined where someone holds it. It ends with the process. */
  lock(path: string): Promise<FileLock | undefined>
  /** Makes a file or a directory as new as now, to cleaners that remove what is old. */
  touch(path: string): Promise<void>
}

const { O_CREAT, O_EXCL, O_RDONLY, O_RDWR, O_WRONLY } = constants
/** Not there on every platform. */
const NO_FOLLOW = constants.O_NOFOLLOW ?? 0

/** More than that is not read at once. */
const READ_BYTES = 1024 ** 3

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
  cut: (path, size) =>
    withFile(path, O_RDWR, async fd => {
      if (fstatSync(fd).size <= size) return
      await truncateFile(fd, size)
      await syncData(fd)
    }),
  sync: path => withFile(path, O_RDWR, syncData),
  syncDirectory: syncEntriesOf,
  writeAtomically: writeWhole,
  scratch: createScratch,
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
    const { bytesRead } = await readFile(fd, buffer, at, Math.min(length - at, READ_BYTES), offset + at)
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

async function createScratch(path: string): Promise<Scratch> {
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
      // Another file may get the descriptor as soon as it is free: what is still on its way would go there.
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

/** A directory that is reached by a link is one like any other: `/tmp` is such a link on some systems. */
async function syncEntriesOf(directory: string): Promise<void> {
  const fd = await openFile(directory, O_RDONLY)
  try {
    await syncAll(fd)
  } catch (error) {
    // Some network file systems cannot sync a directory, and say so; they have no entries to lose either.
    if (!['EINVAL', 'ENOTSUP'].includes(errorCode(error) ?? '')) throw error
  } finally {
    await closeFile(fd)
  }
}

/**
 * The library makes the temporary, syncs it and renames it. It would write content with one unchecked write, which puts a cut file
 * in the place of a good one on a full disk: so the content is written in its hook, in a loop, and it is given none.
 */
async function writeWhole(path: string, chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<void> {
  const tmpfileCreated = (temporary: string): Promise<void> =>
    // Piece by piece: a file system that orders data before its own journal would have whoever syncs meanwhile wait for all of it.
    withFile(temporary, O_WRONLY | DURABLE_WRITES, async fd => {
      for await (const chunk of chunks) await writeAll(fd, chunk)
    })
  await writeFileAtomic(path, '', { mode: 0o600, tmpfileCreated: tmpfileCreated as (temporary: string) => void })
  await syncEntriesOf(dirname(path))
}
