/** The statistics of the typed client: their requests and answers. */
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { createClient, type SidecarClient, SidecarError } from '../../src/index.ts'
import { anAttempt, type TestSidecar, testSidecar } from '../support/sidecar.ts'
import { type Answer, type FakeSidecar, json, openFakeSidecar } from './fake-sidecar.ts'

async function answering(answer: Answer): Promise<FakeSidecar> {
  const opened = await openFakeSidecar()
  opened.always(answer)
  onTestFinished(() => opened.close())
  return opened
}

const routing = { issue_type: 'bug', explore: false, seed: null, ranked: [], excluded: [] }
const trend = {
  interval_seconds: 3600,
  points: [],
  direction: 'cannot_tell_yet',
  verdict: '',
  drifted_keys: [],
  agents: {},
}
const calibration = { group_by: 'agent_name', overall: {}, groups: {} }
const costs = { overall: {}, by_agent: {}, by_model: {}, by_issue_type: {} }
const experiment = { experiment: 'a', variants: [], sample_ratio: null, comparisons: [] }
const fair = { strata: [], rates: [], turned_over: [] }

type Ask = (client: SidecarClient) => Promise<unknown>

describe('statistics', () => {
  const since = new Date('2026-01-01T00:00:00Z')
  const questions: [what: string, ask: Ask, path: string, answer: object][] = [
    ['route', client => client.route('bug'), '/api/v1/route?issue_type=bug', routing],
    [
      'route under conditions',
      client =>
        client.route('a&b', {
          ...{ agent_name: 'Fixer', since: '30d', minAttempts: 5 },
          ...{ maxCostUsd: 0.5, minSuccessRate: 70, halfLife: '14d', explore: { seed: 'x y' } },
        }),
      '/api/v1/route?agent_name=Fixer&issue_type=a%26b&since=30d&min_attempts=5&max_cost_usd=0.5&min_success_rate=70&half_life=14d&explore=true&seed=x+y',
      routing,
    ],
    [
      'route by any draw',
      client => client.route('bug', { explore: true }),
      '/api/v1/route?issue_type=bug&explore=true',
      routing,
    ],
    [
      'route without a draw',
      client => client.route('bug', { explore: false }),
      '/api/v1/route?issue_type=bug',
      routing,
    ],
    ['trends', client => client.trends(), '/api/v1/trends', trend],
    [
      'trends of a range',
      client => client.trends({ issue_type: 'bug', since, interval: '1d' }),
      '/api/v1/trends?issue_type=bug&since=2026-01-01T00%3A00%3A00.000Z&interval=1d',
      trend,
    ],
    ['calibration', client => client.calibration(), '/api/v1/calibration', calibration],
    [
      'calibration by model',
      client => client.calibration({ agent_name: 'Fixer', groupBy: 'model_name' }),
      '/api/v1/calibration?agent_name=Fixer&group_by=model_name',
      calibration,
    ],
    ['costs', client => client.costs({ model_name: 'gpt' }), '/api/v1/costs?model_name=gpt', costs],
    ['experiment', client => client.experiment('a/b ?'), '/api/v1/experiments/a%2Fb%20%3F', experiment],
    [
      'experiment under a bandit',
      client => client.experiment('a', { baseline: 'old', adaptive: true, until: '1h' }),
      '/api/v1/experiments/a?until=1h&baseline=old&adaptive=true',
      experiment,
    ],
    ['fairComparison', client => client.fairComparison(), '/api/v1/fair-comparison', fair],
    [
      'fairComparison of agents',
      client => client.fairComparison({ by: 'agent_name', since: '7d' }),
      '/api/v1/fair-comparison?since=7d&by=agent_name',
      fair,
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

  it.each(questions)('%s rejects the answer of another question', async (_, ask) => {
    const { url } = await answering(json(200, { hello: 'world' }))
    await expect(ask(createClient(url))).rejects.toBeInstanceOf(SidecarError)
  })

  it('an unknown experiment is undefined, and a 404 of another server is an error', async () => {
    const problem = json(404, { title: 'Not Found', status: 404 }, { 'content-type': 'application/problem+json' })
    expect(await createClient((await answering(problem)).url).experiment('a')).toBeUndefined()
    const other = await answering(response => response.writeHead(404).end('not here'))
    await expect(createClient(other.url).experiment('a')).rejects.toMatchObject({ name: 'SidecarError', status: 404 })
  })

  it('an invalid name does not throw', async () => {
    const { url } = await answering(json(400, {}))
    const client = createClient(url)
    for (const asked of [() => client.experiment('\ud800'), () => client.route('\ud800')]) {
      await expect(asked()).rejects.toBeInstanceOf(SidecarError)
    }
  })
})

describe('with a real sidecar', () => {
  let sidecar: TestSidecar
  let client: SidecarClient

  beforeAll(async () => {
    sidecar = await testSidecar()
    client = createClient(sidecar.url)
    const many = (success: boolean, more: object): object[] =>
      Array.from({ length: 20 }, () => anAttempt({ success, confidence: 0.9, cost_usd: 0.1, ...more }))
    await client.recordAttempts([
      ...many(true, { experiment: 'a/b ü', variant: 'new', agent_name: 'good' }),
      ...many(false, { experiment: 'a/b ü', variant: 'old', agent_name: 'bad' }),
    ] as never)
  })
  afterAll(() => sidecar[Symbol.asyncDispose]())

  it('the answers match the types', async () => {
    expect((await client.route('i')).ranked[0]).toMatchObject({ agent_name: 'good', model_name: 'm', draw: null })
    const drawn = await client.route('i', { explore: { seed: 's' } })
    expect(drawn).toMatchObject({ explore: true, seed: 's' })
    expect(await client.route('i', { explore: { seed: 's' } })).toEqual(drawn)
    expect((await client.route('i', { maxCostUsd: 0.11 })).excluded).toEqual([
      { agent_name: 'bad', model_name: 'm', reason: 'cost_unknown' },
    ])
    expect((await client.trends()).points.reduce((sum, point) => sum + point.total_attempts, 0)).toBe(40)
    expect((await client.calibration({ groupBy: 'agent_name' })).groups.bad?.over_confidence).toBeCloseTo(0.9)
    expect((await client.costs()).by_agent.good?.cost_per_success?.cost_usd).toBeCloseTo(0.1)
    expect((await client.experiment('a/b ü', { baseline: 'old' }))?.comparisons[0]?.verdict).toBe('better')
    expect(await client.experiment('a')).toBeUndefined()
    expect((await client.fairComparison({ by: 'agent_name' })).rates.map(rate => rate.adjusted_rate)).toEqual([100, 0])
  })
})
