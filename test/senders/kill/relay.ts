/**
 * Stands between a sender and a sidecar, by HTTP or gRPC, and notes which attempts were sent and which were acknowledged. While it is closed,
 * its port refuses connections, as that of a stopped sidecar does.
 */
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { type ClientHttp2Session, connect, createServer as createHttp2Server, type ServerHttp2Stream } from 'node:http2'
import type { Server, Socket } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { gunzipSync } from 'node:zlib'

export interface Relay {
  /** The ids of attempts that arrived. */
  readonly arrived: ReadonlySet<string>
  /** The ids of attempts whose request the sidecar answered with success. */
  readonly acknowledged: ReadonlySet<string>
  open(): Promise<void>
  close(): Promise<void>
}

export interface RelayOptions {
  readonly protocol: 'http' | 'grpc'
  readonly port: number
  /** The port of the sidecar. */
  readonly to: number
}

/** Ids have a fixed number of digits: in protobuf, the byte after an id may be a digit too. */
const ID = /[a-z]+-(?:log|span)-\d{4}/g

export function createRelay({ protocol, port, to }: RelayOptions): Relay {
  const arrived = new Set<string>()
  const acknowledged = new Set<string>()
  const sockets = new Set<Socket>()
  let server: Server | undefined

  function idsIn(body: Buffer): readonly string[] {
    const ids = body.toString('latin1').match(ID) ?? []
    for (const id of ids) arrived.add(id)
    return ids
  }

  function acknowledge(ids: readonly string[]): void {
    for (const id of ids) acknowledged.add(id)
  }

  async function passHttp(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const body = await buffer(req)
    const ids = idsIn(req.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body)
    const passed = request({ port: to, host: '127.0.0.1', path: req.url, method: 'POST', headers: req.headers })
    passed.on('error', () => req.socket.destroy())
    passed.on('response', async answer => {
      const sent = await buffer(answer).catch(() => undefined)
      if (sent === undefined) return void req.socket.destroy()
      if (answer.statusCode === 200) acknowledge(ids)
      res.writeHead(answer.statusCode ?? 502, answer.headers).end(sent)
    })
    passed.end(body)
  }

  async function passGrpc(stream: ServerHttp2Stream, headers: Record<string, unknown>): Promise<void> {
    stream.on('error', () => undefined)
    const body = await buffer(stream)
    const message = body.subarray(5)
    const ids = idsIn(body[0] === 1 ? gunzipSync(message) : message)
    const client: ClientHttp2Session = connect(`http://127.0.0.1:${to}`)
    const fail = (): void => void stream.session?.destroy()
    client.on('error', fail)
    const own = Object.entries(headers).filter(
      ([name]) => !name.startsWith(':') || name === ':path' || name === ':method',
    )
    const passed = client.request(Object.fromEntries(own) as Record<string, string>)
    passed.on('error', fail)
    let answer: Record<string, unknown> = {}
    let trailers: Record<string, unknown> = {}
    passed.on('response', given => (answer = { ...given }))
    passed.on('trailers', given => (trailers = { ...given }))
    const chunks: Buffer[] = []
    passed.on('data', chunk => chunks.push(chunk))
    passed.on('end', () => {
      client.close()
      const status = trailers['grpc-status'] ?? answer['grpc-status']
      if (status === undefined) return fail()
      if (String(status) === '0') acknowledge(ids)
      if (stream.destroyed) return
      const known = Object.entries({ ...answer, ...trailers }).filter(([name]) => /^(?:content-type|grpc-)/.test(name))
      const { 'content-type': type = 'application/grpc', ...ends } = Object.fromEntries(known) as Record<string, string>
      stream.respond({ ':status': 200, 'content-type': type }, { waitForTrailers: true })
      stream.on('wantTrailers', () => stream.sendTrailers(ends))
      stream.end(Buffer.concat(chunks))
    })
    passed.end(body)
  }

  return {
    arrived,
    acknowledged,
    async open() {
      const opened =
        protocol === 'http'
          ? createServer((req, res) => void passHttp(req, res).catch(() => req.socket.destroy()))
          : createHttp2Server().on(
              'stream',
              (stream, headers) => void passGrpc(stream, headers).catch(() => stream.session?.destroy()),
            )
      opened.on('connection', socket => {
        sockets.add(socket)
        socket.on('close', () => sockets.delete(socket))
      })
      server = opened
      await new Promise<void>(resolve => opened.listen(port, '127.0.0.1', resolve))
    },
    async close() {
      const closed = new Promise<unknown>(resolve => server?.close(resolve))
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}
