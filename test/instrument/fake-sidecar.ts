/** A sidecar on a real socket that misbehaves on request. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { NewAttempt } from '../../src/index.ts'

interface Received {
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly attempts: readonly NewAttempt[]
  readonly atMs: number
}

/** How a request is answered. `keep` stores new attempts and returns the answer of a correct sidecar. */
export type Answer = (response: ServerResponse, keep: () => object, received: Received) => void

export interface FakeSidecar {
  readonly url: string
  readonly port: number
  readonly received: readonly Received[]
  /** Ids in the order of their first receipt. */
  kept(): readonly string[]
  /** Answers to the next requests, one each. Later requests get correct answers. */
  next(...answers: Answer[]): void
  /** The answer to all requests without an entry in `next`. */
  always(answer: Answer): void
  close(): Promise<void>
}

const good: Answer = (response, keep, received) => json(200, keep())(response, keep, received)

/** Stores nothing, and gives this answer. */
export function json(status: number, body: unknown, headers: Record<string, string> = {}): Answer {
  return response =>
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
}

/** Stores the attempts, and then fails to answer. */
export function keptBut(answer: Answer): Answer {
  return (response, keep, received) => {
    keep()
    answer(response, keep, received)
  }
}

export const silent: Answer = () => {}
export const reset: Answer = response => response.socket?.resetAndDestroy()
export const halfABody: Answer = response => {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' })
  response.write('{"accepted": 1, "dupl')
  setImmediate(() => response.socket?.destroy())
}

export async function openFakeSidecar(port = 0): Promise<FakeSidecar> {
  const received: Received[] = []
  const kept = new Set<string>()
  const script: Answer[] = []
  let otherwise = good

  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const text = Buffer.concat(chunks).toString('utf8')
    const attempts = (text === '' ? [] : JSON.parse(text)) as NewAttempt[]
    const one = { path: request.url ?? '', headers: request.headers, attempts, atMs: performance.now() }
    received.push(one)
    const answer = script.shift() ?? otherwise
    answer(response, () => keep(kept, attempts), one)
  })
  await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve))
  const address = server.address() as AddressInfo

  return {
    url: `http://127.0.0.1:${address.port}`,
    port: address.port,
    received,
    kept: () => [...kept],
    next: (...answers) => void script.push(...answers),
    always: answer => {
      otherwise = answer
    },
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function keep(kept: Set<string>, attempts: readonly NewAttempt[]): object {
  const before = kept.size
  for (const { attempt_id } of attempts) kept.add(attempt_id ?? 'no id')
  const accepted = kept.size - before
  return { accepted, duplicates: attempts.length - accepted, rejected: [] }
}
