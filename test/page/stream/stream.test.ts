/** GET /api/v1/stream of a real sidecar, read by the typed client and by hand. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { createClient, type StreamEvent } from '../../../src/index.ts'
import { anAttempt, testSidecar } from '../../support/sidecar.ts'

/** Reads events until `enough` of them have come, and ends the stream. */
async function readUntil(
  stream: AsyncIterable<StreamEvent>,
  enough: (events: readonly StreamEvent[]) => boolean,
): Promise<StreamEvent[]> {
  const events: StreamEvent[] = []
  for await (const event of stream) {
    events.push(event)
    if (enough(events)) break
  }
  return events
}

const attemptsOf = (events: readonly StreamEvent[]): Extract<StreamEvent, { event: 'attempt' }>[] =>
  events.filter(event => event.event === 'attempt')

const agentsOf = (events: readonly StreamEvent[]): string[] => attemptsOf(events).map(({ data }) => data.agent_name)

test('a client sees each kept attempt with the fields of a listing, and a summary with its key', async () => {
  await using sidecar = await testSidecar()
  const stream = createClient(sidecar.url).stream()
  const hello = await stream.next()
  expect(hello.value).toMatchObject({ event: 'hello', data: { newest_id: expect.stringMatching(/^\w+-0$/) } })
  await sidecar.post([anAttempt({ agent_name: 'a1' }), anAttempt({ agent_name: 'a2', success: false })])
  const events = await readUntil(stream, all => all.some(({ event }) => event === 'summary'))
  const { attempts } = (await (await sidecar.get('/api/v1/attempts')).json()) as { attempts: object[] }
  expect(attemptsOf(events).map(({ data }) => data)).toEqual(attempts.reverse())
  const summary = events.find(({ event }) => event === 'summary')
  expect(summary?.data).toMatchObject({
    attempts: 2,
    successes: 1,
    others: false,
    complete: true,
    keys: [
      { agent_name: 'a1', model_name: 'm', issue_type: 'i' },
      { agent_name: 'a2', model_name: 'm', issue_type: 'i' },
    ],
  })
})

test('a repeated attempt is not sent again', async () => {
  await using sidecar = await testSidecar()
  const stream = createClient(sidecar.url).stream()
  await stream.next()
  await sidecar.post(anAttempt({ agent_name: 'once', attempt_id: 'x' }))
  await sidecar.post(anAttempt({ agent_name: 'once', attempt_id: 'x' }))
  await sidecar.post(anAttempt({ agent_name: 'last' }))
  expect(agentsOf(await readUntil(stream, all => agentsOf(all).includes('last')))).toEqual(['once', 'last'])
})

test('a filter limits attempts and summaries to its names', async () => {
  await using sidecar = await testSidecar()
  const stream = createClient(sidecar.url).stream({ agent_name: 'mine' })
  await stream.next()
  await sidecar.post([anAttempt({ agent_name: 'other' }), anAttempt({ agent_name: 'mine' })])
  const events = await readUntil(stream, all => all.some(({ event }) => event === 'summary'))
  expect(agentsOf(events)).toEqual(['mine'])
  expect(events.at(-1)?.data).toMatchObject({ attempts: 1, keys: [{ agent_name: 'mine' }] })
})

test('a client that connects again with its last id gets exactly what it missed', async () => {
  await using sidecar = await testSidecar()
  const client = createClient(sidecar.url)
  const first = client.stream()
  await first.next()
  await sidecar.post(anAttempt({ agent_name: 'seen' }))
  const seen = await readUntil(first, all => agentsOf(all).length === 1)
  const lastId = attemptsOf(seen)[0]?.id
  await sidecar.post([anAttempt({ agent_name: 'missed-1' }), anAttempt({ agent_name: 'missed-2' })])
  const second = client.stream({ lastId })
  const events = await readUntil(second, all => agentsOf(all).length === 2)
  expect(agentsOf(events)).toEqual(['missed-1', 'missed-2'])
  expect(events.some(({ event }) => event === 'resync')).toBe(false)
})

test.each([
  ['of an earlier run', 'abcdef012345-7'],
  ['that is no id', 'nonsense'],
])('an id %s leads to one resync', async (_, lastId) => {
  await using sidecar = await testSidecar()
  const events = await readUntil(createClient(sidecar.url).stream({ lastId }), all => all.length === 2)
  expect(events.map(({ event, data }) => [event, data])).toEqual([
    ['hello', expect.anything()],
    ['resync', { reason: 'unknown_id' }],
  ])
})

test('attempts beyond the buffer lead to a resync instead of a silent gap', async () => {
  await using sidecar = await testSidecar()
  const client = createClient(sidecar.url)
  const first = client.stream()
  const hello = (await first.next()).value as StreamEvent
  await sidecar.post(Array.from({ length: 1100 }, () => anAttempt()))
  await first.return(undefined)
  const events = await readUntil(client.stream({ lastId: hello.id }), all => all.length === 2)
  expect(events[1]).toMatchObject({ event: 'resync', data: { reason: 'unknown_id' } })
})

test('a reset tells the client to ask again', async () => {
  await using sidecar = await testSidecar({ admin: true })
  const stream = createClient(sidecar.url).stream()
  await stream.next()
  await fetch(`${sidecar.url}/api/v1/metrics`, { method: 'DELETE' })
  expect((await stream.next()).value).toMatchObject({ event: 'resync', data: { reason: 'reset' } })
  await stream.return(undefined)
})

test('a plan of an experiment is summarised as another change', async () => {
  await using sidecar = await testSidecar({ admin: true })
  const client = createClient(sidecar.url)
  const stream = client.stream()
  await stream.next()
  await client.putExperiment('x', { baseline: 'control' })
  expect((await stream.next()).value).toMatchObject({ event: 'summary', data: { attempts: 0, others: true, keys: [] } })
  await stream.return(undefined)
})

test('a shutdown says bye, and does not wait for open streams', async () => {
  await using sidecar = await testSidecar()
  const stream = createClient(sidecar.url).stream()
  await stream.next()
  const rest = readUntil(stream, all => all.at(-1)?.event === 'bye')
  await sidecar.sidecar.close()
  expect((await rest).at(-1)).toMatchObject({ event: 'bye', data: { reason: 'shutdown' } })
})

test('the headers forbid proxies to cache, compress or buffer', async () => {
  await using sidecar = await testSidecar()
  const response = await sidecar.get('/api/v1/stream')
  expect(Object.fromEntries(response.headers)).toMatchObject({
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store, no-transform',
    'x-accel-buffering': 'no',
  })
  await response.body?.cancel()
})

test.each([
  ['?since=1h', 'since is not a parameter of the stream'],
  ['?agent_name=', 'agent_name must'],
  ['?agent_name=a&agent_name=b', 'agent_name is given twice'],
])('%s is refused with the name of the parameter', async (query, detail) => {
  await using sidecar = await testSidecar()
  const response = await sidecar.get(`/api/v1/stream${query}`)
  expect(response.status).toBe(400)
  expect(((await response.json()) as { detail: string }).detail).toContain(detail)
})

test('beyond a quarter of the connections a stream is refused with 503 and Retry-After', async () => {
  await using sidecar = await testSidecar({ 'max-connections': '8' })
  const open = await Promise.all([sidecar.get('/api/v1/stream'), sidecar.get('/api/v1/stream')])
  const refused = await sidecar.get('/api/v1/stream')
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '5'])
  await Promise.all(open.map(response => response.body?.cancel()))
  await expect
    .poll(async () => {
      const response = await sidecar.get('/api/v1/stream')
      await response.body?.cancel()
      return response.status
    })
    .toBe(200)
})

test('a client that reads nothing gets summaries only from then on, and others get every attempt', async () => {
  await using sidecar = await testSidecar()
  const { hostname, port } = new URL(sidecar.url)
  const slow = connect(Number(port), hostname)
  await once(slow, 'connect')
  slow.pause()
  slow.write(`GET /api/v1/stream HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`)
  const fast = createClient(sidecar.url).stream()
  await fast.next()
  const padded = 'x'.repeat(250)
  const long = anAttempt({ agent_name: padded, model_name: padded, issue_type: padded, task_id: padded })
  // The kernel takes some megabytes for a client that reads nothing.
  let received = 0
  for (let i = 1; i <= 16; i++) {
    await sidecar.post(Array.from({ length: 1000 }, () => long))
    while (received < i * 1000) {
      const { value } = await fast.next()
      expect(value?.event).not.toBe('resync')
      if (value?.event === 'attempt') received++
    }
  }
  await fast.return(undefined)
  let text = ''
  slow.on('data', chunk => {
    text += chunk.toString('latin1')
  })
  slow.resume()
  await expect.poll(() => text).toContain('"reason":"slow"')
  slow.destroy()
  expect(text.match(/^event: attempt$/gm)?.length).toBeLessThan(16_000)
})

test('everything is served below --base-path, and nothing else', async () => {
  await using sidecar = await testSidecar({ 'base-path': '/agents/perf/' })
  const origin = new URL(sidecar.url).origin
  expect(sidecar.url).toBe(`${origin}/agents/perf`)
  await sidecar.post(anAttempt())
  expect(
    await createClient(sidecar.url).successRate({ agent_name: 'a', model_name: 'm', issue_type: 'i' }),
  ).toMatchObject({
    total_attempts: 1,
  })
  expect((await sidecar.get('/livez')).status).toBe(200)
  for (const path of ['/livez', '/agents/performance', '/']) {
    const outside = await fetch(origin + path)
    expect([outside.status, await outside.text()]).toEqual([404, expect.stringContaining('/agents/perf/')])
  }
})
