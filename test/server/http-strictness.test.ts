/** Requests that violate HTTP or are ambiguous are refused as problems. Unusual requests that HTTP requires to be served are served. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { askRaw, openRaw, sendRaw } from '../support/raw.ts'
import { anAttempt, type TestSidecar, testSidecar } from '../support/sidecar.ts'

let sidecar: TestSidecar
beforeAll(async () => {
  sidecar = await testSidecar()
})
afterAll(() => sidecar[Symbol.asyncDispose]())

const HEAD = 'Host: localhost\r\nConnection: close\r\n'
const body = JSON.stringify(anAttempt())
const get = (target: string, more = HEAD): string => `GET ${target} HTTP/1.1\r\n${more}\r\n`
const post = (target: string, headers: string, text = body): string =>
  `POST ${target} HTTP/1.1\r\n${headers}Content-Type: application/json\r\nContent-Length: ${text.length}\r\n\r\n${text}`

async function total(): Promise<number> {
  const report = (await (await sidecar.get('/api/v1/report')).json()) as { summary: { total_attempts: number } }
  return report.summary.total_attempts
}

/** Sends bytes. The response must be a problem of that status and close the connection, and nothing may be counted. */
async function expectRefused(bytes: string, status: number, detail: RegExp): Promise<void> {
  const before = await total()
  const answer = await askRaw(sidecar.url, bytes)
  expect(answer.status, answer.body).toBe(status)
  expect(answer.head).toMatch(/^Content-Type: application\/problem\+json$/m)
  expect(answer.head).toMatch(/^Connection: close$/m)
  expect(answer.head).toMatch(/^X-Content-Type-Options: nosniff$/m)
  expect(JSON.parse(answer.body)).toMatchObject({ type: 'about:blank', status, detail: expect.stringMatching(detail) })
  expect(await total()).toBe(before)
}

describe('is refused as a problem, and closes the connection', () => {
  test.each([
    ['two Hosts', get('/livez', `Host: localhost\r\nHost: localhost\r\n`), 400, /one Host header, not 2/],
    ['a second Host', post('/api/v1/attempts', 'Host: localhost\r\nhOST: evil.example\r\n'), 400, /one Host header/],
    ['no Host in HTTP/1.1', get('/api/v1/report', ''), 400, /has a Host header/],
    ['HTTP/2.0', `GET /api/v1/report HTTP/2.0\r\n${HEAD}\r\n`, 505, /HTTP\/1\.1/],
    ['HTTP/1.2', `GET /api/v1/report HTTP/1.2\r\n${HEAD}\r\n`, 505, /HTTP\/1\.1/],
    ['HTTP/0.9', `GET /api/v1/report HTTP/0.9\r\n${HEAD}\r\n`, 505, /HTTP\/1\.1/],
    ['a line without a version', 'GET /api/v1/report\r\n\r\n', 505, /HTTP\/1\.1/],
    ['an unknown method', get('/livez').replace('GET', 'FOO'), 501, /method/],
    ['a method in lower case', get('/livez').replace('GET', 'get'), 501, /method/],
    ['CONNECT', 'CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n', 501, /proxy/],
    ['a folded header', get('/livez', `${HEAD}X: a\r\n b\r\n`), 400, /whitespace/],
    ['lines that end with LF alone', get('/livez').replaceAll('\r', ''), 400, /CRLF/],
    ['space before the colon', get('/livez', 'Host : localhost\r\n'), 400, /header/],
    ['a NUL in a header', get('/livez', `${HEAD}X: a\x00b\r\n`), 400, /header/],
    ['a byte above 127 in the path', get('/api/v1/experiments/\xff'), 400, /url/],
    ['headers of 20,000 bytes', get('/livez', `${HEAD}X: ${'a'.repeat(20_000)}\r\n`), 431, /at most 16384 bytes/],
    ['2,100 headers', get('/livez', `${HEAD}${'a:\r\n'.repeat(2100)}Host: evil\r\n`), 431, /headers/],
    ['a path of 20,000 bytes', get(`/${'a'.repeat(20_000)}`), 431, /at most 16384 bytes/],
    ['a length with a sign', post('/api/v1/attempts', HEAD).replace(/Length: /, 'Length: +'), 400, /Content-Length/],
    ['a list of lengths', post('/api/v1/attempts', HEAD).replace(/Length: (\d+)/, 'Length: $1, $1'), 400, /Length/],
    ['a length in hex', post('/api/v1/attempts', HEAD).replace(/Length: .*/, 'Length: 0x5'), 400, /Content-Length/],
    [
      'a length beyond all',
      post('/api/v1/attempts', HEAD).replace(/Length: /, `Length: ${'9'.repeat(30)}`),
      400,
      /Len/,
    ],
    [
      'a coding that is not chunked',
      `POST /api/v1/attempts HTTP/1.1\r\n${HEAD}Content-Type: application/json\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
      501,
      /chunked/,
    ],
    [
      'chunks twice',
      `POST /api/v1/attempts HTTP/1.1\r\n${HEAD}Content-Type: application/json\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n`,
      400,
      /Transfer-Encoding/,
    ],
    [
      'chunks in HTTP/1.0',
      `POST /api/v1/attempts HTTP/1.0\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      400,
      /Transfer-Encoding/,
    ],
    ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400, /not an HTTP/],
  ])('%s', (_what, bytes, status, detail) => expectRefused(bytes, status, detail))

  test('a body with invalid chunks', () =>
    expectRefused(
      `POST /api/v1/attempts HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n`,
      400,
      /chunk/,
    ))

  test('and is counted, under few labels', async () => {
    await using own = await testSidecar()
    for (let i = 0; i < 20; i++) await sendRaw(own.url, `M${'X'.repeat(i + 1)} /path-${i} HTTP/1.1\r\n${HEAD}\r\n`)
    const scrape = await (await own.get('/metrics')).text()
    expect(scrape).toContain('agent_performance_http_requests_total{route="other",method="other",code="501"} 20')
    expect(scrape.match(/code="501"/g)).toHaveLength(1)
  })
})

test('an invalid request after a valid one leaves the response to the valid one intact', async () => {
  const text = await sendRaw(sidecar.url, `GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\nrubbish\r\n\r\n`)
  expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 400'])
  expect(text).toContain('{"status":"ok"}HTTP/1.1 400')
})

test('the error response to invalid bytes is never sent within a long response', async () => {
  await using own = await testSidecar()
  const keys = Array.from({ length: 5000 }, (_, i) => anAttempt({ agent_name: `agent-${i}` }))
  expect((await own.post(keys)).status).toBe(200)
  const { socket, text } = openRaw(own.url)
  socket.write('GET /api/v1/metrics HTTP/1.1\r\nHost: localhost\r\n\r\n')
  socket.once('data', () => socket.write('garbage\r\n\r\n'))
  const received = await text
  // The response may be aborted, or complete with the refusal after its last chunk.
  const refusal = received.indexOf('HTTP/1.1 400')
  if (refusal >= 0) expect(received.slice(0, refusal)).toMatch(/\r\n0\r\n\r\n$/)
})

describe('a request target', () => {
  test.each([
    ['/api/v1/experiments/%ff', 'the path', '"%ff" at character 21'],
    ['/api/v1/experiments/a%f', 'the path', '"%f" at character 22'],
    ['/api/v1/experiments/%c3', 'the path', '"%c3" at character 21'],
    ['/nothing%', 'the path', '"%" at character 9'],
    ['/livez?%ff', 'the parameter %ff', '"%ff" at character 8'],
    ['/metrics?x=%ed%a0%80', 'the parameter x', '"%ed%a0%80" at character 12'],
    ['/api/v1/success-rate?agent_name=%ff', 'the parameter agent_name', '"%ff" at character 33'],
    ['/api/v1/success-rate?agent_name=a&model_name=%zz', 'the parameter model_name', '"%zz" at character 46'],
    ['/api/v1/attempts?cursor=%C0%80', 'the parameter cursor', '"%C0%80" at character 25'],
  ])('%s is a 400 with the position of the invalid encoding', async (target, what, place) => {
    const answer = await askRaw(sidecar.url, get(target))
    expect(answer.status).toBe(400)
    const { detail } = JSON.parse(answer.body) as { detail: string }
    expect(detail).toContain(`${what} is not percent-encoded UTF-8: ${place} of the request target`)
  })

  test('with an invalid encoding is refused for OTLP in the encoding of OTLP', async () => {
    const answer = await askRaw(sidecar.url, post('/v1/logs?x=%ff', HEAD))
    expect(answer.status).toBe(400)
    expect(JSON.parse(answer.body)).toEqual({ code: 3, message: expect.stringContaining('"%ff" at character 12') })
  })

  test.each([
    ['/livez/', 404],
    ['/metrics/', 404],
    ['/api/v1/report/', 404],
    ['/api/v1/experiments/', 404],
    ['/api/v1/experiments/x/', 404],
    ['//livez', 404],
    ['/api//v1/report', 404],
    ['/livez;x', 404],
    ['/API/v1/report', 404],
    ['/api/v1/../v1/report', 404],
    ['/%6civez', 404],
    ['/api%2Fv1/report', 404],
    ['/livez#x', 400],
    ['/livez?', 200],
    ['/api/v1/report?', 200],
    ['/api/v1/report?&&', 200],
    ['*', 404],
  ])('%s gets %d: a path has one spelling', async (target, status) => {
    expect((await askRaw(sidecar.url, get(target))).status).toBe(status)
  })

  test('contains a slash of an experiment as %2F, and its name stays distinct from every other', async () => {
    await using own = await testSidecar()
    for (const experiment of ['a/b', 'a%2Fb', 'a;b', 'é']) {
      await own.post([anAttempt({ experiment, variant: 'x' }), anAttempt({ experiment, variant: 'y' })])
    }
    for (const name of ['a%2Fb', 'a%252Fb', 'a;b', 'a%3Bb', '%C3%A9']) {
      const answer = await askRaw(own.url, get(`/api/v1/experiments/${name}`))
      expect(answer.status, name).toBe(200)
      expect(answer.body).toContain('"experiment":')
    }
    for (const name of ['a/b', 'a%2fb%2f', 'e%CC%81'])
      expect((await askRaw(own.url, get(`/api/v1/experiments/${name}`))).status, name).toBe(404)
  })
})

describe('a target in absolute form, as proxies send it,', () => {
  test('records, asks and accepts OTLP as a path does', async () => {
    await using own = await testSidecar()
    const other = 'Host: ignored.example\r\nConnection: close\r\n'
    const recorded = await askRaw(own.url, post('http://127.0.0.1:9464/api/v1/attempts?partial=true', other))
    expect(recorded).toMatchObject({ status: 200, body: '{"accepted":1,"duplicates":0,"rejected":[]}' })
    const asked = await askRaw(own.url, get('HTTP://LOCALHOST/api/v1/attempts?limit=1', other))
    expect(JSON.parse(asked.body)).toMatchObject({ attempts: [{ agent_name: 'a' }] })
    expect(await askRaw(own.url, post('https://[::1]:9464/v1/logs', other, '{}'))).toMatchObject({
      status: 200,
      body: '{}',
    })
    // Without a path it is the root: the page, or a 404 that says how to build it.
    const { status } = await own.get('/')
    expect((await askRaw(own.url, get('http://localhost', other))).status).toBe(status)
    expect((await askRaw(own.url, get('http://localhost?x=1', other))).status).toBe(status)
    const scrape = await (await own.get('/metrics')).text()
    expect(scrape).toContain('http_requests_total{route="/api/v1/attempts",method="POST",code="200"} 1')
  })

  test.each([
    ['http://evil.example/api/v1/report', 421],
    ['http://localhost@evil.example/api/v1/report', 400],
    ['http://user:pass@localhost/api/v1/report', 400],
    ['ftp://localhost/api/v1/report', 400],
    ['http:///api/v1/report', 400],
  ])('%s is checked as a Host is: %d, whatever the Host header', async (target, status) => {
    expect((await askRaw(sidecar.url, get(target))).status).toBe(status)
    expect((await askRaw(sidecar.url, post(target.replace('report', 'attempts'), HEAD))).status).toBe(status)
  })

  test('still needs a Host header in HTTP/1.1', async () => {
    expect((await askRaw(sidecar.url, get('http://localhost/livez', ''))).status).toBe(400)
  })
})

describe('a parameter', () => {
  test.each([...['0x10', '1e2', '%205', '5%20', '%2B5', '5.0', '5_0', '%D9%A5', '', 'Infinity', '-5', '9'.repeat(20)]])(
    'limit=%s is a 400 that names it: only decimal digits are a whole number',
    async value => {
      for (const question of [`attempts?limit=${value}`, `best-agent?issue_type=x&min_attempts=${value}`]) {
        const answer = await sidecar.get(`/api/v1/${question}`)
        expect(answer.status, question).toBe(400)
        const name = question.startsWith('attempts') ? 'limit' : 'min_attempts'
        expect(await answer.json()).toMatchObject({ parameters: [{ name }] })
      }
    },
  )

  test('with decimals is written as in JSON', async () => {
    const statusOf = async (value: string): Promise<number> =>
      (await sidecar.get(`/api/v1/route?issue_type=x&max_cost_usd=${value}`)).status
    for (const good of ['0', '0.5', '12', '1e-7', '1.5E3', String(1e-7)]) expect(await statusOf(good), good).toBe(200)
    for (const bad of ['', '0x1', '%201', '.5', '5.', '+1', '-1', 'NaN', 'Infinity', '1e999'])
      expect(await statusOf(bad), bad).toBe(400)
  })

  test.each([
    'attempts?limit=5&limit=5',
    'attempts?limit=5?cursor=x',
    'attempts?limit',
    'attempts?cursor=',
    'attempts?since=',
    'report?agent_name=',
    'trends?interval=',
    'route?issue_type=x&seed=',
    'success-rate?group_by=',
    'report?=x',
  ])('%s is a 400 that names it: no parameter may be repeated, empty or truncated', async question => {
    const answer = await sidecar.get(`/api/v1/${question}`)
    expect(answer.status).toBe(400)
    expect(await answer.json()).toMatchObject({ parameters: [{ detail: expect.any(String) }] })
  })
})
