import { describe, expect, it, onTestFinished } from 'vitest'
import { createClient, SidecarError } from '../../src/index.ts'
import { attempt } from './attempts.ts'
import { type Answer, type FakeSidecar, halfABody, json, openFakeSidecar, reset, silent } from './fake-sidecar.ts'

async function answering(answer: Answer): Promise<FakeSidecar> {
  const opened = await openFakeSidecar()
  opened.always(answer)
  onTestFinished(() => opened.close())
  return opened
}

function problem(status: number, body: object): Answer {
  return json(status, body, { 'content-type': 'application/problem+json' })
}

const interval = { low: 64, high: 95, method: 'wilson' }
const best = {
  agent_name: 'Fixer',
  model_name: 'gpt',
  success_rate: 85,
  total_attempts: 20,
  success_rate_interval: interval,
  avg_confidence: 0.8,
  avg_time_seconds: 2.1,
  decisive: false,
  contenders: [{ agent_name: 'Other', model_name: 'gpt' }],
}

describe('bestAgent', () => {
  it('returns the documented object', async () => {
    const { url, received } = await answering(json(200, best))
    const since = new Date('2026-01-01T00:00:00Z')
    const client = createClient(url, { token: 'secret' })
    expect(await client.bestAgent('a&b=c', { minAttempts: 3, rankBy: 'lower_bound', since, until: '1h' })).toEqual(best)
    expect(received[0]?.headers.authorization).toBe('Bearer secret')
    const asked = new URL(received[0]?.path ?? '', url)
    expect(asked.pathname).toBe('/api/v1/best-agent')
    expect(Object.fromEntries(asked.searchParams)).toEqual({
      issue_type: 'a&b=c',
      min_attempts: '3',
      rank_by: 'lower_bound',
      since: '2026-01-01T00:00:00.000Z',
      until: '1h',
    })
  })

  it('returns undefined if no agent qualifies', async () => {
    const { url } = await answering(problem(404, { title: 'No agent qualifies', status: 404 }))
    expect(await createClient(url).bestAgent('bug')).toBeUndefined()
  })

  it('rejects a 404 that is not from a sidecar', async () => {
    const { url } = await answering(response => response.writeHead(404).end('not here'))
    await expect(createClient(url).bestAgent('bug')).rejects.toMatchObject({ name: 'SidecarError', status: 404 })
  })
})

describe('the other questions', () => {
  type Ask = (client: ReturnType<typeof createClient>) => Promise<unknown>
  const rate = { success_rate: 85, total_attempts: 20, success_rate_interval: interval }
  const key = { agent_name: 'Fixer', model_name: 'gpt', issue_type: 'bug' }
  const report = {
    generated_at: 'now',
    summary: {},
    by_agent: {},
    by_issue_type: {},
    by_model: {},
    recommendations: {},
  }
  const page = { attempts: [attempt(1)], next_cursor: 'abc' }
  const questions: [what: string, ask: Ask, path: string, answer: object][] = [
    [
      'successRate of a key',
      client => client.successRate(key),
      '/api/v1/success-rate?agent_name=Fixer&model_name=gpt&issue_type=bug',
      rate,
    ],
    [
      'successRate of groups',
      client => client.successRate({ agent_name: 'Fixer', groupBy: 'model_name', since: '7d' }),
      '/api/v1/success-rate?agent_name=Fixer&since=7d&group_by=model_name',
      { group_by: 'model_name', success_rates: { gpt: 85 }, details: { gpt: rate } },
    ],
    [
      'successRate of everything',
      client => client.successRate(),
      '/api/v1/success-rate',
      { group_by: 'key', success_rates: {}, details: {} },
    ],
    [
      'modelComparison',
      client => client.modelComparison({ issue_type: 'bug', minAttempts: 1 }),
      '/api/v1/model-comparison?issue_type=bug&min_attempts=1',
      { gpt: { avg_success_rate: 85 } },
    ],
    [
      'report',
      client => client.report({ until: '2026-01-01T00:00:00Z' }),
      '/api/v1/report?until=2026-01-01T00%3A00%3A00Z',
      report,
    ],
    [
      'attempts',
      client => client.attempts({ agent_name: 'Fixer', limit: 10, cursor: 'x/y' }),
      '/api/v1/attempts?agent_name=Fixer&limit=10&cursor=x%2Fy',
      page,
    ],
  ]
  it.each(questions)(
    '%s sends the documented request and returns the documented object',
    async (_, ask, path, answer) => {
      const { url, received } = await answering(json(200, answer))
      expect(await ask(createClient(url))).toEqual(answer)
      expect(received[0]?.path).toBe(path)
    },
  )

  it('names such as __proto__ are returned unchanged', async () => {
    const body = '{"group_by":"agent_name","success_rates":{"__proto__":50},"details":{}}'
    const { url } = await answering(response => response.writeHead(200).end(body))
    expect(Object.entries((await createClient(url).successRate()).success_rates)).toEqual([['__proto__', 50]])
  })

  it('recordAttempts returns how many attempts were recorded', async () => {
    const opened = await openFakeSidecar()
    onTestFinished(() => opened.close())
    const client = createClient(opened.url)
    expect(await client.recordAttempts([attempt('a'), attempt('b')])).toEqual({
      accepted: 2,
      duplicates: 0,
      rejected: [],
    })
    expect(await client.recordAttempts([attempt('b'), attempt('c')])).toEqual({
      accepted: 1,
      duplicates: 1,
      rejected: [],
    })
    expect(opened.kept()).toEqual(['a', 'b', 'c'])
    expect(opened.received[0]).toMatchObject({
      path: '/api/v1/attempts?partial=true',
      headers: { 'content-type': 'application/json' },
    })
  })
})

describe('a question without an answer rejects with a SidecarError', () => {
  const failures: [what: string, answer: Answer, message: RegExp][] = [
    ['reset', reset, /GET http:\/\/127\.0\.0\.1:\d+\/api\/v1\/report: .+/],
    ['silence', silent, /no whole answer within 100 ms/],
    ['a body that never ends', response => response.writeHead(200).write('{'), /no whole answer within 100 ms/],
    ['half a body', halfABody, /closed before there was a whole answer/],
    ['an HTML page', response => response.writeHead(200).end('<html>'), /not what a sidecar says/],
    ['a list', json(200, []), /not what a sidecar says/],
    ['an object of something else', json(200, { hello: 'world' }), /not what a sidecar says/],
    ['a redirect', response => response.writeHead(302, { location: '/login' }).end(), /302/],
  ]
  it.each(failures)('%s', async (_, answer, message) => {
    const { url } = await answering(answer)
    // A busy machine may take longer than 100 ms for an answer that comes.
    const timeoutMs = message.source.includes('100 ms') ? 100 : 20_000
    const error = await createClient(url, { timeoutMs })
      .report()
      .catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(SidecarError)
    expect((error as SidecarError).message).toMatch(message)
  })

  it('with the status and the reason of the sidecar', async () => {
    const errors = [{ pointer: '/issue_type', detail: 'is required' }]
    const { url } = await answering(problem(400, { type: 'about:blank', title: 'Bad question', status: 400, errors }))
    await expect(createClient(url).report()).rejects.toMatchObject({
      status: 400,
      problem: { title: 'Bad question', errors },
      message: expect.stringContaining('400 Bad question'),
    })
  })

  it('without a status if the sidecar is down, with the cause', async () => {
    const { url, close } = await answering(silent)
    await close()
    await expect(createClient(url).bestAgent('bug')).rejects.toMatchObject({
      name: 'SidecarError',
      status: undefined,
      message: expect.stringContaining('ECONNREFUSED'),
      cause: expect.objectContaining({ code: 'ECONNREFUSED' }),
    })
  })

  it('and never throws synchronously, for any arguments', async () => {
    const { url } = await answering(json(400, {}))
    const client = createClient(url)
    const odd = { ...attempt(1), input_tokens: 1n }
    for (const asked of [
      () => client.report({ since: new Date(Number.NaN) }),
      () => client.bestAgent('\ud800'),
      () => client.recordAttempts([odd as never]),
    ]) {
      await expect(asked()).rejects.toBeInstanceOf(SidecarError)
    }
  })

  it.each([
    ['no URL', () => createClient('nowhere')],
    ['a time-out of nothing', () => createClient('http://127.0.0.1', { timeoutMs: 0 })],
  ])('but a client that cannot be meant is refused at once: %s', (_, create) => {
    expect(create).toThrow(TypeError)
  })
})
