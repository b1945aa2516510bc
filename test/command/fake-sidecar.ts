/** A fake sidecar that records its requests. */
import type { IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import { type HttpServer, startHttpServer } from '../support/http-server.ts'

export interface FakeAnswer {
  readonly status?: number
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

export interface FakeRequest {
  readonly method: string
  readonly path: string
  readonly query: Readonly<Record<string, string>>
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

export interface FakeSidecar extends HttpServer {
  readonly requests: readonly FakeRequest[]
}

/** Starts a fake sidecar on a free port. Answers status 400 and above with problem details. */
export async function startFakeSidecar(
  answer: (request: FakeRequest, nth: number) => FakeAnswer | 'hang up',
): Promise<FakeSidecar> {
  const requests: FakeRequest[] = []
  const server = await startHttpServer(async (req, res) => {
    const url = new URL(req.url ?? '/', 'http://localhost')
    const { method = '', headers } = req
    const query = Object.fromEntries(url.searchParams)
    const request = { method, path: url.pathname, query, headers, body: await text(req) }
    requests.push(request)
    const answered = answer(request, requests.length)
    if (answered === 'hang up') return void res.destroy()
    const { status = 200, body = {}, headers: more = {} } = answered
    const type = status < 400 ? 'application/json' : 'application/problem+json'
    res.writeHead(status, { 'content-type': type, ...more })
    res.end(typeof body === 'string' ? body : JSON.stringify(body))
  })
  return { ...server, requests }
}
