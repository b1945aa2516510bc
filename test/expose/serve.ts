/** A small server for the tests of the handler. It is closed with all its connections when the test ends. */
import { once } from 'node:events'
import { type IncomingHttpHeaders, request, type ServerResponse } from 'node:http'
import { connect, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import type { MetricsHandler } from '../../src/expose/handler.ts'
import { startHttpServer } from '../support/http-server.ts'

export interface Served {
  readonly port: number
  /** Every response so far, and a promise that resolves when its handler has ended. */
  readonly answers: readonly { readonly res: ServerResponse; readonly handled: Promise<void> }[]
}

export async function serve(handle: MetricsHandler): Promise<Served> {
  const answers: { res: ServerResponse; handled: Promise<void> }[] = []
  const server = await startHttpServer((req, res) => void answers.push({ res, handled: handle(req, res) }))
  onTestFinished(() => server[Symbol.asyncDispose]())
  return { port: server.port, answers }
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

/** Requests the metrics and reads the whole response. Rejects if it is aborted. */
export async function ask(port: number, method = 'GET', headers: Record<string, string> = {}): Promise<Answer> {
  const req = request({ port, host: '127.0.0.1', path: '/metrics', method, headers, agent: false }).end()
  const [res] = await once(req, 'response')
  const chunks: Buffer[] = []
  for await (const chunk of res) chunks.push(chunk)
  return { status: res.statusCode, headers: res.headers, body: Buffer.concat(chunks) }
}

/** A scraper that sends a request and then reads nothing. */
export function askAndStall(port: number, header = 'A: b'): Socket {
  const socket = connect({ port, host: '127.0.0.1' })
  socket.on('error', () => undefined)
  socket.pause()
  socket.write(`GET /metrics HTTP/1.1\r\nHost: localhost\r\n${header}\r\n\r\n`)
  return socket
}
