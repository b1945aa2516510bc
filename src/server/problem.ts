/** Error responses of all stages: RFC 9457 problem details. */
import type { ServerResponse } from 'node:http'

/** One invalid item of a request: its index, and a JSON pointer (RFC 6901) to the invalid value in it. */
export interface InvalidItem {
  readonly index: number
  readonly pointer: string
  readonly detail: string
}

/** An error response. */
export interface Problem {
  readonly status: number
  /** One sentence that a person can act on. Never a stack trace, never the body. */
  readonly detail: string
  /** Replaces `detail` in the log if `detail` quotes the request. */
  readonly logged?: string
  readonly errors?: readonly InvalidItem[]
  /** Whole seconds, for 429 and 503. */
  readonly retryAfterSeconds?: number
  /** Extension members of RFC 9457. */
  readonly more?: Readonly<Record<string, unknown>>
  /** Further headers. */
  readonly headers?: Readonly<Record<string, string>>
}

/** The problem that each error response reports, for the log. A WeakMap, so that successful requests cost nothing. */
const refusals = new WeakMap<ServerResponse, Problem>()

/** Records the problem of a response, so that it is logged when the response is sent. */
export function noteRefusal(res: ServerResponse, problem: Problem): void {
  refusals.set(res, problem)
}

/** The problem that a response reports, if any. */
export const refusalOf = (res: ServerResponse): Problem | undefined => refusals.get(res)

/** Maximum number of errors that a response lists: enough to show the pattern, few enough to read. */
export const MAX_FAULTS = 100

/** What is wrong with one parameter of a query string. */
export interface ParameterFault {
  readonly name: string
  readonly detail: string
}

/** A 400 that names each bad parameter. */
export function parameterProblem(faults: readonly ParameterFault[]): Problem {
  const detail = faults.map(fault => `${fault.name} ${fault.detail}`).join('; ')
  return { status: 400, detail, more: { parameters: faults } }
}

const TITLES: Readonly<Record<number, string>> = {
  308: 'Permanent Redirect',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  409: 'Conflict',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  421: 'Misdirected Request',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  503: 'Service Unavailable',
  505: 'HTTP Version Not Supported',
}

/** The JSON of a problem. */
export function problemText({ status, detail, errors, more }: Problem): string {
  const title = TITLES[status] ?? 'Error'
  return JSON.stringify({ type: 'about:blank', title, status, detail, ...(errors && { errors }), ...more })
}

/** Sends a problem and ends the response. If a response is already in progress, aborts its connection. */
export function sendProblem(res: ServerResponse, problem: Problem): void {
  if (res.headersSent || res.destroyed) {
    res.destroy()
    return
  }
  noteRefusal(res, problem)
  const { status, retryAfterSeconds, headers } = problem
  for (const [name, value] of Object.entries(headers ?? {})) res.setHeader(name, value)
  if (retryAfterSeconds !== undefined) res.setHeader('Retry-After', String(Math.max(1, Math.ceil(retryAfterSeconds))))
  const text = problemText(problem)
  beginAnswer(res, status, ['Content-Type', PROBLEM_TYPE, 'Content-Length', Buffer.byteLength(text)])
  endRefusal(res, text)
}

/** How long the rest of a refused body is read and discarded. A close while the client sends would make TCP discard the response. */
const DISCARD_MS = 1000

/** Ends a response to a request that may still be sending, and discards the rest for a moment, so that the client can read the response. */
export function endRefusal(res: ServerResponse, body: string | Uint8Array): void {
  const { req } = res
  const text = req.method === 'HEAD' ? undefined : body
  if (req.complete) {
    res.end(text)
    return
  }
  const cut = setTimeout(() => req.socket.destroy(), DISCARD_MS)
  req.once('close', () => clearTimeout(cut))
  if (res.shouldKeepAlive) res.end(text)
  else {
    // Ending the response would close the connection at once.
    res.write(text ?? '')
    req.once('end', () => res.end())
  }
  req.on('error', () => undefined).resume()
}

export const PROBLEM_TYPE = 'application/problem+json'

/** Sends a JSON response. */
export function sendJson(res: ServerResponse, status: number, body: unknown): void {
  sendJsonText(res, status, JSON.stringify(body))
}

/** Sends serialized JSON. It is a string, because Node then sends head and body in one write; a Buffer takes two. */
export function sendJsonText(res: ServerResponse, status: number, text: string): void {
  beginAnswer(res, status, ['Content-Type', 'application/json', 'Content-Length', Buffer.byteLength(text)])
  res.end(res.req.method === 'HEAD' ? undefined : text)
}

/** Responses are not pages: a browser must not execute, frame, sniff or cache them. */
export const COMMON_HEADERS: readonly string[] = [
  ...['X-Content-Type-Options', 'nosniff'],
  ...['Content-Security-Policy', "default-src 'none'; frame-ancestors 'none'"],
  ...['Cache-Control', 'no-store'],
]

/**
 * Writes the head of a response: the given headers, alternating names and values, and those common to all. One writeHead call with all
 * headers is faster than setHeader for each.
 */
export function beginAnswer(res: ServerResponse, status: number, headers: readonly (string | number)[]): void {
  res.writeHead(status, [...headers, ...COMMON_HEADERS])
}
