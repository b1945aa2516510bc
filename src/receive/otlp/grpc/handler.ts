/** OTLP/gRPC: the Export calls of the three signals, read within the limits of OTLP/HTTP and kept by the same code. */
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import type { Problem } from '../../../server/problem.ts'
import { type Body, type Coding, createBytesReader, inflateBody, OTLP_CODINGS } from '../../body.ts'
import { codeOf, exportResponse, partialProblem } from '../answer.ts'
import { type OtlpOptions, takeRequest } from '../handler.ts'
import type { Signal } from '../protobuf/decode.ts'
import { printMessage, readMessage, statusHeaders } from './framing.ts'

/** What the sidecar decides about a call, and learns of it. */
export interface GrpcCalls {
  /** Why a call is refused before its message is read. */
  refuse(headers: IncomingHttpHeaders): Problem | undefined
  /** Called with each answer: the signal, `other` for unknown methods, the gRPC status, and the problem if there is one. */
  answered(method: Signal | 'other', code: number, problem: Problem | undefined): void
  /** The problem of a defect, which is logged. */
  problemOf(error: unknown): Problem
}

const UNIMPLEMENTED = 12

/** By the path of an Export call. */
const SIGNALS: ReadonlyMap<string, Signal> = new Map([
  ['/opentelemetry.proto.collector.logs.v1.LogsService/Export', 'logs'],
  ['/opentelemetry.proto.collector.trace.v1.TraceService/Export', 'traces'],
  ['/opentelemetry.proto.collector.metrics.v1.MetricsService/Export', 'metrics'],
])

/** An answer with an error. `code` replaces the gRPC status that follows from the HTTP status. */
interface Refusal extends Problem {
  readonly code?: number
}

export type GrpcHandler = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => Promise<void>

/** `receivers` has the options of each signal. The handler never rejects. */
export function createGrpcHandler(receivers: ReadonlyMap<Signal, OtlpOptions>, calls: GrpcCalls): GrpcHandler {
  const readers = new Map(Array.from(receivers, ([signal, options]) => [signal, createBytesReader(options)]))

  async function read(stream: ServerHttp2Stream, signal: Signal, coding: Coding): Promise<Body | Refusal> {
    const frame = await new Promise<Body | Problem>(done => readers.get(signal)!(stream, false, done))
    if ('status' in frame) return frame
    const message = readMessage(frame.bytes)
    if (typeof message === 'string') {
      frame.release()
      return { status: 400, detail: message }
    }
    const body = { bytes: message.bytes, release: frame.release }
    if (!message.isCompressed) return body
    if (coding !== 'identity') return new Promise(done => inflateBody(body, coding, receivers.get(signal)!, done))
    frame.release()
    return { status: 400, detail: 'the message is compressed, and grpc-encoding does not say how' }
  }

  async function answer(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, signal: Signal): Promise<void> {
    const coding = codingOf(headers)
    const refusal = calls.refuse(headers) ?? (typeof coding === 'string' ? undefined : coding)
    if (refusal !== undefined || typeof coding !== 'string') return fail(stream, signal, refusal!)
    const body = await read(stream, signal, coding)
    if ('status' in body) return fail(stream, signal, body)
    const taken = await takeRequest('protobuf', body, receivers.get(signal)!)
    if ('status' in taken) return fail(stream, signal, taken)
    calls.answered(signal, 0, taken.rejected > 0 ? partialProblem(taken) : undefined)
    if (stream.destroyed || stream.closed) return
    stream.respond({ ...RESPONSE, 'grpc-accept-encoding': OTLP_CODINGS.join(',') }, { waitForTrailers: true })
    stream.once('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
    stream.end(printMessage(exportResponse(signal, 'protobuf', taken)))
  }

  function fail(stream: ServerHttp2Stream, method: Signal | 'other', refusal: Refusal): void {
    const { status, detail, retryAfterSeconds } = refusal
    const code = refusal.code ?? codeOf(status)
    calls.answered(method, code, refusal)
    if (stream.destroyed || stream.closed || stream.headersSent) return
    stream.respond({ ...RESPONSE, ...statusHeaders(code, detail, retryAfterSeconds) }, { endStream: true })
    discard(stream)
  }

  return async (stream, headers) => {
    stream.on('error', () => undefined)
    const signal = SIGNALS.get(headers[':path'] ?? '')
    try {
      if (!isGrpc(headers)) refuseOther(stream)
      else if (signal === undefined) fail(stream, 'other', UNKNOWN_METHOD)
      else await answer(stream, headers, signal)
    } catch (error) {
      fail(stream, signal ?? 'other', calls.problemOf(error))
    }
  }
}

const RESPONSE = { ':status': 200, 'content-type': 'application/grpc' }

const UNKNOWN_METHOD: Refusal = {
  status: 404,
  code: UNIMPLEMENTED,
  detail: 'the methods here are Export of the OTLP services for logs, traces and metrics',
}

const isGrpc = (headers: IncomingHttpHeaders): boolean =>
  headers[':method'] === 'POST' && /^application\/grpc(\+proto)?$/i.test(headers['content-type'] ?? '')

/** What is not gRPC gets an HTTP status, as the protocol demands. */
function refuseOther(stream: ServerHttp2Stream): void {
  stream.respond({ ':status': 415 }, { endStream: true })
  discard(stream)
}

function codingOf(headers: IncomingHttpHeaders): Coding | Refusal {
  const stated = headers['grpc-encoding'] ?? 'identity'
  const coding = OTLP_CODINGS.find(known => known === stated)
  if (coding !== undefined) return coding
  const detail = `grpc-encoding must be one of ${OTLP_CODINGS.join(', ')}, not "${String(stated).slice(0, 100)}"`
  return { status: 415, code: UNIMPLEMENTED, detail }
}

/** How long the rest of a refused message is read. A reset while the client sends could overtake the status. */
const DISCARD_MS = 1000

function discard(stream: ServerHttp2Stream): void {
  const cut = setTimeout(() => stream.close(), DISCARD_MS)
  stream.once('close', () => clearTimeout(cut)).resume()
}
