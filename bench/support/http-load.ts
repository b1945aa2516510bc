/** HTTP/1.1 load on keep-alive connections, one request at a time on each. Uses bare sockets, so that the generator needs little CPU. */
import { connect, type Socket } from 'node:net'

/** A source of complete requests. `next` is called once per request sent. */
export interface Requests {
  next(): Buffer
}

/** The result of a load. Latencies in milliseconds. */
export interface LoadResult {
  readonly answered: number
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
  /** Answers other than 2xx. */
  readonly refused: number
}

export interface Target {
  readonly port: number
  readonly connections: number
}

/** The bytes of one request. */
export function post(path: string, body: string | Buffer, contentType = 'application/json', method = 'POST'): Buffer {
  const bytes = Buffer.from(body)
  const head = `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: ${contentType}\r\nContent-Length: ${bytes.length}\r\n\r\n`
  return Buffer.concat([Buffer.from(head), bytes])
}

/** Cycles through the requests endlessly. */
export function cycle(requests: readonly Buffer[]): Requests {
  let at = 0
  return {
    next() {
      const request = requests[at]!
      at = at + 1 === requests.length ? 0 : at + 1
      return request
    },
  }
}

/** A keep-alive connection. `send` may be called only after the previous answer. */
export interface Connection {
  send(request: Buffer, onAnswer: (status: number) => void): void
  close(): void
}

const HEAD_END = Buffer.from('\r\n\r\n')

/** Connects. `onEnd` is called once if the connection ends before `close`. */
export function openConnection(port: number, onEnd: (error?: Error) => void): Promise<Connection> {
  let answered: ((status: number) => void) | undefined
  let pending: Buffer | undefined

  function take(chunk: Buffer): void {
    const bytes = pending === undefined ? chunk : Buffer.concat([pending, chunk])
    const status = completeStatus(bytes)
    if (status === undefined) {
      // Copies the chunk: it is the socket's buffer, which the next read overwrites.
      pending = pending === undefined ? Buffer.from(bytes) : bytes
      return
    }
    pending = undefined
    const onAnswer = answered
    answered = undefined
    onAnswer?.(status)
  }

  return new Promise((resolve, reject) => {
    const socket: Socket = connect({
      port,
      host: '127.0.0.1',
      noDelay: true,
      onread: {
        buffer: Buffer.allocUnsafe(64 * 1024),
        callback(length, buffer) {
          take((buffer as Buffer).subarray(0, length))
          return true
        },
      },
    })
    let closing = false
    const ended = (error?: Error): void => {
      if (!closing) onEnd(error)
      closing = true
    }
    socket.once('connect', () =>
      resolve({
        send(request, onAnswer) {
          answered = onAnswer
          socket.write(request)
        },
        close() {
          closing = true
          socket.destroy()
        },
      }),
    )
    socket.on('error', error => {
      reject(error)
      ended(error)
    })
    socket.on('close', () => ended())
  })
}

/** The status of a complete answer, else undefined. Answers must have a Content-Length. */
function completeStatus(bytes: Buffer): number | undefined {
  const headEnd = bytes.indexOf(HEAD_END)
  if (headEnd < 0) return undefined
  const head = bytes.toString('latin1', 0, headEnd)
  const status = Number(head.slice(9, 12))
  if (status === 204) return status
  const length = /content-length: *(\d+)/i.exec(head)?.[1]
  if (length === undefined) throw new Error(`an answer without Content-Length: ${head}`)
  return bytes.length >= headEnd + HEAD_END.length + Number(length) ? status : undefined
}

/** Opens connections. If one of them ends, the whole load fails. */
export async function openConnections(
  { port, connections }: Target,
  fail: (error: Error) => void,
): Promise<Connection[]> {
  const onEnd = (error?: Error): void => fail(error ?? new Error('the server closed a connection'))
  return Promise.all(Array.from({ length: connections }, () => openConnection(port, onEnd)))
}

/** Sends `count` requests sequentially. Rejects if one is refused. */
export async function sendAll(port: number, requests: Requests, count: number): Promise<void> {
  const { promise: cut, reject } = Promise.withResolvers<never>()
  cut.catch(() => undefined)
  const connection = await openConnection(port, error => reject(error ?? new Error('the server closed the connection')))
  for (let sent = 0; sent < count; sent++) {
    const answer = new Promise<number>(resolve => connection.send(requests.next(), resolve))
    const status = await Promise.race([answer, cut])
    if (status >= 300) throw new Error(`a request was answered with ${status}`)
  }
  connection.close()
}
