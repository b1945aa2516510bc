/** PUT /api/v1/experiments/{name}: what is stored, what is refused, and what it changes in answers and on /metrics. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import type { ExperimentReport } from '../../src/core/reports/experiment-report.ts'
import { createClient } from '../../src/index.ts'
import { anAttempt, type TestSidecar, testSidecar } from '../support/sidecar.ts'

let sidecar: TestSidecar
beforeAll(async () => {
  sidecar = await testSidecar({ admin: true, 'max-arms': 5 })
})
beforeEach(async () => {
  await fetch(`${sidecar.url}/api/v1/metrics`, { method: 'DELETE' })
})
afterAll(() => sidecar[Symbol.asyncDispose]())

const JSON_TYPE = { 'Content-Type': 'application/json' }

function put(name: string, body: unknown, { url = sidecar.url, headers = {} } = {}): Promise<Response> {
  return fetch(`${url}/api/v1/experiments/${encodeURIComponent(name)}`, {
    method: 'PUT',
    headers: { ...JSON_TYPE, ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
}

const report = async (question: string): Promise<ExperimentReport> => {
  const answer = await sidecar.get(`/api/v1/experiments/${question}`)
  expect(answer.status).toBe(200)
  return (await answer.json()) as ExperimentReport
}

const canary = (control: number, canaries: number, more: object = {}) => [
  ...Array.from({ length: control }, () => anAttempt({ experiment: 'e', variant: 'control', ...more })),
  ...Array.from({ length: canaries }, () => anAttempt({ experiment: 'e', variant: 'canary', ...more })),
]

async function sampleRatioP(): Promise<number> {
  const text = await (await sidecar.get('/metrics')).text()
  return Number(/^agent_experiment_sample_ratio_p_value\{experiment="e"\} (\S+)/m.exec(text)?.[1])
}

const SHARES = { control: 90, canary: 10 }

describe('a stored plan', () => {
  test('with shares 90/10 reports a 180/20 canary as intended, in the answer and on /metrics', async () => {
    expect((await sidecar.post(canary(180, 20))).status).toBe(200)
    expect((await report('e')).sample_ratio?.status).toBe('mismatch')
    expect(await sampleRatioP()).toBeLessThan(0.001)
    const stored = await put('e', { shares: SHARES, baseline: 'control' })
    expect(stored.status).toBe(200)
    expect(await stored.json()).toEqual({ experiment: 'e', shares: SHARES, baseline: 'control', end: null })
    expect(await report('e')).toMatchObject({
      sample_ratio: { status: 'as_intended', p_value: 1 },
      intended_shares: SHARES,
      comparisons: [{ variant: 'canary', baseline: 'control', verdict: 'cannot_tell_yet' }],
    })
    expect(await sampleRatioP()).toBe(1)
    expect((await report('e?shares=control:1,canary:1')).sample_ratio?.status).toBe('mismatch')
  })

  test('names the baseline of answers and of /metrics, and a question may name another', async () => {
    expect((await sidecar.post(canary(5, 5))).status).toBe(200)
    expect((await report('e')).variants.map(({ variant }) => variant)).toEqual(['control', 'canary'])
    await put('e', { baseline: 'canary' })
    expect((await report('e')).variants.map(({ variant }) => variant)).toEqual(['canary', 'control'])
    expect((await report('e?baseline=control')).variants.map(({ variant }) => variant)).toEqual(['control', 'canary'])
    const metrics = await (await sidecar.get('/metrics')).text()
    expect(metrics).toContain('{experiment="e",variant="control",baseline="canary"}')
    expect(metrics).not.toContain('{experiment="e",variant="canary",baseline="control"}')
  })

  test('ends the experiment: later attempts do not count in answers and comparisons', async () => {
    const [end, before] = ['2026-01-10T00:00:00Z', '2026-01-05T12:00:00Z']
    await sidecar.post([...canary(100, 100, { timestamp: before }), ...canary(0, 50, { success: false })])
    expect((await report('e')).variants.map(one => one.total_attempts)).toEqual([100, 150])
    expect(await (await put('e', { end })).json()).toMatchObject({ end: '2026-01-10T00:00:00.000Z' })
    const ended = await report('e')
    expect(ended).toMatchObject({ end: '2026-01-10T00:00:00.000Z', comparisons: [{ difference: 0 }] })
    expect(ended.variants.map(one => one.total_attempts)).toEqual([100, 100])
    expect((await report('e?since=2026-01-08T00:00:00Z')).variants.map(one => one.total_attempts)).toEqual([0, 0])
    expect(await sampleRatioP()).toBe(1)
    await put('e', { end: null })
    expect((await report('e')).variants.map(one => one.total_attempts)).toEqual([100, 150])
  })

  test('of an experiment without attempts is answered with its variants', async () => {
    expect((await sidecar.get('/api/v1/experiments/new')).status).toBe(404)
    await put('new', { shares: SHARES })
    expect(await report('new')).toMatchObject({
      variants: [
        { variant: 'control', total_attempts: 0 },
        { variant: 'canary', total_attempts: 0 },
      ],
      sample_ratio: { status: 'too_few' },
    })
    expect((await put('new', {})).status).toBe(200)
    expect((await sidecar.get('/api/v1/experiments/new')).status).toBe(404)
  })

  test('keeps names such as __proto__, may begin with a byte order mark, and may be stored twice', async () => {
    const body = '\ufeff{"shares": {"__proto__": 1, "a:b,c": 3}, "baseline": "__proto__"}'
    for (let i = 0; i < 2; i++) expect((await put('__proto__ /?', body)).status).toBe(200)
    const text = await (await sidecar.get(`/api/v1/experiments/${encodeURIComponent('__proto__ /?')}`)).text()
    expect(text).toContain('"intended_shares":{"__proto__":25,"a:b,c":75}')
  })

  test('is stored by the typed client, whose question takes shares as an object', async () => {
    const client = createClient(sidecar.url)
    expect(await client.putExperiment('e', { shares: SHARES })).toMatchObject({ shares: SHARES, baseline: null })
    expect((await client.experiment('e', { shares: { control: 1, canary: 3 }, margin: 2 }))?.intended_shares).toEqual({
      control: 25,
      canary: 75,
    })
    await expect(client.putExperiment('e', { baseline: '' })).rejects.toMatchObject({ status: 400 })
  })

  test('survives a restart and an end without a warning', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'plans-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    const flags = { store: join(folder, 'perf.json'), admin: true }
    for (const plan of [{ shares: SHARES, baseline: 'canary' }, undefined]) {
      await using own = await testSidecar(flags)
      if (plan !== undefined) expect((await put('e', plan, { url: own.url })).status).toBe(200)
      expect(await (await own.get('/api/v1/experiments/e')).json()).toMatchObject({ intended_shares: SHARES })
    }
  })
})

describe('refuses and stores nothing of', () => {
  test.each([
    [{ shares: { a: 1 } }, '/shares', '2 to 100 variants'],
    [{ shares: { a: 1, b: 0 } }, '/shares', 'above 0'],
    [{ shares: { a: 1, b: '2' } }, '/shares', 'numbers'],
    [{ shares: { a: 1, '': 2 } }, '/shares', 'must not be empty'],
    [{ shares: [1, 2] }, '/shares', 'an object of variants'],
    [{ shares: { a: 1, b: 1 }, baseline: 'c' }, '/baseline', 'one of the variants of shares'],
    [{ baseline: 'a\nb' }, '/baseline', 'control characters'],
    [{ end: 'soon' }, '/end', 'RFC 3339'],
    [{ ends: '2026-01-01T00:00:00Z' }, '', 'ends'],
  ])('%j: 400 at %s', async (body, pointer, detail) => {
    const answer = await put('e', body)
    expect(answer.status).toBe(400)
    expect(answer.headers.get('content-type')).toBe('application/problem+json')
    expect(await answer.json()).toMatchObject({ errors: [{ pointer, detail: expect.stringContaining(detail) }] })
    expect((await sidecar.get('/api/v1/experiments/e')).status).toBe(404)
  })

  test.each([
    ['e', '{', {}, 400],
    ['e', '[]', {}, 400],
    ['e', '{}', { 'Content-Type': 'text/plain' }, 415],
    ['x'.repeat(257), '{}', {}, 400],
    ['e', JSON.stringify({ baseline: 'x'.repeat(200_000) }), {}, 413],
  ])('%.10s with %.10s: %j is a %i', async (name, body, headers, status) => {
    expect((await put(name, body, { headers })).status).toBe(status)
  })

  test('a plan beyond --max-arms with a 409, and accepts it after another one is removed', async () => {
    for (let i = 0; i < 5; i++) expect((await put(`e${i}`, { baseline: 'a' })).status).toBe(200)
    const full = await put('one too many', { baseline: 'a' })
    expect(full.status).toBe(409)
    expect(await full.json()).toMatchObject({ title: 'Conflict', detail: expect.stringContaining('--max-arms') })
    expect((await put('e0', { baseline: 'b' })).status).toBe(200)
    await put('e0', {})
    expect((await put('one too many', { baseline: 'a' })).status).toBe(200)
  })
})

describe('permission', () => {
  test('without --admin is a 403, and nothing is stored', async () => {
    await using own = await testSidecar()
    const answer = await put('e', { shares: SHARES }, { url: own.url })
    expect(answer.status).toBe(403)
    expect(await answer.json()).toMatchObject({ detail: expect.stringContaining('--admin') })
    expect((await own.get('/api/v1/experiments/e')).status).toBe(404)
    const other = await fetch(`${own.url}/api/v1/experiments/e`, { method: 'POST', body: '{}' })
    expect([other.status, other.headers.get('allow')]).toEqual([405, 'GET, HEAD, PUT'])
  })

  test('needs a token with the scope admin', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tokens-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    const tokens = join(folder, 'tokens')
    await writeFile(tokens, 'reader read,ingest\nboss admin\n', { mode: 0o600 })
    await using own = await testSidecar({ admin: true, 'auth-token-file': tokens })
    const as = (token: string) =>
      put('e', { shares: SHARES }, { url: own.url, headers: { Authorization: `Bearer ${token}` } })
    expect([(await as('none')).status, (await as('reader')).status, (await as('boss')).status]).toEqual([401, 403, 200])
  })
})
