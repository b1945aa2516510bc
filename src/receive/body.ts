/** Reading what a client sends, within bounds: bytes before and after inflating, bytes in flight over all clients, and time. */
import type { IncomingMessage } from 'node:http'
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

/** Reads a whole body within the limits. Calls `done` once. A callback, because a promise per request costs as much as counting an attempt. */
export type BodyReader = (req: IncomingMessage, gzip: boolean, done: (body: Body | Problem) => void) => void

/** The media type and encoding a request names, or what is wrong with them. */
export function mediaOf(
  req: IncomingMessage,
  types: readonly string[],
): { readonly type: string; readonly gzip: boolean } | Problem {
  const stated = req.headers['content-type'] ?? ''
  // Nearly every request states exactly this.
  if (req.headers['content-encoding'] === undefined && types.includes(stated)) return { type: stated, gzip: false }
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
  if (encoding !== 'identity' && encoding !== 'gzip') {
    const headers = { 'Accept-Encoding': 'gzip, identity' }
    return {
      status: 415,
      detail: `Content-Encoding must be gzip or identity, not "${encoding.slice(0, 100)}"`,
      headers,
    }
  }
  return { type: given, gzip: encoding === 'gzip' }
}

/** No setting raises the limit of a whole body above this: the longest string of Node is about 512 MiB. */
const MAX_WHOLE_BYTES = 256 * 2 ** 20

export function createBodyReader(options: BodyLimits): BodyReader {
  const { inFlight } = options
  const maxBodyBytes = Math.min(options.maxBodyBytes, MAX_WHOLE_BYTES)
  const limits = { ...options, maxBodyBytes }
  const deadlines = createDeadlines(options.requestTimeoutMs)
  return (req, gzip, done) => {
    if (Number(req.headers['content-length'] ?? 0) > maxBodyBytes) return done(tooLarge(limits, gzip))
    if (!inFlight.enter()) return done(OVERLOADED)
    const take: Done = gzip ? body => ('status' in body ? done(body) : inflate(body, limits, done)) : done
    readBytes(req, gzip, limits, deadlines, take)
  }
}

type Done = Parameters<BodyReader>[2]

/** Reads the bytes of a request that counts as in flight. */
function readBytes(req: IncomingMessage, gzip: boolean, limits: BodyLimits, deadlines: Deadlines, done: Done): void {
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
      if (chunks.length + chunk.length > maxBodyBytes) return end(tooLarge(limits, gzip))
      if (!inFlight.take(chunk.length)) return end(OVERLOADED)
      taken += chunk.length
      chunks.add(chunk)
    })
    .on('end', () => isOver || end({ bytes: chunks.join(), release }))
    .on('error', cut)
    .on('close', cut)
}

/** Inflates a body. Both forms count as in flight. Stops at the limit: two megabytes of gzip inflate to two gigabytes. */
function inflate(compressed: Body, limits: BodyLimits, done: Done): void {
  const { inFlight, maxBodyBytes } = limits
  const inflater = zlib.createGunzip()
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
    .on('error', error => end({ status: 400, detail: `the body is not gzip: ${error.message}` }))
    .end(compressed.bytes)
}

function tooLarge({ maxBodyBytes }: BodyLimits, gzip: boolean): Problem {
  return { status: 413, detail: `the body must be at most ${maxBodyBytes} bytes${gzip ? ', after inflating' : ''}` }
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
