/** One unary gRPC call over Node's HTTP/2, so that tests can send what a conforming client never sends. */
import http2 from 'node:http2'

export interface GrpcAnswer {
  readonly httpStatus: number
  /** The gRPC status; undefined if the answer has none. */
  readonly code: number | undefined
  readonly message: string
  /** The bytes of `grpc-status-details-bin`. */
  readonly details: Buffer
  /** The message without its prefix. */
  readonly body: Buffer
}

export const EXPORT = {
  logs: '/opentelemetry.proto.collector.logs.v1.LogsService/Export',
  traces: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
  metrics: '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export',
} as const

export interface GrpcCall {
  readonly stream: http2.ClientHttp2Stream
  /** Resolves when the call has ended, and closes its connection. */
  readonly answer: Promise<GrpcAnswer>
}

/** Begins a call. What is written to its stream is its frame. */
export function beginCall(url: string, path: string, headers: Record<string, string> = {}): GrpcCall {
  const session = http2.connect(url)
  session.on('error', () => undefined)
  const stream = session.request({
    ':method': 'POST',
    ':path': path,
    'content-type': 'application/grpc',
    te: 'trailers',
    ...headers,
  })
  return { stream, answer: read(stream).finally(() => session.close()) }
}

/** Sends one message, compressed if `headers` state a grpc-encoding. */
export async function call(
  url: string,
  path: string,
  message: Uint8Array,
  headers: Record<string, string> = {},
): Promise<GrpcAnswer> {
  const { stream, answer } = beginCall(url, path, headers)
  stream.end(frameOf(message, headers['grpc-encoding'] !== undefined))
  return answer
}

export function frameOf(message: Uint8Array, isCompressed = false): Buffer {
  const prefix = Buffer.alloc(5)
  prefix[0] = isCompressed ? 1 : 0
  prefix.writeUInt32BE(message.length, 1)
  return Buffer.concat([prefix, message])
}

async function read(stream: http2.ClientHttp2Stream): Promise<GrpcAnswer> {
  const chunks: Buffer[] = []
  const found: http2.IncomingHttpHeaders = {}
  stream.on('response', headers => Object.assign(found, headers))
  stream.on('trailers', trailers => Object.assign(found, trailers))
  stream.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', () => undefined)
  // Not once(), which rejects on an error: a connection that is refused has no answer.
  await new Promise(resolve => stream.once('close', resolve))
  const status = found['grpc-status']
  return {
    httpStatus: Number(found[':status']),
    code: status === undefined ? undefined : Number(status),
    message: decodeURIComponent(String(found['grpc-message'] ?? '')),
    details: Buffer.from(String(found['grpc-status-details-bin'] ?? ''), 'base64'),
    body: Buffer.concat(chunks).subarray(5),
  }
}
