/** Waits that end early. */
import { setTimeout as delay } from 'node:timers/promises'

/** Rejects if the work takes too long. The work itself goes on. */
export async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  const timer = new AbortController()
  const late = delay(ms, undefined, { ref: false, signal: timer.signal }).then(() => {
    throw new Error(`no answer of the store within ${ms / 1000} s`)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    timer.abort()
    late.catch(() => undefined)
  }
}

/** Waits without keeping the process alive. Resolves early if the signal aborts. */
export const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  delay(ms, undefined, { ref: false, signal }).catch(() => undefined)
