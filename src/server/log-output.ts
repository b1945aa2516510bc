/**
 * Writes log lines to a file descriptor without ever blocking the process. Lines that cannot be written yet are buffered up to a limit. Beyond
 * it they are dropped and counted, and a line in their place reports how many.
 */
import { constants, fstatSync, openSync, write as writeInThreadPool, writeSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'

/** Maximum bytes of buffered lines. */
const MAX_PENDING_BYTES = 1024 * 1024
/** Bytes written in one call. */
const WRITE_BYTES = 64 * 1024
/** Retry delays after a full pipe: the first, and the maximum of the exponential backoff. */
const FIRST_RETRY_MS = 10
const LAST_RETRY_MS = 500

export interface LogOutput {
  /** Accepts one line that ends with a line feed. Never throws and never blocks. */
  write(line: string): void
  /** Lines that were dropped since the output was opened. */
  readonly dropped: number
  /** Resolves when all lines are written, when writing fails, or after `timeoutMs`. Never rejects. */
  flush(timeoutMs: number): Promise<void>
}

/** An output to a file descriptor, which is opened with the first line. */
export function openLogOutput(fd: number): LogOutput {
  const pending = createPending(MAX_PENDING_BYTES)
  let target: Target | undefined
  /** Bytes of the write in progress in the thread pool. */
  let writingBytes = 0
  let failure: string | undefined
  let retryMs = FIRST_RETRY_MS
  let retry: NodeJS.Timeout | undefined

  function open(): Target {
    process.on('exit', writeAtExit)
    return openTarget(fd)
  }

  function writePending(): void {
    target ??= open()
    while (writingBytes === 0 && retry === undefined) {
      const bytes = pending.next(failure)
      if (bytes === undefined) return
      writingBytes = bytes.length
      if (target.blocks) writeInThreadPool(target.fd, bytes, 0, bytes.length, null, written)
      else writeNow(target.fd, bytes)
    }
  }

  function writeNow(to: number, bytes: Buffer): void {
    let count = 0
    let error: unknown = null
    try {
      count = writeSync(to, bytes)
    } catch (thrown) {
      error = thrown
    }
    onWritten(error, count)
  }

  function written(error: unknown, count: number): void {
    onWritten(error, count)
    writePending()
  }

  function onWritten(error: unknown, count: number): void {
    writingBytes = 0
    if (error === null) {
      pending.remove(count)
      retryMs = FIRST_RETRY_MS
      return
    }
    failure = (error as NodeJS.ErrnoException).code ?? String(error)
    retryMs = failure === FULL ? Math.min(retryMs * 2, LAST_RETRY_MS) : LAST_RETRY_MS
    retry = setTimeout(writeAgain, retryMs).unref()
  }

  function writeAgain(): void {
    clearTimeout(retry)
    retry = undefined
    writePending()
  }

  /** Writes as much as possible without blocking. The thread pool still completes the write in progress. */
  function writeAtExit(): void {
    pending.remove(writingBytes)
    writingBytes = 0
    target = { fd: target!.fd, blocks: false }
    writeAgain()
  }

  return {
    write(line) {
      pending.add(line, failure)
      writePending()
    },
    get dropped() {
      return pending.dropped
    },
    async flush(timeoutMs) {
      const endMs = performance.now() + timeoutMs
      if (retry !== undefined) writeAgain()
      while (!pending.isEmpty && performance.now() < endMs) {
        if (retry !== undefined && failure !== FULL) return
        await pause(FIRST_RETRY_MS)
        if (retry !== undefined && failure === FULL) writeAgain()
      }
    },
  }
}

/** The error of a full pipe, socket or terminal. */
const FULL = 'EAGAIN'

interface Target {
  readonly fd: number
  /** Whether a write may wait for a disk. */
  readonly blocks: boolean
}

/**
 * A file is written in the thread pool, because a write may wait for the disk. Everything else is written directly in non-blocking mode: a
 * thread that waits for a reader would not be available to the store's fsync, and the process could not exit. The descriptor is reopened,
 * because changing the mode of the original would affect other processes that share it.
 */
function openTarget(fd: number): Target {
  try {
    if (fstatSync(fd).isFile()) return { fd, blocks: true }
    const { O_WRONLY, O_APPEND, O_NONBLOCK, O_NOCTTY } = constants
    return { fd: openSync(`/proc/self/fd/${fd}`, O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY), blocks: false }
  } catch {
    // A socket, or a pipe of another user, cannot be reopened. Creating Node's stream makes the shared descriptor non-blocking.
    void (fd === 1 ? process.stdout : process.stderr)
    return { fd, blocks: false }
  }
}

interface Pending {
  /** Buffers a line, or counts it as dropped if the buffer is full. */
  add(line: string, failure: string | undefined): void
  /** The next bytes to write: the same ones until they are removed. */
  next(failure: string | undefined): Buffer | undefined
  remove(bytes: number): void
  readonly isEmpty: boolean
  readonly dropped: number
}

/** The buffered lines, with a line in the place of those that were dropped. */
function createPending(maxBytes: number): Pending {
  let lines: Buffer[] = []
  let head: Buffer | undefined
  let bytes = 0
  let dropped = 0
  let reported = 0

  function push(line: string): boolean {
    const encoded = Buffer.from(line)
    if (bytes + encoded.length > maxBytes) return false
    lines.push(encoded)
    bytes += encoded.length
    return true
  }

  function report(failure: string | undefined): void {
    if (dropped > reported && push(droppedLine(dropped - reported, failure))) reported = dropped
  }

  return {
    add(line, failure) {
      report(failure)
      if (dropped > reported || !push(line)) dropped++
    },
    next(failure) {
      if (bytes === 0) report(failure)
      head ??= joined()
      return head
    },
    remove(count) {
      bytes -= count
      head = head === undefined || count >= head.length ? undefined : head.subarray(count)
    },
    get isEmpty() {
      return bytes === 0 && dropped === reported
    },
    get dropped() {
      return dropped
    },
  }

  function joined(): Buffer | undefined {
    if (lines.length === 0) return undefined
    let count = 0
    for (let length = 0; count < lines.length && length < WRITE_BYTES; count++) length += lines[count]!.length
    const some = lines.slice(0, count)
    lines = lines.slice(count)
    return some.length === 1 ? some[0] : Buffer.concat(some)
  }
}

function droppedLine(count: number, failure: string | undefined): string {
  const what = count === 1 ? '1 log line was dropped' : `${count} log lines were dropped`
  const why =
    failure === FULL ? 'the reader of the log is too slow' : `the log cannot be written (${failure ?? 'too long'})`
  const fields = { level: 'warn', time: new Date().toISOString(), dropped: count, msg: `${what}: ${why}` }
  return `${JSON.stringify(fields)}\n`
}
