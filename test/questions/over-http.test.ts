/** The documented questions over HTTP, on attempts whose answers are known. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createClient } from '../../src/index.ts'
import { anAttempt, type TestSidecar, testSidecar } from '../support/sidecar.ts'

let sidecar: TestSidecar

const times = (count: number, more: Record<string, unknown>): Record<string, unknown>[] =>
  Array.from({ length: count }, () => anAttempt(more))
const agent = (agent_name: string, model_name: string, issue_type: string) => ({ agent_name, model_name, issue_type })
const REFACTORING = agent('RefactoringAgent', 'sonnet', 'complexity')
const ARCHITECT = agent('ArchitectAgent', 'opus', 'complexity')
const FORMATTING = agent('FormattingAgent', 'sonnet', 'formatting')

beforeAll(async () => {
  // One of the attempts is years old.
  sidecar = await testSidecar({ 'retention-age': '36500d' })
  await sidecar.post([
    ...times(17, { ...REFACTORING, confidence: 0.9, time_seconds: 2 }),
    ...times(3, { ...REFACTORING, success: false, confidence: 0.5, time_seconds: 4 }),
    ...times(5, { ...ARCHITECT, time_seconds: 10, cost_usd: 0.01 }),
    ...times(4, { ...FORMATTING, confidence: 1 }),
    ...times(1, { ...FORMATTING, model_name: 'opus', success: false, timestamp: '2020-01-01T00:00:00Z' }),
  ])
})
afterAll(() => sidecar[Symbol.asyncDispose]())

const ask = async (question: string): Promise<Record<string, never>> =>
  (await sidecar.get(`/api/v1/${question}`)).json() as Promise<Record<string, never>>

describe('success rates', () => {
  test('of one key: rate, number and interval, as documented', async () => {
    expect(await ask('success-rate?agent_name=RefactoringAgent&model_name=sonnet&issue_type=complexity')).toEqual({
      success_rate: 85,
      total_attempts: 20,
      success_rate_interval: { low: expect.closeTo(63.958, 2), high: expect.closeTo(94.764, 2), method: 'wilson' },
      evidence: 'low',
    })
  })

  test('of an unknown key: 0 of 0 attempts, as documented', async () => {
    expect(await ask('success-rate?agent_name=nobody&model_name=sonnet&issue_type=complexity')).toMatchObject({
      success_rate: 0,
      total_attempts: 0,
    })
  })

  test.each([
    ['agent_name=RefactoringAgent', 'issue_type', { complexity: 85 }],
    ['issue_type=complexity', 'agent_name', { RefactoringAgent: 85, ArchitectAgent: 100 }],
    ['agent_name=FormattingAgent&issue_type=formatting', 'model_name', { sonnet: 100, opus: 0 }],
    ['issue_type=complexity&model_name=opus', 'agent_name', { ArchitectAgent: 100 }],
    ['agent_name=FormattingAgent&model_name=sonnet', 'issue_type', { formatting: 100 }],
    ['model_name=sonnet', 'agent_name', { RefactoringAgent: 85, FormattingAgent: 100 }],
    [
      '',
      'key',
      {
        'RefactoringAgent:sonnet:complexity': 85,
        'ArchitectAgent:opus:complexity': 100,
        'FormattingAgent:sonnet:formatting': 100,
        'FormattingAgent:opus:formatting': 0,
      },
    ],
    ['group_by=model_name', 'model_name', { sonnet: 87.5, opus: (5 / 6) * 100 }],
  ])('for %j are grouped by %s', async (question, group_by, success_rates) => {
    const answer = await ask(`success-rate?${question}`)
    expect(answer).toMatchObject({ group_by, success_rates })
    expect(Object.keys(answer.details!)).toEqual(Object.keys(success_rates))
  })

  test('of a range count only its attempts', async () => {
    expect(await ask('success-rate?since=1h&agent_name=FormattingAgent')).toMatchObject({
      success_rates: { formatting: 100 },
    })
    expect(await ask('success-rate?until=2021-01-01T00:00:00Z')).toMatchObject({
      success_rates: { 'FormattingAgent:opus:formatting': 0 },
    })
  })
})

describe('the best agent', () => {
  test('is the one with the best rate, as documented', async () => {
    expect(await ask('best-agent?issue_type=complexity')).toMatchObject({
      agent_name: 'ArchitectAgent',
      model_name: 'opus',
      success_rate: 100,
      total_attempts: 5,
      avg_confidence: null,
      avg_time_seconds: 10,
    })
  })

  test('by lower bound is the one with the highest lower bound', async () => {
    expect(await ask('best-agent?issue_type=complexity&rank_by=lower_bound')).toMatchObject({
      agent_name: 'RefactoringAgent',
      avg_confidence: expect.closeTo(0.84),
      avg_time_seconds: expect.closeTo(2.3),
    })
  })

  test('by expected cost is one whose cost is known', async () => {
    expect(await ask('best-agent?issue_type=complexity&rank_by=expected_cost')).toMatchObject({
      agent_name: 'ArchitectAgent',
    })
  })

  test('lists its contenders, and whether the difference is significant', async () => {
    expect(await ask('best-agent?issue_type=complexity')).toMatchObject({
      decisive: false,
      contenders: [{ agent_name: 'RefactoringAgent', model_name: 'sonnet', success_rate: 85, total_attempts: 20 }],
      p_best: expect.any(Number),
    })
  })

  test('is a 404 with the reason if no agent has enough attempts', async () => {
    const answer = await sidecar.get('/api/v1/best-agent?issue_type=formatting&min_attempts=6')
    expect(answer.status).toBe(404)
    expect(await answer.json()).toMatchObject({ detail: expect.stringContaining('formatting') })
  })
})

test('models are compared over keys with enough attempts each', async () => {
  const few = await ask('model-comparison')
  expect(Object.keys(few)).toEqual(['sonnet', 'opus'])
  expect(few.opus).toMatchObject({ avg_success_rate: 100, total_attempts: 5, issue_types: ['complexity'] })
  const all = await ask('model-comparison?min_attempts=1')
  expect(all.opus).toMatchObject({ avg_success_rate: (5 / 6) * 100, issue_types: ['complexity', 'formatting'] })
  expect(all.sonnet).toMatchObject({
    total_attempts: 24,
    avg_confidence: expect.closeTo((17 * 0.9 + 3 * 0.5 + 4) / 24, 12),
  })
})

test('the report has the documented parts', async () => {
  const report = await ask('report')
  expect(Object.keys(report)).toEqual([
    'generated_at',
    'summary',
    'by_agent',
    'by_issue_type',
    'by_model',
    'recommendations',
  ])
  expect(report).toMatchObject({
    generated_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    summary: {
      total_attempts: 30,
      total_successful: 26,
      overall_success_rate: (26 / 30) * 100,
      total_agents: 3,
      total_issue_types: 2,
      total_models: 2,
    },
    by_agent: { FormattingAgent: { total_attempts: 5, success_rate: 80, issue_types: ['formatting'] } },
    by_issue_type: {
      complexity: { total_attempts: 25, success_rate: 88, agents_used: ['ArchitectAgent', 'RefactoringAgent'] },
    },
    by_model: { opus: { total_attempts: 6 } },
    recommendations: {
      complexity: { agent_name: 'ArchitectAgent' },
      formatting: { agent_name: 'FormattingAgent', model_name: 'sonnet', total_attempts: 4 },
    },
  })
})

test('of an empty sidecar every question has an answer', async () => {
  await using empty = await testSidecar()
  const answers = await Promise.all(
    ['success-rate', 'model-comparison', 'report', 'metrics', 'attempts'].map(async path =>
      (await empty.get(`/api/v1/${path}`)).json(),
    ),
  )
  expect(answers).toMatchObject([
    { group_by: 'key', success_rates: {}, details: {} },
    {},
    { summary: { total_attempts: 0, overall_success_rate: 0, total_agents: 0 }, by_agent: {}, recommendations: {} },
    { version: '1.0', metrics: {} },
    { attempts: [], next_cursor: null },
  ])
})

test('the metrics are the documented file: nine fields a key, seven a recent result', async () => {
  const { version, last_updated, metrics } = (await ask('metrics')) as unknown as {
    version: string
    last_updated: string
    metrics: Record<string, Record<string, unknown>>
  }
  expect([version, typeof last_updated]).toEqual(['1.0', 'string'])
  for (const entry of Object.values(metrics)) {
    expect(Object.keys(entry)).toEqual([
      'agent_name',
      'model_name',
      'issue_type',
      'total_attempts',
      'successful_fixes',
      'failed_fixes',
      'avg_confidence',
      'avg_time_seconds',
      'recent_results',
    ])
    for (const recent of entry.recent_results as object[]) {
      expect(Object.keys(recent)).toEqual([
        'timestamp',
        'agent_name',
        'model_name',
        'issue_type',
        'success',
        'confidence',
        'time_seconds',
      ])
    }
  }
  expect(metrics['RefactoringAgent:sonnet:complexity']).toMatchObject({
    total_attempts: 20,
    successful_fixes: 17,
    failed_fixes: 3,
    avg_confidence: 0.84,
    avg_time_seconds: 2.3,
  })
  expect(metrics['ArchitectAgent:opus:complexity']).toMatchObject({ avg_confidence: 0 })
  const brief = (await ask('metrics?recent=false')) as unknown as { metrics: Record<string, object> }
  expect(Object.keys(Object.values(brief.metrics)[0]!)).not.toContain('recent_results')
})

test('kept attempts are listed newest first, in pages that leave none out and repeat none', async () => {
  const seen: unknown[] = []
  let cursor: string | null = ''
  do {
    const page = (await ask(`attempts?limit=7${cursor && `&cursor=${cursor}`}`)) as unknown as {
      attempts: unknown[]
      next_cursor: string | null
    }
    expect(page.attempts.length).toBeLessThanOrEqual(7)
    seen.push(...page.attempts)
    cursor = page.next_cursor
  } while (cursor !== null)
  expect(seen).toHaveLength(30)
  expect(seen[0]).toMatchObject({ agent_name: 'FormattingAgent', model_name: 'opus' })
  expect(seen[29]).toMatchObject({ agent_name: 'RefactoringAgent', success: true })
  expect((await ask('attempts?agent_name=ArchitectAgent')) as unknown).toMatchObject({
    attempts: Array(5).fill({ agent_name: 'ArchitectAgent' }),
  })
})

test.each([
  'success-rate?agent=x',
  'success-rate?group_by=agent',
  'success-rate?since=yesterday',
  'success-rate?since=1h&since=2h',
  'success-rate?since=1h&until=2h',
  'best-agent',
  'best-agent?issue_type=',
  'best-agent?issue_type=x&min_attempts=0',
  'best-agent?issue_type=x&min_attempts=1.5',
  'best-agent?issue_type=x&rank_by=luck',
  'model-comparison?min_attempts=many',
  'metrics?recent=no',
  'attempts?limit=1001',
  'attempts?limit=0',
  'attempts?cursor=garbage',
  'report?__proto__=1',
  'report?constructor=1',
])('%s is a 400 that names the parameter', async question => {
  const answer = await sidecar.get(`/api/v1/${question}`)
  expect(answer.status).toBe(400)
  expect(answer.headers.get('content-type')).toBe('application/problem+json')
  expect(await answer.json()).toMatchObject({
    detail: expect.stringMatching(
      /agent|group_by|since|until|issue_type|min_attempts|rank_by|recent|limit|cursor|__proto__|constructor/,
    ),
  })
})

test('the typed client answers as the sidecar does', async () => {
  const client = createClient(sidecar.url)
  expect(await client.bestAgent('complexity')).toMatchObject({ agent_name: 'ArchitectAgent', decisive: false })
  expect(await client.bestAgent('nothing of the kind')).toBeUndefined()
  expect(await client.successRate(REFACTORING)).toMatchObject({ success_rate: 85 })
  expect((await client.report()).summary.total_attempts).toBe(30)
  expect((await client.attempts({ limit: 2 })).attempts).toHaveLength(2)
})

test('the OpenAPI document names every path, and the fields of an attempt', async () => {
  const document = (await (await sidecar.get('/openapi.json')).json()) as {
    openapi: string
    paths: Record<string, object>
    components: { schemas: { Attempt: { properties: object; required: string[]; additionalProperties: boolean } } }
  }
  expect(document.openapi).toMatch(/^3\.1/)
  expect(Object.keys(document.paths)).toEqual(
    expect.arrayContaining(['/api/v1/attempts', '/api/v1/best-agent', '/metrics', '/livez', '/readyz']),
  )
  expect(document.components.schemas.Attempt.required).toEqual([
    'agent_name',
    'model_name',
    'issue_type',
    'time_seconds',
  ])
  expect(document.components.schemas.Attempt.additionalProperties).toBe(false)
  const asked = Object.entries(document.paths).filter(([, methods]) => 'get' in methods)
  for (const [path] of asked) {
    const question = /best-agent|route/.test(path) ? '?issue_type=complexity' : ''
    const answer = await sidecar.get(path.replace('{name}', 'none') + question)
    expect([200, 404], path).toContain(answer.status)
    // The response of the stream does not end.
    await (path === '/api/v1/stream' ? answer.body?.cancel() : answer.arrayBuffer())
  }
})
