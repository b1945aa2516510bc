/** The answers of an OTLP receiver, in the encoding of the request: an export response, or a google.rpc.Status. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { beginAnswer, endRefusal, noteRefusal, type Problem } from '../../server/problem.ts'
import type { Encoding, Signal } from './protobuf/decode.ts'

/** The two encodings of OTLP/HTTP, and the media type of each. */
export const MEDIA_TYPES: Readonly<Record<Encoding, string>> = {
  protobuf: 'application/x-protobuf',
  json: 'application/json',
}

/** The longest message about rejected records, in characters. */
const MAX_MESSAGE = 4000

const REJECTED: Readonly<Record<Signal, string>> = {
  logs: 'rejectedLogRecords',
  traces: 'rejectedSpans',
  metrics: 'rejectedDataPoints',
}

const CODES: ReadonlyMap<number, number> = new Map([
  [400, 3],
  [401, 16],
  [403, 7],
  [404, 12],
  [405, 12],
  [408, 4],
  [413, 3],
  [415, 3],
  [421, 3],
  [429, 8],
  [500, 13],
  [503, 14],
])

/** The google.rpc.Code of an HTTP status; UNKNOWN (2) if there is none. */
export const codeOf = (status: number): number => CODES.get(status) ?? 2

/** The encoding of the answer: that of the request, and JSON where the request has neither. */
export function encodingOf(req: IncomingMessage): Encoding {
  const type = req.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase()
  return type === MEDIA_TYPES.protobuf ? 'protobuf' : 'json'
}

/** How many records were rejected, and the problems of the first of them. */
interface Rejections {
  readonly rejected: number
  readonly problems: readonly string[]
}

/** Answers that all records were taken, or all but `rejected` ones, and why. */
export function sendExported(
  res: ServerResponse,
  signal: Signal,
  encoding: Encoding,
  { rejected, problems }: Rejections,
): void {
  if (rejected > 0) noteRefusal(res, partialProblem({ rejected, problems }))
  send(res, 200, encoding, exportResponse(signal, encoding, { rejected, problems }))
}

/** Rejected records, as the log shows them. */
export function partialProblem({ rejected, problems }: Rejections): Problem {
  const records = rejected === 1 ? '1 record was' : `${rejected} records were`
  return { status: 200, detail: `${records} rejected, the others kept: ${problems[0] ?? ''}` }
}

/** The body of an ExportLogsServiceResponse, or of that of another signal. */
export function exportResponse(signal: Signal, encoding: Encoding, { rejected, problems }: Rejections): Uint8Array {
  // An empty protobuf message has no bytes: clients warn about anything else.
  if (rejected === 0) return encoding === 'json' ? Buffer.from('{}') : Buffer.alloc(0)
  const more = rejected > problems.length ? `; and ${rejected - problems.length} more` : ''
  const message = `${shorten(problems.join('; '))}${more}`
  if (encoding === 'json') {
    const partialSuccess = { [REJECTED[signal]]: String(rejected), errorMessage: message }
    return Buffer.from(JSON.stringify({ partialSuccess }))
  }
  const writer = new BinaryWriter().tag(1, WireType.LengthDelimited).fork()
  writer.tag(1, WireType.Varint).int64(rejected)
  writer.tag(2, WireType.LengthDelimited).string(message)
  return writer.join().finish()
}

/** Answers with a problem in the format of OTLP, for every path under `/v1/`. Cuts an answer that has started. */
export function sendOtlpProblem(req: IncomingMessage, res: ServerResponse, problem: Problem): void {
  if (res.headersSent || res.destroyed) {
    res.destroy()
    return
  }
  noteRefusal(res, problem)
  const { status, detail, retryAfterSeconds, headers } = problem
  for (const [name, value] of Object.entries(headers ?? {})) res.setHeader(name, value)
  if (retryAfterSeconds !== undefined) res.setHeader('Retry-After', String(Math.max(1, Math.ceil(retryAfterSeconds))))
  const encoding = encodingOf(req)
  const body = statusBody(encoding, codeOf(status), detail)
  begin(res, status, encoding, body)
  endRefusal(res, body)
}

/** A google.rpc.Status. */
function statusBody(encoding: Encoding, code: number, message: string): Uint8Array {
  if (encoding === 'json') return Buffer.from(JSON.stringify({ code, message }))
  const writer = new BinaryWriter().tag(1, WireType.Varint).int32(code)
  return writer.tag(2, WireType.LengthDelimited).string(message).finish()
}

function send(res: ServerResponse, status: number, encoding: Encoding, body: Uint8Array): void {
  begin(res, status, encoding, body)
  res.end(body)
}

function begin(res: ServerResponse, status: number, encoding: Encoding, body: Uint8Array): void {
  beginAnswer(res, status, ['Content-Type', MEDIA_TYPES[encoding], 'Content-Length', body.length])
}

function shorten(text: string): string {
  return text.length > MAX_MESSAGE ? `${text.slice(0, MAX_MESSAGE).toWellFormed()}…` : text
}
