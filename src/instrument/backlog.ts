/** Attempts that wait to be delivered: bounded, and in order. */
import type { NewAttempt } from '../core/attempt/attempt.ts'

export interface Backlog {
  readonly size: number
  /** Adds an attempt; false where the backlog is full. */
  push(attempt: NewAttempt): boolean
  /** The first `count` attempts, which stay in the backlog. */
  peek(count: number): readonly NewAttempt[]
  /** Removes the first `count` attempts. */
  release(count: number): void
  /** Calls back once all present attempts are removed: at once where it is empty. The returned function cancels that. */
  whenDrained(callback: () => void): () => void
}

interface Wait {
  /** The total of removed attempts to wait for. */
  readonly until: number
  readonly callback: () => void
}

export function createBacklog(maxQueued: number): Backlog {
  const queue: NewAttempt[] = []
  const waits = new Set<Wait>()
  let removed = 0

  function callBack(): void {
    for (const wait of waits) {
      if (wait.until > removed) return
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
    peek: count => queue.slice(0, count),
    release: count => {
      removed += queue.splice(0, count).length
      callBack()
    },
    whenDrained: callback => {
      const wait = { until: removed + queue.length, callback }
      waits.add(wait)
      callBack()
      return () => waits.delete(wait)
    },
  }
}
