/**
 * Notices that other sidecars appended: by notifications, where the server sends them, and by polls. A lost notification costs only time,
 * because the next poll finds what it announced.
 */
import type { LogWatcher, Position } from '../../core/log.ts'
import type { Clock } from '../../core/ports.ts'
import type { SharedGroups } from './groups.ts'
import { START, sequenceOf } from './position.ts'

/** The shortest time between two polls, in milliseconds. */
const MIN_POLL_MS = 2

/** Calls `notified` with the position of each group that another sidecar appended. A notification may be lost. */
export type Listen = (notified: (position: Position) => void) => Listening

export interface Listening {
  stop(): Promise<void>
}

export interface WatchOptions {
  readonly groups: Pick<SharedGroups, 'end'>
  readonly clock: Clock
  /** The longest time between two polls, in milliseconds. */
  readonly pollMs: number
  /** Undefined without notifications. */
  readonly listen?: Listen | undefined
}

export interface Watch {
  /** This sidecar appended a group or read it. The groups before it are read with it. */
  know(position: Position): void
  begin(watcher: LogWatcher): void
  stop(): Promise<void>
}

/**
 * Polls follow each other quickly while they find changes: where notifications are lost, or there are none. Otherwise, the time between them
 * doubles up to `pollMs`.
 */
export function createWatch({ groups, clock, pollMs, listen }: WatchOptions): Watch {
  let newest = START
  let timer: NodeJS.Timeout | undefined
  let waitMs = pollMs
  let isFailing = false
  let isStopped = false
  let listening: Listening | undefined

  function know(position: Position): void {
    if (sequenceOf(position) > sequenceOf(newest)) newest = position
  }

  async function poll(watcher: LogWatcher): Promise<void> {
    const atMs = clock()
    const end = await groups.end()
    if (isStopped) return
    if (isFailing) watcher.returned?.()
    isFailing = false
    watcher.ended?.(end, atMs)
    waitMs = end === newest ? Math.min(2 * waitMs, pollMs) : Math.min(MIN_POLL_MS, pollMs)
    if (end !== newest) watcher.changed()
    newest = end
  }

  function fail(watcher: LogWatcher, error: unknown): void {
    if (isStopped) return
    isFailing = true
    waitMs = pollMs
    watcher.failed(error instanceof Error ? error : new Error(String(error)))
  }

  function pollLater(watcher: LogWatcher): void {
    if (isStopped) return
    timer = setTimeout(() => {
      void poll(watcher)
        .catch(error => fail(watcher, error))
        .finally(() => pollLater(watcher))
    }, waitMs).unref()
  }

  return {
    know,
    begin(watcher) {
      pollLater(watcher)
      listening = listen?.(position => {
        // Own appends and earlier reads may have included it.
        if (isStopped || sequenceOf(position) <= sequenceOf(newest)) return
        newest = position
        watcher.changed()
      })
    },
    async stop() {
      isStopped = true
      clearTimeout(timer)
      await listening?.stop()
    },
  }
}
