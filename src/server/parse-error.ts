/** Responses to bytes that do not become a request: Node's parser rejects them, or the headers are late. */
import { METHODS, maxHeaderSize, STATUS_CODES } from 'node:http'
import { COMMON_HEADERS, PROBLEM_TYPE, type Problem, problemText } from './problem.ts'

/** Node's error about a request that it cannot parse. */
export interface ParseError extends Error {
  readonly code?: string
  /** A constant text of llhttp. */
  readonly reason?: string
  /** The last bytes that were parsed. */
  readonly rawPacket?: Buffer
}

/** The start of the connection preface of HTTP/2 (RFC 9113, section 3.4). */
const HTTP2_PREFACE = 'PRI * HTTP/2.0\r\n'

/** Whether a client speaks HTTP/2. With TLS it fails already in the handshake, which offers only HTTP/1.1. */
export function isHttp2Preface({ code, rawPacket }: ParseError): boolean {
  if (code === 'ERR_SSL_NO_APPLICATION_PROTOCOL') return true
  return rawPacket?.toString('latin1', 0, HTTP2_PREFACE.length) === HTTP2_PREFACE
}

/** The response. Undefined if none can be sent, as after a reset or a failed TLS handshake. */
export function problemOfParseError(error: ParseError, headersTimeoutMs: number): Problem | undefined {
  const { code = '', reason = 'it cannot be parsed', rawPacket } = error
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return lateHeaders(headersTimeoutMs)
  if (!code.startsWith('HPE_')) return undefined
  if (code === 'HPE_HEADER_OVERFLOW')
    return { status: 431, detail: `the request line and the headers must be at most ${maxHeaderSize} bytes together` }
  if (code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW') return { status: 413, detail: 'the chunk extensions are too long' }
  const line = requestLine(rawPacket)
  if (code === 'HPE_INVALID_VERSION' && line !== undefined && !/^1\.[01]$/.test(line.version))
    return { status: 505, detail: 'only HTTP/1.1 and HTTP/1.0 are supported' }
  if (code === 'HPE_INVALID_METHOD' && line !== undefined && !METHODS.includes(line.method))
    return { status: 501, detail: 'this method is unknown' }
  return { status: 400, detail: `this is not an HTTP/1.1 request: ${reason}` }
}

/** The response if the headers of a request are not complete in time. */
export function lateHeaders(headersTimeoutMs: number): Problem {
  return { status: 408, detail: `the headers were not complete within ${headersTimeoutMs / 1000} s` }
}

/** The request line at the start of a packet, if it is well-formed: then only its method or version can be invalid. */
function requestLine(packet: Buffer | undefined): { readonly method: string; readonly version: string } | undefined {
  const found = /^([\w!#$%&'*+.^`|~-]+) \S+ HTTP\/(\d\.\d)\r\n/.exec(packet?.toString('latin1', 0, 1000) ?? '')
  return found === null ? undefined : { method: found[1]!, version: found[2]! }
}

/** A complete response, as sent on the wire, that closes the connection. */
export function printAnswer(problem: Problem): string {
  const text = problemText(problem)
  const lines = [`HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`]
  const headers = [
    ...['Content-Type', PROBLEM_TYPE, 'Content-Length', Buffer.byteLength(text)],
    ...Object.entries(problem.headers ?? {}).flat(),
    ...['Connection', 'close'],
    ...COMMON_HEADERS,
  ]
  for (let i = 0; i < headers.length; i += 2) lines.push(`${headers[i]}: ${headers[i + 1]}`)
  return `${lines.join('\r\n')}\r\n\r\n${text}`
}
