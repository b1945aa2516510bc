/** Closes connections whose clients do not read their answer: what is held for them is needed by others. */
import type { ServerResponse } from 'node:http'

/** How long a client may take none of the bytes that wait for it. */
const PATIENCE_MS = 10_000
/** Looks per patience: a client is cut after one patience and at most a quarter of it. */
const LOOKS = 4

export interface UnreadAnswers {
  /** Watches an answer until it is out. A client that reads slowly is served, however long that takes. */
  watch(res: ServerResponse): void
  /** Connections that were closed. */
  readonly cut: number
  close(): void
}

/** An answer, and how far its connection had got when it last went on. */
interface Watched {
  takenBytes: number
  /** Looks since then. */
  looks: number
}

export function createUnreadAnswers(patienceMs: number = PATIENCE_MS): UnreadAnswers {
  const watched = new Map<ServerResponse, Watched>()
  let cut = 0

  function look(): void {
    for (const [res, state] of watched) {
      const { socket } = res
      // Nothing waits for the client: it waits for us.
      if (socket === null || socket.writableLength === 0) {
        state.looks = 0
        continue
      }
      const takenBytes = socket.bytesWritten - socket.writableLength
      state.looks = takenBytes === state.takenBytes ? state.looks + 1 : 0
      state.takenBytes = takenBytes
      if (state.looks < LOOKS) continue
      cut++
      socket.destroy()
    }
  }

  const timer = setInterval(look, patienceMs / LOOKS).unref()
  return {
    watch(res) {
      watched.set(res, { takenBytes: -1, looks: 0 })
      res.once('close', () => watched.delete(res))
    },
    get cut() {
      return cut
    },
    close: () => clearInterval(timer),
  }
}
