/** Reading what a client sends, within bounds: bytes before and after inflating, bytes in flight over all clients, and time. */
import type { IncomingMessage } from 'node:http'
import zlib from 'node:zlib'
import type { Problem } from '../server/problem.ts'
import { createDeadlines } from './deadlines.ts'
import type { InFlight } from './in-flight.ts'
import { Pieces } from './pieces.ts'

export { createInFlight } from './in-flight.ts'

export interface BodyLimits {
  /** Bytes of one body, before and after inflating. */
  readonly maxBodyBytes: number
  /** From the first byte awaited to the last one read. */
  readonly requestTimeoutMs: number
  readonly inFlight: InFlight
}

/** A whole body, inflated. Its bytes count as in flight until somebody lets go of it. */
export interface Body {
  readonly bytes: Buffer
  letGo(): void
}

/** Reads a whole body, and no more than it may, and hands it on, or why not, once: a promise for each of thousands would be felt. */
export type BodyReader = (req: IncomingMessage, gzip: boolean, done: (body: Body | Problem) => void) => void

/** The media type and encoding a request names, or what is wrong with them. */
export function mediaOf(
  req: IncomingMessage,
  types: readonly string[],
): { readonly type: string; readonly gzip: boolean } | Problem {
  const stated = req.headers['content-type'] ?? ''
  // As nearly everybody says it.
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

/** The most that a body is held whole of, whatever the settings: Node makes no text of more than twice that. */
const MOST_BYTES = 256 * 2 ** 20

export function createBodyReader({ requestTimeoutMs, inFlight, ...limits }: BodyLimits): BodyReader {
  const maxBodyBytes = Math.min(limits.maxBodyBytes, MOST_BYTES)
  const deadlines = createDeadlines(requestTimeoutMs)

  function tooLarge(gzip: boolean): Problem {
    const detail = `the body must be at most ${maxBodyBytes} bytes${gzip ? ', after inflating' : ''}`
    return { status: 413, detail }
  }

  /** Reads a request that has entered. */
  function read(req: IncomingMessage, gzip: boolean, done: (body: Body | Problem) => void): void {
    const pieces = new Pieces()
    let taken = 0
    let isOver = false
    const letGo = (): void => {
      inFlight.give(taken)
      inFlight.leave()
    }
    const end = (result: Body | Problem): void => {
      if (isOver) return
      isOver = true
      deadlines.end(deadline)
      // The listeners live as long as the request does, which may be long after its body was refused.
      pieces.clear()
      if ('status' in result) letGo()
      done(result)
    }
    const deadline = deadlines.begin(() => end(tooSlow(requestTimeoutMs)))
    const cut = (): void => end({ status: 400, detail: 'the body ended early' })
    // None of them is taken back: that would cost more than being called once more for nothing.
    req
      .on('data', (chunk: Buffer) => {
        if (isOver) return
        if (pieces.length + chunk.length > maxBodyBytes) return end(tooLarge(gzip))
        if (!inFlight.take(chunk.length)) return end(OVERLOADED)
        taken += chunk.length
        pieces.add(chunk)
      })
      .on('end', () => isOver || end({ bytes: pieces.join(), letGo }))
      .on('error', cut)
      .on('close', cut)
  }

  /** Inflates a body, which counts as in flight together with what comes out of it. No more than a body may be is inflated. */
  function inflate({ bytes, letGo }: Body, done: (body: Body | Problem) => void): void {
    const inflater = zlib.createGunzip()
    const chunks: Buffer[] = []
    let taken = 0
    let isOver = false
    const end = (result: Body | Problem): void => {
      if (isOver) return
      isOver = true
      letGo()
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
        if (taken + chunk.length > maxBodyBytes) return end(tooLarge(true))
        if (!inFlight.take(chunk.length)) return end(OVERLOADED)
        taken += chunk.length
        chunks.push(chunk)
      })
      // A copy in any case: a chunk of a few bytes is a view of 16 KiB.
      .on('end', () => isOver || end({ bytes: Buffer.concat(chunks), letGo: release }))
      .on('error', error => end({ status: 400, detail: `the body is not gzip: ${error.message}` }))
      .end(bytes)
  }

  return (req, gzip, done) => {
    if (Number(req.headers['content-length'] ?? 0) > maxBodyBytes) return done(tooLarge(gzip))
    if (!inFlight.enter()) return done(OVERLOADED)
    read(req, gzip, gzip ? body => ('status' in body ? done(body) : inflate(body, done)) : done)
  }
}

/** Said when there are more bytes in flight than memory is meant for. */
export const OVERLOADED: Problem = {
  status: 429,
  detail: 'too much in flight: send it again in a moment',
  retryAfterSeconds: 1,
}

/** Said when nothing came in time. */
export function tooSlow(timeoutMs: number): Problem {
  return {
    status: 408,
    detail: `the body did not come within ${timeoutMs / 1000} s`,
  }
}
