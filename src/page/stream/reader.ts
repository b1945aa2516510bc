/** One client of the stream. A client that reads too slowly gets summaries only, and is disconnected if it does not catch up. */
import type { ServerResponse } from 'node:http'
import type { ResyncReason } from '../../core/events.ts'
import { type Encoded, frame, HEARTBEAT } from './frames.ts'

/** A client that has more unread bytes than this, some time after the last write, is slow. */
const SLOW_BYTES = 64 * 1024
/** A client with more unread bytes than this is slow at once: many attempts can come in one turn of the event loop. */
const FULL_BYTES = 4 * 1024 * 1024

export interface Reader {
  /** Sends attempts, unless the client is slow. Returns whether it did. */
  sendAttempts(attempts: Encoded): boolean
  /** Sends a summary, unless the client reads nothing at all. */
  sendSummary(summary: Encoded): void
  /** Tells the client that attempts are missing. `id` is the one to resume from. */
  resync(reason: ResyncReason, id: string): void
  /** Call it some time after the last write, before the next one: whether the client is slow. */
  checkPace(): void
  /** Sends a heartbeat if nothing was sent since `sinceMs`, and disconnects a client that has been slow since `slowSinceMs`. */
  checkSilence(sinceMs: number, slowSinceMs: number): void
  end(text: string): void
}

/** `nowMs` is a monotonic clock. */
export function createReader(res: ServerResponse, nowMs: () => number): Reader {
  let sentMs = nowMs()
  let slowMs: number | undefined

  /** The result of a write says only whether a buffer is full: the data is taken. */
  function write(text: string): void {
    sentMs = nowMs()
    res.write(text)
  }

  function writeEncoded({ bytes, chunk }: Encoded): void {
    sentMs = nowMs()
    // One write without the work of `res.write`, which frames the bytes again for each client (benchmark row "with 1,000 open streams").
    if (res.chunkedEncoding && res.socket !== null) res.socket.write(chunk)
    else res.write(bytes)
  }

  /** Whether the client gets attempts. One that was slow gets them again when it has read everything. */
  function isReady(): boolean {
    if (slowMs === undefined) return true
    if (res.writableLength > 0) return false
    slowMs = undefined
    // Without an id: if the client connects again, it may still get what it missed.
    write(frame('resync', { reason: 'slow' }))
    return true
  }

  return {
    sendAttempts(attempts) {
      if (!isReady()) return false
      if (res.writableLength > FULL_BYTES) {
        slowMs = nowMs()
        return false
      }
      writeEncoded(attempts)
      return true
    },
    sendSummary(summary) {
      if (isReady() || res.writableLength <= SLOW_BYTES) writeEncoded(summary)
    },
    resync(reason, id) {
      // A slow client receives a resync when it has caught up.
      if (isReady()) write(frame('resync', { reason }, id))
    },
    checkPace() {
      if (slowMs === undefined && res.writableLength > SLOW_BYTES) slowMs = nowMs()
    },
    checkSilence(sinceMs, slowSinceMs) {
      if (!isReady() && slowMs !== undefined && slowMs <= slowSinceMs) res.destroy()
      else if (slowMs === undefined && sentMs <= sinceMs) write(HEARTBEAT)
    },
    end: text => void res.end(text),
  }
}
