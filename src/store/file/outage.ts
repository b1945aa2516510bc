/** The time from a failed write until one succeeds: everything is refused, and it is tried again by itself. */

import { LockLost, messageOf } from './errors.ts'
import type { Log } from './log.ts'

/** How long to wait before the next try: doubled every time. */
const RETRY = { firstMs: 1000, lastMs: 30_000 }

export interface OutageOptions {
  readonly log: Log
  /** Tries to write, in its turn; it is not called again before it settles. */
  readonly retry: () => Promise<void>
  readonly onRecovered: () => void
}

export interface Outage {
  /** Why nothing can be written; undefined while it can. */
  readonly error: unknown
  begin(error: unknown): void
  /** No more tries. */
  stop(): void
}

export function createOutage({ log, retry, onRecovered }: OutageOptions): Outage {
  let current: { readonly error: unknown } | undefined
  let timer: NodeJS.Timeout | undefined
  let stopped = false

  function wait(error: unknown, retryMs: number): void {
    current = { error }
    clearTimeout(timer)
    if (error instanceof LockLost && error.isFinal) {
      log.error('attempts cannot be kept by this process any more', { error: messageOf(error) })
      return
    }
    log.error('attempts cannot be kept', { error: messageOf(error), retry_after_ms: retryMs })
    if (stopped) return
    timer = setTimeout(() => {
      retry().then(recover, again => wait(again, Math.min(retryMs * 2, RETRY.lastMs)))
    }, retryMs)
    timer.unref()
  }

  function recover(): void {
    current = undefined
    log.info('attempts can be kept again')
    onRecovered()
  }

  return {
    get error() {
      return current?.error
    },
    begin: error => wait(error, RETRY.firstMs),
    stop() {
      stopped = true
      clearTimeout(timer)
    },
  }
}
