/** Load over HTTP/1.1: kept-alive connections, one request at a time on each, on bare sockets so that the generator stays cheap. */
import { connect, type Socket } from 'node:net'

/** Bytes of whole requests; `next` is called once for each that is sent. */
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

/** One POST as it goes over the wire. */
export function post(path: string, body: string | Buffer, contentType = 'application/json', method = 'POST'): Buffer {
  const bytes = Buffer.from(body)
  const head = `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: ${contentType}\r\nContent-Length: ${bytes.length}\r\n\r\n`
  return Buffer.concat([Buffer.from(head), bytes])
}

/** Repeats the requests in order, without end. */
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

/** A kept-alive connection. `send` may be called when the answer before has come. */
export interface Connection {
  send(request: Buffer, onAnswer: (status: number) => void): void
  close(): void
}

const HEAD_END = Buffer.from('\r\n\r\n')

/** Connects, and resolves when that is done; `onEnd` is told when the other side has gone. */
export function openConnection(port: number, onEnd: (error?: Error) => void): Promise<Connection> {
  let answered: ((status: number) => void) | undefined
  let pending: Buffer | undefined

  function take(chunk: Buffer): void {
    const bytes = pending === undefined ? chunk : Buffer.concat([pending, chunk])
    const status = completeStatus(bytes)
    if (status === undefined) {
      // The chunk is the socket's own buffer, and is written over by the next read.
      pending = pending === undefined ? Buffer.from(bytes) : bytes
      return
    }
    pending = undefined
    const tell = answered
    answered = undefined
    tell?.(status)
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

/** The status of an answer that is all there; its length is stated, as all answers to a load state it. */
function completeStatus(bytes: Buffer): number | undefined {
  const headEnd = bytes.indexOf(HEAD_END)
  if (headEnd < 0) return undefined
  const head = bytes.toString('latin1', 0, headEnd)
  const status = Number(head.slice(9, 12))
  if (status === 204) return status
  const length = /content-length: *(\d+)/i.exec(head)?.[1]
  if (length === undefined) throw new Error(`an answer of a length that is not stated: ${head}`)
  return bytes.length >= headEnd + HEAD_END.length + Number(length) ? status : undefined
}

/** Connections that fail the load when one of them is cut. */
export async function openConnections(
  { port, connections }: Target,
  fail: (error: Error) => void,
): Promise<Connection[]> {
  const onEnd = (error?: Error): void => fail(error ?? new Error('the server closed a connection'))
  return Promise.all(Array.from({ length: connections }, () => openConnection(port, onEnd)))
}

/** Sends so many requests, one after the other. Rejects where one of them is refused. */
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
