/** The bytes of a stream, read one chunk at a time by one reader, who waits for the next one no longer than it wants to. */
import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import zlib from 'node:zlib'
import { Held, type InFlight } from './in-flight.ts'
import { Pieces } from './pieces.ts'

export interface ChunkReader {
  /**
   * The next bytes, `end`, or `late` where none came until `untilMs` (on the clock of `performance.now`). Rejects where the stream
   * breaks, also while bytes are there: the answer could not be sent, so they are worth nothing. One call at a time.
   */
  next(untilMs: number): Promise<Buffer | 'end' | 'late'>
  /** Makes the call that waits, or else the next one, reject. */
  fail(error: Error): void
  /** Stops reading: the rest of the stream is thrown away. */
  close(): void
}

/** So much is read ahead while the reader is busy. */
const READ_AHEAD_BYTES = 64 * 1024

/**
 * Reads a request. It is the socket that is paused while the reader is busy, and never the request: Node would go on reading into the
 * request's own buffer, and 64 KiB that come in chunks of one byte take 40 MiB there.
 */
export function readRequest(req: IncomingMessage, inFlight: InFlight): ChunkReader {
  const { socket } = req
  return readChunks(req, inFlight, {
    // A request that is there whole has nothing to wait for, and the socket may have others.
    pause: () => req.complete || socket.pause(),
    resume: () => socket.resume(),
  })
}

/** Inflates what a reader reads, no further than the bytes are asked for. */
export function inflate(compressed: ChunkReader, inFlight: InFlight): ChunkReader {
  const inflater = zlib.createGunzip()
  const reader = readChunks(inflater, inFlight, {
    pause: () => inflater.pause(),
    resume: () => inflater.resume(),
  })
  feed(compressed, inflater).catch((error: Error) => reader.fail(error))
  return {
    ...reader,
    close() {
      reader.close()
      compressed.close()
      // What is left is not worth inflating, nor is what is wrong with it worth knowing.
      inflater.on('error', () => undefined).destroy()
    },
  }
}

/** Writes one chunk after the other. Ends with the stream, and stays where it is when the inflater is destroyed. */
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

function readChunks(source: Readable, inFlight: InFlight, flow: Flow): ChunkReader {
  const pieces = new Pieces()
  const held = new Held(inFlight)
  let waiting: PromiseWithResolvers<Next> | undefined
  let timer: NodeJS.Timeout | undefined
  let isEnded = false
  let isPaused = false
  let isDelivering = false
  let failure: Error | undefined

  function onData(chunk: Buffer): void {
    if (failure !== undefined) return
    pieces.add(chunk)
    held.set(pieces.length)
    if (isDelivering) return
    isDelivering = true
    // After all of what was read from the socket at once: many small chunks become one.
    queueMicrotask(deliver)
  }

  function deliver(): void {
    isDelivering = false
    if (waiting !== undefined) settle()
    else if (!isPaused && pieces.length >= READ_AHEAD_BYTES) {
      isPaused = true
      flow.pause()
    }
  }

  /** Answers the call that waits where there is an answer. */
  function settle(): void {
    if (waiting === undefined) return
    const { resolve, reject } = waiting
    if (failure !== undefined) reject(failure)
    else if (pieces.length > 0) resolve(take())
    else if (isEnded) resolve('end')
    else return
    stopWaiting()
  }

  function take(): Buffer {
    const bytes = pieces.join()
    held.set(0)
    if (isPaused) {
      isPaused = false
      flow.resume()
    }
    return bytes
  }

  function stopWaiting(): void {
    waiting = undefined
    clearTimeout(timer)
    timer = undefined
  }

  function fail(error: Error): void {
    failure ??= error
    pieces.clear()
    held.set(0)
    settle()
  }

  const onEnd = (): void => {
    isEnded = true
    settle()
  }
  const onClose = (): void => {
    if (!isEnded) fail(new Error('the body ended early'))
  }
  source.on('data', onData).on('end', onEnd).on('error', fail).on('close', onClose)

  return {
    next(untilMs) {
      waiting = Promise.withResolvers<Next>()
      const { promise } = waiting
      settle()
      if (waiting !== undefined && untilMs !== Number.POSITIVE_INFINITY) {
        timer = setTimeout(() => {
          waiting?.resolve('late')
          stopWaiting()
        }, untilMs - performance.now())
      }
      return promise
    },
    fail,
    close() {
      source.off('data', onData).off('end', onEnd).off('error', fail).off('close', onClose)
      fail(CLOSED)
      if (isPaused) flow.resume()
    },
  }
}

const CLOSED = new Error('nobody reads it any more')
