/** Sends a request with `node:http`. */
import { type HttpAnswer, type HttpRequest, tooLate, tooLong } from './http-exchange.ts'

type Http = typeof import('node:http')
type IncomingMessage = InstanceType<Http['IncomingMessage']>

/** Opens a connection per request, because the other side may close a keep-alive connection just as it is reused. */
export function requestByNode(send: Http['request'], what: HttpRequest): Promise<HttpAnswer> {
  const { method, url, headers, body, timeoutMs, signal, background = false } = what
  return new Promise((resolve, reject) => {
    const request = send(url, { method, headers, agent: false, ...(signal !== undefined && { signal }) })
    const fail = (error: Error): void => {
      reject(error)
      request.destroy()
    }
    const timer = setTimeout(() => fail(tooLate(timeoutMs)), timeoutMs)
    if (background) {
      timer.unref()
      request.on('socket', socket => socket.unref())
    }
    request.on('error', reject)
    request.on('close', () => {
      clearTimeout(timer)
      fail(new Error('the connection closed before there was a whole answer'))
    })
    request.on('response', response => readAnswer(response, what.maxBytes, resolve, fail))
    request.end(body)
  })
}

function readAnswer(
  response: IncomingMessage,
  maxBytes: number,
  resolve: (answer: HttpAnswer) => void,
  fail: (error: Error) => void,
): void {
  const chunks: Buffer[] = []
  let bytes = 0
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > maxBytes) fail(tooLong(maxBytes))
    else chunks.push(chunk)
  })
  response.on('error', fail)
  response.on('end', () => {
    const text = Buffer.concat(chunks).toString('utf8')
    resolve({ status: response.statusCode ?? 0, header: name => headerOf(response, name), text })
  })
}

function headerOf({ headers }: IncomingMessage, name: string): string | undefined {
  const value = headers[name]
  return Array.isArray(value) ? value[0] : value
}
