/**
 * A file that grows at its end, and whose end is laid out ahead of it: what overwrites zeros that are on disk already changes nothing about
 * the file itself, so that to make it durable takes a third less time and half the work, and waits for nobody who changes other files.
 */
import { close, constants, fdatasync, fstatSync, ftruncate, lstatSync, open, readlinkSync, write } from 'node:fs'
import { promisify } from 'node:util'
import type { AppendFile } from '../file-system.ts'

const { O_CREAT, O_EXCL, O_WRONLY } = constants
/**
 * A write that is durable when it is done: one way through the thread pool instead of two, which every group of attempts waits for.
 * Elsewhere than on Linux it promises less than a sync does.
 */
export const DURABLE_WRITES: number = process.platform === 'linux' ? constants.O_DSYNC : 0
/** Not there on every platform. */
const NO_FOLLOW = constants.O_NOFOLLOW ?? 0

/** What holds less is left as it is: few attempts are not worth zeros behind them. */
const LAID_OUT_FROM = 256 * 1024
const STEP = 2 * 1024 * 1024
/** Nor is what is written in larger parts: there the zeros cost more than they save. */
const LARGE_PART = 128 * 1024
/** Left free in front of what is laid out, so that what comes meanwhile need not wait for it. */
const GAP = 256 * 1024
/** Small, so that nothing that is appended meanwhile has to wait for much. */
const PIECE = Buffer.alloc(256 * 1024)

// Callbacks on plain descriptors: half the cost of file handles, where every group of attempts pays for it.
const openFile = promisify(open)
const closeFile = promisify(close)
const syncData = promisify(fdatasync)
const truncateFile = promisify(ftruncate)
const writeSome = promisify(write) as (
  fd: number,
  bytes: Uint8Array,
  offset: number,
  length: number,
  position: number | null,
) => Promise<{ bytesWritten: number }>

/** How often a file is asked for its length. */
const MEASURED_EVERY_MS = 100

/** Makes a file of mode 0600, of which at most `mostBytes` are laid out; rejects with EEXIST where there is anything of that name. */
export async function createAppendFile(path: string, mostBytes: number): Promise<AppendFile> {
  const fd = await openFile(path, O_WRONLY | O_CREAT | O_EXCL | NO_FOLLOW | DURABLE_WRITES, 0o600)
  const { ino, dev } = fstatSync(fd)
  const room = createRoom(path, mostBytes, ino)
  const ownName = nameOf(fd)
  let length = 0
  let measuredMs = Number.NEGATIVE_INFINITY

  /** Without waiting: the kernel has it in memory, and a round through the thread pool costs more than the question. */
  function checkName(): void {
    if (ownName !== undefined && nameOf(fd) !== ownName) throw new Error(`${path} was removed or replaced`)
  }

  /**
   * Now and then: whoever asks when a file was last written has Linux keep the time of the next write exactly, and a write that changes that
   * costs half as much again.
   */
  function measure(): void {
    const nowMs = performance.now()
    if (ownName !== undefined && nowMs - measuredMs < MEASURED_EVERY_MS) return
    measuredMs = nowMs
    const now = lstatSync(path)
    if (now.ino !== ino || now.dev !== dev) throw new Error(`${path} was replaced`)
    if (now.size < Math.max(length, room.laidOut) || now.size > Math.max(length, room.asked))
      throw new Error(`${path} has ${now.size} bytes, of which ${length} were written here: something else wrote to it`)
  }

  return {
    async append(bytes) {
      await room.ready(length + bytes.length)
      measure()
      await writeAll(fd, bytes, length)
      if (DURABLE_WRITES === 0) await syncData(fd)
      length += bytes.length
      if (ownName === undefined) measure()
      checkName()
      if (bytes.length <= LARGE_PART) room.follow(length)
    },
    async close(trim = true) {
      await room.ready(Number.POSITIVE_INFINITY)
      try {
        if (trim && room.asked > length) await truncateFile(fd, length)
      } finally {
        await closeFile(fd)
      }
    },
  }
}

/** The path that the system has for an open file: another one when it was removed, renamed or replaced. Undefined where it tells none. */
function nameOf(fd: number): string | undefined {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`)
  } catch {
    return undefined
  }
}

/** What is laid out ahead of a file's end. */
interface Room {
  /** The file has at least this many bytes, */
  readonly laidOut: number
  /** and at most these, where no more are written. */
  readonly asked: number
  /** What must be awaited before something is written up to `end`: where that is just being laid out. */
  ready(end: number): Promise<void> | undefined
  /** What was written ends at `length`. */
  follow(length: number): void
}

function createRoom(path: string, mostBytes: number, ino: number): Room {
  let laidOut = 0
  let asked = 0
  let start = 0
  let making: Promise<void> | undefined
  let failed = false

  async function make(): Promise<void> {
    try {
      await layOut(path, ino, start, asked)
      laidOut = asked
    } catch {
      // Whatever it was, what is appended next will tell.
      failed = true
    }
    making = undefined
  }

  return {
    get laidOut() {
      return laidOut
    },
    get asked() {
      return asked
    },
    ready: end => (end > start ? making : undefined),
    follow(length) {
      if (length < LAID_OUT_FROM || laidOut - length > STEP / 2 || making !== undefined || failed) return
      const from = Math.max(laidOut, length + GAP)
      if (from >= mostBytes) return
      start = from
      asked = Math.min(from + STEP, mostBytes)
      making = make()
    },
  }
}

/** Durably writes zeros, by a descriptor of its own: a sync that fails tells nothing of what is appended. */
async function layOut(path: string, ino: number, start: number, end: number): Promise<void> {
  const fd = await openFile(path, O_WRONLY | NO_FOLLOW)
  try {
    if (fstatSync(fd).ino !== ino) throw new Error(`${path} was replaced`)
    for (let at = start; at < end; at += PIECE.length) {
      await writeAll(fd, PIECE.subarray(0, Math.min(PIECE.length, end - at)), at)
      await syncData(fd)
    }
  } finally {
    await closeFile(fd)
  }
}

/**
 * Writes all of `bytes`, from `position` on, or where the descriptor stands. One `write` may write less than it was given: on a full disk
 * first of all.
 */
export async function writeAll(fd: number, bytes: Uint8Array, position: number | null = null): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const to = position === null ? null : position + at
    const { bytesWritten } = await writeSome(fd, bytes, at, bytes.length - at, to)
    if (bytesWritten === 0) throw new Error('the file system wrote nothing and gave no reason')
    at += bytesWritten
  }
}
