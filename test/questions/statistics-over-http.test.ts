/** The statistics over HTTP, on attempts whose answers are known. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { DecidedBestAgent } from '../../src/core/reports/best-agent.ts'
import type { Ranged } from '../../src/core/reports/range.ts'
import type {
  Calibration,
  CalibrationReport,
  CostReport,
  ExperimentReport,
  FairComparison,
  RoutingReport,
  TrendReport,
} from '../../src/index.ts'
import type { Changes } from '../../src/questions/changes.ts'
import { anAttempt, type TestSidecar, testSidecar } from '../support/sidecar.ts'

const MINUTE_MS = 60_000
const DAY_MINUTES = 1440
const startedMs = Date.now()

type Fields = Record<string, unknown>
/** `minutes` before this file began. */
const ago = (minutes: number): string => new Date(startedMs - minutes * MINUTE_MS).toISOString()

/** `count` attempts, of which the first `good` succeed. */
const attempts = (good: number, count: number, more: Fields = {}): Fields[] =>
  Array.from({ length: count }, (_, i) => anAttempt({ success: i < good, ...more }))

/** `count` attempts spread evenly from `from` to `to` minutes ago, of which `good` succeed, spread evenly too. */
const spread = (good: number, count: number, [from, to]: readonly [number, number], more: Fields = {}): Fields[] =>
  Array.from({ length: count }, (_, i) => {
    const success = Math.floor(((i + 1) * good) / count) > Math.floor((i * good) / count)
    return anAttempt({ success, timestamp: ago(from + ((to - from) * i) / count), ...more })
  })

async function asked<T>(sidecar: TestSidecar, question: string): Promise<T> {
  const answer = await sidecar.get(`/api/v1/${question}`)
  expect(answer.status, question).toBe(200)
  return (await answer.json()) as T
}

/** A sidecar that has these attempts, for one test. */
async function having(all: readonly Fields[]): Promise<TestSidecar> {
  const own = await testSidecar()
  if (all.length > 0) expect((await own.post(all)).status).toBe(200)
  return own
}

describe('trends', () => {
  let sidecar: TestSidecar
  const AGES: readonly (readonly [number, number])[] = [
    [300 * DAY_MINUTES, 100 * DAY_MINUTES],
    [60 * DAY_MINUTES, 2 * DAY_MINUTES],
    [600, 0],
  ]

  beforeAll(async () => {
    sidecar = await having([
      ...spread(30, 100, [600, 300], { agent_name: 'learner' }),
      ...spread(90, 100, [300, 0], { agent_name: 'learner' }),
      ...spread(90, 100, [600, 300], { agent_name: 'tired' }),
      ...spread(30, 100, [300, 0], { agent_name: 'tired' }),
      ...spread(140, 200, [600, 0], { agent_name: 'steady' }),
      ...AGES.flatMap(age => spread(20, 40, age, { agent_name: 'old', issue_type: 'ages' })),
    ])
  })
  afterAll(() => sidecar[Symbol.asyncDispose]())

  const trend = (question = ''): Promise<TrendReport & Ranged> => asked(sidecar, `trends?${question}`)

  test.each([
    ['learner', 'improving', 60],
    ['tired', 'degrading', -60],
    ['steady', 'cannot_tell_yet', 0],
  ])('of %s: %s', async (agent, direction, difference) => {
    const answer = await trend(`agent_name=${agent}&interval=5m`)
    expect(answer.direction).toBe(direction)
    // Halves are of whole intervals: some attempts are on the other side.
    const change = answer.change!
    expect(Math.abs(change.difference - difference)).toBeLessThan(6)
    const { low, high } = change.difference_interval
    expect(low <= 0 && 0 <= high).toBe(direction === 'cannot_tell_yet')
    expect(change.p_value <= 0.05).toBe(direction !== 'cannot_tell_yet')
  })

  test('name who has drifted, which way and since when, and not who has not', async () => {
    const { drifted_keys, agents } = await trend('since=1d')
    const directions = new Map(drifted_keys.map(({ agent_name, direction }) => [agent_name, direction]))
    expect(directions.get('learner')).toBe('up')
    expect(directions.get('tired')).toBe('down')
    expect(directions.has('steady')).toBe(false)
    expect(agents).toMatchObject({ learner: { direction: 'up' }, tired: { direction: 'down' } })
    expect(agents.steady).toMatchObject({ direction: 'none', began_attempts_ago: null })
    expect((await trend('agent_name=tired')).verdict).toMatch(
      /^Worse: tired with .+ is down since about \d+ attempts \(\d+\.\d % instead of \d+\.\d %\)\. Over the whole range, too, /,
    )
    expect((await trend('agent_name=steady')).verdict).toMatch(/^No change seen: /)
    for (const { statistic, threshold, began_attempts_ago, began_at } of drifted_keys) {
      expect(statistic).toBeGreaterThanOrEqual(threshold)
      expect(began_attempts_ago).toBeGreaterThan(0)
      expect(Date.parse(began_at!)).toBeLessThan(startedMs)
    }
  })

  test.each([
    '',
    'interval=1d',
    'interval=5m&since=2h',
    'interval=7d',
    'since=45m&agent_name=steady',
    'since=90d&issue_type=ages',
    'since=400d&until=30d',
    'until=20d',
    'since=3d&until=1h&interval=1h',
    'since=2000-01-01T00:00:00Z',
  ])(
    'by %j: inner intervals are whole, they follow one another, end where the range does, and count every attempt in it once',
    async question => {
      const { points, interval_seconds, since, until, range } = await trend(question)
      const ends = points.map(point => [Date.parse(point.since), Date.parse(point.until)] as const)
      expect(ends.length).toBeGreaterThan(0)
      for (const [i, [from, to]] of ends.entries()) {
        const isInner = i > 0 && i < ends.length - 1
        if (isInner) expect(to - from).toBe(interval_seconds * 1000)
        else expect(to - from).toBeLessThanOrEqual(interval_seconds * 1000)
        if (i > 0) expect(from).toBe(ends[i - 1]![1])
      }
      if (question.includes('since=')) expect(ends[0]![0]).toBeGreaterThanOrEqual(Date.parse(range!.since))
      if (question.includes('until=')) expect(until).toBe(range!.until)
      expect([since, until]).toEqual([points[0]?.since, points.at(-1)?.until])
      const filter = question.split('&').filter(part => /^(agent_name|issue_type)=/.test(part))
      const counted = async (range: readonly string[]): Promise<number> => {
        const query = [...range, ...filter, 'group_by=key'].join('&')
        const { details } = await asked<{ details: Record<string, { total_attempts: number }> }>(
          sidecar,
          `success-rate?${query}`,
        )
        return Object.values(details).reduce((sum, { total_attempts }) => sum + total_attempts, 0)
      }
      const total = points.reduce((sum, point) => sum + point.total_attempts, 0)
      expect(total).toBe(await counted([`since=${since}`, `until=${until}`]))
      expect(total).toBe(await counted(question.split('&').filter(part => /^(since|until)=/.test(part))))
    },
  )

  test('of the whole life count every attempt there is', async () => {
    const { points } = await trend()
    expect(points.reduce((sum, point) => sum + point.total_attempts, 0)).toBe(720)
    expect(points.reduce((sum, point) => sum + (point.success_rate * point.total_attempts) / 100, 0)).toBeCloseTo(
      440,
      6,
    )
  })

  test.each(['interval=0s', 'interval=long', 'interval=7', 'since=1h&until=2h', 'group_by=key'])(
    '%s is a 400 that names the parameter',
    async question => {
      const answer = await sidecar.get(`/api/v1/trends?${question}`)
      expect(answer.status).toBe(400)
      expect(await answer.json()).toMatchObject({ detail: expect.stringMatching(/interval|until|group_by/) })
    },
  )
})

describe('calibration', () => {
  let sidecar: TestSidecar

  beforeAll(async () => {
    sidecar = await having([
      ...attempts(60, 100, { agent_name: 'sure', confidence: 0.9 }),
      ...attempts(10, 50, { agent_name: 'honest', confidence: 0.2 }),
      ...attempts(25, 50, { agent_name: 'honest', confidence: 0.5 }),
      ...attempts(40, 50, { agent_name: 'honest', confidence: 0.8 }),
      ...attempts(5, 10, { agent_name: 'silent' }),
      ...attempts(5, 10, { agent_name: 'silent', confidence: null }),
      ...attempts(0, 8, { agent_name: 'sure', confidence: 0.9, timestamp: '2020-01-01T00:00:00Z' }),
    ])
  })
  afterAll(() => sidecar[Symbol.asyncDispose]())

  const calibration = async (agent: string): Promise<Calibration> => {
    const { groups } = await asked<CalibrationReport>(sidecar, 'calibration?since=1d')
    return groups[agent]!
  }

  test('of an over-confident agent', async () => {
    expect(await calibration('sure')).toMatchObject({
      attempts: 100,
      over_confidence: expect.closeTo(0.3, 9),
      brier_score: expect.closeTo(0.6 * 0.01 + 0.4 * 0.81, 9),
      reliability: expect.closeTo(0.09, 9),
      resolution: expect.closeTo(0, 9),
      uncertainty: expect.closeTo(0.24, 9),
      within_bins: expect.closeTo(0, 9),
      brier_skill: expect.closeTo(1 - 0.33 / 0.24, 9),
      expected_calibration_error: expect.closeTo(0.3, 9),
      degenerate: true,
      auroc: expect.closeTo(0.5, 9),
    })
    const { over_confidence_interval, expected_calibration_error_band, spiegelhalter_z, spiegelhalter_p } =
      await calibration('sure')
    expect(over_confidence_interval!.low).toBeGreaterThan(0.2)
    expect(over_confidence_interval!.high).toBeLessThan(0.4)
    expect(expected_calibration_error_band!.high).toBeLessThan(0.1)
    // (y - c)(1 - 2c) summed, over the root of the sum of (1 - 2c)² c (1 - c).
    expect(spiegelhalter_z).toBeCloseTo((-0.8 * (60 - 90)) / Math.sqrt(100 * 0.64 * 0.09), 9)
    expect(spiegelhalter_p).toBeLessThan(1e-9)
  })

  test('of a well calibrated agent', async () => {
    const honest = await calibration('honest')
    expect(honest).toMatchObject({
      attempts: 150,
      over_confidence: expect.closeTo(0, 9),
      reliability: expect.closeTo(0, 9),
      expected_calibration_error: expect.closeTo(0, 9),
      spiegelhalter_z: expect.closeTo(0, 9),
      spiegelhalter_p: expect.closeTo(1, 6),
      auroc: expect.closeTo(4312.5 / 5625, 9),
      degenerate: false,
    })
    expect(honest.brier_score!).toBeCloseTo(honest.reliability! - honest.resolution! + honest.uncertainty!, 9)
    expect(honest.bins.filter(bin => bin.attempts > 0)).toMatchObject([
      { from: 0.1, to: 0.2, attempts: 50, mean_confidence: expect.closeTo(0.2, 9), success_rate: 20 },
      { from: 0.4, to: 0.5, attempts: 50, mean_confidence: 0.5, success_rate: 50 },
      { from: 0.7, to: 0.8, attempts: 50, mean_confidence: expect.closeTo(0.8, 9), success_rate: 80 },
    ])
    expect(honest.bins).toHaveLength(10)
  })

  test('of an agent that states none is not known, and is no 0', async () => {
    expect(await calibration('silent')).toMatchObject({
      attempts: 0,
      brier_score: null,
      expected_calibration_error: null,
      over_confidence: null,
      auroc: null,
    })
  })

  test('over all, by any group, and of a range', async () => {
    const all = await asked<CalibrationReport>(sidecar, 'calibration')
    expect(all).toMatchObject({
      group_by: 'agent_name',
      overall: { attempts: 258 },
      groups: { sure: { attempts: 108 } },
    })
    expect(await asked(sidecar, 'calibration?group_by=issue_type&since=1d')).toMatchObject({
      group_by: 'issue_type',
      overall: { attempts: 250 },
      groups: { i: { attempts: 250 } },
    })
    expect(await asked(sidecar, 'calibration?until=2021-01-01T00:00:00Z')).toMatchObject({
      overall: { attempts: 8, over_confidence: expect.closeTo(0.9, 9) },
    })
  })
})

describe('costs', () => {
  test('are known per attempt and per success, and what is not known is counted and never 0', async () => {
    await using sidecar = await having([
      anAttempt({ model_name: 'm', cost_usd: 1 }),
      anAttempt({ model_name: 'm', cost_usd: 2, success: false }),
      anAttempt({ model_name: 'm', cost_usd: 3, success: false }),
      anAttempt({ model_name: 'm' }),
      anAttempt({ model_name: 'n', cost_usd: 7, success: false, agent_name: 'b', issue_type: 'j' }),
      anAttempt({ model_name: 'o', agent_name: 'c', output_tokens: 5 }),
      anAttempt({ model_name: 'm', cost_usd: 100, timestamp: '2020-01-01T00:00:00Z' }),
    ])
    const { overall, by_model, by_agent, by_issue_type } = await asked<CostReport>(sidecar, 'costs?since=1d')
    expect(overall).toMatchObject({ total_attempts: 6, reported: 4, computed: 0, unpriced: 2, total_cost_usd: 13 })
    expect(by_model.m).toMatchObject({
      total_cost_usd: 6,
      unpriced: 1,
      cost_per_attempt: { cost_usd: 2, interval: { method: 'log_scale' } },
      cost_per_success: { cost_usd: 4 },
    })
    for (const { cost_usd, interval } of [by_model.m!.cost_per_attempt!, by_model.m!.cost_per_success!]) {
      expect(interval!.low).toBeGreaterThan(0)
      expect(interval!.low).toBeLessThan(cost_usd)
      expect(interval!.high).toBeGreaterThan(cost_usd)
    }
    expect(by_model.n).toMatchObject({ cost_per_attempt: { cost_usd: 7, interval: null }, cost_per_success: null })
    expect(by_model.o).toMatchObject({ total_cost_usd: null, cost_per_attempt: null, tokens: { output: 5 } })
    expect(Object.keys(by_agent)).toEqual(['a', 'b', 'c'])
    expect(Object.keys(by_issue_type)).toEqual(['i', 'j'])
    expect((await asked<CostReport>(sidecar, 'costs?until=2021-01-01T00:00:00Z')).overall.total_cost_usd).toBe(100)
    expect((await asked<CostReport>(sidecar, 'costs?model_name=n')).overall.total_cost_usd).toBe(7)
  })
})

describe('experiments', () => {
  let sidecar: TestSidecar
  const arm = (experiment: string, variant: string, good: number, count: number, more: Fields = {}): Fields[] =>
    attempts(good, count, { experiment, variant, ...more })

  beforeAll(async () => {
    sidecar = await having([
      ...arm('clear', 'old', 30, 100, { cost_usd: 1, time_seconds: 5 }),
      ...arm('clear', 'new', 70, 100, { cost_usd: 1, time_seconds: 3 }),
      ...arm('same', 'a', 35, 50),
      ...arm('same', 'b', 35, 50),
      ...arm('close', 'a', 30, 50),
      ...arm('close', 'b', 36, 50),
      ...arm('uneven', 'a', 10, 300),
      ...arm('uneven', 'b', 90, 100),
      ...arm('early', 'a', 1, 3),
      ...arm('early', 'b', 2, 3),
      ...arm('three', 'a', 30, 60),
      ...arm('three', 'b', 31, 60),
      ...arm('three', 'c', 59, 60),
      ...arm('alone', 'a', 1, 2),
      ...arm('long ago', 'a', 10, 10, { timestamp: '2020-01-01T00:00:00Z' }),
      ...arm('long ago', 'a', 0, 10),
      ...arm('long ago', 'b', 0, 10),
      ...arm('mixed', 'a', 10, 20, { issue_type: 'bug' }),
      ...arm('mixed', 'b', 20, 20, { issue_type: 'bug' }),
      ...arm('mixed', 'b', 0, 10, { issue_type: 'style', agent_name: 'only b' }),
      ...arm('canary', 'control', 90, 180),
      ...arm('canary', 'canary', 10, 20),
      ...arm('late', 'second', 5, 10),
      ...arm('late', 'first', 5, 10),
      ...arm('late', 'first', 1, 1, { timestamp: new Date(Date.now() - 86_400_000).toISOString() }),
    ])
    const more = [
      [...arm('large', 'a', 2000, 4000), ...arm('large', 'b', 2001, 4000)],
      Array.from({ length: 100 }, (_, i) => [
        ...arm('slower', 'fast', 1, 1, { time_seconds: 1 + (i % 3), cost_usd: 1 + (i % 2) }),
        ...arm('slower', 'slow', 1, 1, { time_seconds: 3 + (i % 3), cost_usd: 0.5 + (i % 2) }),
      ]).flat(),
    ]
    for (const list of more) expect((await sidecar.post(list)).status).toBe(200)
  })
  afterAll(() => sidecar[Symbol.asyncDispose]())

  const experiment = (question: string): Promise<ExperimentReport> => asked(sidecar, `experiments/${question}`)

  test('a clear winner is called better, with the difference, and needs no more attempts', async () => {
    const { variants, comparisons, sample_ratio } = await experiment('clear?baseline=old')
    expect(variants).toMatchObject([
      { variant: 'old', success_rate: 30, total_attempts: 100, avg_time_seconds: 5 },
      { variant: 'new', success_rate: 70, costs: { cost_per_success: { cost_usd: expect.closeTo(100 / 70, 9) } } },
    ])
    expect(comparisons).toMatchObject([
      { variant: 'new', baseline: 'old', verdict: 'better', difference: expect.closeTo(40, 9), attempts_needed: 0 },
    ])
    expect(comparisons[0]?.difference_interval.method).toBe('confidence_sequence')
    expect(comparisons[0]?.difference_interval.low).toBeGreaterThan(0)
    expect(comparisons[0]?.p_value).toBeLessThan(0.05)
    expect(sample_ratio).toMatchObject({ status: 'as_intended', p_value: 1 })
    expect(comparisons[0]?.summary).toContain('"new" does better than "old"')
    expect((await experiment('clear?baseline=new')).comparisons).toMatchObject([
      { variant: 'old', verdict: 'worse', difference: expect.closeTo(-40, 9) },
    ])
  })

  test('no difference is no verdict, and how many attempts it takes cannot be said', async () => {
    expect((await experiment('same')).comparisons).toMatchObject([
      { difference: 0, verdict: 'cannot_tell_yet', attempts_needed: null },
    ])
  })

  test('a small difference is not yet significant, and the answer says how many attempts it takes', async () => {
    const [comparison] = (await experiment('close')).comparisons
    expect(comparison).toMatchObject({ verdict: 'cannot_tell_yet', difference: expect.closeTo(12, 9) })
    expect(comparison?.attempts_needed).toBeGreaterThan(50)
    expect(comparison?.summary).toContain(`about ${comparison?.attempts_needed} more`)
  })

  test('the filters count only the attempts of their keys, and list every variant', async () => {
    const counted = async (query: string): Promise<unknown> =>
      (await experiment(`mixed?${query}`)).variants.map(({ variant, total_attempts, success_rate }) => [
        variant,
        total_attempts,
        success_rate,
      ])
    expect(await counted('issue_type=bug')).toEqual([
      ['a', 20, 50],
      ['b', 20, 100],
    ])
    expect(await counted('agent_name=only%20b')).toEqual([
      ['a', 0, 0],
      ['b', 10, 0],
    ])
    expect(await counted('issue_type=bug&model_name=none')).toEqual([
      ['a', 0, 0],
      ['b', 0, 0],
    ])
    expect(await counted('issue_type=bug&since=1h')).toEqual([
      ['a', 20, 50],
      ['b', 20, 100],
    ])
  })

  test('shares in the question make a 180/20 canary as intended, and equal shares a mismatch', async () => {
    expect((await experiment('canary')).sample_ratio).toMatchObject({ status: 'mismatch' })
    const asIntended = await experiment('canary?shares=control:90,canary:10')
    expect(asIntended).toMatchObject({
      sample_ratio: { status: 'as_intended', p_value: 1 },
      intended_shares: { control: 90, canary: 10 },
      comparisons: [{ verdict: 'cannot_tell_yet' }],
    })
    expect((await experiment('canary?shares=control:9,canary:1')).intended_shares).toEqual({ control: 90, canary: 10 })
    expect((await experiment('canary?shares=control:50,canary:50')).comparisons).toMatchObject([{ verdict: 'unsound' }])
    const lost = await experiment('canary?shares=control:45,canary:5,lost:50')
    expect(lost.variants.map(({ variant, total_attempts }) => [variant, total_attempts])).toContainEqual(['lost', 0])
    expect(lost.sample_ratio).toMatchObject({ status: 'mismatch' })
  })

  test('the baseline is the variant with the earliest attempt by its own time, in every range', async () => {
    const names = async (query: string): Promise<unknown> =>
      (await experiment(`late?${query}`)).variants.map(({ variant }) => variant)
    expect(await names('')).toEqual(['first', 'second'])
    expect(await names('since=1h')).toEqual(['first', 'second'])
    expect(await names('baseline=second')).toEqual(['second', 'first'])
  })

  test('a margin calls a variant that is hardly worse not worse', async () => {
    expect((await experiment('large?margin=5')).comparisons).toMatchObject([{ verdict: 'not_worse', futile: false }])
    expect((await experiment('large?margin=5')).comparisons[0]?.summary).toContain('is not worse than "a" by 5')
    expect((await experiment('large')).comparisons).toMatchObject([{ verdict: 'cannot_tell_yet' }])
  })

  test('a comparison that nothing will decide says so', async () => {
    const [comparison] = (await experiment('large')).comparisons
    expect(comparison).toMatchObject({ futile: true })
    expect(comparison?.summary).toContain('will not be decided within 20,000 attempts')
    expect(comparison?.minimum_detectable_effect).toBeLessThan(6)
  })

  test('times and costs of variants are compared, with intervals', async () => {
    const [comparison] = (await experiment('slower?baseline=fast')).comparisons
    expect(comparison).toMatchObject({
      avg_time_seconds_difference: expect.closeTo(2, 9),
      avg_cost_usd_difference: expect.closeTo(-0.5, 9),
    })
    const time = comparison!.avg_time_seconds_difference_interval!
    const cost = comparison!.avg_cost_usd_difference_interval!
    expect(time.low).toBeGreaterThan(0)
    expect(time.high).toBeGreaterThan(2)
    expect(cost.low).toBeLessThan(-0.5)
    expect(cost.high).toBeLessThan(0)
    expect((await experiment('early')).comparisons).toMatchObject([{ avg_time_seconds_difference_interval: null }])
  })

  test('attempts that were not shared out as intended make it unsound, however large the difference', async () => {
    const { comparisons, sample_ratio } = await experiment('uneven')
    expect(sample_ratio?.status).toBe('mismatch')
    expect(sample_ratio?.p_value).toBeLessThan(0.001)
    expect(comparisons).toMatchObject([{ verdict: 'unsound', attempts_needed: null }])
  })

  test('under a bandit shares are not checked, and the comparison is exact', async () => {
    const { comparisons, sample_ratio } = await experiment('uneven?adaptive=true')
    expect(sample_ratio).toBeNull()
    expect(comparisons).toMatchObject([{ verdict: 'better', difference_interval: { method: 'exact' } }])
  })

  test('of few attempts says that there are few', async () => {
    const { comparisons, sample_ratio } = await experiment('early')
    expect(sample_ratio).toEqual({ status: 'too_few', p_value: null })
    expect(comparisons).toMatchObject([{ verdict: 'cannot_tell_yet', attempts_needed: null }])
    expect(await experiment('alone')).toMatchObject({ variants: [{ variant: 'a' }], comparisons: [] })
  })

  test('every variant is compared with the baseline', async () => {
    const { comparisons } = await experiment('three?baseline=a')
    expect(comparisons.map(({ variant, verdict }) => [variant, verdict])).toEqual([
      ['b', 'cannot_tell_yet'],
      ['c', 'better'],
    ])
  })

  test('a range counts only its attempts', async () => {
    const rates = async (range: string): Promise<unknown> =>
      (await experiment(`long%20ago?${range}`)).variants.map(({ variant, total_attempts }) => [variant, total_attempts])
    expect(await rates('baseline=a')).toEqual([
      ['a', 20],
      ['b', 10],
    ])
    expect(await rates('since=1d&baseline=a')).toEqual([
      ['a', 10],
      ['b', 10],
    ])
    expect(await rates('until=2021-01-01T00:00:00Z')).toEqual([
      ['a', 10],
      ['b', 0],
    ])
    expect(await rates('until=2019-01-01T00:00:00Z')).toEqual([
      ['a', 0],
      ['b', 0],
    ])
  })

  test.each(['nothing', 'clear?baseline=nothing', 'nothing?shares=a:1,b:1'])(
    '%s is a 404 that says why',
    async question => {
      const answer = await sidecar.get(`/api/v1/experiments/${question}`)
      expect(answer.status).toBe(404)
      expect(await answer.json()).toMatchObject({ detail: expect.stringContaining('no attempt belongs') })
    },
  )

  test.each([
    'clear?confidence=1',
    'clear?adaptive=yes',
    'clear?baseline=',
    'clear?shares=',
    'clear?shares=old:1',
    'clear?shares=old:1,new:0',
    'clear?shares=old:1,old:2',
    'clear?shares=old,new',
    'clear?margin=0',
    'clear?margin=x',
    'clear?agent_name=',
  ])('%s is a 400', async question => {
    expect((await sidecar.get(`/api/v1/experiments/${question}`)).status).toBe(400)
  })
})

describe('route', () => {
  let sidecar: TestSidecar

  beforeAll(async () => {
    sidecar = await having([
      ...attempts(80, 100, { agent_name: 'proven', cost_usd: 0.8 }),
      ...attempts(9, 10, { agent_name: 'promising', cost_usd: 0.09 }),
      ...attempts(30, 100, { agent_name: 'poor', cost_usd: 0.03 }),
      ...attempts(60, 100, { agent_name: 'unpriced' }),
      ...attempts(100, 100, { agent_name: 'has-been', issue_type: 'half', timestamp: ago(60 * DAY_MINUTES) }),
      ...attempts(0, 5, { agent_name: 'has-been', issue_type: 'half' }),
      ...attempts(8, 10, { agent_name: 'newcomer', issue_type: 'half' }),
    ])
  })
  afterAll(() => sidecar[Symbol.asyncDispose]())

  const route = (question: string): Promise<RoutingReport> => asked(sidecar, `route?issue_type=${question}`)
  const names = ({ ranked }: RoutingReport): string[] => ranked.map(one => one.agent_name)

  test('ranks by what is sure of each, with the evidence', async () => {
    const answer = await route('i')
    expect(answer).toMatchObject({ issue_type: 'i', explore: false, seed: null, excluded: [] })
    expect(names(answer)).toEqual(['proven', 'promising', 'unpriced', 'poor'])
    expect(answer.ranked[0]).toMatchObject({
      success_rate: 80,
      total_attempts: 100,
      lower_bound: answer.ranked[0]!.success_rate_interval.low,
      expected_cost_per_success_usd: expect.closeTo(1, 9),
      avg_time_seconds: 1,
      draw: null,
    })
    expect(answer.ranked.reduce((sum, one) => sum + one.p_best, 0)).toBeCloseTo(1, 9)
    expect(answer.ranked[1]!.p_best).toBeGreaterThan(answer.ranked[0]!.p_best)
  })

  test('leaves out who does not fulfil the conditions, and says why', async () => {
    const answer = await route('i&max_cost_usd=0.5&min_success_rate=50')
    expect(names(answer)).toEqual(['promising'])
    expect(answer.excluded.map(({ agent_name, reason }) => [agent_name, reason])).toEqual([
      ['proven', 'cost_above_max'],
      ['poor', 'success_rate_below_min'],
      ['unpriced', 'cost_unknown'],
    ])
    expect(names(await route('i&min_attempts=50'))).toEqual(['proven', 'unpriced', 'poor'])
    expect(await route('nothing')).toMatchObject({ ranked: [], excluded: [] })
  })

  test('draws the same order from the same seed, another from others, and tells a seed it made itself', async () => {
    const drawn = await route('i&explore=true&seed=4711')
    expect(drawn).toMatchObject({ explore: true, seed: '4711' })
    expect(await route('i&explore=true&seed=4711')).toEqual(drawn)
    const draws = drawn.ranked.map(one => one.draw!)
    expect(draws.toSorted((a, b) => b - a)).toEqual(draws)
    const firsts = await Promise.all(
      Array.from({ length: 40 }, async (_, seed) => names(await route(`i&explore=true&seed=${seed}`))[0]),
    )
    // Those that never tried this issue type are candidates too.
    expect(new Set(firsts)).toEqual(new Set(['proven', 'promising', 'has-been', 'newcomer']))
    const own = await route('i&explore=true')
    expect(own.seed).toEqual(expect.any(String))
    expect(await route(`i&explore=true&seed=${own.seed}`)).toEqual(own)
  })

  test('while exploring, who never tried the issue type is a candidate, unless attempts are demanded', async () => {
    const drawn = await route('half&explore=true&seed=1')
    expect(names(drawn).toSorted()).toEqual(['has-been', 'newcomer', 'poor', 'promising', 'proven', 'unpriced'])
    const untried = drawn.ranked.find(one => one.agent_name === 'proven')
    expect(untried).toMatchObject({
      success_rate: 0,
      total_attempts: 0,
      evidence: 'insufficient',
      draw: expect.any(Number),
    })
    expect(names(await route('half&explore=true&seed=1&min_success_rate=90'))).toContain('proven')
    expect(names(await route('half&explore=true&seed=1&agent_name=proven'))).toEqual(['proven'])
    const demanding = await route('half&explore=true&seed=1&min_attempts=1')
    expect(names(demanding).toSorted()).toEqual(['has-been', 'newcomer'])
    expect(demanding.excluded).toContainEqual({
      agent_name: 'proven',
      model_name: expect.any(String),
      reason: 'below_min_attempts',
    })
    expect(names(await route('half'))).toEqual(['has-been', 'newcomer'])
  })

  test('leaves out those with too few attempts, and says so', async () => {
    const { excluded } = await route('i&min_attempts=50')
    expect(excluded).toEqual([
      { agent_name: 'promising', model_name: expect.any(String), reason: 'below_min_attempts' },
    ])
  })

  test('ranks by the shrunk rate, and shows it beside the raw one', async () => {
    const answer = await route('i&rank_by=shrunk')
    const shrunk = answer.ranked.map(one => one.shrunk_rate!)
    expect(shrunk).toEqual(shrunk.toSorted((a, b) => b - a))
    const promising = answer.ranked.find(one => one.agent_name === 'promising')!
    expect(promising.success_rate).toBe(90)
    expect(promising.shrunk_rate).toBeLessThan(90)
    const best = await asked<DecidedBestAgent>(sidecar, 'best-agent?issue_type=i&rank_by=shrunk')
    expect(best).toMatchObject({ agent_name: answer.ranked[0]!.agent_name, shrunk_rate: shrunk[0] })
  })

  test('forgets an old success where a half-life is given', async () => {
    expect(names(await route('half'))).toEqual(['has-been', 'newcomer'])
    const answer = await route('half&half_life=1d')
    expect(names(answer)).toEqual(['newcomer', 'has-been'])
    expect(answer.ranked[1]).toMatchObject({ lower_bound: expect.closeTo(0, 9), total_attempts: 105 })
    const halved = await route('half&half_life=60d')
    expect(halved.ranked[0]!.lower_bound).toBeLessThan((await route('half')).ranked[0]!.lower_bound)
  })

  test('of a range counts only its attempts', async () => {
    expect(names(await route('half&since=1d'))).toEqual(['newcomer', 'has-been'])
    expect(names(await route('half&until=30d'))).toEqual(['has-been'])
  })

  test.each([
    '',
    'i&max_cost_usd=-1',
    'i&min_success_rate=101',
    'i&half_life=7',
    'i&explore=maybe',
    'i&min_attempts=0',
  ])('%j is a 400', async question => {
    expect((await sidecar.get(`/api/v1/route?issue_type=${question}`)).status).toBe(400)
  })
})

describe('the fair comparison', () => {
  test('turns the ranking over where the better one gets the harder issues (Simpson)', async () => {
    const of = (agent_name: string, issue_type: string): Fields => ({
      agent_name,
      model_name: `${agent_name}-m`,
      issue_type,
    })
    await using sidecar = await having([
      ...attempts(19, 20, of('careful', 'easy')),
      ...attempts(60, 100, of('careful', 'hard')),
      ...attempts(85, 100, of('hasty', 'easy')),
      ...attempts(4, 20, of('hasty', 'hard')),
      ...attempts(3, 3, { ...of('careful', 'old'), timestamp: '2020-01-01T00:00:00Z' }),
    ])
    const fair = (question = ''): Promise<FairComparison> => asked(sidecar, `fair-comparison?since=1d&${question}`)
    const agents = await fair('by=agent_name')
    expect(agents).toMatchObject({
      strata: ['easy', 'hard'],
      rates: [
        {
          name: 'careful',
          success_rate: expect.closeTo(79 / 1.2, 9),
          total_attempts: 120,
          adjusted_rate: expect.closeTo(77.5, 9),
          compared_attempts: 120,
        },
        { name: 'hasty', success_rate: expect.closeTo(89 / 1.2, 9), adjusted_rate: expect.closeTo(52.5, 9) },
      ],
      turned_over: [
        {
          better: 'careful',
          worse: 'hasty',
          difference: expect.closeTo(-10 / 1.2, 9),
          adjusted_difference: expect.closeTo(25, 9),
        },
      ],
    })
    expect(agents.turned_over[0]!.adjusted_difference_interval.low).toBeGreaterThan(0)
    expect((await fair()).rates.map(rate => rate.name)).toEqual(['careful-m', 'hasty-m'])
    expect((await fair('by=agent_and_model')).rates.map(rate => rate.name)).toEqual([
      'careful:careful-m',
      'hasty:hasty-m',
    ])
    expect((await fair('issue_type=easy')).turned_over).toEqual([])
    expect(await asked(sidecar, 'fair-comparison?until=2021-01-01T00:00:00Z&by=agent_name')).toMatchObject({
      strata: [],
      rates: [{ name: 'careful', total_attempts: 3, adjusted_rate: null, compared_attempts: 0 }],
    })
    expect((await sidecar.get('/api/v1/fair-comparison?by=issue_type')).status).toBe(400)
  })
})

/** What may be null: it says "not known", or that there is none. Anything else that is null was a number that is none. */
const MAY_BE_NULL: ReadonlySet<string> = new Set([
  ...[
    'avg_confidence',
    'attempts_to_decide',
    'attempts_needed',
    'sample_ratio',
    'p_value',
    'seed',
    'draw',
    'shrunk_rate',
  ],
  ...['expected_cost_per_success_usd', 'total_cost_usd', 'cost_per_attempt', 'cost_per_success', 'interval'],
  ...['earlier_half', 'later_half', 'change'],
  ...[
    'avg_time_seconds_interval',
    'adjusted_rate',
    'adjusted_rate_interval',
    'began_attempts_ago',
    'began_at',
    'since',
    'until',
  ],
  ...['expected_rate', 'observed_rate'],
  ...['brier_score', 'reliability', 'resolution', 'uncertainty', 'within_bins', 'brier_skill', 'mean_confidence'],
  ...['expected_calibration_error', 'expected_calibration_error_band', 'spiegelhalter_z', 'spiegelhalter_p'],
  ...['over_confidence', 'over_confidence_interval', 'auroc', 'auroc_error', 'best', 'time_seconds', 'p50', 'p95'],
  ...['intended_shares', 'end', 'minimum_detectable_effect', 'avg_time_seconds_difference'],
  ...['avg_time_seconds_difference_interval', 'avg_cost_usd_difference', 'avg_cost_usd_difference_interval'],
])
/** Of a bin of the reliability diagram that is empty. */
const NULL_IN_BINS = 'success_rate'
/** The upper end of an interval of a quantile that the sample does not limit. */
const NO_UPPER_LIMIT = /\/p(50|95)_interval\/high$/

function wrongNulls(value: unknown, path = ''): string[] {
  if (value === null) {
    const field = path.split('/').at(-1)!
    if (NO_UPPER_LIMIT.test(path)) return []
    return MAY_BE_NULL.has(field) || (field === NULL_IN_BINS && path.includes('/bins/')) ? [] : [path]
  }
  if (typeof value !== 'object') return []
  return Object.entries(value as object).flatMap(([name, one]) => wrongNulls(one, `${path}/${name}`))
}

describe('the changes since yesterday', () => {
  test('compare the last day with the day before, and name the agent that fell and not the one that did not', async () => {
    await using sidecar = await testSidecar()
    const [yesterday, today] = [[2 * DAY_MINUTES - 60, DAY_MINUTES + 60] as const, [DAY_MINUTES - 60, 60] as const]
    await sidecar.post([
      ...spread(54, 60, yesterday, { agent_name: 'fallen' }),
      ...spread(24, 60, today, { agent_name: 'fallen' }),
      ...spread(48, 60, yesterday, { agent_name: 'steady' }),
      ...spread(47, 60, today, { agent_name: 'steady' }),
      // Older than both periods.
      ...spread(10, 10, [5 * DAY_MINUTES, 4 * DAY_MINUTES], { agent_name: 'fallen' }),
    ])
    const { range, earlier_range, ...answer } = await asked<Changes & Ranged>(sidecar, 'changes')
    expect(earlier_range.until).toBe(range!.since)
    expect(answer.earlier).toMatchObject({ success_rate: 85, total_attempts: 120 })
    expect(answer.later!.total_attempts).toBe(120)
    expect(answer).toMatchObject({ direction: 'degrading', agents_compared: 2 })
    expect(answer.agents.map(({ agent_name, direction }) => [agent_name, direction])).toEqual([
      ['fallen', 'degrading'],
      ['steady', 'cannot_tell_yet'],
    ])
    expect(answer.agents[0]!.adjusted_difference).toBeCloseTo(-50, 6)
    const steady = await asked<Changes>(sidecar, 'changes?agent_name=steady&since=24h')
    expect(steady).toMatchObject({ direction: 'cannot_tell_yet', agents_compared: 1 })
    expect((await asked<Changes>(sidecar, 'changes?limit=1')).agents).toHaveLength(1)
  })
})

describe('at the edges every answer is whole: no number is missing, and none is beyond its bounds', () => {
  const shared = { experiment: 'e', variant: 'v' }
  const CASES: readonly (readonly [string, readonly Fields[]])[] = [
    ['no attempts', []],
    ['one success', [anAttempt(shared)]],
    ['one failure', [anAttempt({ ...shared, success: false, confidence: 0, cost_usd: 0 })]],
    ['one of a time long gone', [anAttempt({ ...shared, timestamp: '1970-01-01T00:00:00Z' })]],
    ['one of before there were computers', [anAttempt({ ...shared, timestamp: '0001-01-01T00:00:00Z' })]],
    ['no confidence', [...attempts(20, 40, shared), ...attempts(20, 40, { ...shared, variant: 'w' })]],
    [
      'all successes',
      [...attempts(150, 150, { ...shared, confidence: 1 }), ...attempts(9, 9, { ...shared, variant: 'w' })],
    ],
    [
      'no successes',
      [...attempts(0, 150, { ...shared, confidence: 0, cost_usd: 5 }), ...attempts(0, 9, { ...shared, variant: 'w' })],
    ],
    [
      'ties',
      ['a', 'b', 'c'].flatMap(name =>
        attempts(30, 60, { agent_name: name, experiment: 'e', variant: name, confidence: 0.5 }),
      ),
    ],
    ['constant confidence', attempts(90, 120, { ...shared, confidence: 0.75, cost_usd: 0.1 })],
    [
      'confidence of 0, 0.5 and 1 alone',
      [0, 0.5, 1].flatMap(confidence => attempts(20, 40, { ...shared, confidence })),
    ],
    ['numbers at their bounds', attempts(1, 2, { ...shared, time_seconds: 1e9, cost_usd: 1e9, input_tokens: 1e12 })],
    ['nothing but zeros', attempts(1, 2, { ...shared, time_seconds: 0, cost_usd: 0, input_tokens: 0, confidence: 0 })],
    ['names such as __proto__', attempts(3, 6, { ...shared, agent_name: '__proto__', model_name: 'constructor' })],
  ]

  test.each(CASES)('%s', async (_, all) => {
    await using sidecar = await having(all)
    const questions = [
      ...['trends', 'trends?since=1h', 'trends?interval=1h', 'trends?until=1h', 'trends?interval=999999999w'],
      ...['calibration', 'calibration?group_by=key', 'calibration?since=1h', 'costs', 'costs?until=1h'],
      ...['route?issue_type=i', 'route?issue_type=i&explore=true&seed=s', 'route?issue_type=i&half_life=1s'],
      ...['route?issue_type=i&half_life=7d', 'route?issue_type=i&half_life=999999999w'],
      ...['route?issue_type=i&half_life=0.001ms', 'route?issue_type=i&max_cost_usd=0&min_success_rate=0'],
      ...['fair-comparison', 'fair-comparison?by=agent_name', 'fair-comparison?by=agent_and_model&since=1h'],
      ...(all.length > 0
        ? ['experiments/e', 'experiments/e?adaptive=true', 'best-agent?issue_type=i&min_attempts=1']
        : []),
    ]
    for (const question of questions) {
      const answer = await sidecar.get(`/api/v1/${question}`)
      const text = await answer.text()
      expect(answer.status, `${question}: ${text}`).toBe(200)
      expect(text, question).not.toMatch(/NaN|Infinity|undefined/)
      expect(wrongNulls(JSON.parse(text)), question).toEqual([])
      for (const [, name, number] of text.matchAll(/"(\w+)":(-?[\d.e+-]+)/g)) {
        const value = Number(number)
        expect(Number.isFinite(value), `${question}: ${name}`).toBe(true)
        if (/^(success_rate|lower_bound|adjusted_rate|draw)$/.test(name!)) expect(value >= 0 && value <= 100).toBe(true)
        if (/^(p_best|p_value|auroc|brier_score|spiegelhalter_p)$/.test(name!))
          expect(value >= 0 && value <= 1).toBe(true)
      }
    }
  })

  test('equal agents share the chance to be the best, and no winner is named', async () => {
    await using sidecar = await having(['a', 'b'].flatMap(agent_name => attempts(30, 60, { agent_name })))
    const { ranked } = await asked<RoutingReport>(sidecar, 'route?issue_type=i')
    expect(ranked.map(one => one.p_best)).toEqual([expect.closeTo(0.5, 6), expect.closeTo(0.5, 6)])
    expect(await asked(sidecar, 'best-agent?issue_type=i')).toMatchObject({
      decisive: false,
      attempts_to_decide: null,
      contenders: [{ p_best: expect.closeTo(0.5, 6) }],
    })
  })
})
