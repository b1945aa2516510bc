/** Tracks the open connections of a listener, and closes those that send no request in time. */
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { lateHeaders, printAnswer } from './parse-error.ts'
import type { Problem } from './problem.ts'

export interface ConnectionLimits {
  /** From the TCP connection, through a TLS handshake, to the end of the first request's headers. */
  readonly headersTimeoutMs: number
  /** From one response to the headers of the next request. Longer than Node's timeouts together: it catches clients that restart those. */
  readonly idleTimeoutMs: number
}

export interface Connections {
  readonly count: number
  /** Adds a TCP connection. HTTP is read from `socket`, or with TLS from the socket that {@link secured} adds. */
  add(socket: Socket, isTls: boolean): void
  /** Adds the TLS socket of a connection after its handshake. */
  secured(socket: TLSSocket): void
  /** Registers a request. False if the connection was already refused: the request must not be handled. */
  begin(res: ServerResponse): boolean
  /** Sends a problem, unless a response is in progress, and closes the connection. False if nothing could be sent. */
  refuse(socket: Socket, problem: Problem): boolean
  /** Closes connections that exceed a timeout. `onLate` is called with each response that was sent. */
  sweep(onLate: (problem: Problem) => void): void
  /** Closes connections without any request that are older than `ageMs`. */
  closeUnused(ageMs: number): void
  closeAll(): void
}

interface Connection {
  readonly tcp: Socket
  readonly openedMs: number
  /** The socket that HTTP is read from. Undefined before the end of the TLS handshake. */
  http: Socket | undefined
  requests: number
  /** Requests whose responses are not sent yet: several with pipelining. */
  answering: number
  /** The response to the last request while it is in progress. */
  answer: ServerResponse | undefined
  isRefused: boolean
  idleSinceMs: number
  /** `requests` at the last sweep. */
  sweptRequests: number
}

/** How long a refused client may continue to send. A close while it sends would make TCP discard the response that it has not read. */
const LINGER_MS = 1000

export function createConnections({ headersTimeoutMs, idleTimeoutMs }: ConnectionLimits): Connections {
  const all = new Set<Connection>()
  const byHttp = new Map<Socket, Connection>()
  /** Connections in their TLS handshake, by address: Node has no public link from a TLS socket to its TCP socket. */
  const inHandshake = new Map<string, Connection>()

  function answered(this: ServerResponse): void {
    const connection = byHttp.get(this.req.socket)
    // An idle connection must not keep the last request and its body in memory.
    if (connection !== undefined && --connection.answering === 0) connection.answer = undefined
  }

  function refuse(connection: Connection, problem: Problem): boolean {
    const { http } = connection
    if (connection.isRefused) return false
    connection.isRefused = true
    if (http === undefined || !http.writable) {
      destroy(connection)
      return false
    }
    const isAnswered = canWrite(connection)
    // Handlers in progress learn from the close that the client sends nothing more.
    const whenOut = connection.answering > 0 ? () => destroy(connection) : undefined
    if (isAnswered) http.end(printAnswer(problem), whenOut)
    else http.end(whenOut)
    const cut = setTimeout(() => destroy(connection), LINGER_MS)
    connection.tcp.once('close', () => clearTimeout(cut))
    return isAnswered
  }

  return {
    get count() {
      return all.size
    },
    add(tcp, isTls) {
      const nowMs = performance.now()
      const connection: Connection = {
        tcp,
        openedMs: nowMs,
        http: isTls ? undefined : tcp,
        requests: 0,
        answering: 0,
        answer: undefined,
        isRefused: false,
        idleSinceMs: nowMs,
        sweptRequests: 0,
      }
      const key = isTls ? keyOf(tcp) : ''
      all.add(connection)
      if (isTls) inHandshake.set(key, connection)
      else byHttp.set(tcp, connection)
      tcp.once('close', () => {
        all.delete(connection)
        if (inHandshake.get(key) === connection) inHandshake.delete(key)
        if (connection.http !== undefined) byHttp.delete(connection.http)
      })
    },
    secured(socket) {
      const key = keyOf(socket)
      const connection = inHandshake.get(key)
      if (connection === undefined) {
        socket.destroy()
        return
      }
      inHandshake.delete(key)
      connection.http = socket
      byHttp.set(socket, connection)
    },
    begin(res) {
      const connection = byHttp.get(res.req.socket)
      if (connection === undefined || connection.isRefused) return false
      connection.requests++
      connection.answering++
      connection.answer = res
      res.on('finish', answered)
      return true
    },
    refuse(socket, problem) {
      const connection = byHttp.get(socket)
      if (connection !== undefined) return refuse(connection, problem)
      socket.destroy()
      return false
    },
    sweep(onLate) {
      const nowMs = performance.now()
      for (const connection of all) {
        const { requests, answering, isRefused } = connection
        if (answering > 0 || requests !== connection.sweptRequests) {
          connection.sweptRequests = requests
          connection.idleSinceMs = nowMs
        } else if (isRefused) {
          // The timer of LINGER_MS closes it.
        } else if (requests > 0) {
          if (nowMs - connection.idleSinceMs >= idleTimeoutMs) destroy(connection)
        } else if (nowMs - connection.openedMs >= headersTimeoutMs) {
          const problem = lateHeaders(headersTimeoutMs)
          if (refuse(connection, problem)) onLate(problem)
        }
      }
    },
    closeUnused(ageMs) {
      const openedBeforeMs = performance.now() - ageMs
      for (const connection of all) {
        if (connection.requests === 0 && connection.openedMs <= openedBeforeMs) destroy(connection)
      }
    },
    closeAll() {
      for (const connection of all) destroy(connection)
    },
  }
}

/** Whether no response is in progress: bytes written during one would be read as part of it. */
function canWrite({ answering, answer }: Connection): boolean {
  if (answering === 0 || answer === undefined) return true
  return answering === 1 && (!answer.headersSent || answer.writableEnded)
}

function destroy({ http, tcp }: Connection): void {
  http?.destroy()
  tcp.destroy()
}

const keyOf = ({ remoteAddress, remotePort, localAddress, localPort }: Socket): string =>
  `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`
