/** Outcomes over HTTP: what is recorded, what is refused, and what the answers and listings say afterwards. */
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { anAttempt, type TestSidecar, testSidecar } from '../support/sidecar.ts'

let sidecar: TestSidecar
beforeAll(async () => {
  sidecar = await testSidecar({ 'outcome-sources': 'production,ci', 'max-body-bytes': '1MiB' })
})
afterAll(() => sidecar[Symbol.asyncDispose]())

const OUTCOMES = '/api/v1/outcomes'
const LINES = { 'Content-Type': 'application/x-ndjson' }
let names = 0

/** Records attempts of an agent of its own, with the ids `NAME 0`, `NAME 1`, … */
async function recorded(count: number, more: Record<string, unknown> = {}): Promise<string> {
  const agent_name = `agent ${++names}`
  const attempts = Array.from({ length: count }, (_, i) =>
    anAttempt({ agent_name, attempt_id: `${agent_name} ${i}`, ...more }),
  )
  expect((await sidecar.post(attempts)).status).toBe(200)
  return agent_name
}

async function post(
  body: unknown,
  headers: Record<string, string> = {},
  query = '',
): Promise<Record<string, unknown> & { readonly status?: number }> {
  return (await (await sidecar.post(body, { path: OUTCOMES + query, headers })).json()) as Record<string, unknown>
}

async function ask<Answer>(path: string, parameters: Record<string, string>): Promise<Answer> {
  const answer = await sidecar.get(`/api/v1/${path}?${new URLSearchParams(parameters)}`)
  expect(answer.status).toBe(200)
  return (await answer.json()) as Answer
}

async function successes(agent_name: string): Promise<string> {
  const { by_agent } = await ask<{ by_agent: Record<string, { total_attempts: number; success_rate: number }> }>(
    'report',
    { agent_name },
  )
  const { total_attempts = 0, success_rate = 0 } = by_agent[agent_name] ?? {}
  return `${Math.round((total_attempts * success_rate) / 100)} of ${total_attempts}`
}

const outcome = (agent: string, i: number, success: boolean, more: Record<string, unknown> = {}) => ({
  attempt_id: `${agent} ${i}`,
  success,
  source: 'review',
  ...more,
})

describe('records outcomes', () => {
  test('one, a list and none, and each changes the answers', async () => {
    const agent = await recorded(3)
    expect(await successes(agent)).toBe('3 of 3')
    expect(await post(outcome(agent, 0, false))).toEqual({ accepted: 1, duplicates: 0, unknown: [] })
    expect(await successes(agent)).toBe('2 of 3')
    expect(await post([outcome(agent, 1, false), outcome(agent, 2, true), outcome(agent, 0, true)])).toEqual({
      accepted: 3,
      duplicates: 0,
      unknown: [],
    })
    expect(await successes(agent)).toBe('2 of 3')
    expect(await post([])).toEqual({ accepted: 0, duplicates: 0, unknown: [] })
  })

  test('of pending attempts, which count from then on', async () => {
    const agent = await recorded(3, { success: undefined })
    expect(await successes(agent)).toBe('0 of 0')
    const { attempts } = await ask<{ attempts: object[] }>('attempts', { agent_name: agent })
    expect(attempts.map(one => 'success' in one)).toEqual([false, false, false])
    await post([outcome(agent, 0, true), outcome(agent, 1, false)])
    expect(await successes(agent)).toBe('1 of 2')
  })

  test('once, however often they are sent, and again with another result or time', async () => {
    const agent = await recorded(1)
    const at = (minute: number): object => outcome(agent, 0, false, { timestamp: `2026-03-01T12:0${minute}:00+01:00` })
    expect(await post(at(1))).toMatchObject({ accepted: 1 })
    expect(await post(at(1))).toMatchObject({ accepted: 0, duplicates: 1 })
    expect(await post(outcome(agent, 0, false))).toMatchObject({ accepted: 0, duplicates: 1 })
    expect(await post(at(2))).toMatchObject({ accepted: 1 })
    expect(await post([outcome(agent, 0, true), outcome(agent, 0, true)])).toMatchObject({ accepted: 1, duplicates: 1 })
    expect(await successes(agent)).toBe('1 of 1')
  })

  test('of which the first source of --outcome-sources counts, else the latest by its own time', async () => {
    const agent = await recorded(1)
    const result = async (source: string, success: boolean, more = {}): Promise<string> => {
      expect(await post(outcome(agent, 0, success, { source, ...more }))).toMatchObject({ accepted: 1 })
      return await successes(agent)
    }
    expect(await result('review', false, { timestamp: '2026-03-02T00:00:00Z' })).toBe('0 of 1')
    expect(await result('other', true, { timestamp: '2026-03-01T00:00:00Z' })).toBe('0 of 1')
    expect(await result('ci', true)).toBe('1 of 1')
    expect(await result('review', false, { timestamp: '2026-03-03T00:00:00Z' })).toBe('1 of 1')
    expect(await result('production', false)).toBe('0 of 1')
  })

  test('of more sources than count, all of which are kept, and none of which is recorded again', async () => {
    const agent = await recorded(1)
    const all = Array.from({ length: 24 }, (_, i) => outcome(agent, 0, i % 2 === 1, { source: `bot ${i}` }))
    expect(await post(outcome(agent, 0, false, { source: 'ci' }))).toMatchObject({ accepted: 1 })
    for (const one of all) expect(await post(one)).toMatchObject({ accepted: 1, duplicates: 0 })
    expect(await successes(agent)).toBe('0 of 1')
    for (const one of all) expect(await post(one)).toMatchObject({ accepted: 0, duplicates: 1 })
    expect(await successes(agent)).toBe('0 of 1')
    const page = await ask<{ outcomes: { source: string }[] }>('attempts', { agent_name: agent, with_outcomes: 'true' })
    expect(page.outcomes.map(({ source }) => source).sort()).toEqual(['ci', ...all.map(({ source }) => source)].sort())
  })

  test('of unknown ids as unknown, one for each', async () => {
    const agent = await recorded(1)
    const sent = [outcome('none', 1, true), outcome(agent, 0, false), outcome('none', 1, true)]
    expect(await post(sent)).toEqual({ accepted: 1, duplicates: 0, unknown: ['none 1', 'none 1'] })
  })

  test('as lines, compressed too, and names the unknown ones', async () => {
    const agent = await recorded(2)
    const lines = [outcome(agent, 0, false), outcome('none', 2, true), outcome(agent, 1, false)]
    const body = `${lines.map(line => JSON.stringify(line)).join('\n')}\n`
    expect(await post(gzipSync(body), { ...LINES, 'Content-Encoding': 'gzip' })).toEqual({
      accepted: 2,
      duplicates: 0,
      unknown: ['none 2'],
    })
    expect(await successes(agent)).toBe('0 of 2')
  })

  test('of attempts that the same client has just sent', async () => {
    const agent = 'just sent'
    const sent = anAttempt({ agent_name: agent, attempt_id: `${agent} 0` })
    const [, answer] = await Promise.all([sidecar.post(sent).then(one => one.json()), sidecar.post(sent)])
    expect(answer.status).toBe(200)
    expect(await post(outcome(agent, 0, false))).toMatchObject({ accepted: 1 })
  })

  test('and lists them behind their attempts, with their times', async () => {
    const agent = await recorded(1)
    await post(outcome(agent, 0, false, { note: 'a\nb', timestamp: '2026-03-01T12:00:00+01:00' }))
    await post(outcome(agent, 0, true))
    const page = await ask<{ attempts: object[]; outcomes: Record<string, unknown>[] }>('attempts', {
      agent_name: agent,
      order: 'oldest',
      with_outcomes: 'true',
    })
    expect(page.outcomes).toEqual([
      { ...outcome(agent, 0, false), note: 'a\nb', timestamp: '2026-03-01T11:00:00.000Z' },
      { ...outcome(agent, 0, true), timestamp: expect.stringMatching(/Z$/) },
    ])
    expect(await ask('attempts', { agent_name: agent })).not.toHaveProperty('outcomes')
  })

  test('and counts them by what became of them', async () => {
    const metrics = await (await sidecar.get('/metrics')).text()
    for (const result of ['accepted', 'duplicate', 'unknown'])
      expect(metrics).toMatch(new RegExp(`^agent_performance_outcomes_total{result="${result}"} [1-9]`, 'm'))
  })
})

describe('refuses', () => {
  test.each([
    ['a field that is missing', { attempt_id: 'x', success: true }, '/source', 'is required'],
    ['a field that is unknown', { ...outcome('x', 1, true), why: 1 }, '/why', 'is not a known field'],
    ['a result that is none', { ...outcome('x', 1, true), success: 'yes' }, '/success', 'must be true or false'],
    ['a time that is none', { ...outcome('x', 1, true), timestamp: 'now' }, '/timestamp', 'RFC 3339'],
    ['a note that is too long', { ...outcome('x', 1, true), note: 'x'.repeat(4097) }, '/note', 'at most 4096 bytes'],
    ['a source of control characters', { ...outcome('x', 1, true), source: '\n' }, '/source', 'control characters'],
    ['what is no object', 7, '', 'must be an object'],
  ])('%s, with its place', async (_, body, pointer, detail) => {
    const agent = await recorded(1)
    const problem = await post([outcome(agent, 0, false), body])
    expect(problem).toMatchObject({ status: 400, detail: '1 outcome is not as documented, of 2: none was counted' })
    expect(problem.errors).toEqual([{ index: 1, pointer, detail: expect.stringContaining(detail) }])
    expect(await successes(agent)).toBe('1 of 1')
    expect(await post([body, outcome(agent, 0, false)], {}, '?partial=true')).toMatchObject({
      accepted: 1,
      rejected: [{ index: 0, errors: [{ pointer, detail: expect.stringContaining(detail) }] }],
    })
  })

  test('a bad line with the number of lines before it, which are kept', async () => {
    const agent = await recorded(2)
    const body = `${JSON.stringify(outcome(agent, 0, false))}\n{"attempt_id":\n${JSON.stringify(outcome(agent, 1, false))}\n`
    expect(await post(body, LINES)).toMatchObject({ status: 400, kept_lines: 1, accepted: 1 })
    expect(await successes(agent)).toBe('1 of 2')
    expect(await post(body, LINES, '?partial=true')).toMatchObject({
      accepted: 1,
      duplicates: 1,
      rejected: [{ index: 1 }],
    })
  })

  test('more than 10,000 in a list, other content types, and other methods', async () => {
    const many = await sidecar.post(`[${Array(10_001).fill('0').join()}]`, { path: OUTCOMES })
    expect([many.status, (await many.json()) as object]).toEqual([
      413,
      expect.objectContaining({ detail: expect.stringContaining('10000 outcomes') }),
    ])
    expect((await sidecar.post('x', { path: OUTCOMES, headers: { 'Content-Type': 'text/plain' } })).status).toBe(415)
    const got = await sidecar.get(OUTCOMES)
    expect([got.status, got.headers.get('allow')]).toEqual([405, 'POST'])
  })
})
