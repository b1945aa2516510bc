/** The three handlers on a real server, with a fake store that counts each id once. */
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createSeries, type Increment, type SeriesPoint } from '../../../src/core/aggregate/series.ts'
import type { NewAttempt } from '../../../src/core/attempt/attempt.ts'
import type { Appended } from '../../../src/core/ports.ts'
import { createInFlight } from '../../../src/receive/body.ts'
import { createOtlpHandler } from '../../../src/receive/otlp/handler.ts'
import { DEFAULT_MAPPING } from '../../../src/receive/otlp/mapping/default-mapping.ts'
import type { OtlpMapping } from '../../../src/receive/otlp/mapping/mapping.ts'
import { countedMetrics } from '../../../src/receive/otlp/metrics/instruments.ts'
import { createWriters } from '../../../src/receive/otlp/metrics/writers.ts'
import { createTraceMemory } from '../../../src/receive/otlp/traces/trace-memory.ts'

export interface Receiver {
  /** `http://HOST:PORT/v1/` */
  readonly url: string
  /** The recorded attempts, each id once. */
  readonly kept: NewAttempt[]
  /** The new counts of metric points. */
  readonly increments: Increment[]
  readonly counts: { accepted: number; duplicates: number; rejected: number; ignored: number; refused: number[] }
  /** Excluded records by reason, changed fields by what was done, and late model calls (`late`). */
  readonly reasons: Record<string, number>
  /** Lines for the log. */
  readonly notices: string[]
  /** Headers and status of every request so far. */
  readonly requests: { readonly headers: IncomingMessage['headers']; readonly status: number }[]
  close(): Promise<void>
}

export interface ReceiverOptions {
  readonly mapping?: OtlpMapping
  /** Accepts metrics, with at most this many series. */
  readonly maxSeries?: number
  /** Spans that are remembered. */
  readonly maxSpans?: number
  readonly maxBodyBytes?: number
  readonly maxInFlightBytes?: number
  readonly requestTimeoutMs?: number
  /** Called before attempts are recorded. Its errors are passed on. */
  readonly beforeKeep?: () => Promise<void> | void
}

export async function openReceiver(options: ReceiverOptions = {}): Promise<Receiver> {
  const kept: NewAttempt[] = []
  const ids = new Set<string>()
  const counts: Receiver['counts'] = { accepted: 0, duplicates: 0, rejected: 0, ignored: 0, refused: [] }
  const requests: Receiver['requests'] = []
  const reasons: Receiver['reasons'] = {}
  const notices: string[] = []
  const addReason = (reason: string, n: number): void => {
    if (n > 0) reasons[reason] = (reasons[reason] ?? 0) + n
  }
  const traces = createTraceMemory(options.maxSpans)
  const increments: Increment[] = []
  const series = createSeries({ limit: options.maxSeries ?? 0, keepMs: 86_400_000 })
  const points = {
    counted: countedMetrics(true, true)!,
    writers: createWriters(),
    async keepPoints(points: readonly SeriesPoint[]) {
      await options.beforeKeep?.()
      const step = series.step(points, Date.now())
      series.take(step)
      increments.push(...step.increments)
      const attempts = step.increments.filter(({ measure }) => measure.metric === 'attempts')
      return {
        attempts: attempts.reduce((sum, { values }) => sum + values[0]!, 0),
        refused: step.refused,
        late: step.late,
      }
    },
  }

  const keep = async (attempts: readonly NewAttempt[]): Promise<Appended> => {
    await options.beforeKeep?.()
    let duplicates = 0
    for (const attempt of attempts) {
      const known = attempt.attempt_id !== undefined && ids.has(attempt.attempt_id)
      if (known) duplicates++
      else kept.push(attempt)
      if (attempt.attempt_id !== undefined) ids.add(attempt.attempt_id)
    }
    return { accepted: attempts.length - duplicates, duplicates }
  }

  const handlers = new Map(
    (['logs', 'traces', 'metrics'] as const).map(signal => [
      `/v1/${signal}`,
      createOtlpHandler({
        signal,
        keeper: { keep },
        points: options.maxSeries === undefined ? undefined : points,
        counts: {
          accepted: n => {
            counts.accepted += n
          },
          duplicate: n => {
            counts.duplicates += n
          },
          rejected: n => {
            counts.rejected += n
          },
          ignored: (_signal, n) => {
            counts.ignored += n
          },
          refused: status => counts.refused.push(status),
          excluded: addReason,
          repaired: addReason,
          late: n => addReason('late', n),
          overlapping: n => addReason('overlapping', n),
        },
        inFlight: createInFlight(options.maxInFlightBytes ?? 64 << 20),
        maxBodyBytes: options.maxBodyBytes ?? 20 << 20,
        requestTimeoutMs: options.requestTimeoutMs ?? 10_000,
        mapping: options.mapping ?? DEFAULT_MAPPING,
        traces,
        notice: line => notices.push(line),
      }),
    ]),
  )
  const server: Server = createServer((req, res) => {
    res.once('close', () => requests.push({ headers: req.headers, status: res.statusCode }))
    handlers.get(req.url ?? '')!(req, res).catch(error => {
      res.writeHead(500).end(String(error))
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/`,
    kept,
    increments,
    counts,
    requests,
    reasons,
    notices,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** Posts a body unchanged. */
export async function post(
  receiver: Receiver,
  signal: string,
  body: Uint8Array | string,
  headers: Record<string, string> = {},
): Promise<{ readonly status: number; readonly headers: Headers; readonly bytes: Buffer }> {
  const type = typeof body === 'string' ? 'application/json' : 'application/x-protobuf'
  const res = await fetch(receiver.url + signal, {
    method: 'POST',
    body: body as NonNullable<RequestInit['body']>,
    headers: { 'content-type': type, ...headers },
  })
  return { status: res.status, headers: res.headers, bytes: Buffer.from(await res.arrayBuffer()) }
}
