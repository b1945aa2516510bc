/** A bounded queue of attempts to deliver, in order. */
import type { NewAttempt } from '../core/attempt/attempt.ts'

export interface Backlog {
  readonly size: number
  /** Adds an attempt. False if the backlog is full. */
  push(attempt: NewAttempt): boolean
  /** The first `count` attempts, which stay in the backlog. */
  peek(count: number): readonly NewAttempt[]
  /** Removes the first `count` attempts. */
  release(count: number): void
  /** Calls back when all attempts queued now are removed, at once if it is empty. The returned function cancels the callback. */
  whenDrained(callback: () => void): () => void
}

interface Wait {
  /** The number of removed attempts at which to call back. */
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
