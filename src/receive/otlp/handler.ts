/** POST /v1/logs, /v1/traces, /v1/metrics: an OTLP/HTTP receiver. Attempts are kept before it answers. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { z } from 'zod'
import { MAX_INTERVALS, MAX_SERIES, type SeriesPoint } from '../../core/aggregate/series.ts'
import type { AppendedPoints } from '../../core/ports.ts'
import type { Problem } from '../../server/problem.ts'
import { type Body, createBodyReader, mediaOf, OTLP_CODINGS } from '../body.ts'
import { Held } from '../in-flight.ts'
import { keepOutcomes, type OutcomeCounts, type OutcomeKeeper } from '../outcome-keeper.ts'
import { type IngestCounts, type Keeper, type ReceiveOptions, storeProblem } from '../receiving.ts'
import { encodingOf, MEDIA_TYPES, sendExported, sendOtlpProblem } from './answer.ts'
import { extractLogs, ignoreMetrics } from './extract.ts'
import { extractSpans } from './extract-spans.ts'
import type { Exclusion, Extracted } from './extractor.ts'
import { matchesLogsRequest, matchesTracesRequest } from './fast-validation.ts'
import type { OtlpMapping } from './mapping/mapping.ts'
import { type ExtractedPoints, extractPoints } from './metrics/extract.ts'
import type { CountedMetrics } from './metrics/instruments.ts'
import { metricsRequest } from './metrics/schema.ts'
import type { Writers } from './metrics/writers.ts'
import { decodeRequest, type Encoding, OtlpDecodeError, type Signal } from './protobuf/decode.ts'
import type { Repair } from './repair.ts'
import { type LogsRequest, logsRequest, type TracesRequest, tracesRequest } from './schema.ts'
import type { TraceMemory } from './traces/trace-memory.ts'
import { checkRoot } from './wrong-signal.ts'

/** Counters of received telemetry. */
export interface OtlpCounts extends IngestCounts, Partial<OutcomeCounts> {
  /** Log records, spans or data points that are no attempts. */
  ignored?(signal: Signal, count: number): void
  /** Those among them that a rule matches, by reason. */
  excluded?(reason: Exclusion, count: number): void
  /** Fields that were changed to be usable, by what was done. */
  repaired?(repair: Repair, count: number): void
  /** Model calls that came after their run had been counted. */
  late?(count: number): void
  /** Metric points that another process counts at the same time, in the same series. */
  overlapping?(count: number): void
}

/** What receives metrics. `keepPoints` rejects with StoreUnavailable where the points were not kept. */
export interface PointReceiver {
  /** The metrics to count. All others are ignored. */
  readonly counted: CountedMetrics
  readonly writers: Writers
  keepPoints(points: readonly SeriesPoint[]): Promise<AppendedPoints>
}

/** `maxBodyBytes` holds after inflating, for either encoding; `requestTimeoutMs` is for a whole body. */
export interface OtlpOptions extends ReceiveOptions {
  readonly keeper: Keeper & Partial<OutcomeKeeper>
  readonly signal: Signal
  readonly counts: OtlpCounts
  readonly mapping: OtlpMapping
  /** Keeps metric points; without it metrics are ignored. */
  readonly points?: PointReceiver | undefined
  /** The recent spans. All receivers of a process share one. */
  readonly traces: TraceMemory
  /** Writes a line to the log. */
  readonly notice?: ((line: string) => void) | undefined
}

type Handler = (req: IncomingMessage, res: ServerResponse) => Promise<void>

/**
 * Handles one request whose method and path are checked already. Invalid records are rejected and reported, and the rest is kept before the
 * answer. Where nothing can be kept, the answer says when to send the request again. Rejects only on a defect.
 */
export function createOtlpHandler(options: OtlpOptions): Handler {
  const readBody = createBodyReader(options)
  return async (req, res) => {
    const encoding = encodingOf(req)
    const media = mediaOf(req, Object.values(MEDIA_TYPES), OTLP_CODINGS)
    const body =
      'status' in media ? media : await new Promise<Body | Problem>(done => readBody(req, media.coding, done))
    const taken = 'status' in body ? body : await takeRequest(encoding, body, options)
    if ('status' in taken) sendOtlpProblem(req, res, taken)
    else sendExported(res, options.signal, encoding, taken)
  }
}

/** The result that the sender receives. */
export type Taken = Readonly<Pick<ExtractedPoints, 'rejected' | 'problems' | 'ignored'>>

/** Keeps what a body contains, and releases the body. Rejects only on a defect. */
export async function takeRequest(encoding: Encoding, body: Body, options: OtlpOptions): Promise<Taken | Problem> {
  const { signal, counts } = options
  const held = new Held(options.inFlight)
  try {
    const extracted = extract(encoding, body.bytes, options)
    if ('status' in extracted) return extracted
    // Decoded attempts are in memory already: count them, so that later bodies wait for them.
    held.set(decodedBytes(extracted))
    const taken = 'points' in extracted ? await keepPoints(extracted, options) : await keep(extracted, options)
    if ('status' in taken) return taken
    counts.rejected(taken.rejected)
    counts.ignored?.(signal, taken.ignored)
    if ('points' in extracted) reportWriters(extracted, options)
    else report(extracted, options)
    return taken
  } finally {
    held.set(0)
    body.release()
  }
}

/** Counts what was changed and left out, and names rules that would match what is ignored. */
function report({ excluded, repaired, late, unusedRules }: Extracted, { counts, signal, notice }: OtlpOptions): void {
  for (const [reason, count] of excluded) counts.excluded?.(reason, count)
  for (const [repair, count] of repaired) counts.repaired?.(repair, count)
  counts.late?.(late)
  const records = signal === 'logs' ? 'log records' : 'spans'
  for (const { scope, rule } of unusedRules()) {
    const name = JSON.stringify(scope)
    notice?.(
      `all ${records} of scope ${name} are ignored: the rule "${rule}" would count them; enable it with --otlp-mapping`,
    )
  }
}

function reportWriters({ overlapping }: ExtractedPoints, { points, counts, notice }: OtlpOptions): void {
  counts.overlapping?.(overlapping)
  for (const resource of points?.writers.tell() ?? []) {
    notice?.(
      `several processes send metrics with one resource (${resource}): give each its own service.instance.id with OTEL_RESOURCE_ATTRIBUTES. Without start times they are counted wrongly`,
    )
  }
}

/** Memory of one attempt or point, roughly. */
const ITEM_BYTES = 512

function decodedBytes(extracted: Extracted | ExtractedPoints): number {
  if ('points' in extracted) return extracted.points.length * ITEM_BYTES
  return (extracted.attempts.length + extracted.outcomes.length) * ITEM_BYTES
}

function extract(encoding: Encoding, bytes: Buffer, options: OtlpOptions): Extracted | ExtractedPoints | Problem {
  const { signal, mapping, points, traces } = options
  try {
    if (signal === 'logs') return extractLogs(encoding === 'json' ? jsonLogs(bytes) : bytes, mapping)
    if (signal === 'traces')
      return extractSpans(encoding === 'json' ? jsonSpans(bytes) : bytes, mapping, traces, performance.now())
    const decoded = decodeRequest(signal, encoding, bytes)
    if (encoding === 'json') checkRoot(signal, decoded)
    const request = checked(metricsRequest, decoded)
    return points === undefined ? ignoreMetrics(request) : extractPoints(request, points.counted, points.writers)
  } catch (error) {
    if (!(error instanceof OtlpDecodeError)) throw error
    // Messages of JSON.parse quote the body, which must not be logged.
    const logged = error.cause instanceof SyntaxError ? { logged: 'the body is not JSON' } : {}
    return { status: 400, detail: error.message, ...logged }
  }
}

function jsonLogs(bytes: Buffer): LogsRequest {
  const decoded = decodeRequest('logs', 'json', bytes)
  checkRoot('logs', decoded)
  return matchesLogsRequest(decoded) ? decoded : checked(logsRequest, decoded)
}

function jsonSpans(bytes: Buffer): TracesRequest {
  const decoded = decodeRequest('traces', 'json', bytes)
  checkRoot('traces', decoded)
  return matchesTracesRequest(decoded) ? decoded : checked(tracesRequest, decoded)
}

function checked<T>(schema: z.ZodType<T>, decoded: unknown): T {
  const read = schema.safeParse(decoded)
  if (read.success) return read.data
  const { path, message } = read.error.issues[0]!
  throw new OtlpDecodeError(`the body is not as OTLP has it, at "${path.join('.')}": ${message}`)
}

/** Keeps the attempts. After a problem nothing of the request counts, and it may be sent again. */
async function keep(extracted: Extracted, { keeper, counts }: OtlpOptions): Promise<Taken | Problem> {
  const { attempts, instants } = extracted
  try {
    if (attempts.length > 0) {
      const kept = await keeper.keep(attempts, { instants })
      counts.accepted(kept.accepted)
      counts.duplicate(kept.duplicates)
    }
  } catch (error) {
    extracted.undo()
    return refused(error, attempts.length, counts)
  }
  return await keepEvaluations(extracted, { keeper, counts })
}

/** Keeps the outcomes, behind the attempts of the same request. One of an unknown attempt is counted, and refuses nothing. */
async function keepEvaluations(
  extracted: Extracted,
  { keeper, counts }: Pick<OtlpOptions, 'keeper' | 'counts'>,
): Promise<Taken | Problem> {
  const { outcomes } = extracted
  if (outcomes.length === 0 || keeper.keepOutcomes === undefined) return extracted
  try {
    await keepOutcomes(outcomes, {
      keeper: { keepOutcomes: given => keeper.keepOutcomes!(given) },
      counts: { outcomes: (result, count) => counts.outcomes?.(result, count) },
    })
    return extracted
  } catch (error) {
    return storeProblem(error)
  }
}

/** Keeps metric points. Points beyond the limit of series are rejected. */
async function keepPoints(extracted: ExtractedPoints, { points, counts }: OtlpOptions): Promise<Taken | Problem> {
  if (points === undefined || extracted.points.length === 0) return extracted
  try {
    const kept = await points.keepPoints(extracted.points)
    counts.accepted(kept.attempts)
    const problems = [...extracted.problems]
    if (kept.refused > 0)
      problems.push(`points of new series, of which there are ${MAX_SERIES} already: ${kept.refused}`)
    if (kept.late > 0) problems.push(`deltas older than the last ${MAX_INTERVALS} of their series: ${kept.late}`)
    // One data point may count in two series.
    const unkept = Math.min(kept.refused + kept.late, extracted.taken)
    return { ...extracted, rejected: extracted.rejected + unkept, problems }
  } catch (error) {
    return refused(error, extracted.points.length, counts)
  }
}

function refused(error: unknown, count: number, counts: OtlpCounts): Problem {
  const problem = storeProblem(error)
  counts.refused(problem.status, count)
  return problem
}
