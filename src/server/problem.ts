/** What an HTTP answer says when it is not the answer: RFC 9457 problem details, the same for every stage. */
import type { ServerResponse } from 'node:http'

/** One fault in what was sent: which item of a list, and where inside it (RFC 6901). */
export interface FaultyItem {
  readonly index: number
  readonly pointer: string
  readonly detail: string
}

export interface Problem {
  readonly status: number
  /** One sentence a person can act on; never a stack trace, never the body. */
  readonly detail: string
  /** What the log says in place of `detail`, where `detail` quotes what was sent. */
  readonly logged?: string
  readonly errors?: readonly FaultyItem[]
  /** Whole seconds, for 429 and 503. */
  readonly retryAfterSeconds?: number
  /** More members, as RFC 9457 allows. */
  readonly more?: Readonly<Record<string, unknown>>
  /** Further headers. */
  readonly headers?: Readonly<Record<string, string>>
}

/** What each answer refused, for the log. Only refusals cost something: the listener that logs them is there for every request. */
const refusals = new WeakMap<ServerResponse, Problem>()

/** Keeps what an answer refuses, so that it is logged when the answer is out. */
export function noteRefusal(res: ServerResponse, problem: Problem): void {
  refusals.set(res, problem)
}

/** What the answer refused; undefined for most. */
export const refusalOf = (res: ServerResponse): Problem | undefined => refusals.get(res)

/** Faults named of one attempt at the most: enough to see the pattern, few enough to read. */
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
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
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

/** Sends a problem and ends the answer. Does nothing where an answer is under way already. */
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

/** How long what is still being sent is read and thrown away: a client that is cut while it sends never sees the answer. */
const DISCARD_MS = 1000

/** Ends an answer to what may still be being sent, and goes on reading that for a moment, so that the client gets to read the answer. */
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
    // The end of the answer would be that of the connection.
    res.write(text ?? '')
    req.once('end', () => res.end())
  }
  req.on('error', () => undefined).resume()
}

export const PROBLEM_TYPE = 'application/problem+json'

/** Sends a JSON answer. */
export function sendJson(res: ServerResponse, status: number, body: unknown): void {
  sendJsonText(res, status, JSON.stringify(body))
}

/** Sends JSON that is printed already. As text: head and body then leave in one write, where bytes take two. */
export function sendJsonText(res: ServerResponse, status: number, text: string): void {
  beginAnswer(res, status, ['Content-Type', 'application/json', 'Content-Length', Buffer.byteLength(text)])
  res.end(res.req.method === 'HEAD' ? undefined : text)
}

/** Nothing here is a page: nothing may be run, framed, guessed at or kept by a browser. */
export const COMMON_HEADERS: readonly string[] = [
  ...['X-Content-Type-Options', 'nosniff'],
  ...['Content-Security-Policy', "default-src 'none'; frame-ancestors 'none'"],
  ...['Cache-Control', 'no-store'],
]

/**
 * The head of every answer there is, with more headers in front: names and values in turn. All of them at once: headers that are set one
 * by one are kept, and looked up, one by one.
 */
export function beginAnswer(res: ServerResponse, status: number, headers: readonly (string | number)[]): void {
  res.writeHead(status, [...headers, ...COMMON_HEADERS])
}
