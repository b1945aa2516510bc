/** Receives OTLP over HTTP, in both encodings, and keeps log records and spans as OTLP/JSON. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { gunzipSync } from 'node:zlib'
import { decodeBody, REQUESTS } from '../receive/otlp/wire.ts'

export type Signal = 'logs' | 'traces'

/** A request in OTLP/JSON. */
export type Request = Readonly<Record<string, unknown>>

export interface Capture extends AsyncDisposable {
  /** Without a path. */
  readonly url: string
  readonly requests: readonly { readonly signal: Signal; readonly request: Request }[]
}

/** Starts a receiver on a free port. */
export async function startCapture(): Promise<Capture> {
  const requests: { signal: Signal; request: Request }[] = []
  const server = createServer(async (req, res) => {
    const signal = req.url?.split('/').at(-1) as Signal
    const sent = await buffer(req)
    const body = req.headers['content-encoding'] === 'gzip' ? gunzipSync(sent) : sent
    const isJson = req.headers['content-type']?.startsWith('application/json') ?? false
    if (signal === 'logs' || signal === 'traces') {
      requests.push({ signal, request: isJson ? JSON.parse(body.toString()) : decodeBody(REQUESTS[signal], body) })
    }
    res.writeHead(200, { 'content-type': req.headers['content-type'] ?? 'application/json' }).end(isJson ? '{}' : '')
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise<unknown>(resolve => server.close(resolve))
    },
  }
}
