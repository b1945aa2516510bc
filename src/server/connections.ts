/** The open connections of a listener. Closes those that hold a place without sending a request. */
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { lateHeaders, printAnswer } from './parse-error.ts'
import type { Problem } from './problem.ts'

export interface ConnectionLimits {
  /** From the TCP connection, through a TLS handshake, to the end of the first request's headers. */
  readonly headersTimeoutMs: number
  /** From one answer to the next request's headers. Longer than Node's own time-outs together: this one catches what restarts those. */
  readonly idleTimeoutMs: number
}

export interface Connections {
  readonly count: number
  /** Adds a TCP connection; its HTTP is read from `socket`, or with TLS from what {@link secured} adds. */
  add(socket: Socket, isTls: boolean): void
  /** Adds the TLS side of a connection whose handshake is done. */
  secured(socket: TLSSocket): void
  /** Notes a request. False where the connection was refused already: then it must not be handled. */
  begin(res: ServerResponse): boolean
  /** Writes a problem where no answer is under way and closes the connection; false where nothing could be written. */
  refuse(socket: Socket, problem: Problem): boolean
  /** Closes what is over its time. `onLate` is called with the answer to each that got one. */
  sweep(onLate: (problem: Problem) => void): void
  /** Closes connections without any request that are older than `ageMs`: a drain has nothing to wait for there. */
  closeUnused(ageMs: number): void
  closeAll(): void
}

interface Connection {
  readonly tcp: Socket
  readonly openedMs: number
  /** Where HTTP is read from; undefined before the TLS handshake is done. */
  http: Socket | undefined
  requests: number
  /** Requests whose answers are not out yet. With pipelining there are several. */
  answering: number
  /** The answer to the last request, while there is one. */
  answer: ServerResponse | undefined
  isRefused: boolean
  idleSinceMs: number
  /** `requests` at the last sweep. */
  sweptRequests: number
}

/** How long a refused client may go on sending: closing while it sends would discard the answer before the client reads it. */
const LINGER_MS = 1000

export function createConnections({ headersTimeoutMs, idleTimeoutMs }: ConnectionLimits): Connections {
  const all = new Set<Connection>()
  const byHttp = new Map<Socket, Connection>()
  /** Connections in their TLS handshake. Node links the two sockets of one nowhere in public: their addresses do. */
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
    // A request that is being handled learns from the close that nothing more comes.
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
          // It is closed when it has lingered.
        } else if (requests > 0) {
          if (nowMs - connection.idleSinceMs >= idleTimeoutMs) destroy(connection)
        } else if (nowMs - connection.openedMs >= headersTimeoutMs) {
          const problem = lateHeaders(headersTimeoutMs)
          if (refuse(connection, problem)) onLate(problem)
        }
      }
    },
    closeUnused(ageMs) {
      const bornMs = performance.now() - ageMs
      for (const connection of all) {
        if (connection.requests === 0 && connection.openedMs <= bornMs) destroy(connection)
      }
    },
    closeAll() {
      for (const connection of all) destroy(connection)
    },
  }
}

/** Whether bytes written now come after every answer. In the middle of one they would be read as part of it. */
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
