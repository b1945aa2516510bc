/** A reverse proxy on the loopback interface that may answer some requests itself. */
import { type IncomingMessage, request, type ServerResponse } from 'node:http'
import { type HttpServer, startHttpServer } from './http-server.ts'

/** Passes requests on to `target`, but not those that `intercept` takes: it resolves with true for them, and answers or holds them. */
export function startHttpProxy(
  target: string,
  intercept: (req: IncomingMessage, res: ServerResponse) => boolean | Promise<boolean>,
): Promise<HttpServer> {
  return startHttpServer(async (req, res) => {
    if (await intercept(req, res)) return
    const passed = request(`${target}${req.url}`, { method: req.method ?? 'GET', headers: req.headers }, answer => {
      res.writeHead(answer.statusCode!, answer.headers)
      answer.pipe(res)
    })
    res.once('close', () => passed.destroy())
    passed.once('error', () => res.destroy())
    req.pipe(passed)
  })
}
