/**
 * The account of bytes between the sockets and the log, over all clients: bodies until their answer, begun lines, lines that wait in
 * groups or for the disk, and what is decoded from OTLP.
 *
 * Outside the account is what the number of connections bounds: an inflater with what it works on (200 KiB), a page for small chunks
 * (16 KiB), and the buffers of Node and the kernel for a socket. Streams count what they have read, so each may exceed the bound by one read
 * (64 KiB). Outside it too are the lines that the store has encoded for the disk, which have a bound of their own.
 */

export interface InFlight {
  /** Counts a request where there is room for it: one takes about 7 KiB besides its body, and a connection may send many at once. */
  enter(): boolean
  leave(): void
  /** Counts `bytes` where there is room for them. */
  take(bytes: number): boolean
  give(bytes: number): void
  /** Counts bytes that are in memory already, above the bound where need be. A negative number gives back. */
  add(bytes: number): void
  /** Whether the bound is exceeded. */
  readonly isOver: boolean
  /** Whether the bound is reached: nothing more should be read that has to be held. */
  readonly isFull: boolean
  /** Waits until there is room, at most `timeoutMs`. */
  wait(timeoutMs: number): Promise<Room>
}

/**
 * Whether there is room: `some`, or `none` in time, or none but a pass to go on without, which is to be given back by a call. There is one
 * pass. Without it, streams that each hold the beginning of a line would wait for each other.
 */
export type Room = 'some' | 'none' | (() => void)

/** Requests whose bodies are read or worked on. A connection that waits for its answers has one. */
const MAX_REQUESTS = 10_000
/** Streams that wait for room. More than connections there may be only with pipelined requests. */
const MAX_WAITERS = 1024
/** What a waiter reads at once when it goes on. */
const READ_BYTES = 64 * 1024

type Waiter = (room: Room) => void

export function createInFlight(maxBytes: number): InFlight {
  const waiters = new Set<Waiter>()
  let requests = 0
  let taken = 0
  let isPassHeld = false

  function give(bytes: number): void {
    taken -= bytes
    if (waiters.size > 0) admit()
  }

  /** Lets in as many as there is room for. Each of them counts what it reads only later. */
  function admit(): void {
    let room = maxBytes - taken
    for (const waiter of waiters) {
      if (room <= 0) return
      room -= READ_BYTES
      waiter('some')
    }
  }

  function pass(): () => void {
    isPassHeld = true
    return () => {
      isPassHeld = false
      const [next] = waiters
      next?.(pass())
    }
  }

  return {
    enter() {
      if (requests >= MAX_REQUESTS) return false
      requests++
      return true
    },
    leave() {
      requests--
    },
    take(bytes) {
      if (taken + bytes > maxBytes) return false
      taken += bytes
      return true
    },
    give,
    add(bytes) {
      if (bytes < 0) give(-bytes)
      else taken += bytes
    },
    get isOver() {
      return taken > maxBytes
    },
    get isFull() {
      return taken >= maxBytes
    },
    async wait(timeoutMs) {
      if (!isPassHeld) return pass()
      if (waiters.size >= MAX_WAITERS) return 'none'
      const { promise, resolve } = Promise.withResolvers<Room>()
      const waiter: Waiter = room => {
        clearTimeout(timer)
        waiters.delete(waiter)
        resolve(room)
      }
      const timer = setTimeout(waiter, timeoutMs, 'none')
      waiters.add(waiter)
      return promise
    },
  }
}

/** The part of one stream in the account. */
export class Held {
  readonly #inFlight: InFlight
  #bytes = 0

  constructor(inFlight: InFlight) {
    this.#inFlight = inFlight
  }

  /** States how many bytes are held now. */
  set(bytes: number): void {
    if (bytes === this.#bytes) return
    const more = bytes - this.#bytes
    this.#bytes = bytes
    this.#inFlight.add(more)
  }
}
