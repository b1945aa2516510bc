/** One deadline for many, the same time after each began: of thousands a second a timer each would be felt. */

export interface Deadlines {
  /** Calls `onLate` when `begin` was so long ago, unless it was ended before. */
  begin(onLate: () => void): Deadline
  end(deadline: Deadline): void
}

export interface Deadline {
  readonly atMs: number
  readonly onLate: () => void
}

export function createDeadlines(timeoutMs: number): Deadlines {
  // In the order they began, which is that in which they end.
  const open = new Set<Deadline>()
  let isAwaited = false

  function awaitNext(inMs: number): void {
    isAwaited = true
    // Whoever waits for a body keeps the process going, not this.
    setTimeout(check, inMs).unref()
  }

  function check(): void {
    isAwaited = false
    const nowMs = performance.now()
    for (const deadline of open) {
      if (deadline.atMs > nowMs) {
        awaitNext(deadline.atMs - nowMs)
        return
      }
      open.delete(deadline)
      deadline.onLate()
    }
  }

  return {
    begin(onLate) {
      const deadline = { atMs: performance.now() + timeoutMs, onLate }
      open.add(deadline)
      if (!isAwaited) awaitNext(timeoutMs)
      return deadline
    },
    end(deadline) {
      open.delete(deadline)
    },
  }
}
