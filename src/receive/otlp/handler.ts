/** POST /v1/logs, /v1/traces, /v1/metrics: a receiver of OTLP/HTTP, whose attempts are kept before it answers. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { z } from 'zod'
import { MAX_SERIES, type SeriesPoint } from '../../core/aggregate/series.ts'
import type { AppendedPoints } from '../../core/ports.ts'
import type { Problem } from '../../server/problem.ts'
import { type Body, createBodyReader, mediaOf } from '../body.ts'
import { Held } from '../in-flight.ts'
import { type IngestCounts, type ReceiveOptions, storeProblem } from '../receiving.ts'
import { encodingOf, MEDIA_TYPES, sendExported, sendOtlpProblem } from './answer.ts'
import type { OtlpMapping } from './mapping/mapping.ts'
import { metricsRequest } from './metrics/schema.ts'
import { type SiftedPoints, siftPoints } from './metrics/sift.ts'
import { isPlainLogs, isPlainTraces } from './plain.ts'
import { decodeRequest, type Encoding, OtlpDecodeError, type Signal } from './protobuf/decode.ts'
import { siftLogBytes } from './protobuf/sift-bytes.ts'
import { finishRawJson, heldBytesOf, releasePages } from './raw-json-pages.ts'
import { logsRequest, tracesRequest } from './schema.ts'
import { siftLogs, siftMetrics, siftSpans } from './sift.ts'
import type { Sifted } from './sifting.ts'

/** What was taken in and what was not. */
export interface OtlpCounts extends IngestCounts {
  /** Log records, spans or data points that are no attempts. */
  ignored?(signal: Signal, count: number): void
}

/** Where points of metrics go: the tracker. `keepPoints` rejects with StoreUnavailable when they were not kept. */
export interface PointKeeper {
  keepPoints(points: readonly SeriesPoint[]): Promise<AppendedPoints>
}

/** `maxBodyBytes` holds after inflating, for either encoding; `requestTimeoutMs` is for a whole body. */
export interface OtlpOptions extends ReceiveOptions {
  readonly signal: Signal
  readonly counts: OtlpCounts
  readonly mapping: OtlpMapping
  /** Where metrics count; without it they are ignored. */
  readonly points?: PointKeeper | undefined
}

type Handler = (req: IncomingMessage, res: ServerResponse) => Promise<void>

/**
 * Handles one request whose method and path were checked already. What breaks the rules is rejected and told, and the rest is kept
 * before the answer; when it cannot be kept, the answer says when to send all of it again. Rejects only on a defect of ours.
 */
export function createOtlpHandler(options: OtlpOptions): Handler {
  const readBody = createBodyReader(options)
  return async (req, res) => {
    const encoding = encodingOf(req)
    const media = mediaOf(req, Object.values(MEDIA_TYPES))
    const body = 'status' in media ? media : await new Promise<Body | Problem>(done => readBody(req, media.gzip, done))
    const taken = 'status' in body ? body : await take(encoding, body, options)
    if ('status' in taken) sendOtlpProblem(req, res, taken)
    else sendExported(res, options.signal, encoding, taken)
  }
}

/** What a sender is told. */
type Taken = Readonly<Pick<SiftedPoints, 'rejected' | 'problems' | 'ignored'>>

async function take(encoding: Encoding, body: Body, options: OtlpOptions): Promise<Taken | Problem> {
  const { signal, counts } = options
  const held = new Held(options.inFlight)
  try {
    const sifted = sift(encoding, body.bytes, options)
    if ('status' in sifted) return sifted
    // It is in memory already: what it takes is not there for the bodies that come next.
    held.set(decodedBytes(sifted))
    const taken = 'points' in sifted ? await keepPoints(sifted, options) : await keep(sifted, options)
    if ('status' in taken) return taken
    counts.rejected(taken.rejected)
    counts.ignored?.(signal, taken.ignored)
    return taken
  } finally {
    held.set(0)
    body.letGo()
  }
}

/** What an attempt or a point takes in memory, about. */
const ITEM_BYTES = 512

function decodedBytes(sifted: Sifted | SiftedPoints): number {
  if ('points' in sifted) return sifted.points.length * ITEM_BYTES
  return sifted.attempts.length * ITEM_BYTES + heldBytesOf(sifted.rawJson)
}

function sift(encoding: Encoding, bytes: Buffer, options: OtlpOptions): Sifted | SiftedPoints | Problem {
  const { signal, mapping, points } = options
  try {
    const plain = signal === 'logs' && encoding === 'protobuf' ? siftLogBytes(bytes, mapping) : undefined
    if (plain !== undefined) return plain
    const decoded = decodeRequest(signal, encoding, bytes)
    if (signal === 'logs') return siftLogs(isPlainLogs(decoded) ? decoded : checked(logsRequest, decoded), mapping)
    if (signal === 'traces')
      return siftSpans(isPlainTraces(decoded) ? decoded : checked(tracesRequest, decoded), mapping)
    const request = checked(metricsRequest, decoded)
    return points === undefined ? siftMetrics(request) : siftPoints(request)
  } catch (error) {
    if (!(error instanceof OtlpDecodeError)) throw error
    // What V8 says of JSON quotes some of it.
    const logged = error.cause instanceof SyntaxError ? { logged: 'the body is not JSON' } : {}
    return { status: 400, detail: error.message, ...logged }
  }
}

function checked<T>(schema: z.ZodType<T>, decoded: unknown): T {
  const read = schema.safeParse(decoded)
  if (read.success) return read.data
  const { path, message } = read.error.issues[0]!
  throw new OtlpDecodeError(`the body is not as OTLP has it, at "${path.join('.')}": ${message}`)
}

/** A problem where nothing was kept: then nothing of the request counts, and all of it may be sent again. */
async function keep(sifted: Sifted, { keeper, counts }: OtlpOptions): Promise<Taken | Problem> {
  const { attempts, instants, rawJson } = sifted
  if (attempts.length === 0) return sifted
  try {
    const kept = await keeper.keep(attempts, { instants, rawJson: finishRawJson(rawJson) })
    counts.accepted(kept.accepted)
    counts.duplicate(kept.duplicates)
    return sifted
  } catch (error) {
    return refused(error, attempts.length, counts)
  } finally {
    releasePages(rawJson)
  }
}

/** The same for points of metrics. Those of a series too many are rejected. */
async function keepPoints(sifted: SiftedPoints, { points, counts }: OtlpOptions): Promise<Taken | Problem> {
  if (points === undefined || sifted.points.length === 0) return sifted
  try {
    const kept = await points.keepPoints(sifted.points)
    counts.accepted(kept.attempts)
    if (kept.refused === 0) return sifted
    const problem = `points of new series, of which there are ${MAX_SERIES} already: ${kept.refused}`
    return { ...sifted, rejected: sifted.rejected + kept.refused, problems: [...sifted.problems, problem] }
  } catch (error) {
    return refused(error, sifted.points.length, counts)
  }
}

function refused(error: unknown, count: number, counts: OtlpCounts): Problem {
  const problem = storeProblem(error)
  counts.refused(problem.status, count)
  return problem
}
