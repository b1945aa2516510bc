/** Recording over HTTP: accepted requests, refused requests, and the content of a refusal. */
import { request } from 'node:http'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { anAttempt, type TestSidecar, testSidecar } from '../support/sidecar.ts'

let sidecar: TestSidecar
beforeAll(async () => {
  sidecar = await testSidecar({ 'max-body-bytes': '1MiB' })
})
afterAll(() => sidecar[Symbol.asyncDispose]())

const total = async (): Promise<number> => {
  const report = (await (await sidecar.get('/api/v1/report')).json()) as { summary: { total_attempts: number } }
  return report.summary.total_attempts
}

/** Posts a body. Resolves with the status and the problem. Fails if an attempt counted or the answer is not a valid problem. */
async function refused(
  body: unknown,
  headers: Record<string, string> = {},
  path?: string,
): Promise<Record<string, unknown>> {
  const before = await total()
  const answer = await sidecar.post(body, { headers, ...(path !== undefined && { path }) })
  const text = await answer.text()
  expect(answer.headers.get('content-type')).toBe('application/problem+json')
  expect(text).not.toMatch(/\bat .*:\d+:\d+|node_modules|\.ts\b/)
  expect(await total()).toBe(before)
  const problem = JSON.parse(text) as Record<string, unknown>
  expect(problem).toMatchObject({
    type: 'about:blank',
    status: answer.status,
    title: expect.any(String),
    detail: expect.any(String),
  })
  return problem
}

describe('keeps valid attempts', () => {
  test('one attempt, a list, and none', async () => {
    const before = await total()
    expect(await (await sidecar.post(anAttempt())).json()).toEqual({ accepted: 1, duplicates: 0 })
    expect(await (await sidecar.post([anAttempt(), anAttempt({ success: false })])).json()).toEqual({
      accepted: 2,
      duplicates: 0,
    })
    expect(await (await sidecar.post([])).json()).toEqual({ accepted: 0, duplicates: 0 })
    expect(await total()).toBe(before + 3)
  })

  test('task, session and trace of up to 256 bytes, and lists them', async () => {
    const links = {
      task_id: 'é'.repeat(128),
      session_id: 's'.repeat(256),
      trace_id: '0af7651916cd43dd8448eb211c80319c',
    }
    expect((await sidecar.post(anAttempt({ agent_name: 'linked', ...links }))).status).toBe(200)
    const line = `${JSON.stringify(anAttempt({ agent_name: 'linked', task_id: 't-1' }))}\n`
    const headers = { 'Content-Type': 'application/x-ndjson' }
    expect((await sidecar.post(line, { headers })).status).toBe(200)
    const listed = await (await sidecar.get('/api/v1/attempts?agent_name=linked')).json()
    expect(listed).toMatchObject({ attempts: [{ task_id: 't-1' }, links] })
    for (const name of ['task_id', 'session_id', 'trace_id'])
      expect(await refused(anAttempt({ [name]: `${'é'.repeat(128)}s` }))).toMatchObject({
        errors: [{ pointer: `/${name}`, detail: 'must be at most 256 bytes of UTF-8' }],
      })
  })

  test('the same id once: in a list, in two requests, in two requests at the same time, and with other content', async () => {
    const before = await total()
    const first = anAttempt({ attempt_id: 'same' })
    expect(await (await sidecar.post([first, first])).json()).toEqual({ accepted: 1, duplicates: 1 })
    expect(await (await sidecar.post({ ...first, success: false })).json()).toEqual({ accepted: 0, duplicates: 1 })
    const racing = anAttempt({ attempt_id: 'racing' })
    const answers = await Promise.all(
      Array.from({ length: 20 }, async () => (await sidecar.post(racing)).json() as Promise<{ accepted: number }>),
    )
    expect(answers.reduce((sum, { accepted }) => sum + accepted, 0)).toBe(1)
    expect(await total()).toBe(before + 2)
  })

  test('a gzipped body', async () => {
    const answer = await sidecar.post(gzipSync(JSON.stringify([anAttempt(), anAttempt()])), {
      headers: { 'Content-Encoding': 'gzip' },
    })
    expect(await answer.json()).toEqual({ accepted: 2, duplicates: 0 })
  })

  test('a body with a byte order mark, a charset, and numbers at the edge', async () => {
    const body = `\uFEFF${JSON.stringify(anAttempt({ confidence: 1, time_seconds: 0 })).replace('"time_seconds":0', '"time_seconds":-0')}`
    const answer = await sidecar.post(body, { headers: { 'Content-Type': 'application/json; charset=UTF-8' } })
    expect(await answer.json()).toEqual({ accepted: 1, duplicates: 0 })
  })

  test('returns every name without control characters unchanged, and does not merge keys that print alike', async () => {
    await using own = await testSidecar()
    const names = [
      '__proto__',
      'constructor',
      'toString',
      'then',
      '🦊',
      'é',
      'e\u0301',
      '../../x',
      '"}',
      ' ',
      'عربي',
      'a:b',
    ]
    const keys = names.flatMap(agent_name => [
      { agent_name, model_name: 'c' },
      { agent_name, model_name: 'b:c' },
    ])
    await own.post([...keys.map(key => anAttempt(key)), anAttempt({ agent_name: 'a', model_name: 'b:c' })])
    const { metrics } = (await (await own.get('/api/v1/metrics')).json()) as {
      metrics: Record<string, { agent_name: string; total_attempts: number }>
    }
    expect(Object.values(metrics).map(metric => metric.total_attempts)).toEqual(Array(25).fill(1))
    expect(new Set(Object.values(metrics).map(metric => metric.agent_name))).toEqual(new Set([...names, 'a']))
    expect(Object.keys(metrics)).toContain('__proto__:c:i')
    const rates = JSON.parse(await (await own.get('/api/v1/success-rate?group_by=agent_name')).text()) as {
      success_rates: object
    }
    expect(Object.keys(rates.success_rates)).toEqual(expect.arrayContaining(names))
    const one = await own.get(`/api/v1/success-rate?agent_name=__proto__&model_name=b:c&issue_type=i`)
    expect(await one.json()).toMatchObject({ success_rate: 100, total_attempts: 1 })
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
  })

  test('counts an attempt from too far in the future at its time of receipt', async () => {
    await using own = await testSidecar()
    await own.post([anAttempt({ timestamp: '2999-01-01T00:00:00Z' }), anAttempt({ timestamp: '1999-01-01T00:00:00Z' })])
    const rate = await own.get('/api/v1/success-rate?since=5m')
    expect(await rate.json()).toMatchObject({ details: { 'a:m:i': { total_attempts: 1 } } })
    expect(await (await own.get('/metrics')).text()).toContain('agent_performance_attempts_skewed_total 1')
  })
})

describe('refuses invalid requests with index and pointer, and counts nothing of them', () => {
  test.each([
    ['nothing', ''],
    ['no JSON', '{"agent_name": '],
    ['a number with a leading zero', '[01]'],
    ['NUL bytes', '\u0000\u0000'],
    ['JSON and more', `${JSON.stringify(anAttempt())} x`],
    ['invalid UTF-8', Uint8Array.from([0x22, 0xff, 0xfe, 0x22])],
    ['UTF-16', Buffer.from(JSON.stringify(anAttempt()), 'utf16le')],
  ])('%s: 400, not JSON', async (_name, body) => {
    expect(await refused(body)).toMatchObject({ status: 400, detail: expect.stringContaining('not JSON') })
  })

  test('an experiment without a variant and a variant without an experiment, alone, in a list and in a line', async () => {
    for (const [half, pointer] of [
      [{ experiment: 'prompt' }, '/variant'],
      [{ variant: 'short' }, '/experiment'],
    ] as const) {
      const errors = (index: number) => [{ index, pointer, detail: expect.stringContaining('is required with') }]
      expect(await refused(anAttempt(half))).toMatchObject({ status: 400, errors: errors(0) })
      expect(await refused([anAttempt(), anAttempt(half)])).toMatchObject({ status: 400, errors: errors(1) })
      const line = JSON.stringify(anAttempt(half))
      const ndjson = { 'Content-Type': 'application/x-ndjson' }
      expect(await refused(line, ndjson)).toMatchObject({ status: 400, kept_lines: 0 })
    }
  })

  test('names the invalid attempts of a list by index and pointer', async () => {
    const list = [anAttempt(), anAttempt({ success: 'yes' }), 3, anAttempt({ confidence: 2, extra: 1 })]
    expect(await refused(list)).toMatchObject({
      status: 400,
      errors: [
        { index: 1, pointer: '/success', detail: expect.any(String) },
        { index: 2, pointer: '', detail: expect.any(String) },
        { index: 3, pointer: '/confidence', detail: expect.any(String) },
        { index: 3, pointer: '/extra', detail: expect.any(String) },
      ],
    })
  })

  test.each([
    [
      '1e400',
      JSON.stringify(anAttempt({ confidence: 0 })).replace('"confidence":0', '"confidence":1e400'),
      '/confidence',
    ],
    ['a lone surrogate', JSON.stringify(anAttempt()).replace('"a"', '"\\ud800"'), '/agent_name'],
    ['__proto__ as a field', JSON.stringify(anAttempt()).replace('{', '{"__proto__":{"polluted":true},'), '/__proto__'],
    [
      'constructor as a field',
      JSON.stringify(anAttempt({ constructor: { prototype: { polluted: true } } })),
      '/constructor',
    ],
    ['an array for a name', JSON.stringify(anAttempt({ agent_name: ['a'] })), '/agent_name'],
    ['a name of 257 bytes', JSON.stringify(anAttempt({ agent_name: `${'é'.repeat(128)}x` })), '/agent_name'],
    ['no name', JSON.stringify({ ...anAttempt(), agent_name: undefined }), '/agent_name'],
  ])('%s: 400 with the pointer', async (_name, body, pointer) => {
    expect(await refused(body)).toMatchObject({ status: 400, errors: [{ index: 0, pointer }] })
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
  })

  test('an array 200,000 deep, alone and in a field', async () => {
    const deep = '['.repeat(200_000) + ']'.repeat(200_000)
    expect(await refused(deep)).toMatchObject({ status: 400 })
    expect(await refused(`{"agent_name":${deep}}`)).toMatchObject({ status: 400 })
  })

  test.each([
    [1, 100],
    [1000, 10],
    [10_000, 1],
  ])('%d invalid attempts are all named, with at most %d faults each', async (count, each) => {
    const unknown = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`field${i}`, 1]))
    const problem = await refused([...Array(count - 1).fill({}), unknown])
    expect(problem.detail).toMatch(new RegExp(`of ${count}: none was counted`))
    const indexes = (problem.errors as readonly { readonly index: number }[]).map(({ index }) => index)
    expect(new Set(indexes).size).toBe(count)
    expect(indexes.filter(index => index === count - 1)).toHaveLength(each)
  })

  test('more bytes, inflated bytes or items than the limits allow', async () => {
    expect(await refused(JSON.stringify(anAttempt({ error_type: 'x'.repeat(2 ** 20) })))).toMatchObject({ status: 413 })
    const bomb = gzipSync(Buffer.alloc(50 * 2 ** 20, ' '))
    expect(await refused(bomb, { 'Content-Encoding': 'gzip' })).toMatchObject({ status: 413 })
    expect(await refused(`[${Array(10_001).fill('0').join()}]`)).toMatchObject({ status: 413 })
  })

  test.each([
    [{ 'Content-Type': 'text/plain' }, 415],
    [{ 'Content-Type': 'application/x-www-form-urlencoded' }, 415],
    [{ 'Content-Type': 'application/json; charset=utf-16' }, 415],
    [{ 'Content-Encoding': 'br' }, 415],
    [{ 'Content-Encoding': 'gzip, gzip' }, 415],
    [{ 'Content-Encoding': 'gzip' }, 400],
  ])('%j: %d', async (headers, status) => {
    expect(await refused(JSON.stringify(anAttempt()), headers)).toMatchObject({ status })
  })

  test.each(['?partial=yes', '?partial', '?partial=true&partial=true', '?partail=true'])('%s: 400', async query => {
    expect(await refused(anAttempt(), {}, `/api/v1/attempts${query}`)).toMatchObject({ status: 400 })
  })

  test('keeps the valid attempts with partial=true', async () => {
    const before = await total()
    const answer = await sidecar.post([anAttempt(), { nothing: 1 }, anAttempt()], {
      path: '/api/v1/attempts?partial=true',
    })
    expect(answer.status).toBe(200)
    expect(await answer.json()).toMatchObject({
      accepted: 2,
      duplicates: 0,
      rejected: [{ index: 1, errors: expect.arrayContaining([{ pointer: '/nothing', detail: expect.any(String) }]) }],
    })
    expect(await total()).toBe(before + 2)
  })
})

describe('a stream of lines', () => {
  const lines = (...items: unknown[]): string =>
    items.map(item => (typeof item === 'string' ? item : JSON.stringify(item))).join('\n')
  const stream = (body: string | Uint8Array, headers: Record<string, string> = {}): Promise<Response> =>
    sidecar.post(body, { headers: { 'Content-Type': 'application/x-ndjson', ...headers } })

  test('is kept with and without a final line end, with blank lines and with CRLF', async () => {
    expect(await (await stream(lines(anAttempt(), '', anAttempt()))).json()).toEqual({ accepted: 2, duplicates: 0 })
    expect(await (await stream(`${JSON.stringify(anAttempt())}\r\n\r\n`)).json()).toEqual({
      accepted: 1,
      duplicates: 0,
    })
    expect(await (await stream('')).json()).toEqual({ accepted: 0, duplicates: 0 })
  })

  test('of more lines and bytes than a JSON body may have is recorded completely, also gzipped', async () => {
    const many = Array(12_000)
      .fill(JSON.stringify(anAttempt({ error_type: 'x'.repeat(100) })))
      .join('\n')
    expect(many.length).toBeGreaterThan(2 ** 20)
    expect(await (await stream(many)).json()).toEqual({ accepted: 12_000, duplicates: 0 })
    expect(await (await stream(gzipSync(many), { 'Content-Encoding': 'gzip' })).json()).toEqual({
      accepted: 12_000,
      duplicates: 0,
    })
  })

  test('ends at an invalid line, names it, and keeps the lines before it; sending all of it again with ids is safe', async () => {
    const before = await total()
    const good = Array.from({ length: 1500 }, (_, i) => anAttempt({ attempt_id: `line-${i}` }))
    const bad = await stream(lines(...good, '', '{"agent_name": 1}', anAttempt()))
    expect(bad.status).toBe(400)
    expect(await bad.json()).toMatchObject({
      detail: expect.stringMatching(/line 1502 .* 1500 lines before are kept/),
      kept_lines: 1500,
      accepted: 1500,
    })
    expect(await total()).toBe(before + 1500)
    expect(await (await stream(lines(...good, anAttempt()))).json()).toEqual({ accepted: 1, duplicates: 1500 })
  })

  test('ends at an invalid line while the client is still sending, and the client can read the reason', async () => {
    const rest = `${JSON.stringify(anAttempt())}\n`.repeat(200_000)
    const answer = await stream(`${JSON.stringify(anAttempt())}\nrubbish\n${rest}`)
    expect(answer.status).toBe(400)
    expect(await answer.json()).toMatchObject({ detail: expect.stringContaining('line 2'), kept_lines: 1 })
  })

  test('with a line of more than a megabyte ends there', async () => {
    const answer = await stream(lines(anAttempt(), 'x'.repeat(2 ** 20 + 1)))
    expect(answer.status).toBe(413)
    expect(await answer.json()).toMatchObject({ detail: expect.stringContaining('line 2'), kept_lines: 1 })
  })

  test('records only complete groups of complete lines if it is interrupted, and the sidecar continues', async () => {
    const before = await total()
    await new Promise<void>(resolve => {
      const req = request(`${sidecar.url}/api/v1/attempts`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/x-ndjson' },
      })
      req.on('error', () => resolve())
      req.write(`${JSON.stringify(anAttempt())}\n{"agent_na`, () => setImmediate(() => req.destroy()))
    })
    await expect.poll(async () => (await total()) - before).toBeLessThanOrEqual(1)
    expect((await sidecar.post(anAttempt())).status).toBe(200)
  })
})
