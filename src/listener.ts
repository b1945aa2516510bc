/** The one listener: limits on connections and time, and a drain that loses no answer. */
import { readFileSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { Certificate } from './certificate.ts'

export interface ListenerOptions {
  readonly host: string
  /** 0 for any free one. */
  readonly port: number
  readonly tls: Certificate | undefined
  readonly headersTimeoutMs: number
  /** How long a connection may be idle, between two requests or in the middle of an answer that its client does not read. */
  readonly keepAliveTimeoutMs: number
  /** Fewer where the process may not open enough files for so many: what keeps attempts goes first. */
  readonly maxConnections: number
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
  const serverOptions: http.ServerOptions = {
    headersTimeout: options.headersTimeoutMs,
    // A body has its own deadlines, because a stream of attempts may go on for long.
    requestTimeout: 0,
    keepAliveTimeout: options.keepAliveTimeoutMs,
    connectionsCheckingInterval: Math.min(5000, options.headersTimeoutMs / 2),
  }
  let dropped = 0
  let draining = false
  const answer: http.RequestListener = (req, res) => {
    if (draining) res.setHeader('Connection', 'close')
    res.on('timeout', cutUnread)
    handler(req, res)
  }
  const server = options.tls
    ? https.createServer({ ...serverOptions, ...options.tls, minVersion: 'TLSv1.2' }, answer)
    : http.createServer(serverOptions, answer)
  server.timeout = options.keepAliveTimeoutMs
  server.maxConnections = Math.min(options.maxConnections, affordableConnections())
  server.on('drop', () => dropped++)
  // Whatever a client expects, it gets an answer of ours: Node would send a bare 417.
  server.on('checkExpectation', answer)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host: options.host, port: options.port }, () => {
      server.off('error', reject)
      resolve()
    })
  })
  const { port } = server.address() as AddressInfo
  const shown = options.host.includes(':') ? `[${options.host}]` : options.host
  let connections = 0
  server.on('connection', socket => {
    connections++
    socket.once('close', () => connections--)
  })
  return {
    url: `${options.tls ? 'https' : 'http'}://${shown}:${port}`,
    get dropped() {
      return dropped
    },
    get connections() {
      return connections
    },
    renew(tls) {
      if (server instanceof https.Server) server.setSecureContext({ ...tls, minVersion: 'TLSv1.2' })
    },
    async drain(timeoutMs) {
      draining = true
      const closed = new Promise<void>(resolve => server.close(() => resolve()))
      server.closeIdleConnections()
      // A keep-alive client that was between two requests is idle by the next look.
      const sweep = setInterval(() => server.closeIdleConnections(), 100)
      const cut = setTimeout(() => server.closeAllConnections(), timeoutMs)
      await closed
      clearInterval(sweep)
      clearTimeout(cut)
    },
  }
}

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
