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
  return readChunks(req, inFlight, {
    // The socket of a complete request may carry others, which must go on.
    pause: () => req.complete || socket.pause(),
    resume: () => socket.resume(),
  })
}

/** Inflates what a reader reads, and only as far as its own caller asks for bytes. */
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
      // Nobody reads the rest: ignore its errors.
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

function readChunks(source: Readable, inFlight: InFlight, flow: Flow): ChunkReader {
  const chunks = new ChunkList()
  const held = new Held(inFlight)
  let waiting: PromiseWithResolvers<Next> | undefined
  let timer: NodeJS.Timeout | undefined
  let isEnded = false
  let isPaused = false
  let isDelivering = false
  let failure: Error | undefined

  function onData(chunk: Buffer): void {
    if (failure !== undefined) return
    chunks.add(chunk)
    held.set(chunks.length)
    if (isDelivering) return
    isDelivering = true
    // Deliver after all chunks of one socket read: many small ones become one.
    queueMicrotask(deliver)
  }

  function deliver(): void {
    isDelivering = false
    if (waiting !== undefined) answerPending()
    else if (!isPaused && chunks.length >= READ_AHEAD_BYTES) {
      isPaused = true
      flow.pause()
    }
  }

  /** Resolves or rejects the pending call, where there is a result. */
  function answerPending(): void {
    if (waiting === undefined) return
    const { resolve, reject } = waiting
    if (failure !== undefined) reject(failure)
    else if (chunks.length > 0) resolve(take())
    else if (isEnded) resolve('end')
    else return
    stopWaiting()
  }

  function take(): Buffer {
    const bytes = chunks.join()
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
    chunks.clear()
    held.set(0)
    answerPending()
  }

  const onEnd = (): void => {
    isEnded = true
    answerPending()
  }
  const onClose = (): void => {
    if (!isEnded) fail(new Error('the body ended early'))
  }
  source.on('data', onData).on('end', onEnd).on('error', fail).on('close', onClose)

  return {
    next(untilMs) {
      waiting = Promise.withResolvers<Next>()
      const { promise } = waiting
      answerPending()
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

const CLOSED = new Error('the reader is closed')
