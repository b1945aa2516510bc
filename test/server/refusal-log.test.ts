/** The log lists refused requests, so that an operator notices them even if the client ignores the response. */
import { request } from 'node:http'
import { describe, expect, test } from 'vitest'
import { createRefusalLog } from '../../src/server/refusal-log.ts'
import { anAttempt, capturedLog, type TestSidecar, testSidecar } from '../support/sidecar.ts'

const REFUSED = /refused|rejected/
const NDJSON = { 'Content-Type': 'application/x-ndjson' }

type Line = Record<string, unknown>

const refusalsIn = (lines: readonly Line[]): Line[] => lines.filter(line => REFUSED.test(String(line.msg)))

/** Sends a request to a sidecar, and resolves with the log line about it. */
async function refusalOf(send: (sidecar: TestSidecar) => Promise<unknown>, flags: Line = {}): Promise<Line> {
  const { log, lines } = capturedLog()
  await using sidecar = await testSidecar(flags, log)
  await send(sidecar)
  await expect.poll(() => refusalsIn(lines)).toHaveLength(1)
  return refusalsIn(lines)[0]!
}

/** Posts with any Host, which fetch does not allow. */
function postAs(host: string, url: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const req = request(`${url}/api/v1/attempts`, { method: 'POST', headers: { host } }, res => {
      res.resume().on('end', () => resolve(res.statusCode!))
    })
    req.on('error', reject).end('[]')
  })
}

describe('a refused request is logged', () => {
  const cases: [string, Line, (sidecar: TestSidecar) => Promise<unknown>, Line?][] = [
    [
      'with the place of the first fault, where attempts are not as documented',
      { level: 'warn', status: 400, index: 1, pointer: '/agentName', fault: 'is not a known field' },
      ({ post }) => post([anAttempt(), anAttempt({ agentName: 'secret-name' })]),
    ],
    [
      'with the line, where a line of a stream is not as documented',
      { level: 'warn', status: 400, index: 1, pointer: '/success', detail: expect.stringMatching(/^line 2 /) },
      ({ post }) =>
        post(`${JSON.stringify(anAttempt())}\n${JSON.stringify(anAttempt({ success: 'secret' }))}\n`, {
          headers: NDJSON,
        }),
    ],
    [
      'without a part of the body, where that is not JSON',
      { level: 'warn', status: 400, detail: 'the body is not JSON' },
      ({ post }) => post('secret is no JSON'),
    ],
    [
      'without a part of the line, where a line of a stream is not JSON',
      { level: 'warn', status: 400, detail: 'line 1 is not JSON; the 0 lines before are kept' },
      ({ post }) => post('secret\n', { headers: NDJSON }),
    ],
    [
      'without a part of the body, where OTLP is not JSON',
      { level: 'warn', status: 400, route: '/v1/logs', detail: 'the body is not JSON' },
      ({ post }) => post('secret', { path: '/v1/logs' }),
    ],
    [
      'where the media type is wrong',
      { level: 'warn', status: 415, detail: expect.stringContaining('text/plain') },
      ({ post }) => post('x', { headers: { 'Content-Type': 'text/plain' } }),
    ],
    [
      'where the body is too large',
      { level: 'warn', status: 413 },
      ({ post }) => post([anAttempt({ agent_name: 'a'.repeat(200) }), anAttempt()]),
      { 'max-body-bytes': '100' },
    ],
    [
      'with the Host to list, where that is not served',
      { level: 'warn', status: 421, detail: expect.stringContaining('allow it with --allow-host pod.example') },
      ({ url }) => postAs('pod.example', url),
    ],
    [
      'without the Host, where that is neither a name nor an address',
      { level: 'warn', status: 400, detail: 'the Host is neither a name nor an address' },
      ({ url }) => postAs('user:secret@localhost', url),
    ],
    [
      'where the Origin may not ask',
      { level: 'warn', status: 403 },
      ({ post }) => post(anAttempt(), { headers: { Origin: 'http://secret.example' } }),
    ],
    [
      'where the path is not there',
      { level: 'warn', status: 404, route: 'other' },
      ({ post }) => post(anAttempt(), { path: '/api/attempts' }),
    ],
    [
      'where part of the attempts is rejected',
      { level: 'warn', status: 200, index: 1, pointer: '/success', msg: 'part of a request was rejected' },
      ({ post }) => post([anAttempt(), anAttempt({ success: 'secret' })], { path: '/api/v1/attempts?partial=true' }),
    ],
  ]

  test.each(cases)('%s', async (_what, expected, send, flags) => {
    const line = await refusalOf(send, flags)
    expect(line).toMatchObject({ method: 'POST', route: '/api/v1/attempts', suppressed: 0, ...expected })
    expect(JSON.stringify(line)).not.toContain('secret')
  })

  test('if OTLP records are rejected, with the first of them', async () => {
    const attributes = Object.entries({ 'gen_ai.agent.name': 'secret', 'gen_ai.request.model': 'm' }).map(
      ([key, stringValue]) => ({ key, value: { stringValue } }),
    )
    const logRecords = [{ timeUnixNano: '1700000000000000000', eventName: 'agent.attempt', attributes }]
    const line = await refusalOf(({ post }) =>
      post({ resourceLogs: [{ scopeLogs: [{ logRecords }] }] }, { path: '/v1/logs' }),
    )
    expect(line).toMatchObject({ level: 'warn', route: '/v1/logs', status: 200 })
    expect(line.detail).toMatch(/^1 record was rejected.*agent_name is required/)
    expect(JSON.stringify(line)).not.toContain('secret')
  })

  test('with the paths of OTLP if it was sent to /, as by an exporter with a wrong endpoint', async () => {
    const line = await refusalOf(({ post }) => post({}, { path: '/' }))
    expect(line.status).toBeOneOf([404, 405])
    expect(line.detail).toContain('send OTLP to /v1/logs, /v1/traces, /v1/metrics')
  })

  test('once in ten seconds per route and status, with the number of those that were not logged', async () => {
    const { log, lines } = capturedLog()
    await using sidecar = await testSidecar({}, log)
    for (let i = 0; i < 20; i++) await sidecar.post('no JSON')
    await sidecar.post('x', { headers: { 'Content-Type': 'text/plain' } })
    await expect.poll(() => refusalsIn(lines).map(line => line.status)).toEqual([400, 415])
    let nowMs = 0
    const refusals = createRefusalLog(log, () => nowMs)
    const refuse = (): void => refusals.log('POST', '/v1/logs', { status: 400, detail: 'x'.repeat(1000) })
    lines.length = 0
    for (let i = 0; i < 100; i++) refuse()
    nowMs = 10_000
    refuse()
    expect(lines.map(line => line.suppressed)).toEqual([0, 99])
    expect(String(lines[0]!.detail).length).toBeLessThan(400)
  })

  test('at level info if the client retries', () => {
    const { log, lines } = capturedLog()
    const refusals = createRefusalLog(log, () => 0)
    for (const status of [429, 503]) refusals.log('POST', '/v1/logs', { status, detail: 'later' })
    expect(lines.map(line => line.level)).toEqual(['info', 'info'])
  })
})

test('an accepted request, or one that does not record, is not logged', async () => {
  const { log, lines } = capturedLog()
  await using sidecar = await testSidecar({}, log)
  expect((await sidecar.post(anAttempt())).status).toBe(200)
  expect((await sidecar.get('/api/v1/report?nothing=1')).status).toBe(400)
  await sidecar.sidecar.close()
  expect(refusalsIn(lines)).toEqual([])
})
