/** Closes connections whose clients do not read their response, because the response takes up memory. */
import type { ServerResponse } from 'node:http'

/** How long a client may read nothing although bytes are buffered for it. */
const READ_TIMEOUT_MS = 10_000
/** Checks per timeout: a connection is closed after the timeout and at most a quarter of it. */
const CHECKS = 4

export interface UnreadAnswers {
  /** Watches a response until it is sent. A client that reads slowly is served, however long that takes. */
  watch(res: ServerResponse): void
  /** Number of connections that were closed. */
  readonly closed: number
  close(): void
}

/** The progress of a response at the last check at which its client had read something. */
interface Watched {
  readBytes: number
  /** Checks since then. */
  checks: number
}

export function createUnreadAnswers(timeoutMs: number = READ_TIMEOUT_MS): UnreadAnswers {
  const watched = new Map<ServerResponse, Watched>()
  let closed = 0

  function check(): void {
    for (const [res, state] of watched) {
      const { socket } = res
      // Nothing is buffered: the client waits for the sidecar.
      if (socket === null || socket.writableLength === 0) {
        state.checks = 0
        continue
      }
      const readBytes = socket.bytesWritten - socket.writableLength
      state.checks = readBytes === state.readBytes ? state.checks + 1 : 0
      state.readBytes = readBytes
      if (state.checks < CHECKS) continue
      closed++
      socket.destroy()
    }
  }

  const timer = setInterval(check, timeoutMs / CHECKS).unref()
  return {
    watch(res) {
      watched.set(res, { readBytes: -1, checks: 0 })
      res.once('close', () => watched.delete(res))
    },
    get closed() {
      return closed
    },
    close: () => clearInterval(timer),
  }
}
