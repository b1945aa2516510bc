/** Notices by polls that other sidecars appended. */
import type { Kept, LogWatcher, Position } from '../../core/log.ts'
import type { Clock } from '../../core/ports.ts'
import type { SharedGroups } from './groups.ts'
import { START, sequenceOf } from './position.ts'

/** The shortest time between two polls, in milliseconds. */
const MIN_POLL_MS = 2

export interface WatchOptions {
  readonly groups: Pick<SharedGroups, 'end'>
  readonly clock: Clock
  /** The longest time between two polls, in milliseconds. */
  readonly pollMs: number
}

export interface Watch {
  /** This sidecar read a group, and all before it. */
  know(position: Position): void
  /** Runs an append. No poll reports changes meanwhile: groups of others before its own are read with it. */
  duringAppend(append: () => Promise<Kept>): Promise<Kept>
  begin(watcher: LogWatcher): void
  stop(): void
}

/**
 * Polls follow each other quickly while they find changes. Otherwise, the time between them doubles up to `pollMs`. Notifications of the
 * server were tried: each cost the server a statement, and sidecars that append learned of others later than without them.
 */
export function createWatch({ groups, clock, pollMs }: WatchOptions): Watch {
  let newest = START
  let isAppending = false
  let timer: NodeJS.Timeout | undefined
  let waitMs = pollMs
  let isFailing = false
  let isStopped = false

  function know(position: Position): void {
    if (sequenceOf(position) > sequenceOf(newest)) newest = position
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
    if (!isChanged) return
    newest = end
    watcher.changed()
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
      }
    },
    begin: pollLater,
    stop() {
      isStopped = true
      clearTimeout(timer)
    },
  }
}
