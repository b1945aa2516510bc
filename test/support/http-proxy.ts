/** A reverse proxy on the loopback interface that may answer some requests itself. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface HttpProxy extends AsyncDisposable {
  readonly url: string
}

/** Passes requests on to `target`, but not those that `intercept` takes: it resolves with true for them, and answers or holds them. */
export async function startHttpProxy(
  target: string,
  intercept: (req: IncomingMessage, res: ServerResponse) => boolean | Promise<boolean>,
): Promise<HttpProxy> {
  const server = createServer(async (req, res) => {
    if (await intercept(req, res)) return
    const passed = request(`${target}${req.url}`, { method: req.method ?? 'GET', headers: req.headers }, answer => {
      res.writeHead(answer.statusCode!, answer.headers)
      answer.pipe(res)
    })
    res.once('close', () => passed.destroy())
    passed.once('error', () => res.destroy())
    req.pipe(passed)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
