/** Deadlines of the same length for many requests, on one timer: a timer per request is measurable at thousands a second. */

export interface Deadlines {
  /** Calls `onLate` after the timeout, unless the deadline ends before. */
  begin(onLate: () => void): Deadline
  /** Ends a deadline. Ending it again does nothing. */
  end(deadline: Deadline): void
}

export interface Deadline {
  readonly atMs: number
  readonly onLate: () => void
}

/**
 * A node of a circular list. The links of a removed node are cleared. Otherwise a removed node in V8's old space keeps all later nodes alive,
 * so that a scavenge cannot collect them. The table of a Set has the same problem.
 */
interface Link extends Deadline {
  previous: Link | undefined
  next: Link | undefined
}

export function createDeadlines(timeoutMs: number): Deadlines {
  // The order of beginning is the order of expiry. This sentinel is the start and the end of the list.
  const ends: Link = { atMs: 0, onLate() {}, previous: undefined, next: undefined }
  ends.previous = ends
  ends.next = ends
  let isAwaited = false

  function awaitNext(inMs: number): void {
    isAwaited = true
    // The connection keeps the process alive, not this timer.
    setTimeout(check, inMs).unref()
  }

  function check(): void {
    isAwaited = false
    const nowMs = performance.now()
    for (let first = ends.next!; first !== ends; first = ends.next!) {
      if (first.atMs > nowMs) {
        awaitNext(first.atMs - nowMs)
        return
      }
      remove(first)
      first.onLate()
    }
  }

  return {
    begin(onLate) {
      const last = ends.previous!
      const link: Link = { atMs: performance.now() + timeoutMs, onLate, previous: last, next: ends }
      last.next = link
      ends.previous = link
      if (!isAwaited) awaitNext(timeoutMs)
      return link
    },
    end: deadline => remove(deadline as Link),
  }
}

function remove(link: Link): void {
  if (link.previous === undefined || link.next === undefined) return
  link.previous.next = link.next
  link.next.previous = link.previous
  link.previous = undefined
  link.next = undefined
}
