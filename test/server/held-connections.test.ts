/** A connection that sends no request, or stalls in one, is closed in bounded time, because connections are limited. */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeCertificate } from '../support/certificate.ts'
import { drip, openRaw, sendRaw, textOf } from '../support/raw.ts'
import { anAttempt, type TestSidecar, testSidecar } from '../support/sidecar.ts'
import { temporaryFolder } from '../support/sidecar-process.ts'
import { needs } from '../support/tool.ts'

const GET = 'GET /livez HTTP/1.1\r\nHost: localhost\r\n'
/** The limit for a timely close. It is well below Node's own handshake timeout of 120 s. */
const SOON_MS = 30_000

/** Fails if the connection stays open for too long. */
async function closes(socket: Socket): Promise<void> {
  await expect.poll(() => socket.destroyed || socket.readableEnded, { timeout: SOON_MS }).toBe(true)
}

describe('a connection is closed after its timeout', () => {
  const limits = { 'headers-timeout': '500ms', 'keep-alive-timeout': '500ms', 'request-timeout': '500ms' }
  let shared: TestSidecar
  beforeAll(async () => {
    shared = await testSidecar(limits)
  })
  afterAll(() => shared[Symbol.asyncDispose]())

  // At the same time, because each one waits for a timeout.
  test.concurrent.each([
    ['that sends nothing', '', ''],
    ['that sends empty lines before its first request', '', '\r\n'],
    ['that sends empty lines after an answer', `${GET}\r\n`, '\r\n'],
    ['that sends its headers byte by byte', GET, 'X'],
    ['that sends the headers of its second request byte by byte', `${GET}\r\n${GET}`, 'X'],
    ['that is idle after an answer', `${GET}\r\n`, ''],
    ['whose answered request has a body that never ends', `${GET}Content-Length: 1000000\r\n\r\n`, 'x'],
    ['whose answered request has chunks that never end', `${GET}Transfer-Encoding: chunked\r\n\r\n`, '1\r\nx\r\n'],
    ['that receives 100 Continue and sends no body', `${GET}Expect: 100-continue\r\nContent-Length: 9\r\n\r\n`, ''],
    ['that wants another protocol', `${GET}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`, 'x'],
    ['that wants a tunnel', 'CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n', 'x'],
    ['that goes on after bytes that are no HTTP', 'garbage\r\n\r\n', 'x'],
    [
      'whose attempt never ends its trailers',
      'POST /api/v1/attempts HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ',
      'x',
    ],
  ])('%s', async (_what, first, again) => {
    const { socket } = openRaw(shared.url)
    socket.write(first)
    const dripping = again === '' ? undefined : drip(socket, again)
    await closes(socket)
    socket.destroy()
    await dripping
    expect((await shared.get('/livez')).status).toBe(200)
  })

  test('that half-closes and gets its response', async () => {
    const { hostname, port } = new URL(shared.url)
    const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true })
    const text = textOf(socket)
    socket.end(`${GET}\r\n`)
    await closes(socket)
    socket.destroy()
    expect(await text).toMatch(/^HTTP\/1\.1 200 /)
  })

  test('that sends many requests and reads no response', async () => {
    await using sidecar = await testSidecar(limits)
    const { socket } = openRaw(sidecar.url)
    socket.pause()
    socket.write('GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(100))
    await expect.poll(() => inFlight(sidecar)).toBeGreaterThan(10)
    await expect.poll(() => inFlight(sidecar), { timeout: SOON_MS }).toBe(1)
    socket.destroy()
  })
})

async function inFlight(sidecar: TestSidecar): Promise<number> {
  return Number(/http_requests_in_flight (\d+)/.exec(await (await sidecar.get('/metrics')).text())?.[1])
}

test('a 408 is a problem, and is counted', async () => {
  await using sidecar = await testSidecar({ 'headers-timeout': '200ms' })
  expect(await sendRaw(sidecar.url, GET)).toMatch(
    /^HTTP\/1\.1 408 Request Timeout\r\nContent-Type: application\/problem\+json[\s\S]*the headers were not complete within 0.2 s/,
  )
  // On a busy machine, the headers of a scrape are late too.
  await expect
    .poll(async () => (await sidecar.get('/metrics')).text())
    .toMatch(/^agent_performance_http_requests_total\{route="other",method="other",code="408"\} [1-9]/m)
})

test.each(['1001ms', '333ms', '1ms', '0.3ms', '1.5s', '24d', '2147483s'])('every timeout may be %s', async time => {
  const names = ['headers-timeout', 'keep-alive-timeout', 'request-timeout', 'drain-timeout']
  const warnings: string[] = []
  const warned = (warning: Error): unknown => warnings.push(warning.message)
  process.on('warning', warned)
  for (const name of names) {
    await using sidecar = await testSidecar({ [name]: time })
    // With a timeout of 1 ms the request may be refused, but never with a 500.
    const answer = await sidecar.post(anAttempt()).catch(() => undefined)
    expect(answer?.status ?? 408, name).toBeLessThan(500)
    const again = await sidecar.get('/livez').catch(() => undefined)
    expect(again?.status ?? 408, name).toBeLessThan(500)
  }
  // Node warns about a timer that is too long, and then waits for 1 ms.
  expect(warnings).toEqual([])
  process.off('warning', warned)
})

describe('a TLS connection', () => {
  /** The ClientHello of TLS. */
  async function clientHello(): Promise<Buffer> {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as import('node:net').AddressInfo
    const client = connectTls(port, '127.0.0.1').on('error', () => undefined)
    const [peer] = (await once(server, 'connection')) as [Socket]
    const [hello] = (await once(peer, 'data')) as [Buffer]
    for (const socket of [client, peer]) socket.destroy()
    server.close()
    return hello
  }

  async function tlsSidecar(
    more: Record<string, unknown>,
  ): Promise<TestSidecar & { open(): Socket; secure(): Socket }> {
    const folder = await temporaryFolder()
    const { cert, key } = makeCertificate(folder.path)
    const sidecar = await testSidecar({ 'tls-cert': cert, 'tls-key': key, ...more })
    const { hostname, port } = new URL(sidecar.url)
    return {
      ...sidecar,
      open: () =>
        connect(Number(port), hostname)
          .on('error', () => undefined)
          .resume(),
      secure: () =>
        connectTls(Number(port), hostname, { rejectUnauthorized: false })
          .on('error', () => undefined)
          .resume(),
      async [Symbol.asyncDispose]() {
        await sidecar[Symbol.asyncDispose]()
        await folder[Symbol.asyncDispose]()
      },
    }
  }

  /** Whether a request on a new connection gets a response. */
  async function isServed(sidecar: { secure(): Socket }): Promise<boolean> {
    const socket = sidecar.secure()
    const text = textOf(socket)
    socket.write(`${GET}Connection: close\r\n\r\n`)
    return /^HTTP\/1\.1 200 /.test(await text)
  }

  test('that stalls in its handshake is closed within the timeout for headers, which admits another one', async context => {
    needs('openssl', context)
    await using sidecar = await tlsSidecar({ 'headers-timeout': '500ms', 'max-connections': '8' })
    const hello = await clientHello()
    const sockets = Array.from({ length: 8 }, () => sidecar.open())
    sockets[2]!.write(hello.subarray(0, 50))
    sockets[3]!.write(hello)
    let sent = 0
    const dripping = setInterval(() => sockets[4]!.write(hello.subarray(sent, ++sent)), 100)
    await Promise.all(sockets.map(closes))
    clearInterval(dripping)
    expect(await isServed(sidecar)).toBe(true)
    for (const socket of sockets) socket.destroy()
  })

  test.for([
    ['sends nothing', '', ''],
    ['sends its headers byte by byte', GET, 'X'],
  ] as const)('that ends its handshake and %s is closed with 408', async ([_what, first, again], context) => {
    needs('openssl', context)
    await using sidecar = await tlsSidecar({ 'headers-timeout': '500ms' })
    const socket = sidecar.secure()
    const text = textOf(socket)
    socket.write(first)
    const dripping = again === '' ? undefined : drip(socket, again)
    await closes(socket)
    expect(await text).toMatch(/^HTTP\/1\.1 408 /)
    await dripping
  })

  test('has one timeout for its handshake and its first headers together', async context => {
    needs('openssl', context)
    await using sidecar = await tlsSidecar({ 'headers-timeout': '6s' })
    const openedMs = performance.now()
    const tcp = sidecar.open()
    const closed = once(tcp, 'close')
    await once(tcp, 'connect')
    // The handshake takes most of the timeout. Endless headers must not get the whole timeout again.
    await new Promise(resolve => setTimeout(resolve, 5000))
    const socket = connectTls({ socket: tcp, rejectUnauthorized: false }).on('error', () => undefined)
    await once(socket, 'secureConnect')
    socket.resume().write(GET)
    await closed
    expect(performance.now() - openedMs).toBeLessThan(10_500)
  })

  test('in its handshake does not delay a stop', async context => {
    needs('openssl', context)
    await using sidecar = await tlsSidecar({ 'headers-timeout': '60s', 'drain-timeout': '60s' })
    const hello = await clientHello()
    const [silent, half] = [sidecar.open(), sidecar.open()]
    half.write(hello.subarray(0, 50))
    const secure = sidecar.secure()
    await Promise.all([once(silent, 'connect'), once(half, 'connect'), once(secure, 'secureConnect')])
    await sidecar.sidecar.close()
    await Promise.all([silent, half, secure].map(closes))
  })

  test('counts towards --max-connections before its handshake ends', async context => {
    needs('openssl', context)
    await using sidecar = await tlsSidecar({ 'headers-timeout': '60s', 'max-connections': '4' })
    const sockets = Array.from({ length: 10 }, () => sidecar.open())
    await expect.poll(() => sockets.filter(socket => socket.destroyed).length).toBe(6)
    for (const socket of sockets) socket.destroy()
    await expect.poll(() => isServed(sidecar)).toBe(true)
  })
})

test('a connection without a request does not delay a stop', async () => {
  await using sidecar = await testSidecar({ 'headers-timeout': '60s', 'drain-timeout': '60s' })
  const { socket } = openRaw(sidecar.url)
  await once(socket, 'connect')
  await sidecar.sidecar.close()
  await closes(socket)
})
