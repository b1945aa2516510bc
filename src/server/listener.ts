/** The one listener: limits on connections and time, and a drain that loses no answer. */
import { readFileSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { Certificate } from './certificate.ts'
import { createConnections } from './connections.ts'
import { type ParseError, problemOfParseError } from './parse-error.ts'
import type { Problem } from './problem.ts'

export interface ListenerOptions {
  readonly host: string
  /** 0 for any free one. */
  readonly port: number
  readonly tls: Certificate | undefined
  /** For the headers of a request; for the first one of a connection, together with the TLS handshake. */
  readonly headersTimeoutMs: number
  /** How long a connection may be idle, between two requests or in the middle of an answer that its client does not read. */
  readonly keepAliveTimeoutMs: number
  /** Fewer where the process may not open enough files for so many: what keeps attempts goes first. */
  readonly maxConnections: number
  /** Called with each answer to what never became a request: it cannot be parsed, or its headers are late. */
  readonly onUnparsed?: ((problem: Problem) => void) | undefined
}

export interface Listener {
  /** `http://HOST:PORT`, where it can be reached. */
  readonly url: string
  /** Connections that were dropped because there were too many. */
  readonly dropped: number
  readonly connections: number
  /** Serves new connections with another certificate; throws, and changes nothing, where it is no good. */
  renew(tls: Certificate): void
  /** Takes no new connection, answers what is under way, and cuts what is left after `timeoutMs`. */
  drain(timeoutMs: number): Promise<void>
}

/** Rejects with the system's error (EADDRINUSE, EACCES, …) where it cannot listen. */
export async function openListener(handler: http.RequestListener, options: ListenerOptions): Promise<Listener> {
  const headersTimeoutMs = Math.ceil(options.headersTimeoutMs)
  const keepAliveTimeoutMs = Math.min(Math.ceil(options.keepAliveTimeoutMs), MAX_TIMER_MS - KEEP_ALIVE_BUFFER_MS)
  const checkEveryMs = Math.min(1000, Math.max(10, Math.ceil(headersTimeoutMs / 10)))
  const serverOptions: http.ServerOptions = {
    headersTimeout: headersTimeoutMs,
    // A body has its own deadlines, because a stream of attempts may go on for long.
    requestTimeout: 0,
    keepAliveTimeout: keepAliveTimeoutMs,
    keepAliveTimeoutBuffer: KEEP_ALIVE_BUFFER_MS,
    connectionsCheckingInterval: checkEveryMs,
    // A request without Host gets an answer of ours: Node would send a bare 400.
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
    res.on('timeout', cutUnread)
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
  // Whatever a client expects, it gets an answer of ours: Node would send a bare 417.
  server.on('checkExpectation', answer)
  server.on('connection', socket => connections.add(socket, options.tls !== undefined))
  server.on('secureConnection', socket => connections.secured(socket))
  server.on('clientError', (error: ParseError, socket) => {
    const problem = problemOfParseError(error, headersTimeoutMs)
    if (problem === undefined) socket.destroy()
    else refuse(socket as Socket, problem)
  })
  // Node would close the connection without a word.
  server.on('connect', (_req, socket) => {
    socket.on('error', () => undefined).resume()
    refuse(socket as Socket, { status: 501, detail: 'this is no proxy: CONNECT is not known here' })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host: options.host, port: options.port }, () => {
      server.off('error', reject)
      resolve()
    })
  })
  const { port } = server.address() as AddressInfo
  const shown = options.host.includes(':') ? `[${options.host}]` : options.host
  const sweep = setInterval(() => connections.sweep(problem => options.onUnparsed?.(problem)), checkEveryMs).unref()
  return {
    url: `${options.tls ? 'https' : 'http'}://${shown}:${port}`,
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
        // A keep-alive client that was between two requests is idle by the next look.
        server.closeIdleConnections()
        connections.closeUnused(UNUSED_MS)
      }, 100)
      // Node knows those alone whose handshake is done.
      const cut = setTimeout(() => connections.closeAll(), timeoutMs)
      await closed
      clearInterval(close)
      clearInterval(sweep)
      clearTimeout(cut)
    },
  }
}

/** Longer than this a timer of Node fires at once. */
const MAX_TIMER_MS = 2 ** 31 - 1

/** An idle connection stays open this much longer than its client is told, so that a request sent at the last moment gets its answer. */
const KEEP_ALIVE_BUFFER_MS = 1000

/** Age from which a drain closes a connection that has sent no request: younger ones may have one on the way. */
const UNUSED_MS = 1000

/** Nothing went either way for so long: whoever has our bytes to read and does not is cut, whoever waits for us is not. */
function cutUnread(socket: Socket): void {
  if (socket.writableLength > 0) socket.destroy()
}

/** Files the process has open without any connection, and those that keeping attempts takes. */
const RESERVED_FILES = 40

/** How many connections leave the reserve alone when each of them reads a file besides. */
function affordableConnections(): number {
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
