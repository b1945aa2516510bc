/** `/metrics`: the text, at the scraper's pace. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { constants, createGzip } from 'node:zlib'
import type { ConnectionTurns } from '../server/connection-turns.ts'
import { beginAnswer, sendProblem } from '../server/problem.ts'
import type { Exposition } from './exposition.ts'

/** Scrapes under way at the most: each holds a copy of all keys, 1.3 KB a key, until its scraper has read all of it. */
const MAX_SCRAPES = 8
/** A scrape that has waited this long for its reader gives its place to a new one: readers that stop must not starve Prometheus. */
const PLACE_MS = 1000
/** How long a scraper may take to read, unless it says it waits for less. */
const MAX_SECONDS = 60

interface HandlerOptions {
  /** Where failed scrapes are told. */
  readonly log?: { error(fields: object, message: string): void }
  /** Scrapes of one connection wait for each other. */
  readonly turns?: ConnectionTurns
}

export type MetricsHandler = (req: IncomingMessage, res: ServerResponse) => Promise<void>

/**
 * Answers GET and HEAD whatever the path. Never rejects; resolves when the answer is out or its scraper gone. A collection
 * that fails is a 500; a failure after that, or a scraper that is too slow, ends the connection in the middle, so that no
 * scraper takes a part for the whole.
 */
export function createMetricsHandler(
  exposition: Pick<Exposition, 'scrape'>,
  { log, turns }: HandlerOptions = {},
): MetricsHandler {
  const underWay = new Map<ServerResponse, number>()

  /** Closes the oldest scrape whose reader keeps it waiting; false where there is none. */
  function makeRoom(): boolean {
    for (const [res, sinceMs] of underWay) {
      if (performance.now() - sinceMs < PLACE_MS || (res.socket?.writableLength ?? 0) === 0) continue
      underWay.delete(res)
      res.destroy()
      return true
    }
    return false
  }

  return async (req, res) => {
    if (req.method !== 'GET' && req.method !== 'HEAD') {
      return sendProblem(res, { status: 405, detail: 'Metrics can only be read.', headers: { Allow: 'GET, HEAD' } })
    }
    const turn = turns?.turnOf(res)
    if (turn !== undefined && !(await turn)) return
    if (underWay.size >= MAX_SCRAPES && !makeRoom()) {
      return sendProblem(res, { status: 503, detail: 'Too many scrapes are under way.', retryAfterSeconds: 1 })
    }
    underWay.set(res, performance.now())
    try {
      await answer(exposition, req, res)
    } catch (error) {
      if (!isGone(error)) log?.error({ err: error }, 'scrape failed')
      sendProblem(res, { status: 500, detail: 'The metrics could not be collected.' })
    } finally {
      underWay.delete(res)
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
  const signal = AbortSignal.timeout(patienceMs(req))
  // The text shrinks more than twentyfold, off this thread; a higher level takes twice as long for a fifth less.
  if (gzip) await pipeline(body, createGzip({ level: constants.Z_BEST_SPEED }), res, { signal })
  else await pipeline(body, res, { signal })
}

/** Whether an `Accept-Encoding` names gzip and does not weigh it 0 (RFC 9110, 12.5.3). */
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

/** How long the scraper waits: Prometheus says so. */
function patienceMs(req: IncomingMessage): number {
  const seconds = Number(req.headers['x-prometheus-scrape-timeout-seconds'])
  return 1000 * (seconds > 0 && seconds < MAX_SECONDS ? seconds : MAX_SECONDS)
}

/** Whether it was the scraper who went away, or would not read in time: nothing is wrong here. */
function isGone(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return code === 'ERR_STREAM_PREMATURE_CLOSE' || code === 'ABORT_ERR'
}
