/** Slow, silent, oversized, too many and disconnecting clients: each is disconnected in time, without effect on others. */
import { once } from 'node:events'
import { request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { anAttempt, type TestSidecar, testSidecar } from '../support/sidecar.ts'

let sidecar: TestSidecar
beforeAll(async () => {
  sidecar = await testSidecar({
    'headers-timeout': '1s',
    'request-timeout': '1s',
    'max-body-bytes': '1MiB',
  })
})
afterAll(() => sidecar[Symbol.asyncDispose]())

/** A separate connection. `text` resolves with all received text when it is closed. */
function open(to: TestSidecar = sidecar): { socket: Socket; text: Promise<string> } {
  const { hostname, port } = new URL(to.url)
  const socket = connect(Number(port), hostname)
  let text = ''
  socket
    .setEncoding('utf8')
    .on('data', chunk => {
      text += chunk
    })
    .on('error', () => undefined)
  return { socket, text: once(socket, 'close').then(() => text) }
}

const HEAD = 'POST /api/v1/attempts HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n'
const body = JSON.stringify(anAttempt())

/** Asserts that the sidecar still serves others. */
async function isWell(): Promise<void> {
  expect((await sidecar.get('/livez')).status).toBe(200)
  expect((await sidecar.post(anAttempt())).status).toBe(200)
}

describe('a slow client', () => {
  test('that never ends its headers is disconnected with 408', async () => {
    const { socket, text } = open()
    socket.write('GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Slow: ')
    const drip = setInterval(() => socket.write('x'), 100)
    expect(await text).toMatch(/^HTTP\/1\.1 408 /)
    clearInterval(drip)
    await isWell()
  })

  test('that sends nothing is disconnected', async () => {
    const { text } = open()
    expect(await text).toMatch(/^(HTTP\/1\.1 408 |$)/)
  })

  test('that sends its body byte by byte is disconnected with 408 after the timeout', async () => {
    const { socket, text } = open()
    socket.write(`${HEAD}Content-Length: 1000\r\n\r\n`)
    const drip = setInterval(() => socket.write(' '), 100)
    expect(await text).toMatch(/^HTTP\/1\.1 408 [\s\S]*did not come within 1 s/)
    clearInterval(drip)
    await isWell()
  })

  test('that half-closes before its response is disconnected', async () => {
    for (const length of [body.length, 1000]) {
      const { socket, text } = open()
      socket.end(`${HEAD}Content-Length: ${length}\r\n\r\n${body}`)
      expect(await text).toMatch(/^(HTTP\/1\.1 [24]00 |$)/)
    }
    await isWell()
  })

  test('whose stream of lines stalls is disconnected, and gets the number of recorded lines', async () => {
    const { socket, text } = open()
    const line = `${body}\n`
    socket.write(
      `${HEAD.replace('json', 'x-ndjson')}Transfer-Encoding: chunked\r\n\r\n${line.length.toString(16)}\r\n${line}\r\n`,
    )
    expect(await text).toMatch(/^HTTP\/1\.1 408 [\s\S]*the 1 lines before are kept/)
  })

  test('whose stream lasts longer than the timeout, but never stalls, is served to the end', async () => {
    const req = request(`${sidecar.url}/api/v1/attempts`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/x-ndjson' },
    })
    let lines = 0
    const drip = setInterval(() => {
      req.write(`${body}\n`)
      if (++lines === 15) {
        clearInterval(drip)
        req.end()
      }
    }, 100)
    const [res] = (await once(req, 'response')) as [import('node:http').IncomingMessage]
    const [text] = await once(res.setEncoding('utf8'), 'data')
    expect(JSON.parse(text as string)).toEqual({ accepted: 15, duplicates: 0 })
  })
})

describe('a body', () => {
  test('may have the size of the limit and not a byte more, with and without Content-Length', async () => {
    const padded = (bytes: number): string => body.padEnd(bytes, ' ')
    expect((await sidecar.post(padded(2 ** 20))).status).toBe(200)
    expect((await sidecar.post(padded(2 ** 20 + 1))).status).toBe(413)
    const chunked = async (text: string): Promise<number> => {
      const req = request(`${sidecar.url}/api/v1/attempts`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', 'Transfer-Encoding': 'chunked' },
      })
      req.on('error', () => undefined).end(text)
      const [res] = (await once(req, 'response')) as [import('node:http').IncomingMessage]
      res.resume()
      return res.statusCode!
    }
    expect([await chunked(padded(2 ** 20)), await chunked(padded(2 ** 20 + 1))]).toEqual([200, 413])
  })

  test('with a Content-Length above the limit is refused before it is sent', async () => {
    const { socket, text } = open()
    socket.write(`${HEAD}Content-Length: 999999999999\r\n\r\n`)
    expect(await text).toMatch(/^HTTP\/1\.1 413 /)
  })

  test.each(['/api/v1/attempts', '/v1/logs'])(
    'that is refused at %s receives the refusal also on a connection that ends with the answer',
    async path => {
      const { socket, text } = open()
      const head = HEAD.replace('/api/v1/attempts', path)
      const huge = Buffer.alloc(30 * 2 ** 20, ' ')
      // Like clients that read the response only after they have sent everything.
      socket.pause()
      socket.write(`${head}Connection: close\r\nContent-Length: ${huge.length}\r\n\r\n`)
      await new Promise<void>((resolve, reject) => socket.write(huge, error => (error ? reject(error) : resolve())))
      socket.resume()
      expect(await text).toMatch(/^HTTP\/1\.1 413 [\s\S]*must be at most/)
    },
  )

  test('with two lengths, or a length and chunks, is refused: request smuggling is impossible', async () => {
    for (const framing of [
      'Content-Length: 5\r\nContent-Length: 6\r\n',
      'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n',
    ]) {
      const { socket, text } = open()
      socket.write(`${HEAD}${framing}\r\n0\r\n\r\nGET /api/v1/report HTTP/1.1\r\nHost: localhost\r\n\r\n`)
      const answers = (await text).match(/HTTP\/1\.1 \d+/g)
      expect(answers).toEqual(['HTTP/1.1 400'])
    }
  })

  test('that decompresses to a thousand times its size takes no memory', async () => {
    const bomb = gzipSync(Buffer.alloc(300 * 2 ** 20))
    const before = process.memoryUsage.rss()
    const answer = await sidecar.post(bomb, { headers: { 'Content-Encoding': 'gzip' } })
    expect(answer.status).toBe(413)
    expect(process.memoryUsage.rss() - before).toBeLessThan(64 * 2 ** 20)
  })

  test('of many small gzip members is read completely; a truncated one is refused', async () => {
    const members = Buffer.concat([gzipSync('['), ...Array(50).fill(gzipSync(`${body},`)), gzipSync(`${body}]`)])
    expect(await (await sidecar.post(members, { headers: { 'Content-Encoding': 'gzip' } })).json()).toEqual({
      accepted: 51,
      duplicates: 0,
    })
    expect(
      (await sidecar.post(gzipSync(body).subarray(0, -9), { headers: { 'Content-Encoding': 'gzip' } })).status,
    ).toBe(400)
  })

  test('of a client that disconnects is discarded', async () => {
    const { socket, text } = open()
    socket.write(`${HEAD}Content-Length: 1000\r\n\r\n{"agent`, () => socket.destroy())
    await text
    await isWell()
  })
})

test('too many bytes in flight are refused with 429 and Retry-After, and accepted again when others are complete', async () => {
  // Not the shared sidecar, which disconnects bodies that take longer than a second.
  await using own = await testSidecar({ 'max-body-bytes': '1MiB', 'max-in-flight-bytes': '2MiB' })
  const held: Socket[] = []
  const large = body.padEnd(20_000, ' ')
  let refused = await own.post(large)
  // Which of them is refused depends on timing, until the sidecar has read everything that two of them sent.
  await expect
    .poll(async () => {
      const { socket } = open(own)
      socket.write(`${HEAD}Content-Length: ${2 ** 20}\r\n\r\n${' '.repeat(2 ** 20 - 1000)}`)
      held.push(socket)
      for (let turn = 0; turn < 20; turn++) await own.get('/livez')
      refused = await own.post(large)
      return refused.status
    })
    .toBe(429)
  expect(refused.headers.get('retry-after')).toBe('1')
  for (const socket of held) socket.destroy()
  await expect.poll(async () => (await own.post(large)).status).toBe(200)
  expect(await (await own.get('/metrics')).text()).not.toContain('code="500"')
})

test('connections beyond the limit are dropped and counted; the open ones are served', async () => {
  await using small = await testSidecar({ 'max-connections': '5' })
  const sockets = Array.from({ length: 20 }, () => open(small))
  await expect.poll(() => sockets.filter(({ socket }) => socket.destroyed).length).toBe(15)
  for (const { socket } of sockets) socket.destroy()
  await expect.poll(async () => (await small.get('/livez').catch(() => undefined))?.status).toBe(200)
  expect(await (await small.get('/metrics')).text()).toMatch(/agent_performance_connections_dropped_total [1-9]/)
})

test('unknown methods, paths and clients create no new series', async () => {
  await using own = await testSidecar()
  const series = async (): Promise<number> =>
    (await (await own.get('/metrics')).text())
      .split('\n')
      .filter(line => line.startsWith('agent_performance_http_requests_total{')).length
  for (let i = 0; i < 3; i++) await own.get(`/warm-up/${i}`)
  await series()
  const before = await series()
  for (let i = 0; i < 50; i++) await own.get(`/path-${i}?${i}`, { 'User-Agent': `client-${i}` })
  expect(await series()).toBe(before)
})

test('a path that is not a URI, or `//`, gets the response of any unknown path', async () => {
  for (const path of ['//', '/%', '/api/v1/%ff', '/api/v1/report/../..//', '*']) {
    const { socket, text } = open()
    socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`)
    expect(await text, path).toMatch(/^HTTP\/1\.1 4\d\d [\s\S]*application\/problem\+json/)
  }
})
