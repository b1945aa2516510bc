/**
 * Notices that other sidecars appended: by notifications, where the server sends them, and by polls. A lost notification costs only time,
 * because the next poll finds what it announced.
 */
import type { Kept, LogWatcher, Position } from '../../core/log.ts'
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
  /** This sidecar read a group, and all before it. */
  know(position: Position): void
  /**
   * Runs an append. The groups that others append meanwhile are reported behind it, and only if they are not before it: those are read with its
   * group.
   */
  duringAppend(append: () => Promise<Kept>): Promise<Kept>
  begin(watcher: LogWatcher): void
  stop(): Promise<void>
}

/**
 * Polls follow each other quickly while they find changes: where notifications are lost, or there are none. Otherwise, the time between them
 * doubles up to `pollMs`.
 */
export function createWatch({ groups, clock, pollMs, listen }: WatchOptions): Watch {
  let newest = START
  let isAppending = false
  /** The newest group of others that was announced during an append. */
  let announced = START
  let timer: NodeJS.Timeout | undefined
  let waitMs = pollMs
  let isFailing = false
  let isStopped = false
  let listening: Listening | undefined
  let watching: LogWatcher | undefined

  function know(position: Position): void {
    if (sequenceOf(position) > sequenceOf(newest)) newest = position
  }

  /** A group of another sidecar is at the position. */
  function announce(position: Position): void {
    if (isAppending) announced = position
    // Earlier reads and own appends may have included it.
    else if (sequenceOf(position) > sequenceOf(newest)) change(position)
  }

  function change(position: Position): void {
    newest = position
    watching?.changed()
  }

  async function poll(watcher: LogWatcher): Promise<void> {
    const atMs = clock()
    const before = newest
    const end = await groups.end()
    if (isStopped) return
    if (isFailing) watcher.returned?.()
    isFailing = false
    watcher.ended?.(end, atMs)
    // Where this sidecar appended or read meanwhile, the answer may be older than that.
    const isChanged = end !== newest && newest === before && !isAppending
    waitMs = isChanged ? Math.min(MIN_POLL_MS, pollMs) : Math.min(2 * waitMs, pollMs)
    if (isChanged) change(end)
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
    async duringAppend(append) {
      isAppending = true
      try {
        const kept = await append()
        know(kept.position)
        return kept
      } finally {
        isAppending = false
        const late = announced
        announced = START
        announce(late)
      }
    },
    begin(watcher) {
      watching = watcher
      pollLater(watcher)
      listening = listen?.(announce)
    },
    async stop() {
      isStopped = true
      watching = undefined
      clearTimeout(timer)
      await listening?.stop()
    },
  }
}
