/** A bounded queue of attempts to deliver, in order. */
import type { NewAttempt } from '../core/attempt/attempt.ts'

export interface Backlog {
  readonly size: number
  /** Adds an attempt. False if the backlog is full. */
  push(attempt: NewAttempt): boolean
  /** Adds attempts of earlier processes, also beyond the bound: they are bounded by the file that they come from. */
  restore(attempts: readonly NewAttempt[]): void
  /** The first `count` attempts, which stay in the backlog. */
  peek(count: number): readonly NewAttempt[]
  /** Removes the first `count` attempts. */
  release(count: number): void
  /** Removes the attempts at these positions. */
  remove(indices: ReadonlySet<number>): void
  /** Moves the first attempt behind all others, so that it does not block them. */
  postpone(): void
  /** Calls back when all attempts queued now are removed, at once if it is empty. The returned function cancels the callback. */
  whenDrained(callback: () => void): () => void
}

interface Wait {
  /** The number of removed attempts at which to call back. */
  until: number
  readonly callback: () => void
}

export function createBacklog(maxQueued: number): Backlog {
  let queue: NewAttempt[] = []
  const waits = new Set<Wait>()
  let removed = 0

  function countRemoved(count: number): void {
    removed += count
    for (const wait of waits) {
      if (wait.until > removed) continue
      waits.delete(wait)
      wait.callback()
    }
  }

  return {
    get size() {
      return queue.length
    },
    push: attempt => {
      if (queue.length >= maxQueued) return false
      queue.push(attempt)
      return true
    },
    restore: attempts => {
      for (const attempt of attempts) queue.push(attempt)
    },
    peek: count => queue.slice(0, count),
    release: count => countRemoved(queue.splice(0, count).length),
    remove: indices => {
      const before = queue.length
      queue = queue.filter((_, index) => !indices.has(index))
      countRemoved(before - queue.length)
    },
    postpone: () => {
      queue.push(...queue.splice(0, 1))
      // The postponed attempt is now the last that anybody waits for.
      for (const wait of waits) wait.until = removed + queue.length
    },
    whenDrained: callback => {
      const wait = { until: removed + queue.length, callback }
      waits.add(wait)
      countRemoved(0)
      return () => waits.delete(wait)
    },
  }
}
