/** A range over HTTP is what was asked for: what is counted, what the answer says it counted, and in which zone. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { AgentMetrics } from '../../src/core/aggregate/metrics.ts'
import type { AnsweredRange, Ranged } from '../../src/core/reports/range.ts'
import { requestOf } from '../../src/core/reports/request.ts'
import { createClient, type ModelPerformance, type RoutingReport, type TrendReport } from '../../src/index.ts'
import { type Input, QUESTIONS, type QuestionPath, questionAt } from '../../src/questions/questions.ts'
import { runCommand } from '../command/run-command.ts'
import { anAttempt, type TestSidecar, testSidecar } from '../support/sidecar.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS
const startedMs = Date.now()
const ago = (ms: number): string => new Date(startedMs - ms).toISOString()
const isWhole = (time: string, spanMs: number): boolean => Date.parse(time) % spanMs === 0

let sidecar: TestSidecar
async function asked<T>(question: string): Promise<T & Ranged> {
  const answer = await sidecar.get(`/api/v1/${question}`)
  expect([question, answer.status]).toEqual([question, 200])
  return (await answer.json()) as T & Ranged
}
const counted = async (query: string): Promise<number> =>
  (await asked<{ summary: { total_attempts: number } }>(`report?${query}`)).summary.total_attempts

beforeAll(async () => {
  sidecar = await testSidecar()
  const spread = (count: number, fromMs: number, toMs: number, more: object): Record<string, unknown>[] =>
    Array.from({ length: count }, (_, i) =>
      anAttempt({ timestamp: ago(fromMs - (i * (fromMs - toMs)) / count), ...more }),
    )
  const sent = await sidecar.post([
    // Failures before three hours ago, successes from then on: a trend of the whole life, and none of the last three hours.
    ...spread(200, 6 * HOUR_MS, 3 * HOUR_MS + MINUTE_MS, { agent_name: 'learner', success: false }),
    ...spread(200, 3 * HOUR_MS - MINUTE_MS, MINUTE_MS, { agent_name: 'learner', issue_type: 'complexity' }),
    ...spread(30, 40 * DAY_MS, 39 * DAY_MS, {
      agent_name: 'old',
      issue_type: 'half',
      experiment: 'prompt',
      variant: 'a',
    }),
    ...spread(10, 2 * DAY_MS, DAY_MS, { agent_name: 'old', issue_type: 'half', success: false }),
    ...spread(10, 3 * HOUR_MS, HOUR_MS, {
      agent_name: 'range',
      model_name: 'range',
      experiment: 'prompt',
      variant: 'b',
    }),
  ])
  expect(sent.status).toBe(200)
})
afterAll(() => sidecar[Symbol.asyncDispose]())

describe('every answer', () => {
  const answers = async (range: object): Promise<[QuestionPath, (Ranged & object) | undefined][]> => {
    const all: [QuestionPath, (Ranged & object) | undefined][] = []
    for (const { path, example } of QUESTIONS) {
      const { path: at, query } = requestOf(path, {
        ...example,
        issue_type: undefined,
        ...range,
      } as Input<QuestionPath>)
      const wanted = 'issue_type' in example ? { ...query, issue_type: 'complexity' } : query
      const given = Object.entries(wanted).filter(entry => entry[1] !== undefined) as [string, string][]
      all.push([path, await asked<object>(`${at}?${new URLSearchParams(given)}`)])
    }
    return all
  }

  test.each([
    ['since', { since: ago(6 * HOUR_MS + 1234) }],
    ['until', { until: ago(HOUR_MS + 1234) }],
    ['both', { since: ago(41 * DAY_MS), until: ago(2 * HOUR_MS + 1234) }],
  ])('says the range it is about: %s', async (_, range: { since?: string; until?: string }) => {
    for (const [path, answer] of await answers(range)) {
      const { since, until } = answer!.range as AnsweredRange
      for (const time of [since, until]) expect([path, time]).toEqual([path, new Date(time).toISOString()])
      if (range.since !== undefined) expect(Date.parse(since)).toBeLessThanOrEqual(Date.parse(range.since))
      if (range.until !== undefined) expect(Date.parse(until)).toBeGreaterThanOrEqual(Date.parse(range.until))
      expect(Date.parse(since)).toBeLessThan(Date.parse(until))
    }
  })

  test('says none without a range, but for changes, which is about the last day then', async () => {
    // A model of these attempts is named range.
    for (const [path, answer] of await answers({ tz: 'Europe/Berlin' })) {
      const since = path === 'changes' ? expect.any(String) : undefined
      expect([path, answer!.range?.since]).toEqual([path, since])
    }
  })

  test('of a model that is named range keeps it, under another name', async () => {
    const { range, ...models } = await asked<Record<string, ModelPerformance>>('model-comparison?since=1d')
    expect(range).toEqual({ since: expect.any(String), until: expect.any(String) })
    expect(models['range#2']!.total_attempts).toBe(10)
    expect((await asked<Record<string, ModelPerformance>>('model-comparison')).range).toMatchObject({
      total_attempts: 10,
    })
    const inProcess = await sidecar.sidecar.tracker.getModelComparison({ since: '1d' })
    expect(Object.keys(inProcess).sort()).toEqual(['m', 'range#2'])
  })

  test('without a range calls that model range, as documented, in every form of the answer', async () => {
    const total = { total_attempts: 10 }
    expect(await sidecar.sidecar.tracker.getModelComparison()).toMatchObject({ range: total, m: {} })
    expect(await createClient(sidecar.url).modelComparison()).toMatchObject({ range: total, m: {} })
    const command = ['compare-models', '--url', sidecar.url]
    expect(JSON.parse((await runCommand([...command, '--json'])).stdout)).toMatchObject({ range: total, m: {} })
    const { stdout } = await runCommand(command)
    expect(stdout).toMatch(/^range +100\.00 %/m)
    expect(stdout).not.toMatch(/Range:|Left out/)
  })

  test('with a range lists that model as range#2 in text and JSON, beside the range', async () => {
    const command = ['compare-models', '--url', sidecar.url, '--since', '1d']
    const { stdout } = await runCommand(command)
    expect(stdout).toMatch(/^range#2 +100\.00 %/m)
    expect(stdout).toMatch(/^Range: \d{4}-/m)
    const { range, ...models } = JSON.parse((await runCommand([...command, '--json'])).stdout)
    expect([Object.keys(range), Object.keys(models).sort()]).toEqual([
      ['since', 'until'],
      ['m', 'range#2'],
    ])
  })

  test('of that model is as its schema describes it, with a range and without', async () => {
    const { answer } = questionAt('model-comparison')
    for (const range of ['', '?since=1d'])
      expect(answer.safeParse(await asked<object>(`model-comparison${range}`)).error).toBeUndefined()
  })
})

describe('the edges', () => {
  test('are clipped each to the finest bucket held: minutes for 26 hours, hours for 90 days, then days', async () => {
    const edges = async (query: string): Promise<AnsweredRange> => (await asked<object>(`report?${query}`)).range!
    const fine = await edges(`since=${ago(24 * HOUR_MS)}&until=${ago(23 * HOUR_MS)}`)
    expect(Date.parse(fine.since)).toBe(Math.floor((startedMs - 24 * HOUR_MS) / MINUTE_MS) * MINUTE_MS)
    expect(Date.parse(fine.until)).toBe(Math.ceil((startedMs - 23 * HOUR_MS) / MINUTE_MS) * MINUTE_MS)
    const mixed = await edges(`since=${ago(40 * DAY_MS)}&until=${ago(2 * HOUR_MS)}`)
    expect(Date.parse(mixed.since)).toBe(Math.floor((startedMs - 40 * DAY_MS) / HOUR_MS) * HOUR_MS)
    expect(Date.parse(mixed.until)).toBe(Math.ceil((startedMs - 2 * HOUR_MS) / MINUTE_MS) * MINUTE_MS)
    expect(isWhole((await edges(`since=${ago(100 * DAY_MS)}`)).since, DAY_MS)).toBe(true)
  })

  test('of single attempts are those that were asked for', async () => {
    const [since, until] = [ago(3 * HOUR_MS + 1234), ago(HOUR_MS + 567)]
    expect((await asked<object>(`attempts?since=${since}&until=${until}`)).range).toEqual({ since, until })
  })

  test('may be dates, which begin in the zone that was asked for', async () => {
    const edge = async (query: string): Promise<string> => (await asked<object>(`report?${query}`)).range!.since
    const yesterday = new Date(startedMs - DAY_MS).toISOString().slice(0, 10)
    expect(await edge(`since=${yesterday}`)).toBe(`${yesterday}T00:00:00.000Z`)
    const inTokyo = await edge(`since=${yesterday}&tz=Asia/Tokyo`)
    expect(inTokyo).toBe(new Date(Date.parse(yesterday) - 9 * HOUR_MS).toISOString())
    expect(await edge(`since=${yesterday}T09:00:00&tz=Asia/Tokyo`)).toBe(`${yesterday}T00:00:00.000Z`)
  })

  test('an unknown zone is a 400 that names it', async () => {
    const answer = await sidecar.get('/api/v1/report?tz=Nowhere/Land')
    expect(answer.status).toBe(400)
    expect(await answer.json()).toMatchObject({
      detail: expect.stringMatching(/^tz .*"Nowhere\/Land"/),
      parameters: [{ name: 'tz' }],
    })
  })
})

describe('what is in the range is what is counted', () => {
  test('with an end only', async () => {
    const until = ago(3 * HOUR_MS)
    expect(await counted(`agent_name=learner&until=${until}`)).toBe(200)
    const { attempts } = await asked<{ attempts: unknown[] }>(`attempts?agent_name=learner&limit=1000&until=${until}`)
    expect(attempts).toHaveLength(200)
  })

  test('in trends, also in the first and the last interval', async () => {
    const trends = await asked<TrendReport>(`trends?agent_name=learner&since=${ago(3 * HOUR_MS)}&interval=6h`)
    expect(trends.points.reduce((sum, point) => sum + point.total_attempts, 0)).toBe(200)
    expect(
      trends.points.every(({ success_rate, total_attempts }) => total_attempts === 0 || success_rate === 100),
    ).toBe(true)
    expect(trends.direction).toBe('cannot_tell_yet')
    expect(trends.points[0]!.since >= trends.range!.since).toBe(true)
    expect(trends.points.at(-1)!.until <= trends.range!.until).toBe(true)
    const whole = await asked<TrendReport>('trends?agent_name=learner&interval=1h')
    expect(whole.direction).toBe('improving')
  })

  test('in halves of a trend: one without attempts is null, never a rate of 0', async () => {
    const { earlier_half, later_half, change, direction } = await asked<TrendReport>(
      `trends?agent_name=range&since=${ago(3 * HOUR_MS)}&interval=7d`,
    )
    expect([earlier_half?.success_rate, later_half, change, direction]).toEqual([100, null, null, 'cannot_tell_yet'])
    const none = await asked<TrendReport>('trends?agent_name=nobody&since=1h')
    expect([none.earlier_half, none.later_half, none.change]).toEqual([null, null, null])
    const both = await asked<TrendReport>('trends?agent_name=learner&interval=1h')
    // Halves are of whole intervals: some attempts are on the other side.
    expect(both.earlier_half!.success_rate).toBeLessThan(25)
    expect(both.later_half!.success_rate).toBeGreaterThan(75)
  })

  test('in a route with a half-life', async () => {
    const lower = async (query: string): Promise<[number, number, number]> => {
      const { ranked } = await asked<RoutingReport>(`route?issue_type=half&${query}`)
      return [ranked[0]!.total_attempts, ranked[0]!.success_rate, ranked[0]!.lower_bound]
    }
    const recent = await lower(`since=${ago(3 * DAY_MS)}&half_life=30d`)
    expect(recent).toEqual([10, 0, expect.closeTo(0, 6)])
    const early = await lower(`until=${ago(30 * DAY_MS)}&half_life=30d`)
    expect(early.slice(0, 2)).toEqual([30, 100])
    expect(early[2]).toBeGreaterThan(80)
    expect((await lower('half_life=30d'))[2]).toBeLessThan(early[2])
  })

  test('in recent_results', async () => {
    const { metrics } = await asked<{ metrics: Record<string, AgentMetrics> }>(
      `metrics?since=${ago(3 * DAY_MS)}&issue_type=half`,
    )
    const [entry] = Object.values(metrics)
    expect([entry!.total_attempts, entry!.successful_fixes]).toEqual([10, 0])
    expect(entry!.recent_results).toHaveLength(10)
    expect(entry!.recent_results.every(({ success }) => !success)).toBe(true)
    expect(
      (await sidecar.sidecar.tracker.ask('metrics', { since: ago(3 * DAY_MS), issue_type: 'half' })).metrics,
    ).toEqual(metrics)
  })
})
