/** POST /v1/logs, /v1/traces, /v1/metrics: a receiver of OTLP/HTTP, whose attempts are kept before it answers. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { z } from 'zod'
import type { Problem } from '../../problem.ts'
import { type IngestCounts, type ReceiveOptions, storeProblem } from '../attempts.ts'
import { mediaOf, withBody } from '../body.ts'
import { encodingOf, MEDIA_TYPES, sendExported, sendOtlpProblem } from './answer.ts'
import { decodeRequest, type Encoding, OtlpDecodeError, type Signal } from './decode.ts'
import type { OtlpMapping } from './mapping.ts'
import { metricsRequest } from './metric-schema.ts'
import { logsRequest, tracesRequest } from './schema.ts'
import { type Sifted, siftLogs, siftMetrics, siftSpans } from './sift.ts'

/** What was taken in and what was not. */
export interface OtlpCounts extends IngestCounts {
  /** Log records, spans or data points that are no attempts. */
  ignored?(count: number): void
}

/** `maxBodyBytes` holds after inflating, for either encoding; `requestTimeoutMs` is for a whole body. */
export interface OtlpOptions extends ReceiveOptions {
  readonly signal: Signal
  readonly counts: OtlpCounts
  readonly mapping: OtlpMapping
}

type Handler = (req: IncomingMessage, res: ServerResponse) => Promise<void>

/**
 * Handles one request whose method and path were checked already. What breaks the rules is rejected and told, and the rest is kept
 * before the answer; when it cannot be kept, the answer says when to send all of it again. Rejects only on a defect of ours.
 */
export function createOtlpHandler(options: OtlpOptions): Handler {
  const { signal, maxBodyBytes: maxBytes, requestTimeoutMs: timeoutMs, inFlight } = options
  return async (req, res) => {
    const encoding = encodingOf(req)
    const media = mediaOf(req, Object.values(MEDIA_TYPES))
    const taken =
      'status' in media
        ? media
        : await withBody(req, media.gzip, { maxBytes, timeoutMs }, inFlight, bytes => take(encoding, bytes, options))
    if ('status' in taken) sendOtlpProblem(req, res, taken)
    else sendExported(res, signal, encoding, taken)
  }
}

async function take(encoding: Encoding, bytes: Buffer, options: OtlpOptions): Promise<Sifted | Problem> {
  const { signal, mapping, counts } = options
  const sifted = sift(signal, encoding, bytes, mapping)
  if ('status' in sifted) return sifted
  const problem = await keep(sifted, options)
  if (problem !== undefined) return problem
  counts.rejected(sifted.rejected)
  counts.ignored?.(sifted.ignored)
  return sifted
}

function sift(signal: Signal, encoding: Encoding, bytes: Buffer, mapping: OtlpMapping): Sifted | Problem {
  try {
    const decoded = decodeRequest(signal, encoding, bytes)
    if (signal === 'logs') return siftLogs(checked(logsRequest, decoded), mapping)
    if (signal === 'traces') return siftSpans(checked(tracesRequest, decoded), mapping)
    return siftMetrics(checked(metricsRequest, decoded))
  } catch (error) {
    if (error instanceof OtlpDecodeError) return { status: 400, detail: error.message }
    throw error
  }
}

function checked<T>(schema: z.ZodType<T>, decoded: unknown): T {
  const read = schema.safeParse(decoded)
  if (read.success) return read.data
  const { path, message } = read.error.issues[0]!
  throw new OtlpDecodeError(`the body is not as OTLP has it, at "${path.join('.')}": ${message}`)
}

/** Why nothing was kept, where that is so: then nothing of the request counts, and all of it may be sent again. */
async function keep({ attempts }: Sifted, { keeper, counts }: OtlpOptions): Promise<Problem | undefined> {
  if (attempts.length === 0) return undefined
  try {
    const kept = await keeper.keep(attempts)
    counts.accepted(kept.accepted)
    counts.duplicate(kept.duplicates)
    return undefined
  } catch (error) {
    const problem = storeProblem(error)
    counts.refused(problem.status, attempts.length)
    return problem
  }
}
