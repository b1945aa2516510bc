/** What the process itself takes: time, memory, files, and how late its event loop runs. */
import { readdirSync } from 'node:fs'
import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import type { Clock } from '../core/ports.ts'
import type { OwnHealth } from './own-families.ts'

/** The delay is seen by a timer of this period, and holds the period. */
const RESOLUTION_MS = 20
/** A lag is told for at least so long after it was: until then a second scraper sees it too. */
const WINDOW_MS = 10_000

export interface ProcessHealth {
  /** Never throws. */
  read(): OwnHealth
  close(): void
}

/** Watches the event loop until it is closed; keeps no process alive. */
export function openProcessHealth(clock: Clock): ProcessHealth {
  const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  delays.enable()
  let since = clock()
  let before = 0
  function lagSeconds(): number {
    const current = Math.max(0, delays.max / 1e9 - RESOLUTION_MS / 1000)
    const lag = Math.max(before, current)
    if (clock() - since >= WINDOW_MS) {
      delays.reset()
      since = clock()
      before = current
    }
    return lag
  }
  return {
    read() {
      const { user, system } = process.cpuUsage()
      return {
        agent_performance_start_time_seconds: performance.timeOrigin / 1000,
        agent_performance_event_loop_lag_seconds: lagSeconds(),
        agent_performance_resident_memory_bytes: process.memoryUsage.rss(),
        agent_performance_cpu_seconds_total: (user + system) / 1e6,
        agent_performance_open_fds: openFiles(),
      }
    },
    close: () => void delays.disable(),
  }
}

/** Open file descriptors, where the system says. */
function openFiles(): number | undefined {
  try {
    // One of them is the folder being read.
    return readdirSync('/proc/self/fd').length - 1
  } catch {
    return undefined
  }
}
