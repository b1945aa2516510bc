/** A bounded queue of attempts and outcomes to deliver, in order. */
import { type DeliveryItem, isOutcome } from './delivery-item.ts'

export interface Backlog {
  readonly size: number
  /** Adds an item. False if the backlog is full. */
  push(item: DeliveryItem): boolean
  /** Adds items of earlier processes, also beyond the bound: they are bounded by the file that they come from. */
  restore(items: readonly DeliveryItem[]): void
  /** The first `count` items, which stay in the backlog. */
  peek(count: number): readonly DeliveryItem[]
  /** Removes the first `count` items. */
  release(count: number): void
  /** Removes the items at these positions. */
  remove(indices: ReadonlySet<number>): void
  /** Moves the first item behind all others, so that it does not block them. */
  postpone(): void
  /** Moves all outcomes behind the attempts, so that they do not block them. False if there is no attempt. */
  postponeOutcomes(): boolean
  /** Calls back when all items queued now are removed, at once if it is empty. The returned function cancels the callback. */
  whenDrained(callback: () => void): () => void
}

interface Wait {
  /** The number of removed items at which to call back. */
  until: number
  readonly callback: () => void
}

export function createBacklog(maxQueued: number): Backlog {
  let queue: DeliveryItem[] = []
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

  /** Items that somebody waits for are now behind others: they wait for all. */
  function waitForAll(): void {
    for (const wait of waits) wait.until = removed + queue.length
  }

  return {
    get size() {
      return queue.length
    },
    push: item => {
      if (queue.length >= maxQueued) return false
      queue.push(item)
      return true
    },
    restore: items => {
      for (const item of items) queue.push(item)
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
      waitForAll()
    },
    postponeOutcomes: () => {
      const attempts = queue.filter(item => !isOutcome(item))
      if (attempts.length === 0) return false
      queue = [...attempts, ...queue.filter(isOutcome)]
      waitForAll()
      return true
    },
    whenDrained: callback => {
      const wait = { until: removed + queue.length, callback }
      waits.add(wait)
      countRemoved(0)
      return () => waits.delete(wait)
    },
  }
}
