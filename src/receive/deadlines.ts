/** One deadline for many, the same time after each began: of thousands a second a timer each would be felt. */

export interface Deadlines {
  /** Calls `onLate` when `begin` was so long ago, unless it was ended before. */
  begin(onLate: () => void): Deadline
  /** What was ended already is left alone. */
  end(deadline: Deadline): void
}

export interface Deadline {
  readonly atMs: number
  readonly onLate: () => void
}

/**
 * One of a ring. Whoever leaves it points at nobody: a dead one that has grown old would keep all that came behind it from being collected
 * while they are young, as the table of a Set would.
 */
interface Link extends Deadline {
  before: Link | undefined
  behind: Link | undefined
}

export function createDeadlines(timeoutMs: number): Deadlines {
  // In the order they began, which is that in which they end: the ring begins and ends with this one.
  const ends: Link = { atMs: 0, onLate() {}, before: undefined, behind: undefined }
  ends.before = ends
  ends.behind = ends
  let isAwaited = false

  function awaitNext(inMs: number): void {
    isAwaited = true
    // Whoever waits for a body keeps the process going, not this.
    setTimeout(check, inMs).unref()
  }

  function check(): void {
    isAwaited = false
    const nowMs = performance.now()
    for (let next = ends.behind!; next !== ends; next = ends.behind!) {
      if (next.atMs > nowMs) {
        awaitNext(next.atMs - nowMs)
        return
      }
      leave(next)
      next.onLate()
    }
  }

  return {
    begin(onLate) {
      const last = ends.before!
      const link: Link = { atMs: performance.now() + timeoutMs, onLate, before: last, behind: ends }
      last.behind = link
      ends.before = link
      if (!isAwaited) awaitNext(timeoutMs)
      return link
    },
    end: deadline => leave(deadline as Link),
  }
}

function leave(link: Link): void {
  if (link.before === undefined || link.behind === undefined) return
  link.before.behind = link.behind
  link.behind.before = link.before
  link.before = undefined
  link.behind = undefined
}
