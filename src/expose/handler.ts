/** Serves `/metrics` at the scraper's pace. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { constants, createGzip } from 'node:zlib'
import type { ConnectionTurns } from '../server/connection-turns.ts'
import { beginAnswer, sendProblem } from '../server/problem.ts'
import type { Exposition } from './exposition.ts'

/** Maximum concurrent scrapes. Each holds a copy of all keys, 1.3 KB per key, until its scraper has read everything. */
const MAX_SCRAPES = 8
/** From this age on, a scrape whose reader has stopped is closed for a new one: stopped readers must not starve Prometheus. */
const EVICTABLE_AFTER_MS = 1000
/** How long a scraper may take to read, unless it states a shorter timeout. */
const MAX_TIMEOUT_SECONDS = 60

interface HandlerOptions {
  /** Logs failed scrapes. */
  readonly log?: { error(fields: object, message: string): void }
  /** Serialises the scrapes of one connection. */
  readonly turns?: ConnectionTurns
}

export type MetricsHandler = (req: IncomingMessage, res: ServerResponse) => Promise<void>

/**
 * A handler of GET and HEAD for any path. Never rejects; resolves when the response is sent or the scraper has disconnected. A failed
 * collection is a 500. A failure after that, or a scraper that is too slow, aborts the connection, so that no scraper mistakes a part of the
 * text for all of it.
 */
export function createMetricsHandler(
  exposition: Pick<Exposition, 'scrape'>,
  { log, turns }: HandlerOptions = {},
): MetricsHandler {
  const inProgress = new Map<ServerResponse, number>()

  /** Closes the oldest scrape whose reader has stopped. Returns false if there is none. */
  function evictStalled(): boolean {
    for (const [res, sinceMs] of inProgress) {
      if (performance.now() - sinceMs < EVICTABLE_AFTER_MS || (res.socket?.writableLength ?? 0) === 0) continue
      inProgress.delete(res)
      res.destroy()
      return true
    }
    return false
  }

  return async (req, res) => {
    if (req.method !== 'GET' && req.method !== 'HEAD') {
      return sendProblem(res, {
        status: 405,
        detail: '/metrics allows only GET and HEAD',
        headers: { Allow: 'GET, HEAD' },
      })
    }
    const turn = turns?.turnOf(res)
    if (turn !== undefined && !(await turn)) return
    if (inProgress.size >= MAX_SCRAPES && !evictStalled()) {
      return sendProblem(res, { status: 503, detail: 'too many scrapes are in progress', retryAfterSeconds: 1 })
    }
    inProgress.set(res, performance.now())
    try {
      await answer(exposition, req, res)
    } catch (error) {
      if (!isClientAbort(error)) log?.error({ err: error }, 'scrape failed')
      sendProblem(res, { status: 500, detail: 'the metrics could not be collected: the log of the sidecar says why' })
    } finally {
      inProgress.delete(res)
    }
  }
}

async function answer(
  exposition: Pick<Exposition, 'scrape'>,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const { contentType, body } = await exposition.scrape()
  const gzip = acceptsGzip(req.headers['accept-encoding'])
  const encoding = gzip ? ['Content-Encoding', 'gzip'] : []
  beginAnswer(res, 200, ['Content-Type', contentType, 'Vary', 'Accept-Encoding', ...encoding])
  if (req.method === 'HEAD') {
    res.end()
    return
  }
  const signal = AbortSignal.timeout(timeoutMs(req))
  // The text compresses by a factor of 20 in the thread pool. A higher level takes twice as long for 20 % less.
  if (gzip) await pipeline(body, createGzip({ level: constants.Z_BEST_SPEED }), res, { signal })
  else await pipeline(body, res, { signal })
}

/** Whether an `Accept-Encoding` header names gzip with a weight other than 0 (RFC 9110, 12.5.3). */
function acceptsGzip(header: string | string[] | undefined): boolean {
  return String(header ?? '')
    .split(',')
    .map(coding =>
      coding
        .trim()
        .toLowerCase()
        .split(/\s*;\s*q\s*=\s*/),
    )
    .some(([coding, weight]) => (coding === 'gzip' || coding === 'x-gzip') && Number(weight ?? 1) > 0)
}

/** The timeout of the scraper, which Prometheus states in a header. */
function timeoutMs(req: IncomingMessage): number {
  const seconds = Number(req.headers['x-prometheus-scrape-timeout-seconds'])
  return 1000 * (seconds > 0 && seconds < MAX_TIMEOUT_SECONDS ? seconds : MAX_TIMEOUT_SECONDS)
}

/** Whether the scraper disconnected or did not read in time, which is not an error of the sidecar. */
function isClientAbort(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return code === 'ERR_STREAM_PREMATURE_CLOSE' || code === 'ABORT_ERR'
}
