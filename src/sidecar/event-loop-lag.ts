/** How late the event loop runs. */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Clock } from '../core/ports.ts'

/** The monitor is a timer with this period. The delays it reports include the period. */
const RESOLUTION_MS = 20
/** A lag is reported for at least this long, so that a second scraper sees it too. */
const WINDOW_MS = 10_000

export interface EventLoopLag {
  /** The longest delay in the last 10 seconds or more, in seconds. Never throws. */
  seconds(): number
  close(): void
}

/** Monitors the event loop until it is closed. Does not keep the process alive. */
export function openEventLoopLag(clock: Clock): EventLoopLag {
  const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  delays.enable()
  let sinceMs = clock()
  let previous = 0
  return {
    seconds() {
      const current = Math.max(0, delays.max / 1e9 - RESOLUTION_MS / 1000)
      const lag = Math.max(previous, current)
      if (clock() - sinceMs >= WINDOW_MS) {
        delays.reset()
        sinceMs = clock()
        previous = current
      }
      return lag
    },
    close: () => void delays.disable(),
  }
}
