/** A connection may continue after a refusal, wait, and read slowly. It may not occupy memory with responses that it does not read. */
import { once } from 'node:events'
import { Agent, type ClientRequest, type IncomingMessage, request } from 'node:http'
import { connect } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openListener } from '../../src/server/listener.ts'
import { anAttempt, type TestSidecar, testSidecar } from '../support/sidecar.ts'

async function statusOf(req: ClientRequest): Promise<number> {
  const [res] = (await once(req, 'response')) as [IncomingMessage]
  res.resume()
  await once(res, 'end')
  return res.statusCode!
}

/** Sends requests for longer than a refused body is discarded. Returns the local ports, one per connection. */
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

// At the same time, because each one lasts longer than a refused body is discarded.
test.concurrent.each([
  ['a bad line', 'application/x-ndjson', {}, Buffer.from('garbage\n'), Buffer.from(lines(10))],
  [
    'a bad line of a gzipped stream',
    'application/x-ndjson',
    { 'Content-Encoding': 'gzip' },
    gzipSync('garbage\n'),
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

test('a request with an unknown Expect header gets its response', async () => {
  await using sidecar = await testSidecar()
  const agent = new Agent()
  expect(await statusOf(request(`${sidecar.url}/livez`, { headers: { Expect: 'nonsense' }, agent }).end())).toBe(200)
})

describe('a client that reads a long response', () => {
  /** More than the socket buffers of the system hold for a client that does not read. */
  const [KEYS, EACH] = [1000, 100]
  let sidecar: TestSidecar
  beforeAll(async () => {
    // Both run in this process: on a busy machine it may stand still for a second.
    sidecar = await testSidecar({ 'keep-alive-timeout': '2s' })
    const attempts = Array.from({ length: KEYS * EACH }, (_, i) => anAttempt({ agent_name: `agent-${i % KEYS}` }))
    const body = attempts.map(attempt => JSON.stringify(attempt)).join('\n')
    await sidecar.post(body, { headers: { 'Content-Type': 'application/x-ndjson' } })
  })
  afterAll(() => sidecar[Symbol.asyncDispose]())

  /** A client that has requested a long response and not read it yet. */
  async function aReader() {
    const { hostname, port } = new URL(sidecar.url)
    const socket = connect(Number(port), hostname).on('error', () => undefined)
    socket.pause()
    socket.write('GET /api/v1/metrics HTTP/1.1\r\nHost: localhost\r\n\r\n')
    const inFlight = async (): Promise<string | undefined> =>
      /http_requests_in_flight (\d+)/.exec(await (await sidecar.get('/metrics')).text())?.[1]
    // This question, and the request for the count.
    await expect.poll(inFlight).toBe('2')
    return { socket, inFlight }
  }

  test('and stops is disconnected, and its memory is released', async () => {
    const { socket, inFlight } = await aReader()
    const startMs = performance.now()
    await pause(500)
    const count = await inFlight()
    // Unless the machine was busy for as long as the timeout.
    if (performance.now() - startMs < 1500) expect(count).toBe('2')
    await expect.poll(inFlight, { timeout: 30_000 }).toBe('1')
    socket.destroy()
  })

  test('slowly gets all of it', async () => {
    const warnings: string[] = []
    const warned = (warning: Error): unknown => warnings.push(warning.message)
    process.on('warning', warned)
    const { socket } = await aReader()
    const startMs = performance.now()
    let text = ''
    while (!text.endsWith('0\r\n\r\n')) {
      const chunk = socket.read() as Buffer | null
      if (chunk === null) {
        expect(socket.readableEnded || socket.destroyed).toBe(false)
        await pause(5)
        continue
      }
      text = (text + chunk.toString('latin1')).slice(-16)
      await pause(12)
    }
    expect(performance.now() - startMs).toBeGreaterThan(2000)
    // Node warns if listeners are never removed.
    expect(warnings).toEqual([])
    process.off('warning', warned)
    socket.destroy()
  })
})

test('a client that waits for the store longer than the idle timeout stays connected', async () => {
  const slow = await openListener((_req, res) => void pause(2500).then(() => res.end('late')), {
    host: '127.0.0.1',
    port: 0,
    tls: undefined,
    headersTimeoutMs: 1000,
    keepAliveTimeoutMs: 1000,
    maxConnections: 10,
  })
  const answer = await fetch(slow.url, { method: 'POST', body: 'x' })
  expect(await answer.text()).toBe('late')
  await slow.drain(1000)
})
