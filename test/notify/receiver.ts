/** An HTTP server that records what sinks send, and answers as a test says. */
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

export interface Received {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: the body of any sink.
  readonly body: any
}

interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly text?: string
}

export interface Receiver extends AsyncDisposable {
  readonly url: string
  readonly port: number
  readonly received: readonly Received[]
  /** The answer to later requests; 200 at first. Undefined: none. */
  answer: Answer | undefined
}

export async function openReceiver(): Promise<Receiver> {
  const received: Received[] = []
  const receiver = { answer: { status: 200 } as Answer | undefined }
  const server = createServer(async (req, res) => {
    const body = await text(req)
    received.push({ path: req.url ?? '', headers: req.headers, text: body, body: JSON.parse(body) })
    const { answer } = receiver
    if (answer !== undefined) res.writeHead(answer.status, answer.headers).end(answer.text)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return Object.assign(receiver, {
    url: `http://127.0.0.1:${port}`,
    port,
    received,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  })
}
