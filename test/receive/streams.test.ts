/** Streams of lines. Each line is recorded soon after it arrives, all streams share a memory bound, and invalid lines can be skipped. */
import { once } from 'node:events'
import { type ClientRequest, type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { anAttempt, type TestSidecar, testSidecar } from '../support/sidecar.ts'

let sidecar: TestSidecar
beforeAll(async () => {
  sidecar = await testSidecar()
})
afterAll(() => sidecar[Symbol.asyncDispose]())

const lineOf = (more: Record<string, unknown> = {}): string => `${JSON.stringify(anAttempt(more))}\n`
/** A line with blanks inside its object. */
const paddedLine = (bytes: number, id: string): string =>
  lineOf({ attempt_id: id }).replace(/}\n$/, `${' '.repeat(bytes)}}\n`)

/** A stream to which its client can write more. */
function openStream(to: TestSidecar, path = '/api/v1/attempts'): ClientRequest {
  const headers = { 'Content-Type': 'application/x-ndjson' }
  return request(to.url + path, { method: 'POST', headers }).on('error', () => undefined)
}

async function answerTo(req: ClientRequest): Promise<{ status: number; body: Record<string, unknown> }> {
  const [res] = (await once(req, 'response')) as [IncomingMessage]
  return { status: res.statusCode!, body: JSON.parse(await text(res)) }
}

async function idsIn(of: TestSidecar): Promise<unknown[]> {
  const { attempts } = (await (await of.get('/api/v1/attempts?limit=1000')).json()) as {
    attempts: { attempt_id?: string }[]
  }
  return attempts.map(({ attempt_id }) => attempt_id)
}

test('records a line soon after it arrives, while its stream continues', async () => {
  await using own = await testSidecar()
  const req = openStream(own)
  req.write(lineOf({ attempt_id: 'first' }))
  await expect.poll(() => idsIn(own)).toEqual(['first'])
  req.write(lineOf({ attempt_id: 'second' }))
  await expect.poll(() => idsIn(own)).toEqual(['second', 'first'])
  req.end(lineOf({ attempt_id: 'third' }))
  expect(await answerTo(req)).toEqual({ status: 200, body: { accepted: 3, duplicates: 0 } })
  expect(await idsIn(own)).toEqual(['third', 'second', 'first'])
})

test('records the lines of a stream in order, for any chunks', async () => {
  await using own = await testSidecar()
  const ids = Array.from({ length: 300 }, (_, i) => `n${i}`)
  const bytes = Buffer.from(ids.map(id => paddedLine(id.length % 2 === 0 ? 0 : 500, id)).join(''))
  const req = openStream(own)
  for (let start = 0; start < bytes.length; ) {
    const end = start + 1 + Math.floor(Math.random() * 2000)
    req.write(bytes.subarray(start, end))
    if (Math.random() < 0.2) await new Promise(resolve => setImmediate(resolve))
    start = end
  }
  req.end()
  expect(await answerTo(req)).toEqual({ status: 200, body: { accepted: 300, duplicates: 0 } })
  expect(await idsIn(own)).toEqual(ids.toReversed())
})

test('keeps all long lines of many streams with memory for one, while the streams wait for each other', async () => {
  await using own = await testSidecar({ 'max-in-flight-bytes': '1MiB' })
  const streams = Array.from({ length: 8 }, (_, stream) =>
    Array.from({ length: 4 }, (_, line) => paddedLine(600_000, `${stream}-${line}`)),
  )
  const requests = streams.map(() => openStream(own))
  const answers = Promise.all(requests.map(answerTo))
  // All streams start a line before any stream ends one.
  for (const half of [0, 1])
    for (const [i, req] of requests.entries()) {
      const all = streams[i]!.join('')
      if (half === 0) req.write(all.slice(0, 300_000))
      else req.end(all.slice(300_000))
    }
  expect(await answers).toEqual(Array(8).fill({ status: 200, body: { accepted: 4, duplicates: 0 } }))
})

test('ends an open stream on stop, and reports how many of its lines are recorded', async () => {
  const own = await testSidecar({ 'drain-timeout': '50s' })
  const req = openStream(own)
  req.write(lineOf() + lineOf())
  await expect.poll(() => idsIn(own)).toHaveLength(2)
  req.write('{"agent_name":')
  const answer = answerTo(req)
  const closed = own[Symbol.asyncDispose]()
  expect(await answer).toMatchObject({ status: 503, body: { kept_lines: 2, accepted: 2 } })
  req.destroy()
  await closed
})

describe('with partial=true', () => {
  const post = async (body: string): Promise<{ status: number; body: unknown }> => {
    const headers = { 'Content-Type': 'application/x-ndjson' }
    const answer = await sidecar.post(body, { path: '/api/v1/attempts?partial=true', headers })
    return { status: answer.status, body: await answer.json() }
  }

  test('skips invalid lines, names them by index, and keeps all others', async () => {
    expect(await post([lineOf(), '\n', '{"agent_name":1}\n', 'garbage\n', lineOf()].join(''))).toEqual({
      status: 200,
      body: {
        accepted: 2,
        duplicates: 0,
        rejected: [
          { index: 2, errors: expect.arrayContaining([{ pointer: '/agent_name', detail: expect.any(String) }]) },
          { index: 3, errors: [{ pointer: '', detail: expect.stringContaining('is not JSON') }] },
        ],
      },
    })
    expect(await post(lineOf())).toEqual({ status: 200, body: { accepted: 1, duplicates: 0, rejected: [] } })
  })

  test('names the first of many invalid lines, and counts the others', async () => {
    const { status, body } = await post(`${'{"x":1}\n'.repeat(1700)}${lineOf()}`)
    expect(status).toBe(200)
    const { rejected, ...rest } = body as { rejected: { index: number; errors: unknown[] }[] }
    expect(rest).toEqual({ accepted: 1, duplicates: 0, more_rejected: 700 })
    expect(rejected.map(({ index }) => index)).toEqual(Array.from({ length: 1000 }, (_, i) => i))
    for (const { errors } of rejected) expect(errors.length).toBeGreaterThan(0)
  })

  test('reports which lines are recorded when the stream is refused', async () => {
    const { status, body } = await post(`${lineOf()}garbage\n${'x'.repeat(2 ** 20 + 1)}`)
    expect(status).toBe(413)
    expect(body).toMatchObject({ accepted: 1, kept_lines: 2, rejected: [{ index: 1 }] })
  })
})
