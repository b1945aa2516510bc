/** One HTTP request, with limits on its time and on the size of its answer. Redirects are not followed. */
import { type IncomingHttpHeaders, type IncomingMessage, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT'
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | undefined
  /** Time limit from the connection to the last byte of the answer. */
  readonly timeoutMs: number
  /** Size limit of the answer's body. */
  readonly maxBytes: number
  readonly signal?: AbortSignal | undefined
  /** True if the process may exit during the request. */
  readonly background?: boolean
}

export interface HttpAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

/**
 * Resolves with a complete answer of any status. Rejects without one: no connection, time-out, aborted, truncated, or too long. Opens a
 * connection per request, because the other side may close a keep-alive connection just as it is reused. Does not use `fetch`, whose
 * connections keep the process alive.
 */
export function requestOnce(what: HttpRequest): Promise<HttpAnswer> {
  const { method, url, headers, body, timeoutMs, signal, background = false } = what
  return new Promise((resolve, reject) => {
    const open = url.protocol === 'https:' ? requestHttps : requestHttp
    const request = open(url, { method, headers, agent: false, ...(signal !== undefined && { signal }) })
    const fail = (detail: string): void => {
      reject(new Error(detail))
      request.destroy()
    }
    const timer = setTimeout(() => fail(`no whole answer within ${timeoutMs} ms`), timeoutMs)
    if (background) {
      timer.unref()
      request.on('socket', socket => socket.unref())
    }
    request.on('error', reject)
    request.on('close', () => {
      clearTimeout(timer)
      fail('the connection closed before there was a whole answer')
    })
    request.on('response', response => readAnswer(response, what.maxBytes, resolve, fail))
    request.end(body)
  })
}

function readAnswer(
  response: IncomingMessage,
  maxBytes: number,
  resolve: (answer: HttpAnswer) => void,
  fail: (detail: string) => void,
): void {
  const chunks: Buffer[] = []
  let bytes = 0
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > maxBytes) fail(`the answer is longer than ${maxBytes} bytes`)
    else chunks.push(chunk)
  })
  response.on('error', error => fail(error.message))
  response.on('end', () => {
    const text = Buffer.concat(chunks).toString('utf8')
    resolve({ status: response.statusCode ?? 0, headers: response.headers, text })
  })
}

/** The parsed value. Undefined if the text is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
