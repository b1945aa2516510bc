/** Attempts that wait to be delivered: bounded, and in order. */
import type { NewAttempt } from '../core/attempt/attempt.ts'

export interface Backlog {
  readonly size: number
  /** False, and nothing else, where it is full. */
  push(attempt: NewAttempt): boolean
  /** The first `count`, which stay. */
  peek(count: number): readonly NewAttempt[]
  /** Lets the first `count` go. */
  release(count: number): void
  /** Calls back once all that are in it now have gone: at once where it is empty. What it returns takes that back. */
  whenDrained(callback: () => void): () => void
}

interface Wait {
  /** How many must have gone, of all that ever came. */
  readonly until: number
  readonly callback: () => void
}

export function createBacklog(maxQueued: number): Backlog {
  const queue: NewAttempt[] = []
  const waits = new Set<Wait>()
  let gone = 0

  function callBack(): void {
    for (const wait of waits) {
      if (wait.until > gone) return
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
      gone += queue.splice(0, count).length
      callBack()
    },
    whenDrained: callback => {
      const wait = { until: gone + queue.length, callback }
      waits.add(wait)
      callBack()
      return () => waits.delete(wait)
    },
  }
}
