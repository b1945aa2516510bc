/** Any input gets a documented status and a response that says what is wrong and reveals no internals, and the sidecar keeps running. */
import { once } from 'node:events'
import { Agent, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http'
import { connect } from 'node:net'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { STREAM } from '../../src/server/paths.ts'
import { ROUTES } from '../support/routes.ts'
import { anAttempt, type TestSidecar, testSidecar } from '../support/sidecar.ts'

/** The longest time that each property takes on a busy machine. */
const BUDGET_MS = 10_000
const DOCUMENTED = new Set([200, 400, 401, 403, 404, 405, 408, 413, 415, 421, 429, 503])
/** Statuses for bytes that do not become a request: oversized headers, an unknown method or HTTP version. */
const OF_NO_REQUEST = [431, 501, 505]

let sidecar: TestSidecar
const agent = new Agent({ keepAlive: true, maxSockets: 1 })
beforeAll(async () => {
  sidecar = await testSidecar({ 'headers-timeout': '500ms', 'request-timeout': '500ms', 'max-body-bytes': '64KiB' })
})
afterAll(async () => {
  agent.destroy()
  await sidecar[Symbol.asyncDispose]()
})

interface Sent {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

async function send({ method, path, headers, body }: Sent): Promise<Answer> {
  const options = { method, headers: { ...headers, 'Content-Length': body.length }, agent }
  const req = request(sidecar.url + path, options).end(body)
  const [res] = (await once(req, 'response')) as [IncomingMessage]
  const chunks: Buffer[] = []
  for await (const chunk of res) chunks.push(chunk as Buffer)
  return { status: res.statusCode!, headers: res.headers, text: Buffer.concat(chunks).toString() }
}

function expectDocumented({ method, path }: Sent, { status, headers, text }: Answer): void {
  expect(DOCUMENTED, text).toContain(status)
  expect(text).not.toMatch(/\n\s+at .*:\d+:\d+|node_modules|node:internal/)
  if (status < 400) return
  if (status === 429 || status === 503) expect(headers['retry-after']).toMatch(/^[1-9]\d*$/)
  const type = headers['content-type'] ?? ''
  if (path.startsWith('/v1/') && /^application\/(json|x-protobuf)/.test(type)) return
  // "Not ready" is a valid response, not a problem.
  if (path.startsWith('/readyz') && status === 503) return
  expect(type).toBe('application/problem+json')
  if (method === 'HEAD') return
  expect(JSON.parse(text)).toMatchObject({
    type: 'about:blank',
    status,
    title: expect.any(String),
    detail: expect.any(String),
  })
}

async function isWell(): Promise<void> {
  expect((await sidecar.get('/livez')).status).toBe(200)
  expect((await sidecar.post(anAttempt())).status).toBe(200)
}

/** Tries so many values. It is no failure if the time budget is used up before. */
async function tryAll<T>(
  numRuns: number,
  arbitrary: fc.Arbitrary<T>,
  check: (value: T) => Promise<void>,
): Promise<void> {
  await fc.assert(fc.asyncProperty(arbitrary, check), {
    numRuns,
    interruptAfterTimeLimit: BUDGET_MS,
    markInterruptAsFailure: false,
  })
  await isWell()
}

const methods = fc.constantFrom(
  'GET',
  'POST',
  'POST',
  'POST',
  'PUT',
  'DELETE',
  'HEAD',
  'PATCH',
  'OPTIONS',
  'TRACE',
  'REPORT',
)
const NOT_IN_A_PATH = /[^\x21-\x7e]/g
const word = fc.oneof(
  fc.constantFrom(
    '',
    '0',
    '-1',
    '1e999',
    'NaN',
    '1h',
    '7d',
    '2026-01-01T00:00:00Z',
    '9999-12-31T23:59:60Z',
    'true',
    'x',
  ),
  fc.constantFrom('__proto__', 'constructor', '%', '%ff', '%00', '%0a', '../..', '\u{1f98a}', '{', '"', "'"),
  fc.string({ unit: 'binary', maxLength: 20 }),
)
const parameterNames = fc.oneof(
  fc.constantFrom('agent_name', 'model_name', 'issue_type', 'since', 'until', 'group_by', 'min_attempts', 'rank_by'),
  fc.constantFrom('limit', 'cursor', 'recent', 'partial', 'span', 'metric', 'experiment', 'verbose', '__proto__'),
  word,
)
const queries = fc
  .array(fc.tuple(parameterNames, word, fc.boolean()), { maxLength: 4 })
  .map(pairs =>
    pairs.map(([name, value, raw]) => (raw ? `${name}=${value}` : new URLSearchParams([[name, value]]).toString())),
  )
  .map(pairs => (pairs.length === 0 ? '' : `?${pairs.join('&')}`))
const paths = fc
  .tuple(
    fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...ROUTES) }, { weight: 1, arbitrary: word.map(w => `/${w}`) }),
    word,
    queries,
  )
  .map(([route, name, query]) => (route.replace('{name}', name) + query).replaceAll(NOT_IN_A_PATH, encodeOne))
  .map(path => (path.startsWith('/') ? path : `/${path}`))

function encodeOne(character: string): string {
  return [...Buffer.from(character)].map(byte => `%${byte.toString(16).padStart(2, '0')}`).join('')
}

const types = fc.constantFrom(
  'application/json',
  'application/json',
  'application/x-ndjson',
  'application/x-ndjson',
  'application/x-protobuf',
  'application/json; charset=utf-8',
  'application/json; charset=latin1',
  'text/plain',
  ';',
)
const otherHeaders = fc.dictionary(
  fc.constantFrom(
    'Origin',
    'Accept',
    'Accept-Encoding',
    'Authorization',
    'Range',
    'Expect',
    'If-None-Match',
    'X-Any',
    'Cookie',
    'Upgrade',
    'Forwarded',
  ),
  fc.oneof(
    fc.constantFrom('*/*', 'null', 'gzip;q=0', 'Bearer x', 'bytes=0-1', '100-continue', 'nonsense', 'websocket', 'br'),
    fc.string({ maxLength: 30 }).map(text => text.replaceAll(/[^\x20-\x7e]/g, '')),
  ),
  { maxKeys: 2 },
)

/** Attempts, most of them with one or two invalid fields. */
const nearAttempts = fc
  .tuple(
    fc.dictionary(
      fc.oneof(
        fc.constantFrom(
          ...Object.keys(anAttempt()),
          'confidence',
          'timestamp',
          'attempt_id',
          'cost_usd',
          'input_tokens',
        ),
        fc.string(),
      ),
      fc.oneof(fc.jsonValue(), fc.double(), fc.string({ unit: 'binary' }), fc.constant('2026-01-01T00:00:00Z')),
      { maxKeys: 2 },
    ),
  )
  .map(([more]) => ({ ...anAttempt(), ...more }))
const values = fc.oneof(
  nearAttempts,
  fc.array(nearAttempts, { maxLength: 4 }),
  fc.jsonValue(),
  fc.constant(anAttempt()),
)
const bodies = fc
  .tuple(
    fc.oneof(
      values.map(value => Buffer.from(JSON.stringify(value))),
      fc.array(values, { maxLength: 5 }).map(all => Buffer.from(all.map(one => JSON.stringify(one)).join('\n'))),
      fc.uint8Array({ maxLength: 200 }).map(bytes => Buffer.from(bytes)),
      fc.string({ unit: 'binary', maxLength: 200 }).map(text => Buffer.from(text)),
      fc.constantFrom(Buffer.alloc(0), Buffer.alloc(100_000, '['), Buffer.alloc(70_000, ' ')),
    ),
    fc.constantFrom('as it is', 'as it is', 'gzip', 'cut gzip', 'no gzip', 'br'),
  )
  .map(([plain, coding]) => coded(plain, coding))

function coded(plain: Buffer, coding: string): { body: Buffer; encoding: Record<string, string> } {
  if (coding === 'as it is') return { body: plain, encoding: {} }
  const body = coding === 'no gzip' ? plain : gzipSync(plain)
  const encoding = { 'Content-Encoding': coding === 'br' ? 'br' : 'gzip' }
  return { body: coding === 'cut gzip' ? body.subarray(0, body.length / 2) : body, encoding }
}

describe('any input', () => {
  test('to any route, with any method, query and headers, gets a documented response', async () => {
    const requests = fc.record({ method: methods, path: paths, type: types, headers: otherHeaders, content: bodies })
    await tryAll(800, requests, async ({ method, path, type, headers, content }) => {
      const body = method === 'GET' || method === 'HEAD' ? Buffer.alloc(0) : content.body
      const sent = { method, path, headers: { ...headers, 'Content-Type': type, ...content.encoding }, body }
      expectDocumented(sent, await send(sent))
    })
  })

  test('to be recorded gets a documented response, and the counts equal the responses', async () => {
    const total = async (): Promise<number> => {
      const report = (await (await sidecar.get('/api/v1/report')).json()) as { summary: { total_attempts: number } }
      return report.summary.total_attempts
    }
    let counted = await total()
    const requests = fc.record({ partial: fc.boolean(), type: types, content: bodies })
    await tryAll(400, requests, async ({ partial, type, content: { body, encoding } }) => {
      const path = `/api/v1/attempts${partial ? '?partial=true' : ''}`
      const sent = { method: 'POST', path, headers: { 'Content-Type': type, ...encoding }, body }
      const answer = await send(sent)
      expectDocumented(sent, answer)
      // A stream that ends at an invalid line reports how many lines before it are recorded.
      counted += (JSON.parse(answer.text) as { accepted?: number }).accepted ?? 0
      expect(await total()).toBe(counted)
    })
  })

  test('even if it is not HTTP, gets a documented response or is disconnected, without effect on other clients', async () => {
    const lines = fc.oneof(
      fc.constantFrom(
        'GET / HTTP/1.1',
        'POST /api/v1/attempts HTTP/1.1',
        'GET /metrics HTTP/1.0',
        'PRI * HTTP/2.0',
        'GET http://evil/ HTTP/1.1',
      ),
      fc.constantFrom(
        'Host: localhost',
        'Host: evil',
        'Content-Length: 5',
        'Content-Length: -1',
        'Transfer-Encoding: chunked',
      ),
      fc.constantFrom(
        'Transfer-Encoding: chunked, identity',
        'Expect: 100-continue',
        'Connection: close',
        'Upgrade: h2c',
        '',
      ),
      fc.constantFrom('0', '5;x=y', 'ffffffffffffffff', '{"a', `X: ${'x'.repeat(20_000)}`),
      fc.string({ unit: 'binary', maxLength: 30 }),
    )
    const streams = fc.oneof(
      fc.array(lines, { maxLength: 8 }).map(all => Buffer.from(all.join('\r\n'))),
      fc.uint8Array({ maxLength: 300 }).map(bytes => Buffer.from(bytes)),
    )
    await tryAll(1500, streams, async bytes => {
      const text = await sendRaw(bytes)
      for (const [, status] of text.matchAll(/^HTTP\/1\.1 (\d{3}) /gm)) {
        // 100 Continue precedes the response.
        expect([100, ...OF_NO_REQUEST, ...DOCUMENTED], text).toContain(Number(status))
      }
      expect(text).not.toMatch(/\n\s+at .*:\d+:\d+|node_modules|node:internal/)
    })
  })
})

/** Everything that is received until the connection ends. */
async function sendRaw(bytes: Buffer): Promise<string> {
  const { hostname, port } = new URL(sidecar.url)
  const socket = connect(Number(port), hostname)
  let text = ''
  socket
    .setEncoding('utf8')
    .on('data', chunk => {
      text += chunk
    })
    .on('error', () => undefined)
  socket.end(bytes)
  // `once` would reject if the connection is reset, which is a valid way to close it.
  await new Promise(resolve => socket.once('close', resolve))
  return text
}

test('covers every path of the OpenAPI document but the stream, whose answer never ends', async () => {
  const { paths } = (await (await sidecar.get('/openapi.json')).json()) as { paths: object }
  expect([...ROUTES, STREAM]).toEqual(expect.arrayContaining(Object.keys(paths)))
})

test('after all inputs no response was a 500, and no prototype has a new member', async () => {
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
  expect(await (await sidecar.get('/metrics')).text()).not.toMatch(/code="500"/)
})
