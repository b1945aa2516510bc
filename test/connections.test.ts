/** What a refusal costs: the request, and never the connection that other requests go over. */
import { once } from 'node:events'
import { Agent, type ClientRequest, type IncomingMessage, request } from 'node:http'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { anAttempt, type TestSidecar, testSidecar } from './support/sidecar.ts'

async function statusOf(req: ClientRequest): Promise<number> {
  const [res] = (await once(req, 'response')) as [IncomingMessage]
  res.resume()
  await once(res, 'end')
  return res.statusCode!
}

/** Asks over and over for longer than a refused body is read on; answers the local ports, one a connection. */
async function portsOf(sidecar: TestSidecar, agent: Agent): Promise<Set<number>> {
  const ports = new Set<number>()
  const endMs = performance.now() + 1500
  while (performance.now() < endMs) {
    const req = request(`${sidecar.url}/livez`, { agent }).end()
    const [socket] = (await once(req, 'socket')) as [import('node:net').Socket]
    ports.add(socket.localPort!)
    expect(await statusOf(req)).toBe(200)
  }
  return ports
}

const lines = (count: number): string => `${JSON.stringify(anAttempt())}\n`.repeat(count)

test.each([
  ['a bad line', 'application/x-ndjson', {}, Buffer.from('rubbish\n'), Buffer.from(lines(10))],
  [
    'a bad line of a gzipped stream',
    'application/x-ndjson',
    { 'Content-Encoding': 'gzip' },
    gzipSync('rubbish\n'),
    Buffer.concat([gzipSync(lines(10)), Buffer.from('no gzip')]),
  ],
  ['a type', 'text/plain', {}, Buffer.from('{'), Buffer.from('}')],
])(
  '%s refused before all of the body is there leaves the connection to the next requests',
  async (_what, type, more, head, rest) => {
    await using sidecar = await testSidecar()
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const headers = { 'Content-Type': type, ...more, 'Content-Length': head.length + rest.length }
    const req = request(`${sidecar.url}/api/v1/attempts`, { method: 'POST', headers, agent })
    req.write(head)
    const [res] = (await once(req, 'response')) as [IncomingMessage]
    expect([400, 415]).toContain(res.statusCode)
    req.end(rest)
    res.resume()
    await once(req, 'close')
    expect((await portsOf(sidecar, agent)).size).toBe(1)
    agent.destroy()
  },
)

test('a client that expects something strange gets its answer', async () => {
  await using sidecar = await testSidecar()
  const agent = new Agent()
  expect(await statusOf(request(`${sidecar.url}/livez`, { headers: { Expect: 'nonsense' }, agent }).end())).toBe(200)
})
