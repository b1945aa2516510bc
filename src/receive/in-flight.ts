/**
 * The bytes in flight between the sockets and the log, over all clients: bodies until their answer, incomplete lines, lines in groups, and
 * decoded OTLP.
 *
 * Not counted is what the number of connections bounds: an inflater and its buffers (200 KiB), a page for small chunks (16 KiB), and the
 * socket buffers of Node and the kernel. A stream counts what it has read, so each may exceed the limit by one read (64 KiB). Lines that the
 * store has encoded have a limit of their own.
 */

export interface InFlight {
  /** Counts a request; false at the limit. A request takes about 7 KiB besides its body, and a connection may pipeline many. */
  enter(): boolean
  leave(): void
  /** Counts `bytes`; false where they would exceed the limit. */
  take(bytes: number): boolean
  give(bytes: number): void
  /** Counts bytes that are in memory already, also above the limit. A negative number releases bytes. */
  add(bytes: number): void
  /** Whether the limit is exceeded. */
  readonly isOver: boolean
  /** Whether the limit is reached: read nothing more that must be held. */
  readonly isFull: boolean
  /** Waits for free memory, at most `timeoutMs`. */
  wait(timeoutMs: number): Promise<Room>
}

/**
 * The result of waiting: memory is free (`some`), none became free in time (`none`), or the one pass to read on without, a function that
 * gives the pass back. Without the pass, streams that each hold an incomplete line would wait for each other.
 */
export type Room = 'some' | 'none' | (() => void)

/** Requests that are read or processed at once. A connection that waits for its answer has one. */
const MAX_REQUESTS = 10_000
/** Streams that wait for memory. Only pipelined requests make more of them than connections. */
const MAX_WAITERS = 1024
/** Bytes that a waiter reads at once when it continues. */
const READ_BYTES = 64 * 1024

type Waiter = (room: Room) => void

/** Creates an account of at most `maxBytes`. */
export function createInFlight(maxBytes: number): InFlight {
  return new Account(maxBytes)
}

class Account implements InFlight {
  readonly #maxBytes: number
  readonly #waiters = new Set<Waiter>()
  #requests = 0
  #taken = 0
  #isPassHeld = false

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  enter(): boolean {
    if (this.#requests >= MAX_REQUESTS) return false
    this.#requests++
    return true
  }

  leave(): void {
    this.#requests--
  }

  take(bytes: number): boolean {
    if (this.#taken + bytes > this.#maxBytes) return false
    this.#taken += bytes
    return true
  }

  give(bytes: number): void {
    this.#taken -= bytes
    if (this.#waiters.size > 0) this.#resumeWaiters()
  }

  add(bytes: number): void {
    if (bytes < 0) this.give(-bytes)
    else this.#taken += bytes
  }

  get isOver(): boolean {
    return this.#taken > this.#maxBytes
  }

  get isFull(): boolean {
    return this.#taken >= this.#maxBytes
  }

  async wait(timeoutMs: number): Promise<Room> {
    if (!this.#isPassHeld) return this.#takePass()
    if (this.#waiters.size >= MAX_WAITERS) return 'none'
    const { promise, resolve } = Promise.withResolvers<Room>()
    const waiter: Waiter = room => {
      clearTimeout(timer)
      this.#waiters.delete(waiter)
      resolve(room)
    }
    const timer = setTimeout(waiter, timeoutMs, 'none')
    this.#waiters.add(waiter)
    return promise
  }

  /** Resumes as many waiters as memory is free for. Each counts what it reads only later. */
  #resumeWaiters(): void {
    let room = this.#maxBytes - this.#taken
    for (const waiter of this.#waiters) {
      if (room <= 0) return
      room -= READ_BYTES
      waiter('some')
    }
  }

  #takePass(): () => void {
    this.#isPassHeld = true
    return () => {
      this.#isPassHeld = false
      const [next] = this.#waiters
      next?.(this.#takePass())
    }
  }
}

/** The bytes of one stream in flight. */
export class Held {
  readonly #inFlight: InFlight
  #bytes = 0

  constructor(inFlight: InFlight) {
    this.#inFlight = inFlight
  }

  /** Sets how many bytes the stream holds now. */
  set(bytes: number): void {
    if (bytes === this.#bytes) return
    const more = bytes - this.#bytes
    this.#bytes = bytes
    this.#inFlight.add(more)
  }
}
