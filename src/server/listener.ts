/** The HTTP(S) listener: limits on connections and time, and a drain that loses no response. */
import { readFileSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import type { Socket } from 'node:net'
import type { Certificate } from './certificate.ts'
import { createConnections } from './connections.ts'
import { type ListenOptions, listen } from './listen.ts'
import { isHttp2Preface, type ParseError, problemOfParseError } from './parse-error.ts'
import type { Problem } from './problem.ts'

export interface ListenerOptions extends ListenOptions {
  readonly tls: Certificate | undefined
  /** For the headers of a request. For the first request of a connection, it includes the TLS handshake. */
  readonly headersTimeoutMs: number
  /** How long a connection may be idle: between two requests, or during a response that its client does not read. */
  readonly keepAliveTimeoutMs: number
  /** Reduced if the process may not open enough files: the store needs its files first. */
  readonly maxConnections: number
  /** Called with each response to bytes that did not become a request: they cannot be parsed, or the headers are late. */
  readonly onUnparsed?: ((problem: Problem) => void) | undefined
  /** Called for each connection that begins as HTTP/2 does: a gRPC client that was given the port of HTTP. */
  readonly onHttp2?: (() => void) | undefined
}

export interface Listener {
  /** `http://HOST:PORT` or `https://HOST:PORT`. */
  readonly url: string
  /** Connections that were dropped because the limit was reached. */
  readonly dropped: number
  readonly connections: number
  /** Serves new connections with another certificate. Throws, and changes nothing, if it is invalid. */
  renew(tls: Certificate): void
  /** Accepts no new connection, completes the requests in progress, and closes the remaining connections after `timeoutMs`. */
  drain(timeoutMs: number): Promise<void>
}

/** Rejects with the system error (EADDRINUSE, EACCES, …) if it cannot listen. */
export async function openListener(handler: http.RequestListener, options: ListenerOptions): Promise<Listener> {
  const headersTimeoutMs = Math.ceil(options.headersTimeoutMs)
  const keepAliveTimeoutMs = Math.min(Math.ceil(options.keepAliveTimeoutMs), MAX_TIMER_MS - KEEP_ALIVE_BUFFER_MS)
  const checkEveryMs = Math.min(1000, Math.max(10, Math.ceil(headersTimeoutMs / 10)))
  const serverOptions: http.ServerOptions = {
    headersTimeout: headersTimeoutMs,
    // The body has its own deadlines, because a stream of attempts may last long.
    requestTimeout: 0,
    keepAliveTimeout: keepAliveTimeoutMs,
    keepAliveTimeoutBuffer: KEEP_ALIVE_BUFFER_MS,
    connectionsCheckingInterval: checkEveryMs,
    // A request without Host gets problem details: Node would send an empty 400.
    requireHostHeader: false,
  }
  const connections = createConnections({
    headersTimeoutMs,
    idleTimeoutMs: keepAliveTimeoutMs + KEEP_ALIVE_BUFFER_MS + headersTimeoutMs,
  })
  const refuse = (socket: Socket, problem: Problem): void => {
    if (connections.refuse(socket, problem)) options.onUnparsed?.(problem)
  }
  let dropped = 0
  let draining = false
  const answer: http.RequestListener = (req, res) => {
    if (!connections.begin(res)) return
    if (draining) res.setHeader('Connection', 'close')
    res.on('timeout', closeUnread)
    handler(req, res)
  }
  const server = options.tls
    ? https.createServer(
        { ...serverOptions, ...options.tls, minVersion: 'TLSv1.2', handshakeTimeout: headersTimeoutMs },
        answer,
      )
    : http.createServer(serverOptions, answer)
  server.timeout = keepAliveTimeoutMs
  server.maxConnections = Math.min(options.maxConnections, affordableConnections())
  server.on('drop', () => dropped++)
  // An unknown Expect header is ignored: Node would send an empty 417.
  server.on('checkExpectation', answer)
  server.on('connection', socket => connections.add(socket, options.tls !== undefined))
  server.on('secureConnection', socket => connections.secured(socket))
  server.on('clientError', (error: ParseError, socket) => {
    if (isHttp2Preface(error)) options.onHttp2?.()
    const problem = problemOfParseError(error, headersTimeoutMs)
    if (problem === undefined) socket.destroy()
    else refuse(socket as Socket, problem)
  })
  // Node would close the connection without a response.
  server.on('connect', (_req, socket) => {
    socket.on('error', () => undefined).resume()
    refuse(socket as Socket, { status: 501, detail: 'this is not a proxy: CONNECT is not implemented' })
  })
  const url = await listen(server, options.tls ? 'https' : 'http', options)
  const sweep = setInterval(() => connections.sweep(problem => options.onUnparsed?.(problem)), checkEveryMs).unref()
  return {
    url,
    get dropped() {
      return dropped
    },
    get connections() {
      return connections.count
    },
    renew(tls) {
      if (server instanceof https.Server) server.setSecureContext({ ...tls, minVersion: 'TLSv1.2' })
    },
    async drain(timeoutMs) {
      draining = true
      const closed = new Promise<void>(resolve => server.close(() => resolve()))
      server.closeIdleConnections()
      const close = setInterval(() => {
        // A keep-alive connection that was between two requests is idle at the next check.
        server.closeIdleConnections()
        connections.closeUnused(UNUSED_MS)
      }, 100)
      // server.closeAllConnections does not include connections in their TLS handshake.
      const cut = setTimeout(() => connections.closeAll(), timeoutMs)
      await closed
      clearInterval(close)
      clearInterval(sweep)
      clearTimeout(cut)
    },
  }
}

/** Node treats a longer timer delay as 1 ms. */
const MAX_TIMER_MS = 2 ** 31 - 1

/** An idle connection stays open for this much longer than announced, so that a request sent at the last moment gets a response. */
const KEEP_ALIVE_BUFFER_MS = 1000

/** From this age on, a drain closes a connection without a request. On a newer one a request may be in transit. */
const UNUSED_MS = 1000

/** On a socket timeout, closes a connection whose client does not read. A client that waits for the sidecar stays connected. */
function closeUnread(socket: Socket): void {
  if (socket.writableLength > 0) socket.destroy()
}

/** Files that the process needs without any connection, including those of the store. */
const RESERVED_FILES = 40

/** The number of connections that leaves the reserved files free, if each connection opens one more file. */
export function affordableConnections(): number {
  try {
    const limit = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]
    return limit === undefined
      ? Number.POSITIVE_INFINITY
      : Math.max(1, Math.floor((Number(limit) - RESERVED_FILES) / 2))
  } catch {
    // Not Linux.
    return Number.POSITIVE_INFINITY
  }
}
