/** Reads the bytes of a stream one chunk at a time, with a deadline for each. One reader per stream. */
import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import zlib from 'node:zlib'
import { ChunkList } from './chunk-list.ts'
import { Held, type InFlight } from './in-flight.ts'

export interface ChunkReader {
  /**
   * The next bytes, `end`, or `late` where none arrive until `untilMs` (on the clock of `performance.now`). Rejects where the stream
   * breaks, and drops bytes that were read: no answer can be sent any more. One call at a time.
   */
  next(untilMs: number): Promise<Buffer | 'end' | 'late'>
  /** Makes the pending call reject, or the next call where none is pending. */
  fail(error: Error): void
  /** Stops reading, and discards the rest of the stream. */
  close(): void
}

/** Bytes that are read ahead while the reader is busy. */
const READ_AHEAD_BYTES = 64 * 1024

/**
 * Reads a request. While the reader is busy, pause the socket and never the request: Node would go on reading into the buffer of the
 * request, where 64 KiB in chunks of one byte take 40 MiB.
 */
export function readRequest(req: IncomingMessage, inFlight: InFlight): ChunkReader {
  const { socket } = req
  return new SourceReader(req, inFlight, {
    // The socket of a complete request may carry others, which must go on.
    pause: () => req.complete || socket.pause(),
    resume: () => socket.resume(),
  })
}

/** Inflates what a reader reads, and only as far as its own caller asks for bytes. */
export function inflate(compressed: ChunkReader, inFlight: InFlight): ChunkReader {
  const inflater = zlib.createGunzip()
  const reader = new SourceReader(inflater, inFlight, {
    pause: () => inflater.pause(),
    resume: () => inflater.resume(),
  })
  feed(compressed, inflater).catch((error: Error) => reader.fail(error))
  return {
    next: untilMs => reader.next(untilMs),
    fail: reader.fail,
    close() {
      reader.close()
      compressed.close()
      // The rest is not read: ignore its errors.
      inflater.on('error', () => undefined).destroy()
    },
  }
}

/** Writes one chunk after the other, until the stream ends or the inflater is destroyed. */
async function feed(compressed: ChunkReader, inflater: zlib.Gunzip): Promise<void> {
  for (;;) {
    const chunk = await compressed.next(Number.POSITIVE_INFINITY)
    if (!(chunk instanceof Buffer)) break
    await new Promise(resolve => inflater.write(chunk, resolve))
    if (inflater.destroyed) return
  }
  inflater.end()
}

interface Flow {
  pause(): void
  resume(): void
}

type Next = Buffer | 'end' | 'late'

class SourceReader implements ChunkReader {
  readonly #source: Readable
  readonly #flow: Flow
  readonly #chunks = new ChunkList()
  readonly #held: Held
  #waiting: PromiseWithResolvers<Next> | undefined
  #timer: NodeJS.Timeout | undefined
  #isEnded = false
  #isPaused = false
  #isDelivering = false
  #failure: Error | undefined

  constructor(source: Readable, inFlight: InFlight, flow: Flow) {
    this.#source = source
    this.#flow = flow
    this.#held = new Held(inFlight)
    source.on('data', this.#onData).on('end', this.#onEnd).on('error', this.fail).on('close', this.#onClose)
  }

  next(untilMs: number): Promise<Next> {
    this.#waiting = Promise.withResolvers<Next>()
    const { promise } = this.#waiting
    this.#answerPending()
    if (this.#waiting !== undefined && untilMs !== Number.POSITIVE_INFINITY) {
      this.#timer = setTimeout(() => {
        this.#waiting?.resolve('late')
        this.#stopWaiting()
      }, untilMs - performance.now())
    }
    return promise
  }

  readonly fail = (error: Error): void => {
    this.#failure ??= error
    this.#chunks.clear()
    this.#held.set(0)
    this.#answerPending()
  }

  close(): void {
    this.#source.off('data', this.#onData).off('end', this.#onEnd).off('error', this.fail).off('close', this.#onClose)
    this.fail(CLOSED)
    if (this.#isPaused) this.#flow.resume()
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#failure !== undefined) return
    this.#chunks.add(chunk)
    this.#held.set(this.#chunks.length)
    if (this.#isDelivering) return
    this.#isDelivering = true
    // Deliver after all chunks of one socket read: many small ones become one.
    queueMicrotask(() => this.#deliver())
  }

  readonly #onEnd = (): void => {
    this.#isEnded = true
    this.#answerPending()
  }

  readonly #onClose = (): void => {
    if (!this.#isEnded) this.fail(new Error('the body ended early'))
  }

  #deliver(): void {
    this.#isDelivering = false
    if (this.#waiting !== undefined) this.#answerPending()
    else if (!this.#isPaused && this.#chunks.length >= READ_AHEAD_BYTES) {
      this.#isPaused = true
      this.#flow.pause()
    }
  }

  /** Resolves or rejects the pending call, where there is a result. */
  #answerPending(): void {
    if (this.#waiting === undefined) return
    const { resolve, reject } = this.#waiting
    if (this.#failure !== undefined) reject(this.#failure)
    else if (this.#chunks.length > 0) resolve(this.#take())
    else if (this.#isEnded) resolve('end')
    else return
    this.#stopWaiting()
  }

  #take(): Buffer {
    const bytes = this.#chunks.join()
    this.#held.set(0)
    if (this.#isPaused) {
      this.#isPaused = false
      this.#flow.resume()
    }
    return bytes
  }

  #stopWaiting(): void {
    this.#waiting = undefined
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}

const CLOSED = new Error('the reader is closed')
