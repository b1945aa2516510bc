import { once } from 'node:events'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import { describe, expect, it, vi } from 'vitest'
import { createExposition, type Exposition } from '../../src/expose/exposition.ts'
import { createMetricsHandler } from '../../src/expose/handler.ts'
import { attempt, count, sourcesOf, tallyOf, tallyOfKeys, textOf } from './fixture.ts'
import { ask, askAndStall, type Served, serve } from './serve.ts'

const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

function small(): Exposition {
  return createExposition(sourcesOf(tallyOf([attempt({ agent_name: 'émile 🦊' })])))
}

/** About 27 MB: more than the socket buffers hold. */
function large(): Exposition {
  return createExposition(sourcesOf(tallyOfKeys(3000)))
}

/** Resolves when the scraper reads no more: the response waits, and nothing was sent for many iterations of the event loop. */
async function stalled({ answers }: Served): Promise<void> {
  for (let quiet = 0, sent = -1; quiet < 50; quiet++) {
    await nextTurn()
    const now = answers.reduce((sum, { res }) => sum + (res.socket?.bytesWritten ?? 0), 0)
    if (now !== sent || answers.some(({ res }) => !res.writableNeedDrain)) quiet = 0
    sent = now
  }
}

describe('GET', () => {
  it('responds with the whole text and its full content type', async () => {
    const exposition = small()
    const { port } = await serve(createMetricsHandler(exposition))
    const { status, headers, body } = await ask(port)
    expect(status).toBe(200)
    expect(headers['content-type']).toBe(CONTENT_TYPE)
    expect(headers['content-encoding']).toBeUndefined()
    expect(body.toString()).toBe(await textOf(exposition))
  })

  it.each(['gzip', 'deflate, gzip;q=0.5', 'GZIP', 'br, gzip ; q=1'])(
    'responds with gzip to Accept-Encoding: %s',
    async accepted => {
      const exposition = small()
      const { port } = await serve(createMetricsHandler(exposition))
      const { headers, body } = await ask(port, 'GET', { 'Accept-Encoding': accepted })
      expect(headers).toMatchObject({
        'content-encoding': 'gzip',
        'content-type': CONTENT_TYPE,
        vary: 'Accept-Encoding',
      })
      expect(gunzipSync(body).toString()).toBe(await textOf(exposition))
    },
  )

  it.each(['identity', 'gzip;q=0', 'br', 'gzippo', ''])(
    'responds without compression to Accept-Encoding: %j',
    async accepted => {
      const { port } = await serve(createMetricsHandler(small()))
      const { headers, body } = await ask(port, 'GET', { 'Accept-Encoding': accepted })
      expect(headers).not.toHaveProperty('content-encoding')
      expect(headers).toMatchObject({ vary: 'Accept-Encoding' })
      expect(body.toString()).toMatch(/^# HELP /)
    },
  )

  it('responds with many chunks, plain and compressed', async () => {
    const exposition = large()
    const { port } = await serve(createMetricsHandler(exposition))
    const text = await textOf(exposition)
    expect((await ask(port)).body.toString() === text).toBe(true)
    const { body } = await ask(port, 'GET', { 'Accept-Encoding': 'gzip' })
    expect(gunzipSync(body).toString() === text).toBe(true)
    expect(body.length).toBeLessThan(text.length / 10)
  })
})

describe('a reader gets exactly the text', () => {
  /** Keys for whose series the renderer reserves most of a buffer each, although they need less than half of it. */
  function longNames(): Exposition {
    const tally = tallyOf()
    for (let i = 0; i < 40; i++)
      count(tally, attempt({ agent_name: `${i}${'é'.repeat(120)}`, model_name: 'm'.repeat(700) }))
    return createExposition(sourcesOf(tally))
  }

  it.each(['identity', 'gzip'])('if it reads slowly (%s)', async accepted => {
    for (const exposition of [createExposition(sourcesOf(tallyOfKeys(1000))), longNames()]) {
      const { port } = await serve(createMetricsHandler(exposition))
      const text = await textOf(exposition)
      const socket = askAndStall(port, `Accept-Encoding: ${accepted}\r\nConnection: close`)
      const received: Buffer[] = []
      socket.on('data', chunk => {
        received.push(chunk as Buffer)
        socket.pause()
        setTimeout(() => socket.resume(), 1)
      })
      socket.resume()
      await once(socket, 'end')
      const body = bodyOf(Buffer.concat(received))
      expect((accepted === 'gzip' ? gunzipSync(body) : body).toString() === text).toBe(true)
    }
  })

  it('if it sends a second request before it reads', async () => {
    const exposition = large()
    const { port } = await serve(createMetricsHandler(exposition))
    const text = await textOf(exposition)
    const socket = askAndStall(port)
    socket.write('GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
    const received: Buffer[] = []
    socket.on('data', chunk => received.push(chunk as Buffer))
    setTimeout(() => socket.resume(), 50)
    await once(socket, 'end')
    const all = Buffer.concat(received)
    const second = all.indexOf('HTTP/1.1 200', 1)
    expect(bodyOf(all.subarray(0, second)).toString() === text).toBe(true)
    expect(bodyOf(all.subarray(second)).toString() === text).toBe(true)
  })
})

/** The decoded body of a chunked response. */
function bodyOf(answer: Buffer): Buffer {
  const chunks: Buffer[] = []
  for (let at = answer.indexOf('\r\n\r\n') + 4; ; ) {
    const line = answer.indexOf('\r\n', at)
    const length = Number.parseInt(answer.toString('latin1', at, line), 16)
    if (length === 0) return Buffer.concat(chunks)
    chunks.push(answer.subarray(line + 2, line + 2 + length))
    at = line + 2 + length + 2
  }
}

describe('other methods', () => {
  it('HEAD responds with the headers of GET and no body', async () => {
    const { port } = await serve(createMetricsHandler(small()))
    const { status, headers, body } = await ask(port, 'HEAD')
    expect([status, headers['content-type'], body.length]).toEqual([200, CONTENT_TYPE, 0])
  })

  it.each(['POST', 'PUT', 'DELETE'])('%s responds with 405', async method => {
    const { port } = await serve(createMetricsHandler(small()))
    const { status, headers } = await ask(port, method)
    expect([status, headers.allow]).toEqual([405, 'GET, HEAD'])
  })
})

describe('a failed collection', () => {
  it.each(['GET', 'HEAD'])('is a 500 to %s and is logged', async method => {
    const log = { error: vi.fn() }
    const failing = (): never => {
      throw new Error('no facts')
    }
    const { port } = await serve(
      createMetricsHandler(createExposition({ ...sourcesOf(tallyOf()), selfMetrics: failing }), { log }),
    )
    const { status, headers, body } = await ask(port, method)
    expect([status, headers['content-type']]).toEqual([500, 'application/problem+json'])
    if (method === 'GET') expect(JSON.parse(body.toString())).toMatchObject({ status: 500 })
    expect(body.toString()).not.toContain('no facts')
    expect(log.error).toHaveBeenCalledWith(
      { err: expect.objectContaining({ message: 'no facts' }) },
      expect.any(String),
    )
  })

  it.each(['identity', 'gzip'])(
    'during the response aborts it, so that it does not look complete (%s)',
    async accepted => {
      const log = { error: vi.fn() }
      const scrape = async (): ReturnType<Exposition['scrape']> => ({
        contentType: CONTENT_TYPE,
        body: (async function* () {
          yield Buffer.from('# HELP a a\n# TYPE a gauge\na 1\n')
          await nextTurn()
          throw new Error('broken')
        })(),
      })
      const { port } = await serve(createMetricsHandler({ scrape }, { log }))
      await expect(ask(port, 'GET', { 'Accept-Encoding': accepted })).rejects.toThrow()
      expect(log.error).toHaveBeenCalledTimes(1)
    },
  )
})

describe('a scraper that reads nothing', () => {
  it('is not rendered for, and gets the rest when it continues to read', async () => {
    const exposition = large()
    const served = await serve(createMetricsHandler(exposition))
    const expected = (await textOf(exposition)).length
    const socket = askAndStall(served.port)
    await once(socket, 'connect')
    await vi.waitUntil(() => served.answers.length === 1)
    await stalled(served)
    const { res, handled } = served.answers[0]!
    expect(res.writableLength).toBeLessThan(1024 * 1024)
    expect(res.socket!.bytesWritten).toBeLessThan(expected)
    let received = 0
    socket.on('data', chunk => {
      received += chunk.length
    })
    socket.resume()
    await handled
    await vi.waitUntil(() => received > expected)
  })

  it('is disconnected after the timeout that it stated', async () => {
    const log = { error: vi.fn() }
    const served = await serve(createMetricsHandler(large(), { log }))
    const socket = askAndStall(served.port, 'X-Prometheus-Scrape-Timeout-Seconds: 0.2')
    await vi.waitUntil(() => served.answers.length === 1)
    const { res, handled } = served.answers[0]!
    await handled
    expect(res.destroyed).toBe(true)
    expect(log.error).not.toHaveBeenCalled()
    socket.destroy()
  })

  it('keeps no more than seven others waiting: the ninth is sent away until one is gone', async () => {
    const log = { error: vi.fn() }
    const served = await serve(createMetricsHandler(large(), { log }))
    const sockets = Array.from({ length: 8 }, () => askAndStall(served.port))
    await vi.waitUntil(() => served.answers.length === 8)
    const { status, headers } = await ask(served.port)
    expect([status, headers['retry-after']]).toEqual([503, '1'])
    await stalled({ ...served, answers: served.answers.slice(0, 8) })
    sockets[0]!.destroy()
    await Promise.race(served.answers.slice(0, 8).map(({ handled }) => handled))
    expect((await ask(served.port)).status).toBe(200)
    for (const socket of sockets) socket.destroy()
    await Promise.all(served.answers.map(({ handled }) => handled))
    expect(log.error).not.toHaveBeenCalled()
  })
})

it('a scraper that disconnects ends its scrape, and nothing is logged', async () => {
  const log = { error: vi.fn() }
  const ended = vi.fn()
  const exposition = large()
  const scrape = async (): ReturnType<Exposition['scrape']> => {
    const { contentType, body } = await exposition.scrape()
    return {
      contentType,
      body: (async function* () {
        try {
          yield* body
        } finally {
          ended()
        }
      })(),
    }
  }
  const served = await serve(createMetricsHandler({ scrape }, { log }))
  const socket = askAndStall(served.port)
  socket.resume()
  await once(socket, 'data')
  socket.destroy()
  await served.answers[0]!.handled
  await vi.waitUntil(() => ended.mock.calls.length === 1)
  expect(log.error).not.toHaveBeenCalled()
})
