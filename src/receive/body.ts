/** Reading what a client sends, within bounds: bytes before and after inflating, bytes in flight over all clients, and time. */
import type { IncomingMessage } from 'node:http'
import { promisify } from 'node:util'
import zlib from 'node:zlib'
import type { Problem } from '../problem.ts'

const gunzip = promisify(zlib.gunzip)

export interface BodyLimits {
  /** Bytes of one body, after inflating. */
  readonly maxBytes: number
  /** From the first byte awaited to the last one read. */
  readonly timeoutMs: number
}

/** Counts the bytes of bodies that are being read or worked on, over all clients. */
export interface InFlight {
  take(bytes: number): boolean
  give(bytes: number): void
}

export function createInFlight(maxBytes: number): InFlight {
  let taken = 0
  return {
    take(bytes) {
      if (taken + bytes > maxBytes) return false
      taken += bytes
      return true
    },
    give(bytes) {
      taken -= bytes
    },
  }
}

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

/** The whole body, inflated; or why not. Reads no more than it may, and lets `work` go on with the bytes while they count as in flight. */
export async function withBody<T>(
  req: IncomingMessage,
  gzip: boolean,
  limits: BodyLimits,
  inFlight: InFlight,
  work: (bytes: Buffer) => Promise<T>,
): Promise<T | Problem> {
  const tooLarge: Problem = {
    status: 413,
    detail: `the body must be at most ${limits.maxBytes} bytes${gzip ? ', after inflating' : ''}`,
  }
  const stated = Number(req.headers['content-length'] ?? 0)
  if (stated > limits.maxBytes) return tooLarge
  let taken = 0
  const take = (bytes: number): boolean => {
    if (!inFlight.take(bytes)) return false
    taken += bytes
    return true
  }
  try {
    const read = await readAll(req, limits, take)
    if (read === 'too large') return tooLarge
    if (!Buffer.isBuffer(read)) return read
    if (!gzip) return await work(read)
    const inflated = await gunzip(read, { maxOutputLength: limits.maxBytes }).catch(inflateProblem)
    if (inflated === 'too large') return tooLarge
    if (!Buffer.isBuffer(inflated)) return inflated
    if (!take(inflated.length)) return OVERLOADED
    return await work(inflated)
  } finally {
    inFlight.give(taken)
  }
}

/** Said when there are more bytes in flight than memory is meant for. */
export const OVERLOADED: Problem = {
  status: 429,
  detail: 'too much in flight: send it again in a moment',
  retryAfterSeconds: 1,
}

function inflateProblem(error: unknown): Problem | 'too large' {
  if ((error as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE') return 'too large'
  return { status: 400, detail: `the body is not gzip: ${error instanceof Error ? error.message : String(error)}` }
}

function readAll(
  req: IncomingMessage,
  { maxBytes, timeoutMs }: BodyLimits,
  take: (bytes: number) => boolean,
): Promise<Buffer | Problem | 'too large'> {
  return new Promise(resolve => {
    const chunks: Buffer[] = []
    let bytes = 0
    const done = (result: Buffer | Problem | 'too large'): void => {
      clearTimeout(timer)
      req.off('data', onData).off('end', onEnd).off('error', onGone).off('close', onGone)
      req.on('error', () => undefined)
      resolve(result)
    }
    const onData = (chunk: Buffer): void => {
      bytes += chunk.length
      if (bytes > maxBytes) done('too large')
      else if (take(chunk.length)) chunks.push(chunk)
      else done(OVERLOADED)
    }
    const onEnd = (): void => done(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks))
    const onGone = (): void => done({ status: 400, detail: 'the body ended early' })
    const timer = setTimeout(() => done(tooSlow(timeoutMs)), timeoutMs)
    req.on('data', onData).on('end', onEnd).on('error', onGone).on('close', onGone)
  })
}

/** Said when nothing came in time. */
export function tooSlow(timeoutMs: number): Problem {
  return {
    status: 408,
    detail: `the body did not come within ${timeoutMs / 1000} s`,
  }
}
