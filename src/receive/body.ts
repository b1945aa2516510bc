/** Reading what a client sends, within bounds: bytes before and after inflating, bytes in flight over all clients, and time. */
import type { IncomingMessage } from 'node:http'
import type { Readable, Transform } from 'node:stream'
import zlib from 'node:zlib'
import type { Problem } from '../server/problem.ts'
import { ChunkList } from './chunk-list.ts'
import { createDeadlines, type Deadlines } from './deadlines.ts'
import type { InFlight } from './in-flight.ts'

export { createInFlight } from './in-flight.ts'

export interface BodyLimits {
  /** Bytes of one body, before and after inflating. */
  readonly maxBodyBytes: number
  /** From the first byte awaited to the last one read. */
  readonly requestTimeoutMs: number
  readonly inFlight: InFlight
}

/** A whole body, inflated. Its bytes count as in flight until it is released. */
export interface Body {
  readonly bytes: Buffer
  release(): void
}

/** How a body is compressed; `identity` is not at all. */
export type Coding = 'identity' | 'gzip' | 'deflate' | 'zstd'

/** Reads a whole body within the limits. Calls `done` once. A callback, because a promise per request costs as much as counting an attempt. */
export type BodyReader = (req: IncomingMessage, coding: Coding, done: (body: Body | Problem) => void) => void

/** What the JSON routes inflate. A stream of lines has only a gzip reader. */
const JSON_CODINGS: readonly Coding[] = ['gzip', 'identity']
/** What OTLP senders offer. */
export const OTLP_CODINGS: readonly Coding[] = ['gzip', 'zstd', 'deflate', 'identity']

/** The media type and encoding a request names, or what is wrong with them. */
export function mediaOf(
  req: IncomingMessage,
  types: readonly string[],
  codings: readonly Coding[] = JSON_CODINGS,
): { readonly type: string; readonly coding: Coding } | Problem {
  const stated = req.headers['content-type'] ?? ''
  // Nearly every request states exactly this.
  if (req.headers['content-encoding'] === undefined && types.includes(stated))
    return { type: stated, coding: 'identity' }
  const [given = '', ...parameters] = (req.headers['content-type'] ?? '')
    .split(';')
    .map(part => part.trim().toLowerCase())
  const accepted = types.join(', ')
  if (!types.includes(given)) {
    return { status: 415, detail: `Content-Type must be one of ${accepted}, not "${given.slice(0, 100)}"` }
  }
  const charset = parameters
    .find(parameter => parameter.startsWith('charset='))
    ?.slice(8)
    .replaceAll('"', '')
  if (charset !== undefined && charset !== 'utf-8' && charset !== 'utf8') {
    return { status: 415, detail: `charset must be utf-8, not "${charset.slice(0, 100)}"` }
  }
  const encoding = (req.headers['content-encoding'] ?? 'identity').trim().toLowerCase()
  const coding = codings.find(known => known === encoding)
  if (coding !== undefined) return { type: given, coding }
  return {
    status: 415,
    detail: `Content-Encoding must be ${codings.slice(0, -1).join(', ')} or identity, not "${encoding.slice(0, 100)}"`,
    headers: { 'Accept-Encoding': codings.join(', ') },
  }
}

/** No setting raises the limit of a whole body above this: the longest string of Node is about 512 MiB. */
const MAX_WHOLE_BYTES = 256 * 2 ** 20

export function createBodyReader(options: BodyLimits): BodyReader {
  const limits = cappedLimits(options)
  const readBytes = createBytesReader(options)
  return (req, coding, done) => {
    const isCompressed = coding !== 'identity'
    if (Number(req.headers['content-length'] ?? 0) > limits.maxBodyBytes) return done(tooLarge(limits, isCompressed))
    readBytes(req, isCompressed, isCompressed ? body => inflateBody(body, coding, limits, done) : done)
  }
}

const cappedLimits = (options: BodyLimits): BodyLimits => ({
  ...options,
  maxBodyBytes: Math.min(options.maxBodyBytes, MAX_WHOLE_BYTES),
})

/** Reads all bytes of a stream, without inflating them, within the limits. Calls `done` once. */
export function createBytesReader(
  options: BodyLimits,
): (stream: Readable, isCompressed: boolean, done: (body: Body | Problem) => void) => void {
  const limits = cappedLimits(options)
  const deadlines = createDeadlines(options.requestTimeoutMs)
  return (stream, isCompressed, done) => {
    if (limits.inFlight.enter()) readBytes(stream, isCompressed, limits, deadlines, done)
    else done(OVERLOADED)
  }
}

type Done = Parameters<BodyReader>[2]

/** Reads the bytes of a request that counts as in flight. */
function readBytes(req: Readable, isCompressed: boolean, limits: BodyLimits, deadlines: Deadlines, done: Done): void {
  const { inFlight, maxBodyBytes, requestTimeoutMs } = limits
  const chunks = new ChunkList()
  let taken = 0
  let isOver = false
  const release = (): void => {
    inFlight.give(taken)
    inFlight.leave()
  }
  const end = (result: Body | Problem): void => {
    if (isOver) return
    isOver = true
    deadlines.end(deadline)
    // The request's listeners keep the chunks reachable. The request may stay open long after its refusal.
    chunks.clear()
    if ('status' in result) release()
    done(result)
  }
  const deadline = deadlines.begin(() => end(tooSlow(requestTimeoutMs)))
  const cut = (): void => end({ status: 400, detail: 'the body ended early' })
  // Listeners stay attached: removing them costs more than to ignore later events.
  req
    .on('data', (chunk: Buffer) => {
      if (isOver) return
      if (chunks.length + chunk.length > maxBodyBytes) return end(tooLarge(limits, isCompressed))
      if (!inFlight.take(chunk.length)) return end(OVERLOADED)
      taken += chunk.length
      chunks.add(chunk)
    })
    .on('end', () => isOver || end({ bytes: chunks.join(), release }))
    .on('error', cut)
    .on('close', cut)
}

/** RFC 8878 recommends to refuse larger windows, which the decompressor would allocate: 8 MiB. */
const ZSTD_WINDOW_LOG = 23

function createInflater(coding: Exclude<Coding, 'identity'>): Transform {
  if (coding === 'gzip') return zlib.createGunzip()
  if (coding === 'deflate') return zlib.createInflate()
  return zlib.createZstdDecompress({ params: { [zlib.constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG } })
}

/** Inflates a body, unless it is a problem. Both forms count as in flight. Stops at the limit: two megabytes of gzip inflate to two gigabytes. */
export function inflateBody(
  compressed: Body | Problem,
  coding: Exclude<Coding, 'identity'>,
  limits: BodyLimits,
  done: Done,
): void {
  if ('status' in compressed) {
    done(compressed)
    return
  }
  const { inFlight } = limits
  const { maxBodyBytes } = cappedLimits(limits)
  const inflater = createInflater(coding)
  const inflated: Buffer[] = []
  let taken = 0
  let isOver = false
  const end = (result: Body | Problem): void => {
    if (isOver) return
    isOver = true
    compressed.release()
    if ('status' in result) {
      inflater.destroy()
      inFlight.give(taken)
    } else inFlight.enter()
    done(result)
  }
  const release = (): void => {
    inFlight.give(taken)
    inFlight.leave()
  }
  inflater
    .on('data', (chunk: Buffer) => {
      if (isOver) return
      if (taken + chunk.length > maxBodyBytes) return end(tooLarge(limits, true))
      if (!inFlight.take(chunk.length)) return end(OVERLOADED)
      taken += chunk.length
      inflated.push(chunk)
    })
    // Always copy: a chunk of a few bytes is a view that keeps 16 KiB.
    .on('end', () => isOver || end({ bytes: Buffer.concat(inflated), release }))
    .on('error', error => end({ status: 400, detail: `the body is not ${coding}: ${error.message}` }))
    .end(compressed.bytes)
}

function tooLarge({ maxBodyBytes }: BodyLimits, isCompressed: boolean): Problem {
  return {
    status: 413,
    detail: `the body must be at most ${maxBodyBytes} bytes${isCompressed ? ', after inflating' : ''}`,
  }
}

/** The answer while more bytes are in flight than the limit allows. */
export const OVERLOADED: Problem = {
  status: 429,
  detail: 'too much in flight: send it again in a moment',
  retryAfterSeconds: 1,
}

/** The answer to a body that does not arrive in time. */
export function tooSlow(timeoutMs: number): Problem {
  return {
    status: 408,
    detail: `the body did not come within ${timeoutMs / 1000} s`,
  }
}
