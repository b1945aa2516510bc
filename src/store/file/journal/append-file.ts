/** An append-only file with preallocated space after its end (preallocation.ts). Each append is durable when it resolves. */
import { close, constants, fdatasync, fstatSync, ftruncate, lstatSync, open, readlinkSync } from 'node:fs'
import { promisify } from 'node:util'
import type { AppendFile } from '../file-system.ts'
import { createPreallocation, type Preallocation } from './preallocation.ts'
import { DURABLE_WRITES, NO_FOLLOW, writeAll } from './write-all.ts'

const { O_CREAT, O_EXCL, O_WRONLY } = constants

/** Appends larger than this do not preallocate: writing the zeros would cost more than it saves. */
const MAX_PREALLOCATING_BYTES = 128 * 1024

// Callback functions on descriptors cost half as much as file handles, and every group of attempts pays for them.
const openFile = promisify(open)
const closeFile = promisify(close)
const syncData = promisify(fdatasync)
const truncateFile = promisify(ftruncate)

/** How often the length of the file is checked. */
const CHECK_LENGTH_MS = 100

/** Creates a file of mode 0600 with at most `maxBytes` preallocated. Rejects with EEXIST if the name is in use. */
export async function createAppendFile(path: string, maxBytes: number): Promise<AppendFile> {
  const fd = await openFile(path, O_WRONLY | O_CREAT | O_EXCL | NO_FOLLOW | DURABLE_WRITES, 0o600)
  const preallocation = createPreallocation(path, maxBytes, fstatSync(fd).ino)
  const guard = createGuard(path, fd, preallocation)
  let length = 0

  return {
    async append(bytes) {
      await preallocation.whenWritable(length + bytes.length)
      guard.checkLength(length)
      await writeAll(fd, bytes, length)
      if (DURABLE_WRITES === 0) await syncData(fd)
      length += bytes.length
      guard.checkName(length)
      if (bytes.length <= MAX_PREALLOCATING_BYTES) preallocation.extend(length)
    },
    async close(trim = true) {
      await preallocation.whenWritable(Number.POSITIVE_INFINITY)
      try {
        if (trim && preallocation.maxEnd > length) await truncateFile(fd, length)
      } finally {
        await closeFile(fd)
      }
    },
  }
}

/** Detects changes of the file by other programs: attempts in such a file could be lost. Both checks throw. */
interface Guard {
  /** Checks that the path still names the file, and that its size fits `length` appended bytes. Does nothing in between two intervals. */
  checkLength(length: number): void
  /** Checks that the path still names the file. */
  checkName(length: number): void
}

function createGuard(path: string, fd: number, preallocation: Preallocation): Guard {
  const { ino, dev } = fstatSync(fd)
  const ownName = nameOf(fd)
  let checkedMs = Number.NEGATIVE_INFINITY

  /** Rate-limited: a stat makes the next write update the file's timestamp, and such a write costs 50 % more. */
  function checkLength(length: number): void {
    const nowMs = performance.now()
    if (ownName !== undefined && nowMs - checkedMs < CHECK_LENGTH_MS) return
    checkedMs = nowMs
    const stats = lstatSync(path)
    if (stats.ino !== ino || stats.dev !== dev) throw new Error(`${path} was replaced`)
    if (stats.size < Math.max(length, preallocation.minEnd) || stats.size > Math.max(length, preallocation.maxEnd))
      throw new Error(
        `${path} has ${stats.size} bytes, of which ${length} were written here: something else wrote to it`,
      )
  }

  return {
    checkLength,
    // Synchronous: the kernel answers from memory, and a call through the thread pool costs more.
    checkName(length) {
      if (ownName === undefined) checkLength(length)
      else if (nameOf(fd) !== ownName) throw new Error(`${path} was removed or replaced`)
    },
  }
}

/** The current path of an open file. It changes if the file is removed, renamed or replaced. Undefined on systems without /proc. */
function nameOf(fd: number): string | undefined {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`)
  } catch {
    return undefined
  }
}
