/** The HTTP/2 listener of gRPC: limits on connections and time, and a drain that completes the calls in progress. */
import http2 from 'node:http2'
import type { Certificate } from './certificate.ts'
import { listen } from './listen.ts'
import { affordableConnections, type Listener, type ListenerOptions } from './listener.ts'

/** Calls that one connection may have in progress. A client queues further ones. */
const MAX_STREAMS = 100
/** Bytes of the headers of one call. */
const MAX_HEADER_BYTES = 16 * 1024
/** A timer of Node treats a longer delay as 1 ms. */
const MAX_TIMER_MS = 2 ** 31 - 1

export type StreamHandler = (stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders) => void

/** Rejects with the system error (EADDRINUSE, EACCES, …) if it cannot listen. */
export async function openHttp2Listener(
  handler: StreamHandler,
  options: Omit<ListenerOptions, 'onUnparsed' | 'onHttp2'>,
): Promise<Listener> {
  const { headersTimeoutMs, tls } = options
  const keepAliveTimeoutMs = Math.min(Math.ceil(options.keepAliveTimeoutMs), MAX_TIMER_MS)
  const serverOptions = { settings: { maxConcurrentStreams: MAX_STREAMS, maxHeaderListSize: MAX_HEADER_BYTES } }
  const server = tls
    ? http2.createSecureServer({ ...serverOptions, ...tls, ...TLS, handshakeTimeout: headersTimeoutMs })
    : http2.createServer(serverOptions)
  const sessions = new Set<http2.ServerHttp2Session>()
  let dropped = 0
  server.maxConnections = Math.min(options.maxConnections, affordableConnections())
  server.on('drop', () => dropped++)
  server.on('sessionError', () => undefined)
  server.on('session', session => {
    sessions.add(session)
    const late = setTimeout(() => session.destroy(), headersTimeoutMs)
    session.once('stream', () => clearTimeout(late))
    session.once('close', () => {
      clearTimeout(late)
      sessions.delete(session)
    })
    session.setTimeout(keepAliveTimeoutMs, () => {
      // The client reconnects after a GOAWAY. One that does not read it is cut at the next timeout.
      if (session.closed) session.destroy()
      else session.close()
    })
  })
  server.on('stream', handler)
  const url = await listen(server, tls ? 'https' : 'http', options)
  return {
    url,
    get dropped() {
      return dropped
    },
    get connections() {
      return sessions.size
    },
    renew(renewed: Certificate) {
      if ('setSecureContext' in server) server.setSecureContext({ ...renewed, ...TLS })
    },
    async drain(timeoutMs) {
      const closed = new Promise<void>(resolve => server.close(() => resolve()))
      for (const session of sessions) session.close()
      const cut = setTimeout(() => {
        for (const session of sessions) session.destroy()
      }, timeoutMs)
      await closed
      clearTimeout(cut)
    },
  }
}

const TLS = { minVersion: 'TLSv1.2' } as const
