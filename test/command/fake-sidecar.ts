/** A fake sidecar that records its requests. */
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

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

export interface FakeSidecar extends AsyncDisposable {
  readonly url: string
  readonly requests: readonly FakeRequest[]
}

/** Starts a fake sidecar on a free port. Answers status 400 and above with problem details. */
export async function startFakeSidecar(
  answer: (request: FakeRequest, nth: number) => FakeAnswer | 'hang up',
): Promise<FakeSidecar> {
  const requests: FakeRequest[] = []
  const server = createServer(async (req, res) => {
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
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
